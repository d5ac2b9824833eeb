//! What page code may say about its page while it is rendered.
//!
//! Each function acts on the render in progress, which it finds in Leptos's context, so it may be
//! called from a component, a resource or a server function. Outside a render it does nothing, and in
//! the browser neither, but for [`permanent_redirect`].

mod after_panic;
#[cfg(not(feature = "ssr"))]
#[path = "browser.rs"]
mod context;
#[cfg(feature = "ssr")]
#[path = "server.rs"]
mod context;
#[expect(unreachable_pub, reason = "`component` makes a function of its own beside the public one")]
pub(crate) mod hydration;
#[expect(unreachable_pub, reason = "`component` makes a function of its own beside the public one")]
pub(crate) mod new_build;
mod refresh;
mod use_live;

use std::time::Duration;

#[cfg(feature = "hydrate")]
pub use self::hydration::hydrate_islands;
pub use self::{
    after_panic::hand_over_on_panic,
    hydration::{HydrationLoader, HydrationLoaderProps},
    new_build::{BuildMeta, BuildMetaProps, IsrClient},
    refresh::refresh,
    use_live::use_live,
};
#[cfg(feature = "ssr")]
pub use crate::{access::draft::Draft, scope::RenderScope};

/// Adds `tag` to the page: purging the tag makes the page stale.
///
/// # Examples
///
/// ```
/// fn show(article_id: u64) {
///     leptos_isr::tag(format!("article:{article_id}"));
/// }
/// ```
pub fn tag(tag: impl Into<String>) {
    context::tag(tag.into());
}

/// Asks for a shorter period than the route declares. A longer one changes nothing.
pub fn revalidate_within(period: Duration) {
    context::revalidate_within(period);
}

/// Keeps this render out of the store: the page is served, but not stored.
pub fn no_store() {
    context::no_store();
}

/// Answers with status 404: there is no such page.
///
/// A stored page at this path is replaced by the 404. In the function that a read
/// [loads](crate::data::Read::load) by, it is said of each stored page that reads the value.
pub fn not_found() {
    context::not_found();
}

/// Draws a router's fallback with status 404.
///
/// Without it Leptos draws the fallback with status 200 where a stored route matches a path and the
/// app's router does not: it would be stored as a page.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_router::{components::{Route, Router, Routes}, path};
///
/// # #[component]
/// # fn App() -> impl IntoView {
/// view! {
///     <Router><Routes fallback=leptos_isr::fallback(|| "Not found")>
///         <Route path=path!("/") view=|| "Home"/>
///     </Routes></Router>
/// }
/// # }
/// ```
pub fn fallback<V>(
    view: impl FnOnce() -> V + Clone + Send + 'static,
) -> impl FnOnce() -> V + Clone + Send + 'static {
    || {
        not_found();
        view()
    }
}

/// Answers with 308: the page is at `path`, which is another spelling or a new name of what was asked
/// for.
///
/// The redirect takes the place of a stored page at this path. In the browser, where the visitor
/// followed a link, the router goes to `path` instead. Where it is said by data for pages, the data
/// are the answer, and are kept where 404s are: they are of a path that may be any.
///
/// # Examples
///
/// What a page shows has one address, that of the answer, however it was asked for:
///
/// ```
/// fn show(asked: &str, found: &str) {
///     if asked != found {
///         leptos_isr::permanent_redirect(format!("/articles/{found}"));
///     }
/// }
/// ```
pub fn permanent_redirect(path: impl Into<String>) {
    context::permanent_redirect(path.into());
}

/// Says that this render failed, and why.
///
/// The answer has status 502, a `Retry-After`, and is never stored: a good page stays as it is. The cause is logged,
/// or printed by the build. A read by [`fetch`](crate::data::fetch()) or
/// [`data`](crate::data::data()) that fails says so by itself; use this for other clients.
pub fn failed(cause: impl Into<String>) {
    context::failed(cause.into());
}

/// Whether the page will be hydrated in the browser.
///
/// It is false only for the 404 page of a path that its route does not admit. All such paths share
/// that page, so the browser could not match it to its address. The shell then leaves out the
/// scripts that hydrate.
#[must_use]
pub fn hydrates() -> bool {
    context::hydrates()
}

/// Whether the visitor is in draft mode: the page is rendered for them alone and never stored, so
/// it may show what is not published.
///
/// It is true in pages and server functions whose request carries the signed cookie of
/// [draft mode](crate#draft-mode), and only there. In the browser it is always false, so pass the
/// answer on, for example with `SharedValue`, and the browser draws what the server drew.
#[must_use]
pub fn is_draft() -> bool {
    context::is_draft()
}
