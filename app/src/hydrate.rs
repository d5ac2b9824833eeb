//! Where the browser starts.

use leptos::mount::hydrate_lazy;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::App;

/// Takes over the page that the server drew.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // A page may have to fetch its part of the program first.
    hydrate_lazy(App);
}
