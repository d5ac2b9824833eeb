//! What a visitor is told when something could not be done.

use std::fmt;

use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use super::{json_text::TextEncoding, refusal::refuse};

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
    type Encoder = TextEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::new("The server could not be reached."),
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                refuse();
                Self::new("The server did not understand the request.")
            }
            _ => Self::new("The server's answer could not be read. Load the page again."),
        }
    }
}
