//! The button that copies a page's address.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::MouseEvent;

use crate::browser;

/// A button that copies the address of the page, and says whether it could.
#[island]
pub fn CopyLink() -> impl IntoView {
    view! {
        <p class="copy-link needs-script">
            <button type="button" on:click:capture=copy>"Copy link"</button>
            <span role="status"></span>
        </p>
    }
}

fn copy(click: MouseEvent) {
    let place = browser::listener(&click).and_then(|button| button.parent_element());
    spawn_local(async move {
        let is_copied = match browser::page_address() {
            Some(address) => browser::copy(&address).await,
            None => false,
        };
        let said = if is_copied { "Link copied." } else { "The browser did not allow it." };
        if let Some(status) = place.and_then(|place| place.last_element_child()) {
            status.set_text_content(Some(said));
        }
    });
}
