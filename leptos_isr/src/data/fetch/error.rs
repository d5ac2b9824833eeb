//! Why an answer could not be had.

use std::time::Duration;

use http::StatusCode;

/// Why an answer could not be had over HTTP.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address cannot be asked.
    #[error("`{url}` is no address to fetch: {problem}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No answer came, or not to its end.
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
    /// The answer is longer than may be kept.
    #[error("the answer of {url} is longer than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The origin said earlier that it wants to be left alone.
    #[error("{origin} asked not to be asked again for {}", humantime::format_duration(Duration::from_secs(wait.as_secs().max(1))))]
    LeftAlone {
        /// Scheme, host and port.
        origin: String,
        /// For how long it will be.
        wait: Duration,
    },
    /// The answer is not the JSON that was expected.
    #[error("the answer of {url} is not what was expected")]
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
