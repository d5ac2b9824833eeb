//! A form that keeps what was typed when it is refused.
#![expect(missing_docs, reason = "a lazy island has functions of its own beside it")]

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

use crate::browser;

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
    let (refused, is_sending) = (RwSignal::new(None), RwSignal::new(false));
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        let form = event.target().and_then(|form| form.dyn_into().ok());
        let Some(form) = form.filter(|_| !is_sending.get_untracked()) else { return };
        is_sending.set(true);
        spawn_local(async move {
            match browser::send(&form, event.submitter()).await {
                // The buttons wait for the next page.
                Ok(()) => refused.set(None),
                Err(sentence) => {
                    refused.set(Some(sentence));
                    is_sending.set(false);
                }
            }
        });
    };
    // The browser may have kept the page, and the visitor come back to it.
    Effect::new(move || {
        window_event_listener_untyped("pageshow", move |_| is_sending.set(false));
    });
    view! {
        <div on:submit=send aria-busy=move || is_sending.get().then_some("true")>
            {children()}
            {move || {
                refused.get().map(|sentence| view! { <p class="error" role="alert">{sentence}</p> })
            }}
        </div>
    }
}
