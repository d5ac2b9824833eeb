//! The pages: what each reads, and how it shows that.

pub(crate) mod about;
pub(crate) mod article;
pub(crate) mod editor;
pub(crate) mod editor_article;
pub(crate) mod front;
pub(crate) mod live;
pub(crate) mod search;
pub(crate) mod section;
pub(crate) mod unknown;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    components::head::PrivateHead,
    data::{answer, source_error::ContentError},
};

/// Draws a page once it is read: what was made of it, the page that says that there is none, or
/// that it cannot be had just now.
fn page<V: IntoView + 'static>(
    read: impl Future<Output = Result<Option<V>, ContentError>> + Send + 'static,
) -> impl IntoView {
    Suspend::new(async move {
        match read.await {
            Ok(Some(page)) => page.into_any(),
            Ok(None) => view! { <NotFound/> }.into_any(),
            Err(error) => {
                let said = answer::unavailable(&error).to_string();
                view! { <NotAvailable said/> }.into_any()
            }
        }
    })
}

/// The part `name` of the page's path; empty if its route has none.
fn path_part(name: &str) -> String {
    use_params_map().read_untracked().get(name).unwrap_or_default()
}

/// The value of the parameter `name` of the page's query.
fn query(name: &str) -> Option<String> {
    use_query_map().read_untracked().get(name)
}

/// Says that there is no such page, with status 404.
#[component]
fn NotFound() -> impl IntoView {
    leptos_isr::not_found();
    view! {
        <PrivateHead title="Page not found"/>
        <div class="notice">
            <h1>"Page not found"</h1>
            <p>"There is no page at this address. It may have been removed, or the address has a typing error."</p>
            <p><a href="/">"Go to the front page"</a>" or "<a href="/search">"search the articles"</a>"."</p>
        </div>
    }
}

/// What stands in a page's place when its data could not be read.
#[component]
fn NotAvailable(said: String) -> impl IntoView {
    view! {
        <PrivateHead title="Not available"/>
        <div class="notice">
            <h1>"Not available"</h1>
            <p>{said}</p>
        </div>
    }
}
