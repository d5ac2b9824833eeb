//! What may go wrong between the site and its content.

use http::StatusCode;
use std::error::Error;

/// Why the content could not be had as the site needs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The configured address is not an HTTP address.
    #[error("`{url}` is not the address of a content API")]
    BaseUrl {
        /// What was configured.
        url: String,
        /// Why it is no address; none where only its scheme is wrong.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The HTTP client could not be set up.
    #[error("the client for `{url}` could not be set up")]
    Client {
        /// The configured address.
        url: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The token has a character that no header carries.
    #[error(
        "the token for the content cannot be sent: it has a line end or another character that no \
         header carries; copy it again"
    )]
    Token(#[source] http::header::InvalidHeaderValue),
    /// No answer came in time, or the connection failed.
    #[error("`{url}` did not answer")]
    Request {
        /// The address that was asked.
        url: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// No usable answer came, as the data cache says.
    #[error("`{url}` could not be read")]
    Fetch {
        /// The address that was asked.
        url: String,
        /// The cause.
        source: leptos_isr::data::DataError,
    },
    /// The answer says that the request failed.
    #[error("`{url}` answered {status}: {message}")]
    Status {
        /// The address that was asked.
        url: String,
        /// The status of the answer.
        status: StatusCode,
        /// What the answer says; empty if it says nothing.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("`{url}` answered with something else than was asked for")]
    Body {
        /// The address that was asked.
        url: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The section is not among those that can be read, but another cannot.
    #[error(
        "a section cannot be read, as the log says, and it may be `{slug}`, which is not among the others"
    )]
    Section {
        /// The section's name in addresses.
        slug: String,
    },
    /// An article's Markdown cannot be rendered.
    #[error("the body of the article `{slug}` cannot be rendered")]
    Markdown {
        /// The article's name in addresses.
        slug: String,
        /// The cause.
        source: newsroom::TooDeep,
    },
}

impl ContentError {
    /// Whether the answer says that there is no such thing, for now (404) or for good (410).
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_404_and_410_say_that_there_is_no_such_thing() {
        for (status, absent) in [(404, true), (410, true), (400, false), (401, false), (500, false)]
        {
            let error = ContentError::Status {
                url: "http://localhost/articles/a".to_owned(),
                status: StatusCode::from_u16(status).unwrap(),
                message: String::new(),
            };
            assert_eq!(error.is_absent(), absent, "{status}");
        }
    }
}
