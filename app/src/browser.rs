//! The few things that the app asks of the browser itself.
//!
//! Called from effects and event handlers only: the server compiles these
//! functions and never runs them. What a browser refuses (storage that is
//! switched off, a clipboard without permission) is not an error here.

use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys::HtmlElement};
#[cfg(not(feature = "ssr"))]
use leptos_router::location::Url;
use wasm_bindgen_futures::JsFuture;

/// What the visitor stored under `key` on an earlier visit.
pub(crate) fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Stores `value` for later visits; without a value the key is removed.
///
/// Also sets or removes `data-<key>` on `<html>`, which the style sheet reads.
pub(crate) fn store(key: &str, value: Option<&str>) {
    if let Some(storage) = storage() {
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
    set_root_attribute(&format!("data-{key}"), value);
}

/// Sets an attribute of `<html>`, or removes it.
pub(crate) fn set_root_attribute(name: &str, value: Option<&str>) {
    if let Some(root) = document().document_element() {
        let _ = match value {
            Some(value) => root.set_attribute(name, value),
            None => root.remove_attribute(name),
        };
    }
}

/// Loads the document at `url`, unless the browser is there: what was missing would be again.
#[cfg(not(feature = "ssr"))]
pub(crate) fn load(url: &Url) {
    let location = window().location();
    let query = if url.search().is_empty() { String::new() } else { format!("?{}", url.search()) };
    let address = format!("{}{query}{}", url.path(), url.hash());
    let here = [location.pathname(), location.search(), location.hash()];
    if here.into_iter().flatten().collect::<String>() != address {
        let _ = location.assign(&address);
    }
}

/// Moves the keyboard focus to the element with `id`.
pub(crate) fn focus(id: &str) {
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// The address of the page, without query and fragment.
pub(crate) fn page_address() -> Option<String> {
    let location = window().location();
    Some(location.origin().ok()? + &location.pathname().ok()?)
}

/// Copies `text`; says whether the browser allowed it.
pub(crate) async fn copy(text: &str) -> bool {
    // Elsewhere `navigator.clipboard` is undefined, and touching it throws.
    if !window().is_secure_context() {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}
