//! On the server, what a page says about itself is noted in its render.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::{use_context, with_context};
use leptos_axum::ResponseOptions;

use crate::{
    access::draft::Draft,
    data::reading::reading,
    scope::{self, RenderScope},
};

const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

fn with_scope(act: impl FnOnce(&RenderScope)) {
    if let Some(scope) = reading().as_ref().and_then(|reading| reading.render_scope()) {
        act(scope);
    }
}

fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

pub(super) fn tag(tag: String) {
    with_scope(|scope| scope.tag(tag));
}

pub(super) fn revalidate_within(period: Duration) {
    with_scope(|scope| scope.revalidate_within(period));
}

pub(super) fn no_store() {
    with_scope(RenderScope::no_store);
}

pub(super) fn not_found() {
    with_scope(RenderScope::note_absent);
    // A browser takes a server function's 404 for a failure.
    if !scope::current().is_some_and(|scope| scope.is_for_data()) {
        set_status(StatusCode::NOT_FOUND);
    }
}

pub(super) fn permanent_redirect(path: String) {
    // A browser that reads data would follow it.
    if let Some(scope) = scope::current().filter(RenderScope::is_for_data) {
        return scope.note_absent();
    }
    let Some(response) = use_context::<ResponseOptions>() else { return };
    match HeaderValue::try_from(&path) {
        Ok(location) => {
            response.set_status(StatusCode::PERMANENT_REDIRECT);
            response.insert_header(header::LOCATION, location);
        }
        Err(_) => failed(format!("cannot redirect to {path:?}: percent-encode it")),
    }
}

pub(super) fn failed(cause: String) {
    set_status(StatusCode::BAD_GATEWAY);
    // Of a page that may be stored the engine knows when it is tried again.
    if let (None, Some(response)) = (scope::current(), use_context::<ResponseOptions>()) {
        response.insert_header(header::RETRY_AFTER, RETRY_AFTER);
    }
    with_scope(|scope| scope.failed(cause));
}

pub(super) fn hydrates() -> bool {
    scope::current().is_none_or(|scope| !scope.is_for_missing_paths())
}

pub(super) fn is_draft() -> bool {
    with_context::<Parts, _>(|parts| parts.extensions.get::<Draft>().is_some()).unwrap_or(false)
}
