//! How the server answers a call that it does not understand.

use http::StatusCode;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

/// Makes the answer to the call 400; Leptos's is 500.
pub(super) fn refuse() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::BAD_REQUEST);
    }
}
