//! One stored page: an immutable value from one render.

use std::{
    mem::size_of,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use xxhash_rust::xxh3::Xxh3Default;

use crate::{
    clock::{CLOCK_SKEW, Stamp},
    key::Key,
    tag::Tag,
};

/// Headers that belong to one connection or one response, or that are decided
/// when a page is served: never part of a stored page.
const NOT_STORED: [HeaderName; 17] = [
    header::AGE,
    header::CACHE_CONTROL,
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("surrogate-control"),
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::PROXY_AUTHENTICATE,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
];

/// One stored page: status, headers and body of one render, with its times and tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) key: Key,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
    pub(crate) tags: Vec<Tag>,
    pub(crate) rendered_at: SystemTime,
    pub(crate) stamp: Stamp,
    /// The period that the render asked for, if any.
    pub(crate) asked: Option<Duration>,
}

/// When a render began, by the clock and in the order of purges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    pub(crate) at: SystemTime,
    pub(crate) stamp: Stamp,
}

impl Entry {
    pub(crate) fn new(
        key: Key,
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        began: Began,
    ) -> Self {
        for name in NOT_STORED {
            headers.remove(name);
        }
        let etag = etag_of(&body, headers.get(header::CONTENT_SECURITY_POLICY));
        Self {
            key,
            status,
            headers,
            body,
            etag,
            tags: Vec::new(),
            rendered_at: began.at,
            stamp: began.stamp,
            asked: None,
        }
    }

    /// Which page this is.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The status that the page answers with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, not compressed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The page's tags, each once.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// When the render of this page began.
    #[must_use]
    pub fn rendered_at(&self) -> SystemTime {
        self.rendered_at
    }

    /// How old the page is; `None` if its render began in the future.
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        match now.duration_since(self.rendered_at) {
            Ok(age) => Some(age),
            Err(ahead) if ahead.duration() <= CLOCK_SKEW => Some(Duration::ZERO),
            Err(_) => None,
        }
    }

    /// Whether this is a definite "no such page".
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// About how many bytes of memory the entry takes.
    pub(crate) fn weight(&self) -> u64 {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.as_str().len() + 32).sum();
        (size_of::<Self>() + self.key.as_str().len() + self.body.len() + headers + tags) as u64
    }
}

/// A strong ETag: 128 bits of the body's XXH3, so equal bodies have equal tags.
///
/// The policy counts as well: a browser keeps the one it has when a 304 says
/// that the page is the same.
fn etag_of(body: &[u8], policy: Option<&HeaderValue>) -> HeaderValue {
    let mut hash = Xxh3Default::new();
    hash.update(body);
    hash.update(policy.map_or(&[], HeaderValue::as_bytes));
    HeaderValue::from_str(&format!("\"{:032x}\"", hash.digest128()))
        .expect("hexadecimal digits in quotes are a header value")
}
