//! Begins and ends draft mode.

use http::{HeaderValue, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::{ResponseOptions, redirect};
use leptos_isr::Engine;

use super::access;
use crate::data::{failure::Failure, site::article_path};

pub(super) fn begin(slug: &str) -> Result<(), Failure> {
    access::writer()?;
    let cookie = expect_context::<Engine>().draft_cookie();
    set(cookie.ok_or_else(|| Failure::new("This site has no draft mode."))?);
    redirect(&article_path(slug));
    Ok(())
}

pub(super) fn end() {
    forget();
    // Leptos leads a plain form back to where it was sent from, if the browser says so.
    let referer = |parts: Parts| parts.headers.contains_key(header::REFERER);
    if !use_context().is_some_and(referer) {
        redirect("/");
    }
}

/// Takes the cookie of draft mode from the visitor.
pub(super) fn forget() {
    if let Some(cookie) = expect_context::<Engine>().end_draft_cookie() {
        set(cookie);
    }
}

fn set(cookie: HeaderValue) {
    expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
}
