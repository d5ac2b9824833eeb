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
/// Where lazy routes are supported, by `leptos_isr::page::hydrate` as by
/// `leptos::mount::hydrate_lazy`, every view is hydrated by code that may wait for a
/// part of the program. It is made for each type of view, beside the code that
/// hydrates it in one go. A part of the app without routes needs the latter alone:
/// the program is smaller, and hydrates faster.
///
/// Belongs around what a page draws, be its route lazy or not, and around what stands
/// beside the routes. `Routes`, `FlatRoutes` and what they are in must not be in it:
/// a page whose route is lazy would not be hydrated.
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
/// The browser answers to the visitor between two tasks; a program that hydrates the
/// whole page in one holds up what they do meanwhile, longest on a slow phone. Divides
/// what `leptos_isr::page::hydrate` does (feature `hydrate`); Leptos's own functions hydrate
/// all at once.
///
/// Belongs around `FlatRoutes`, and around other views of some size beside them. What
/// stands after a part, and within one in `RouteTable`, in `Suspense` or in
/// [`hydrate_at_once`], is hydrated without a pause. The children are made at once, as
/// they are on the server; a page is made when its routes are hydrated.
///
/// From the pause until the part is hydrated links are followed by the browser, as they
/// are before, and the page is loaded anew when the visitor goes back or forward: a
/// router whose routes are not hydrated yet could not. Code of what is hydrated already
/// must not navigate then, nor set from an event or a timer what a later part shows: its
/// text stays as the server drew it. Effects are held back for that reason.
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

/// A view that differs from the one within in how it is hydrated where that may wait.
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
