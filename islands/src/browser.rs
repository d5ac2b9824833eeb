//! The few things that the islands ask of the browser itself.
//!
//! Called from effects and event handlers only: the server compiles these
//! functions and never runs them. What a browser refuses (storage that is
//! switched off, a clipboard without permission) is not an error here.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Element, Event, FormData, Headers, HtmlElement, HtmlFormElement, RequestInit, Response,
    UrlSearchParams,
};

/// Stores `value` for later visits.
pub(crate) fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// The element whose listener got `event`.
pub(crate) fn listener(event: &Event) -> Option<Element> {
    event.current_target().map(JsCast::unchecked_into)
}

/// An attribute of `<html>`.
pub(crate) fn root_attribute(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// Sets an attribute of `<html>`.
pub(crate) fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

/// The address of the page, without query and fragment.
pub(crate) fn page_address() -> Option<String> {
    let location = window().location();
    Some(location.origin().ok()? + &location.pathname().ok()?)
}

/// Copies `text`; says whether the browser allowed it.
pub(crate) async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    // As where the page came over plain HTTP.
    if clipboard.is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
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
    if answer.status() != 200 {
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
    let name = button.as_ref().and_then(|button| button.get_attribute("name"));
    if let (Some(button), Some(name)) = (button, name.filter(|name| !name.is_empty())) {
        fields.append_with_str(&name, &button.get_attribute("value").unwrap_or_default())?;
    }
    let headers = Headers::new()?;
    // By this a server function tells a script from a form that the browser sends.
    headers.set("accept", "application/json")?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&UrlSearchParams::new_with_str_sequence_sequence(&fields)?.into());
    let answer = JsFuture::from(window().fetch_with_str_and_init(&address, &request)).await?;
    Ok(answer.unchecked_into())
}
