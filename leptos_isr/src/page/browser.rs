//! In the browser no page is stored, so what a page says about itself is ignored, but for where it is.

use std::time::Duration;

use leptos::{prelude::window, wasm_bindgen::JsValue};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// The path of the document, with its query.
pub(super) fn here() -> Result<String, JsValue> {
    let location = window().location();
    Ok(location.pathname()? + &location.search()?)
}

pub(super) fn tag(_: String) {}
pub(super) fn revalidate_within(_: Duration) {}
pub(super) fn no_store() {}
pub(super) fn not_found() {}
pub(super) fn permanent_redirect(path: String) {
    use_navigate()(&path, NavigateOptions { replace: true, ..NavigateOptions::default() });
}
pub(super) fn failed(_: String) {}
pub(super) fn hydrates() -> bool {
    true
}
pub(super) fn is_draft() -> bool {
    false
}
