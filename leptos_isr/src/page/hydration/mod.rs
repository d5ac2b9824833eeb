//! How a page is hydrated: when its program is requested, and in which parts.

#[cfg(feature = "ssr")]
mod files;
mod parts;
#[cfg(feature = "hydrate")]
mod pauses;

pub use self::parts::{HydrateLater, HydrateLaterProps, hydrate_at_once};
#[cfg(feature = "hydrate")]
pub use self::pauses::hydrate;
#[cfg(feature = "ssr")]
pub(crate) use files::Files;

use leptos::prelude::*;

/// Writes the script that hydrates the page once it is painted, in place of Leptos's
/// `HydrationScripts`.
///
/// Put it in the `<head>` of the shell. `HydrationScripts` lets the browser load the program while
/// it still waits for what the page is painted with; `defer` does not change that, it only delays
/// the start. A stored page is complete without its program. So nothing of the program is requested
/// until the page is painted, or until two seconds have passed without that, as in a hidden tab. On
/// a slow network the program arrives later than with a preload. Until then, links and forms with
/// an address work, as they do without scripts.
///
/// It knows the files of `cargo leptos build`, with and without `hash-files` and `--split`, served
/// below `/`. Islands are not supported. [`LeptosPages`](crate::LeptosPages) looks for the files
/// once, when its router is made; without it, each render does.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::page::HydrateOncePainted;
///
/// fn shell(options: LeptosOptions) -> impl IntoView {
///     view! {
///         <!DOCTYPE html>
///         <html>
///             <head>{leptos_isr::hydrates().then(|| view! { <HydrateOncePainted options/> })}</head>
///             <body>"The app"</body>
///         </html>
///     }
/// }
/// # let _ = shell;
/// ```
#[component]
pub fn HydrateOncePainted(
    /// The settings that the app is built and served with.
    options: LeptosOptions,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    return files::script(&options);
    #[cfg(not(feature = "ssr"))]
    drop(options);
}
