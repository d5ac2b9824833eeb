//! The button that copies a page's address.

use leptos::{prelude::*, task::spawn_local};

use crate::browser;

/// A button that copies the address of the page, and says whether it could.
#[island]
pub fn CopyLink() -> impl IntoView {
    let said = RwSignal::new("");
    let copy = move |_| {
        spawn_local(async move {
            let is_copied = match browser::page_address() {
                Some(address) => browser::copy(&address).await,
                None => false,
            };
            said.set(if is_copied { "Link copied." } else { "The browser did not allow it." });
        });
    };
    view! {
        <p class="copy-link needs-script">
            <button type="button" on:click=copy>"Copy link"</button>
            <span role="status">{move || said.get()}</span>
        </p>
    }
}
