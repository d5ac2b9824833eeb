//! A small site whose pages are stored: drawn on the server, hydrated in the browser.

pub mod app;
pub mod data;
mod pages;
#[cfg(feature = "ssr")]
pub mod site;
#[cfg(feature = "ssr")]
mod source;

/// Where the browser starts.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos_isr::page::hand_over_on_panic();
    leptos::mount::hydrate_lazy(app::App);
}
