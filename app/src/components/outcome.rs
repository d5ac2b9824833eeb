//! A page's data as it turned out: there, missing or failed.

use std::pin::Pin;

use leptos::prelude::*;
use leptos_isr::page::hydrate_at_once;

use super::head::PrivateHead;
use crate::{data::failure::Failure, pages::not_found::NotFoundPage};

/// What a page draws once its data was read.
type Drawn = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Draws a page whose data is read first: what was read as [`outcome`] has it.
pub(crate) fn once_read<F>(draw: impl Fn() -> F + Send + Sync + 'static) -> impl IntoView
where
    F: Future<Output = AnyView> + Send + 'static,
{
    waiting(Box::new(move || Box::pin(draw())))
}

/// Without a type of a page's own, the code that waits is in the program once.
fn waiting(draw: Box<dyn Fn() -> Drawn + Send + Sync>) -> impl IntoView {
    hydrate_at_once(view! {
        <Transition fallback=Loading>{move || Suspend::new(draw())}</Transition>
    })
}

/// Draws what was read; without it the not-found page or the failure.
pub(crate) fn outcome<T, V: IntoView + 'static>(
    read: Result<Option<T>, Failure>,
    draw: impl FnOnce(T) -> V,
) -> AnyView {
    match read {
        Ok(Some(data)) => hydrate_at_once(draw(data)).into_any(),
        Ok(None) => absent(),
        Err(failure) => failed(failure),
    }
}

fn absent() -> AnyView {
    view! { <NotFoundPage/> }.into_any()
}

fn failed(failure: Failure) -> AnyView {
    hydrate_at_once(view! { <Failed failure/> }).into_any()
}

/// What stands in a page's place when its data could not be read.
#[component]
fn Failed(failure: Failure) -> impl IntoView {
    view! {
        <PrivateHead title="Not available"/>
        <div class="notice">
            <h1>"Not available"</h1>
            <p>{failure.to_string()}</p>
        </div>
    }
}

/// What stands in a page's place while the browser fetches its data.
#[component]
fn Loading() -> impl IntoView {
    hydrate_at_once(view! { <p class="loading" role="status">"Loading…"</p> })
}
