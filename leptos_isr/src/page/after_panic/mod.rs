//! What becomes of an open page when a panic ends its program.

#[cfg(not(feature = "ssr"))]
mod browser;

/// Gives the page back to the browser when a panic ends the program.
///
/// The page stays after a panic, but the router would go on taking clicks that it cannot follow any
/// more. With this hook, links and forms are the browser's own from the panic on. If the router was
/// on its way to another page than the one that the document was loaded for, the browser loads that
/// page in full: a lazy route, say, whose file is gone with the build that drew the document. A page
/// that panics in the document that was loaded for it stays as it is.
///
/// Call it where the browser starts, before the app is hydrated. It adds to the panic hook that is
/// set already, so set one that logs before. On the server it does nothing.
///
/// # Examples
///
/// ```ignore
/// #[wasm_bindgen]
/// pub fn hydrate() {
///     leptos_isr::page::hand_over_on_panic();
///     leptos::mount::hydrate_lazy(App); // needs the feature `hydrate` of Leptos
/// }
/// ```
pub fn hand_over_on_panic() {
    #[cfg(not(feature = "ssr"))]
    browser::hand_over_on_panic();
}
