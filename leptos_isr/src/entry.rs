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
    encoding::{self, Encoding},
    forms::Forms,
    key::Key,
    ready::Ready,
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

/// About what the response heads of a page take beside its own headers, in bytes.
const HEADS: usize = 1024;

/// One stored page: status, headers and body of one render, with its times and tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) key: Key,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body compressed; `None` if it must not be.
    pub(crate) forms: Option<Forms>,
    etag: String,
    /// The responses that were made from the page.
    pub(crate) ready: Ready,
    pub(crate) tags: Vec<Tag>,
    pub(crate) rendered_at: SystemTime,
    pub(crate) stamp: Stamp,
    /// The period that the render asked for, if any.
    pub(crate) asked: Option<Duration>,
    /// Whether these are data that say: there is no such thing.
    pub(crate) is_absent: bool,
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
        let forms = encoding::is_compressible(&headers, body.len()).then(Forms::default);
        for name in NOT_STORED {
            headers.remove(name);
        }
        let etag = etag_of(&body, headers.get(header::CONTENT_SECURITY_POLICY));
        Self {
            key,
            status,
            headers,
            body,
            forms,
            etag,
            ready: Ready::default(),
            tags: Vec::new(),
            rendered_at: began.at,
            stamp: began.stamp,
            asked: None,
            is_absent: false,
        }
    }

    /// Which form of the body a request gets; it may still have to be made.
    pub(crate) fn choose(&self, request: &HeaderMap) -> Option<Encoding> {
        encoding::choose(request, self.forms.as_ref()?.available())
    }

    /// One form of the body; `None` if it was not made yet.
    pub(crate) fn body_in(&self, encoding: Option<Encoding>) -> Option<&Bytes> {
        match encoding {
            None => Some(&self.body),
            Some(encoding) => self.forms.as_ref()?.get(encoding),
        }
    }

    /// Makes one form of the body, if it may be compressed.
    pub(crate) async fn make(&self, encoding: Encoding) {
        if let Some(forms) = &self.forms {
            forms.make(encoding, &self.body).await;
        }
    }

    /// Makes all forms of the body, if it may be compressed.
    pub(crate) async fn make_all(&self) {
        if let Some(forms) = &self.forms {
            forms.make_all(&self.body).await;
        }
    }

    /// The forms of the body in which the page was served.
    pub(crate) fn served_in(&self) -> impl Iterator<Item = Encoding> {
        Encoding::ALL.into_iter().filter(|encoding| self.ready.has_head(Some(*encoding)))
    }

    /// The strong ETag of one form of the body.
    pub(crate) fn etag_in(&self, encoding: Option<Encoding>) -> HeaderValue {
        let etag = match encoding {
            Some(encoding) => format!("\"{}-{}\"", self.etag, encoding.name()),
            None => format!("\"{}\"", self.etag),
        };
        HeaderValue::try_from(etag).expect("digits and letters are a header value")
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

    /// Whether a visitor gets the same from both: equal bodies under one policy
    /// have one ETag.
    pub(crate) fn is_same_page(&self, other: &Self) -> bool {
        self.etag == other.etag && self.status == other.status && self.headers == other.headers
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
        self.is_absent || matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// About how many bytes of memory the entry takes.
    pub(crate) fn weight(&self) -> u64 {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.as_str().len() + 32).sum();
        let forms = self.forms.iter().flat_map(Forms::known);
        let forms: usize = forms.map(|(_, form)| form.map_or(0, Bytes::len)).sum();
        let places = self.forms.as_ref().map_or(0, |_| Forms::SIZE);
        let bodies = self.body.len() + forms + places;
        // Once more, for the response heads that are made when the page is served.
        let heads = headers + HEADS;
        (size_of::<Self>() + self.key.as_str().len() + bodies + headers + heads + tags) as u64
    }
}

/// What a strong ETag is made of: 128 bits of the body's XXH3, so equal bodies
/// have equal tags.
///
/// The policy counts as well: a browser keeps the one it has when a 304 says
/// that the page is the same.
fn etag_of(body: &[u8], policy: Option<&HeaderValue>) -> String {
    let mut hash = Xxh3Default::new();
    hash.update(body);
    hash.update(policy.map_or(&[], HeaderValue::as_bytes));
    format!("{:032x}", hash.digest128())
}
