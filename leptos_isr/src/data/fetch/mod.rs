//! HTTP reads through the data cache.
//!
//! - Only 200 is kept, and only if it can be parsed as what was asked for.
//! - No compression is asked for. A source that compresses all the same is read.
//! - A stale answer is asked for with its `ETag` or `Last-Modified`, so unchanged content costs a
//!   304.
//! - A request that may succeed later (no connection, 408, 425, 429, 500 and above) is tried again.
//!   Then its address is left alone for a while. `Retry-After` is respected.
//! - The requests to one origin that run at once are limited; the others wait.

pub(crate) mod client;
mod decode;
pub(crate) mod error;

use std::{any::type_name, fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use self::client::Client;
pub use self::{client::FetchSettings, error::FetchError};
use crate::{
    address::{path, tag::Tag},
    data::{
        error::DataError,
        read::{LoadFuture, Read, data, note_failed},
        reading::reading,
        value::SourceAnswer,
    },
    stats::OTHER_ORIGIN,
};

/// Reads from `url` by GET, through the data cache; see [`Fetch`].
///
/// # Examples
///
/// ```
/// use leptos_isr::{minutes, data::{DataError, fetch}};
///
/// #[derive(serde::Deserialize)]
/// struct Article { title: String }
///
/// async fn article(slug: String) -> Result<Article, DataError> {
///     fetch("https://cms.example/articles")
///         .segment(&slug)
///         .revalidate(minutes(5))
///         .tags([format!("article:{slug}")])
///         .json()
///         .await
/// }
/// # let _ = article;
/// ```
pub fn fetch(url: impl Into<String>) -> Fetch {
    let url = url.into();
    Fetch { read: data(String::new()), url, refused: None, headers: Vec::new(), tags_of: None }
}

/// A read over HTTP.
///
/// While a page is rendered, the tags of the read are added to the page, and the page's period is
/// lowered to what is left of the read's. Requests for one address with the same headers share one
/// answer if they also parse it as one type. The answer's own cache headers are ignored: the period
/// is the one that is set here.
#[derive(Clone)]
#[must_use = "it reads nothing until `json` or `bytes` is called"]
pub struct Fetch {
    read: Read,
    url: String,
    /// What `segment` was given that is not one.
    refused: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    tags_of: Option<TagsOf>,
}

/// Gives the tags that follow from an answer.
type TagsOf = Arc<dyn Fn(&[u8]) -> Vec<String> + Send + Sync>;

/// What an answer must be so that it may be kept.
struct Expected {
    type_name: &'static str,
    check: fn(url: &str, bytes: &[u8]) -> Result<(), DataError>,
}

impl Expected {
    fn json<T: DeserializeOwned>() -> Self {
        let check = |url: &str, bytes: &[u8]| parse_json::<T>(url, bytes).map(drop);
        Self { type_name: type_name::<T>(), check }
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("url", &self.url).field("read", &self.read).finish()
    }
}

impl Fetch {
    /// Appends one segment to the path of the address: `text` as it is, percent-encoded.
    ///
    /// Use it for what comes from a visitor, such as a parameter of the page's path, which Leptos
    /// has decoded. `/`, `?` and `#` in it stay part of the segment. The read fails, and nothing is
    /// asked, if `text` is empty, `.` or `..`: these would name another address than one below.
    pub fn segment(mut self, text: &str) -> Self {
        if matches!(text, "" | "." | "..") {
            self.refused.get_or_insert(text.to_owned());
            return self;
        }
        let end = self.url.find(['?', '#']).unwrap_or(self.url.len());
        let base = self.url[..end].trim_end_matches('/').len();
        self.url.replace_range(base..end, &path::encode(&[text]));
        self
    }

    /// Sets how long the answer is fresh, counted from when it was asked for. Defaults as
    /// [`Read::revalidate`] does.
    pub fn revalidate(mut self, period: Duration) -> Self {
        self.read = self.read.revalidate(period);
        self
    }

    /// Adds tags: purging one makes the answer, and the pages that show it, stale.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.read = self.read.tags(tags);
        self
    }

    /// Adds the tags that follow from the answer, for example one for each article in a list. An
    /// answer that is not the JSON of a `T` adds none.
    pub fn tags_of<T: DeserializeOwned>(
        mut self,
        tags_of: impl Fn(T) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.tags_of = Some(Arc::new(move |bytes| {
            serde_json::from_slice(without_mark(bytes)).map(&tags_of).unwrap_or_default()
        }));
        self
    }

    /// Asks the source each time. A page that does so is not stored.
    pub fn no_store(mut self) -> Self {
        self.read = self.read.no_store();
        self
    }

    /// Says that the page can do without the answer; see [`Read::optional`].
    pub fn optional(mut self) -> Self {
        self.read = self.read.optional();
        self
    }

    /// Sends a header, for example a token. Answers to requests with different headers are kept
    /// apart.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Reads the answer and parses it as JSON.
    ///
    /// An answer that is not the JSON of a `T` counts as a failure of the source: it is not kept,
    /// and what was kept before stays.
    ///
    /// # Errors
    ///
    /// Returns a [`DataError`] whose [`cause`](DataError::cause) is a [`FetchError`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, DataError> {
        let url = self.url.clone();
        self.answer(Some(Expected::json::<T>()), |bytes| parse_json(&url, bytes)).await
    }

    /// Reads the answer's body.
    ///
    /// # Errors
    ///
    /// Returns a [`DataError`] whose [`cause`](DataError::cause) is a [`FetchError`].
    pub async fn bytes(self) -> Result<Bytes, DataError> {
        self.answer(None, |bytes| Ok(bytes.clone())).await
    }

    async fn answer<T>(
        self,
        expected: Option<Expected>,
        parse: impl FnOnce(&Bytes) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        let Self { mut read, url, refused, headers, tags_of } = self;
        if let Some(text) = refused {
            let problem = format!("{text:?} is not a segment of a path");
            let error = DataError::new(FetchError::Url { url, problem });
            note_failed(&error, read.is_optional);
            return Err(error);
        }
        let reading = reading();
        let reads = reading.as_ref().and_then(|reading| reading.reads());
        let client = reads.map_or_else(Client::shared, |reads| reads.client.clone());
        read.has_tags |= tags_of.is_some();
        read.label = format!("GET {}", shown(&url));
        read.origin = origin(&url);
        read.name = name(&url, &headers, expected.as_ref().map(|expected| expected.type_name));
        let load = move |validators| -> LoadFuture {
            Box::pin(async move {
                let mut loaded = client.get(&url, headers, validators).await?;
                if let SourceAnswer::New { bytes, tags, .. } = &mut loaded {
                    if let Some(expected) = expected {
                        (expected.check)(&url, bytes)?;
                    }
                    if let Some(tags_of) = tags_of {
                        tags.extend(tags_of(bytes).into_iter().map(Tag::new));
                    }
                }
                Ok(loaded)
            })
        };
        read.value(load, parse).await
    }
}

fn parse_json<T: DeserializeOwned>(url: &str, bytes: &[u8]) -> Result<T, DataError> {
    serde_json::from_slice(without_mark(bytes))
        .map_err(|source| DataError::new(FetchError::Json { url: shown(url), source }))
}

/// JSON without the byte-order mark that some put before it: RFC 8259 section 8.1 lets who reads it
/// ignore it.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// An address as errors and the log show it.
fn shown(url: &str) -> String {
    client::parse(url).map_or_else(|_| url.to_owned(), |url| client::shown(&url))
}

/// The scheme, host and port of an address.
fn origin(url: &str) -> String {
    let origin = client::parse(url).map(|url| url.origin().ascii_serialization());
    origin.unwrap_or_else(|_| OTHER_ORIGIN.to_owned())
}

/// What tells answers apart. It has only a digest of a header's value, which may be a token. Each type has an answer of its own, so what one cannot parse is not in another's way.
fn name(
    url: &str,
    headers: &[(HeaderName, HeaderValue)],
    type_name: Option<&'static str>,
) -> String {
    let mut name = format!("GET {url}");
    for (header, value) in headers {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(value.as_bytes()));
        name.push_str(&format!(" {header}:{digest}"));
    }
    if let Some(type_name) = type_name {
        name.push_str(&format!(" as {type_name}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, AUTHORIZATION};

    #[test]
    fn segment_stays_one_segment_of_the_path() {
        for (base, text, url) in [
            ("http://a.example/articles", "a b", "http://a.example/articles/a%20b"),
            ("http://a.example/articles/", "a/../b", "http://a.example/articles/a%2F..%2Fb"),
            ("http://a.example", "?page=2#x", "http://a.example/%3Fpage=2%23x"),
            ("http://a.example/a?token=t", "caf\u{e9}", "http://a.example/a/caf%C3%A9?token=t"),
            ("http://a.example/a", "%2e%2E", "http://a.example/a/%252e%252E"),
        ] {
            let fetch = fetch(base).segment(text);
            assert_eq!((fetch.url.as_str(), fetch.refused), (url, None));
            assert!(client::parse(url).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn segment_that_leads_elsewhere_is_refused_and_named() {
        for text in ["", ".", ".."] {
            let error = fetch("http://a.invalid/articles").segment(text).bytes().await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains("http://a.invalid/articles"), "{error}");
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn name_tells_headers_apart_and_shows_no_value() {
        let named = |header, value| {
            name("http://a.example/", &[(header, HeaderValue::from_static(value))], None)
        };
        let token = named(AUTHORIZATION, "Bearer secret");
        assert!(token.starts_with("GET http://a.example/ authorization:"), "{token}");
        assert!(!token.contains("secret"), "{token}");
        assert_eq!(token, named(AUTHORIZATION, "Bearer secret"));
        assert_ne!(token, named(AUTHORIZATION, "Bearer other"));
        assert_ne!(token, named(ACCEPT, "Bearer secret"));
    }
}
