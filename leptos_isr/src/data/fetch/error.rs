//! Why `fetch` failed.

use std::{io, time::Duration};

use http::StatusCode;

/// Why a read over HTTP failed. Addresses are shown without user and query, which may be secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address is not one that can be fetched.
    #[error("cannot fetch `{url}`: {problem}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No answer came, or it broke off.
    #[error("no answer from {url}")]
    Request {
        /// What was asked for.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The answer was not 200.
    #[error("{url} answered {status}{}", if message.is_empty() { String::new() } else { format!(": {message}") })]
    Status {
        /// What was asked for.
        url: String,
        /// The answer's status.
        status: StatusCode,
        /// The beginning of its body.
        message: String,
    },
    /// The answer is longer than [`FetchSettings::max_body`](crate::data::FetchSettings).
    #[error("the answer from {url} is longer than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer is compressed in a way that is not known here.
    #[error("the answer from {url} has the Content-Encoding `{coding}`, which is not known here")]
    UnknownCoding {
        /// What was asked for.
        url: String,
        /// The way, as the answer names it.
        coding: String,
    },
    /// The answer is not compressed as it says.
    #[error("the answer from {url} cannot be decompressed")]
    Coding {
        /// What was asked for.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The origin asked earlier to be left alone, by a `Retry-After`.
    #[error("{origin} wants to be left alone for another {}", humantime::format_duration(Duration::from_secs(wait.as_secs().max(1))))]
    LeftAlone {
        /// Scheme, host and port.
        origin: String,
        /// How long it will still be left alone.
        wait: Duration,
    },
    /// The answer is not the JSON that was expected.
    #[error("the answer from {url} is not what was expected")]
    Json {
        /// What was asked for.
        url: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}
