//! What a visitor is told when something could not be done.

use std::fmt;

use http::StatusCode;
use leptos::{
    prelude::use_context,
    server_fn::{
        codec::JsonEncoding,
        error::{FromServerFnError, ServerFnErrorErr},
    },
};
use leptos_axum::ResponseOptions;
use serde::{Deserialize, Serialize};

/// A sentence for the visitor. Causes and addresses stay in the server's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure(String);

impl Failure {
    /// Says `sentence` to the visitor.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl FromServerFnError for Failure {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                // Leptos's is 500.
                if let Some(response) = use_context::<ResponseOptions>() {
                    response.set_status(StatusCode::BAD_REQUEST);
                }
                Self::new("The server did not understand the request.")
            }
            _ => Self::new("Something went wrong. Try again in a moment."),
        }
    }
}
