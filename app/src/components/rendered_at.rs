//! When the server drew a page.

use leptos::prelude::*;

/// The moment at which the server read and drew the page, as it was stored with it.
#[component]
pub(crate) fn RenderedAt(
    /// The moment, RFC 3339 in UTC.
    moment: String,
) -> impl IntoView {
    let shown = moment.clone();
    view! { <p class="rendered-at">"Rendered at "<time datetime=moment>{shown}</time></p> }
}
