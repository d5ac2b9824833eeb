//! The frame of each page, and the headers that it is sent with.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::html::{Html, html};
use crate::rules::headers;

const STYLE: &str = include_str!("inspector.css");
const SCRIPT: &str = include_str!("inspector.js");

/// Nothing but the style and the script that are written here, and what they ask this site for.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::try_from(policy).expect("it is visible ASCII")
});

/// A page for somebody who has signed in; `main` is its `<main>`.
pub(super) fn document(title: &str, main: Html) -> Html {
    let mut out = begin(title);
    html!(out; "<p id=\"rate\"></p><p id=\"status\" role=\"status\"></p>\
        <button id=\"follow\" type=\"button\" hidden>Pause</button>\
        <form method=\"post\"><button name=\"do\" value=\"sign-out\">Sign out</button></form></header>");
    out.append(main);
    html!(out; "<script>");
    out.raw(SCRIPT);
    html!(out; "</script></body></html>\n");
    out
}

/// A page for anybody.
pub(super) fn signed_out(title: &str, main: Html) -> Html {
    let mut out = begin(title);
    html!(out; "</header>");
    out.append(main);
    html!(out; "</body></html>\n");
    out
}

fn begin(title: &str) -> Html {
    let mut out = Html::default();
    html!(out; "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
        <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
        <link rel=\"icon\" href=\"data:,\"><title>" (title) "</title><style>");
    out.raw(STYLE);
    html!(out; "</style></head><body><header><a href=\"/_isr/\">Inspector</a>");
    out
}

/// The answer with a page.
pub(super) fn respond(status: StatusCode, page: Html) -> Response {
    let headers = [
        (header::CACHE_CONTROL, headers::PRIVATE),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // With `no-referrer` a browser would not say where a form is from.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    (status, headers, page.into_text()).into_response()
}
