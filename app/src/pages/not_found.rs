//! What stands at an address that has no page.

use leptos::prelude::*;
use leptos_isr::page::hydrate_at_once;

use crate::components::head::PrivateHead;

/// Says that there is no such page, with status 404.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    leptos_isr::not_found();
    hydrate_at_once(view! {
        <PrivateHead title="Page not found"/>
        <div class="notice">
            <h1>"Page not found"</h1>
            <p>"There is no page at this address. It may have been removed, or the address has a typing error."</p>
            <p><a href="/">"Go to the front page"</a>" or "<a href="/search">"search the articles"</a>"."</p>
        </div>
    })
}
