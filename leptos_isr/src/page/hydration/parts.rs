//! Hydrating an app in parts.

use std::marker::PhantomData;

use leptos::{
    attr::{Attribute, any_attribute::AnyAttribute},
    prelude::*,
    tachys::{
        hydration::Cursor,
        ssr::StreamBuilder,
        view::{Position, PositionState, add_attr::AddAnyAttr},
    },
};

/// Hydrates a part of the app in one go.
///
/// Both `leptos_isr::page::hydrate` and `leptos::mount::hydrate_lazy` support lazy routes: they
/// hydrate every view with code that may wait for a part of the program. That code is compiled for
/// each type of view, beside the code that hydrates it in one go. A part of the app without routes
/// needs only the latter: the program is smaller, and hydrates faster.
///
/// Put it around what a page draws, whether its route is lazy or not, and around what stands beside
/// the routes. It must not contain `Routes`, `FlatRoutes` or what they are in: a page whose route
/// is lazy would not be hydrated.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::page::hydrate_at_once;
///
/// #[component]
/// fn AboutPage() -> impl IntoView {
///     hydrate_at_once(view! { <h1>"About"</h1> })
/// }
/// # let _ = AboutPage;
/// ```
pub fn hydrate_at_once<V: IntoView>(view: V) -> impl IntoView + use<V> {
    Part::<_, AtOnce>(view, PhantomData)
}

/// Hydrates a part of the app in a task of its own, after what stands before it.
///
/// The browser responds to the visitor between two tasks. A program that hydrates the whole page in
/// one task blocks what the visitor does meanwhile, longest on a slow phone. This component divides
/// what `leptos_isr::page::hydrate` (feature `hydrate`) does; Leptos's own functions hydrate
/// everything at once.
///
/// Put it around `FlatRoutes`, and around other views of some size beside them. What stands after a
/// part is hydrated without a pause, and so is a part within `Routes`, `Suspense` or
/// [`hydrate_at_once`]. The children are made at once, as they are on the server; a page is made
/// when its routes are hydrated.
///
/// From the pause until the part is hydrated, the browser follows links itself, as it did before,
/// and it loads the page again when the visitor goes back or forward: a router whose routes are not
/// hydrated yet could not do either. During that time, code that is hydrated already must not
/// navigate, and no event or timer of it may set what a later part shows: the text would stay as
/// the server drew it. Effects are held back for that reason.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::page::HydrateLater;
/// use leptos_router::{components::{FlatRoutes, Route, Router}, path};
///
/// #[component]
/// fn App() -> impl IntoView {
///     view! {
///         <Router>
///             <header>"News"</header>
///             <main>
///                 <HydrateLater>
///                     <FlatRoutes fallback=|| "Not found">
///                         <Route path=path!("/") view=|| "Front page"/>
///                     </FlatRoutes>
///                 </HydrateLater>
///             </main>
///         </Router>
///     }
/// }
/// # let _ = App;
/// ```
#[component]
pub fn HydrateLater<V: IntoView>(
    /// The part.
    children: TypedChildren<V>,
) -> impl IntoView {
    Part::<_, Later>(children.into_inner()(), PhantomData)
}

/// A view that differs from the one inside it only in how it is hydrated where that may wait.
struct Part<V, H>(V, PhantomData<fn() -> H>);

/// How a part is hydrated.
trait Hydration {
    async fn hydrate<V: RenderHtml>(view: V, cursor: &Cursor, position: &PositionState)
    -> V::State;
}

struct AtOnce;

impl Hydration for AtOnce {
    async fn hydrate<V: RenderHtml>(
        view: V,
        cursor: &Cursor,
        position: &PositionState,
    ) -> V::State {
        view.hydrate::<true>(cursor, position)
    }
}

struct Later;

impl Hydration for Later {
    async fn hydrate<V: RenderHtml>(
        view: V,
        cursor: &Cursor,
        position: &PositionState,
    ) -> V::State {
        #[cfg(feature = "hydrate")]
        let _holds = super::pauses::pause().await;
        view.hydrate_async(cursor, position).await
    }
}

impl<V: Render, H> Render for Part<V, H> {
    type State = V::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
    }
}

impl<V: AddAnyAttr, H: Hydration + 'static> AddAnyAttr for Part<V, H> {
    type Output<A: Attribute> = Part<V::Output<A>, H>;

    fn add_any_attr<A: Attribute>(self, attr: A) -> Self::Output<A>
    where
        Self::Output<A>: RenderHtml,
    {
        Part(self.0.add_any_attr(attr), PhantomData)
    }
}

impl<V: RenderHtml, H: Hydration + 'static> RenderHtml for Part<V, H> {
    type AsyncOutput = Part<V::AsyncOutput, H>;
    type Owned = Part<V::Owned, H>;

    const MIN_LENGTH: usize = V::MIN_LENGTH;
    const EXISTS: bool = V::EXISTS;

    fn dry_resolve(&mut self) {
        self.0.dry_resolve();
    }

    async fn resolve(self) -> Self::AsyncOutput {
        Part(self.0.resolve().await, PhantomData)
    }

    fn html_len(&self) -> usize {
        self.0.html_len()
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.0.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }

    fn to_html_async_with_buf<const OUT_OF_ORDER: bool>(
        self,
        buf: &mut StreamBuilder,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.0.to_html_async_with_buf::<OUT_OF_ORDER>(
            buf,
            position,
            escape,
            mark_branches,
            extra_attrs,
        );
    }

    fn hydrate<const FROM_SERVER: bool>(
        self,
        cursor: &Cursor,
        position: &PositionState,
    ) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    async fn hydrate_async(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        H::hydrate(self.0, cursor, position).await
    }

    fn into_owned(self) -> Self::Owned {
        Part(self.0.into_owned(), PhantomData)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[test]
    fn part_is_drawn_as_what_is_in_it() {
        let owner = Owner::new();
        owner.set();
        let page = || view! { <p>{"Text".to_owned()}</p> };
        let drawn = page().to_html();
        assert!(drawn.starts_with("<p>Text"), "{drawn}");
        assert_eq!(hydrate_at_once(page()).to_html(), drawn);
        assert_eq!(view! { <HydrateLater>{page()}</HydrateLater> }.to_html(), drawn);
        let with_attribute = hydrate_at_once(page()).add_any_attr(leptos::attr::id("a"));
        assert_eq!(with_attribute.to_html(), drawn.replace("<p>", "<p id=\"a\">"));
    }

    #[tokio::test]
    async fn data_that_a_part_waits_for_is_in_it() {
        let owner = Owner::new();
        owner.set();
        let late = || {
            let read = async {
                tokio::task::yield_now().await;
                "Late"
            };
            view! { <p>{Suspend::new(read)}</p> }
        };
        let html: String = hydrate_at_once(late()).to_html_stream_in_order().collect().await;
        assert_eq!(html, "<p>Late<!></p>");
    }
}
