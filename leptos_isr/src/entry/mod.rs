//! One stored page: an immutable value from one render, and what is made of it for serving.

pub(crate) mod encodings;
pub(crate) mod facts;
pub(crate) mod heads;
pub(crate) mod millis;
mod served;
mod start;
pub(crate) mod written;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use xxhash_rust::xxh3::Xxh3Default;

use crate::{
    address::{key::Key, tag::Tag},
    rules::{
        cache_control::keep_no_transform,
        encoding::{self, Encoding},
    },
};

use self::facts::Facts;
pub(crate) use self::{
    served::ServedEntry,
    start::{Began, Position, RenderStart, Seen, Version},
};

/// How much the clocks of two processes may differ. A page that was rendered further in the future
/// has no known age.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Headers that are never part of a stored page: they belong to one connection or one response, or
/// are set when a page is served.
const NOT_STORED: [HeaderName; 16] = [
    header::AGE,
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

/// The headers that the ETag stands for, beside status and body: a browser goes on with those that
/// it has when a 304 says that the page is the same.
const IN_ETAG: [HeaderName; 5] = [
    header::CONTENT_LANGUAGE,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::LINK,
    header::LOCATION,
];

/// One stored page: status, headers and body of one render, with its times and tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body may be sent compressed.
    pub(crate) may_compress: bool,
    etag: String,
    pub(crate) tags: Vec<Tag>,
    pub(crate) rendered_at: SystemTime,
    pub(crate) seen: Seen,
    pub(crate) version: Version,
    /// The period that the render asked for, if any.
    pub(crate) asked: Option<Duration>,
    /// Whether this is data that says "no such thing".
    pub(crate) is_absent: bool,
    /// Whether a later render gave a page that may not be stored: this one is for failures only.
    pub(crate) is_superseded: bool,
    pub(crate) facts: Facts,
}

impl Entry {
    pub(crate) fn new(
        key: Key,
        status: StatusCode,
        mut headers: HeaderMap,
        body: Bytes,
        start: RenderStart,
    ) -> Self {
        let may_compress = encoding::is_compressible(&headers, body.len());
        for name in NOT_STORED {
            headers.remove(name);
        }
        keep_no_transform(&mut headers);
        let etag = etag_of(status, &headers, &body);
        Self {
            key,
            status,
            headers,
            body,
            may_compress,
            etag,
            tags: Vec::new(),
            rendered_at: start.at,
            seen: start.began.seen,
            version: start.began.version,
            asked: None,
            is_absent: false,
            is_superseded: false,
            facts: Facts::default(),
        }
    }

    /// The strong ETag of one encoding of the body.
    pub(crate) fn etag_in(&self, encoding: Option<Encoding>) -> HeaderValue {
        let etag = match encoding {
            Some(encoding) => format!("\"{}-{}\"", self.etag, encoding.name()),
            None => format!("\"{}\"", self.etag),
        };
        HeaderValue::try_from(etag).expect("digits and letters are a header value")
    }

    /// Whether a visitor gets the same page from both.
    pub(crate) fn is_same_page(&self, other: &Self) -> bool {
        self.etag == other.etag && self.headers == other.headers
    }

    /// How old the page is; `None` if its render began in the future by more than [`CLOCK_SKEW`].
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        match now.duration_since(self.rendered_at) {
            Ok(age) => Some(age),
            Err(ahead) if ahead.duration() <= CLOCK_SKEW => Some(Duration::ZERO),
            Err(_) => None,
        }
    }

    /// Whether this is a definite "no such page".
    pub(crate) fn is_gone(&self) -> bool {
        self.is_absent || matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// Whether this is what random paths may give, as many as somebody tries: it shares the small
    /// memory of such, and is written to the store only in the place of a page.
    pub(crate) fn is_of_any_path(&self) -> bool {
        self.is_gone() || self.status.is_redirection()
    }
}

/// The text of a strong ETag: the 128-bit XXH3 of status, [`IN_ETAG`] and body, so equal pages have
/// equal ETags.
fn etag_of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    let mut hash = Xxh3Default::new();
    hash.update(&status.as_u16().to_be_bytes());
    for name in IN_ETAG {
        for value in headers.get_all(name) {
            hash.update(&value.len().to_be_bytes());
            hash.update(value.as_bytes());
        }
        // No value is as long, so this ends the list.
        hash.update(&usize::MAX.to_be_bytes());
    }
    hash.update(body);
    format!("{:032x}", hash.digest128())
}
