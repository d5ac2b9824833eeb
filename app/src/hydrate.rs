//! Where the browser starts.

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

use crate::{App, browser};

/// Takes over the page that the server drew, and marks it as hydrated then.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    spawn_local(async {
        leptos_isr::page::hydrate(App).await;
        browser::set_root_attribute("data-hydrated", Some(""));
    });
}
