//! The open page takes over what its stored page has become: the browser's side.

#[cfg(any(test, not(feature = "ssr")))]
mod pairs;
#[cfg(not(feature = "ssr"))]
#[path = "browser.rs"]
mod shown;
#[cfg(feature = "ssr")]
#[path = "server.rs"]
mod shown;

/// Reads the page that is shown again, and changes in place what differs within the first element
/// that matches `selector`.
///
/// It is meant for pages of islands, whose server components cannot read again by themselves: call
/// it in [`use_live`](super::use_live). Nodes that are the same stay where they are, with focus,
/// scroll position and selection. An island with the same component and the same properties stays
/// too, with its state, whatever it has drawn since; what the server drew as its children follows.
/// New islands, and those with other properties, are put in and hydrated by the script that
/// hydrates islands, through `globalThis.__isr_hydrate`, if there is one. The title of the document
/// follows. What other scripts have changed within the element is set back, except whether a
/// `<details>` or `<dialog>` is open, and scripts in it do not run.
///
/// It returns at once. While one answer is waited for, further calls are taken together: they ask
/// once more after it. So no older answer replaces a newer one. With two selectors, both elements
/// are changed.
///
/// The page stays as it is, and a line in the console says why, if the request fails, if the answer
/// is a redirect, another status than 200 or no HTML, or if it has no such element. If another build
/// answers, nothing is changed: the page is loaded in full, on the conditions of
/// [`IsrClient`](super::IsrClient).
///
/// On the server this does nothing.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::{page::refresh, use_live};
///
/// /// Keeps what the server drew in `<main>` up to date.
/// #[component] // `#[island]` with the feature `islands` of Leptos
/// fn Live() -> impl IntoView {
///     use_live(|| refresh("main"));
/// }
/// # let _ = Live;
/// ```
pub fn refresh(selector: &str) {
    shown::refresh(selector);
}
