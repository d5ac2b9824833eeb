//! A page's data as it turned out: there, missing or failed.

use leptos::{either::EitherOf3, prelude::*};

use super::head::PrivateHead;
use crate::{data::failure::Failure, pages::not_found::NotFoundPage};

/// Draws what was read; without it the not-found page or the failure.
pub(crate) fn outcome<T, V: IntoView>(
    read: Result<Option<T>, Failure>,
    draw: impl FnOnce(T) -> V,
) -> impl IntoView {
    match read {
        Ok(Some(data)) => EitherOf3::A(draw(data)),
        Ok(None) => EitherOf3::B(view! { <NotFoundPage/> }),
        Err(failure) => EitherOf3::C(view! { <Failed failure/> }),
    }
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
pub(crate) fn Loading() -> impl IntoView {
    view! { <p class="loading" role="status">"Loading…"</p> }
}
