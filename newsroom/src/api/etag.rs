//! ETags: a client that has an answer already gets 304 in its place.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::convert::Infallible;
use xxhash_rust::xxh3::xxh3_128;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What the client says it has: its `If-None-Match`.
pub(super) struct Known(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }
}

impl Known {
    /// `read` as JSON with a strong ETag, a hash of its bytes; or 304 if the client has them.
    pub(super) fn answer<T: Serialize>(&self, read: &T) -> Response {
        let body = serde_json::to_vec(read).expect("what the store reads can be written as JSON");
        let tag = format!("\"{:032x}\"", xxh3_128(&body));
        let is_known = self.contains(&tag);
        let etag = HeaderValue::try_from(tag).expect("quoted digits are a header value");
        match is_known {
            true => (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response(),
            false => ([(header::CONTENT_TYPE, JSON), (header::ETAG, etag)], body).into_response(),
        }
    }

    /// By the weak comparison, RFC 9110 section 13.1.2.
    fn contains(&self, etag: &str) -> bool {
        let listed = self.0.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        listed.map(<[u8]>::trim_ascii).any(|listed| {
            listed == b"*" || listed.strip_prefix(b"W/").unwrap_or(listed) == etag.as_bytes()
        })
    }
}
