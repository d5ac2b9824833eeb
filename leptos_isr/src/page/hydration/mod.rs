//! How a page is hydrated, and when its program is requested.

#[cfg(feature = "ssr")]
mod files;
#[cfg(feature = "hydrate")]
mod islands;

#[cfg(feature = "hydrate")]
pub use self::islands::hydrate_islands;
#[cfg(feature = "ssr")]
pub(crate) use files::Files;

use leptos::prelude::*;

/// Writes the script that loads the browser's half and hydrates the page, in place of Leptos's
/// `HydrationScripts`.
///
/// Put it in the `<head>` of the shell.
///
/// - **The whole app.** `HydrationScripts` lets the browser load the program while it still waits
///   for what the page is painted with; `defer` does not change that, it only delays the start. A
///   stored page is complete without its program. So nothing of the program is requested until the
///   page is painted, or until two seconds have passed without that, as in a hidden tab. On a slow
///   network the program arrives later than with a preload. Until then, links and forms with an
///   address work, as they do without scripts.
/// - **Islands.** Their program is small, so it is preloaded: what the page is painted with hardly
///   waits for it. The app calls `hydrate_islands` (feature `hydrate`) in its `hydrate`
///   function. A `<leptos-island>` has the attribute `data-hydrated` once it takes clicks.
///
/// It knows the files of `cargo leptos build`, with and without `hash-files` and `--split`, served
/// below `/`. [`LeptosPages`](crate::LeptosPages) looks for the files once, when its router is
/// made; without it, each render does.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::page::HydrationLoader;
///
/// fn shell(options: LeptosOptions) -> impl IntoView {
///     view! {
///         <!DOCTYPE html>
///         <html>
///             <head>{leptos_isr::hydrates().then(|| view! { <HydrationLoader options/> })}</head>
///             <body>"The app"</body>
///         </html>
///     }
/// }
/// # let _ = shell;
/// ```
#[component]
pub fn HydrationLoader(
    /// The settings that the app is built and served with.
    options: LeptosOptions,
    /// Whether the app consists of islands.
    #[prop(optional)]
    islands: bool,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    return files::loader(&options, islands);
    #[cfg(not(feature = "ssr"))]
    drop((options, islands));
}
