//! Open pages learn that they were regenerated: the browser's side.

#[cfg(any(test, not(feature = "ssr")))]
mod delay;
#[cfg(not(feature = "ssr"))]
#[path = "browser.rs"]
mod watch;
#[cfg(feature = "ssr")]
#[path = "server.rs"]
mod watch;

/// Calls `on_change` each time the page that is shown has been regenerated and came out different.
///
/// It is meant for `Resource::refetch`: the component reads as it always does, and finds the new
/// data. Wrap what it draws in `Transition`, so that the old content stays in view meanwhile. The
/// call comes at a random moment within half a second of the event, so that a thousand readers do
/// not ask at once.
///
/// The page is the one at the router's location, which may change, and without a `Router`, as in
/// islands, the document itself; it must be a stored page. All components share one connection of the browser tab. The connection is closed while the tab is
/// hidden. When the tab is shown again, it catches up on what it missed. A connection that breaks
/// is tried again after one second, then two, up to five minutes, less a random part. Without a
/// connection the page behaves as it would without this function.
///
/// Call it in the body of a component. The server needs
#[cfg_attr(feature = "ssr", doc = "[`Builder::max_streams`](crate::Builder::max_streams):")]
#[cfg_attr(not(feature = "ssr"), doc = "`Builder::max_streams`:")]
/// without it nothing is watched, and one warning in the server's log names the page. Otherwise this
/// does nothing on the server.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::use_live;
///
/// # async fn read_count() -> u64 { 0 }
/// #[component]
/// fn Count() -> impl IntoView {
///     let count = Resource::new(|| (), |()| read_count());
///     use_live(move || count.refetch());
///     view! { <Transition>{move || Suspend::new(async move { count.await })}</Transition> }
/// }
/// # let _ = Count;
/// ```
pub fn use_live(on_change: impl Fn() + 'static) {
    watch::watch(on_change);
}
