//! Why there is no answer.

use std::{error::Error, path::PathBuf, process::ExitCode};

use reqwest::StatusCode;
use thiserror::Error as ThisError;

/// Exit code: a finding, a difference, or a page that failed.
pub(crate) const FOUND: u8 = 1;

/// Exit code: the call is wrong.
pub(crate) const WRONG: u8 = 2;

/// Exit code: the server cannot be reached, or refuses.
pub(crate) const REFUSED: u8 = 3;

#[derive(Debug, ThisError)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("cannot read the token from {}: {source}", path.display())]
    TokenFile { path: PathBuf, source: std::io::Error },
    #[error("cannot speak HTTP: {}", causes(.0))]
    Client(#[source] reqwest::Error),
    #[error(
        "{asked}: no answer: {}. Does the server run, and is this its address (ISR_URL, --url)?",
        causes(source)
    )]
    Unreachable { asked: String, source: reqwest::Error },
    /// The server's answer says that what was asked is wrong.
    #[error("{asked}: {status}: {said}")]
    Wrong { asked: String, status: StatusCode, said: String },
    #[error("{asked}: {status}: {said}. {remedy}")]
    Refused { asked: String, status: StatusCode, said: String, remedy: &'static str },
    #[error(
        "{asked}: {status}, and the answer is no JSON. Is this the address of a server of leptos_isr?"
    )]
    NotJson { asked: String, status: StatusCode },
    /// The page was rendered, and that failed.
    #[error("{asked}: the render failed: {said}")]
    Render { asked: String, said: String },
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::TokenFile { .. } | Self::Wrong { .. } => WRONG.into(),
            Self::Render { .. } => FOUND.into(),
            Self::Client(_)
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::NotJson { .. } => REFUSED.into(),
        }
    }
}

/// An error of the client says little without its causes.
fn causes(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts.pop().unwrap_or_else(|| error.to_string())
}

/// What to do about a refusal.
pub(crate) fn remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => {
            "The server does not know this token: set ISR_TOKEN, or --token-file, to the one that it has."
        }
        404 => {
            "The server has no such endpoint: it is of an older version, has no token (`Builder::token`), \
             or this is not its address."
        }
        403 => {
            "Something in front of the server keeps its endpoints from here: ask the server itself."
        }
        429 | 503 => "Try again in a few seconds.",
        500..=599 => "The server's log says more.",
        _ => "Is this the server's own address?",
    }
}
