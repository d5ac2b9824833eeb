//! How a page is hydrated: when its program is asked for, and in which parts.

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

/// Writes the script that hydrates the page once it is shown, in the place of
/// Leptos's `HydrationScripts`.
///
/// Belongs into the `<head>` of the shell. `HydrationScripts` lets the browser load
/// the program while it still waits for what the page is drawn with, also with
/// `defer`, which only delays the start. A stored page is whole without its program,
/// so here nothing of it is asked for before the page is on the screen, or, if that
/// takes longer, as in a tab that is not seen, for two seconds. On a slow
/// network the program comes later than with a preload; until then links and forms
/// with an address work, as they do without scripts.
///
/// Knows the files of `cargo leptos build`, with and without `hash-files` and
/// `--split`, served below `/`; islands are not supported. [`LeptosPages`](crate::LeptosPages) looks for
/// them once, when its router is made; without it each render does.
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
