//! The cookies that an answer sets.

use http::{HeaderValue, header};
use leptos::prelude::expect_context;
use leptos_axum::ResponseOptions;
use leptos_isr::Engine;

/// Takes the cookie of draft mode from the visitor.
pub(super) fn end_draft() {
    if let Some(cookie) = expect_context::<Engine>().end_draft_cookie() {
        set(cookie);
    }
}

/// Has the editor's next requests answered by pages that show the change, on every server.
pub(super) fn show_changes() {
    set(expect_context::<Engine>().seen_cookie());
}

pub(super) fn set(cookie: HeaderValue) {
    expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
}
