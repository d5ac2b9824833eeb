//! The few things that the islands ask of the browser itself.
//!
//! Called from effects and event handlers only: the server compiles these
//! functions and never runs them. What a browser refuses (storage that is
//! switched off, a clipboard without permission) is not an error here.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Element, Event, FormData, Headers, HtmlButtonElement, HtmlElement, HtmlFormElement,
    RequestInit, Response, UrlSearchParams,
};

/// What the visitor has set: `data-<key>` of `<html>`.
pub(crate) fn setting(key: &str) -> Option<String> {
    document().document_element()?.get_attribute(&["data-", key].concat())
}

/// Sets `data-<key>` of `<html>`, which the style sheet reads, and stores it for later visits, when
/// `theme.js` sets it again; without a value both are removed.
pub(crate) fn store(key: &str, value: Option<&str>) {
    if let Some(storage) = storage() {
        let _ = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
    }
    set_root_attribute(&["data-", key].concat(), value);
}

/// The element whose listener got `event`.
pub(crate) fn listener(event: &Event) -> Option<Element> {
    event.current_target()?.dyn_into().ok()
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

/// Sends `form`, with the button that was pressed, to its server function; gives the sentence of a
/// refusal.
///
/// After success the browser is on its way to the address that the function leads to.
pub(crate) async fn send(
    form: &HtmlFormElement,
    button: Option<HtmlElement>,
) -> Result<(), String> {
    const UNREACHED: &str = "The server could not be reached.";
    const UNREADABLE: &str = "The server's answer could not be read. Load the page again.";
    let answer = post(form, button).await.map_err(|_| UNREACHED.to_owned())?;
    if !answer.ok() {
        let sentence = match answer.json() {
            Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
            Err(_) => None,
        };
        return Err(sentence.unwrap_or_else(|| UNREADABLE.to_owned()));
    }
    let location = window().location();
    let _ = match answer.headers().get("location") {
        Ok(Some(address)) => location.assign(&address),
        _ => location.reload(),
    };
    Ok(())
}

async fn post(form: &HtmlFormElement, button: Option<HtmlElement>) -> Result<Response, JsValue> {
    let address = form.get_attribute("action").unwrap_or_default();
    let fields = FormData::new_with_form(form)?;
    let button = button.and_then(|button| button.dyn_into::<HtmlButtonElement>().ok());
    if let Some(button) = button.filter(|button| !button.name().is_empty()) {
        fields.append_with_str(&button.name(), &button.value())?;
    }
    let headers = Headers::new()?;
    // By this a server function tells a script from a form that the browser sends.
    headers.set("accept", "application/json")?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&UrlSearchParams::new_with_str_sequence_sequence(&fields)?.into());
    JsFuture::from(window().fetch_with_str_and_init(&address, &request)).await?.dyn_into()
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}
