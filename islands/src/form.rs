//! A form that keeps what was typed when it is refused.
#![expect(missing_docs, reason = "a lazy island has functions of its own beside it")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, SubmitEvent};

use crate::browser;

/// Set while an answer is waited for.
const BUSY: &str = "aria-busy";

/// Sends the form in it to its server function.
///
/// Where that refuses what was sent, its sentence is shown and the fields stay as they are; after
/// success the browser goes where the function leads, or loads the page again. Without a script
/// the browser sends the form as it sends any other.
#[island(lazy)]
pub fn SendInPlace(
    /// The form.
    children: Children,
) -> impl IntoView {
    view! {
        <div on:submit:capture=send use:end_when_shown_again>
            {children()}
            <p class="error" role="alert" hidden></p>
        </div>
    }
}

fn send(event: SubmitEvent) {
    event.prevent_default();
    // What is submitted is a form.
    let form = event.target().map(JsCast::unchecked_into);
    let (Some(place), Some(form)) = (browser::listener(&event), form) else { return };
    if place.get_attribute(BUSY).is_some() {
        return;
    }
    let _ = place.set_attribute(BUSY, "true");
    spawn_local(async move {
        let refusal = browser::send(&form, event.submitter()).await.err();
        if let Some(alert) = place.last_element_child() {
            alert.set_text_content(refusal.as_deref());
            let _ = alert.toggle_attribute_with_force("hidden", refusal.is_none());
        }
        // After success the buttons wait for the next page.
        if refusal.is_some() {
            let _ = place.remove_attribute(BUSY);
        }
    });
}

/// The browser may have kept the page, and the visitor come back to it.
fn end_when_shown_again(place: Element) {
    window_event_listener_untyped("pageshow", move |_| {
        let _ = place.remove_attribute(BUSY);
    });
}
