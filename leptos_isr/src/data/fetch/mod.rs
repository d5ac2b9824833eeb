//! HTTP reads through the data cache.
//!
//! - Only 200 is kept.
//! - A stale answer is asked for with its `ETag` or `Last-Modified`, so unchanged content costs a
//!   304.
//! - A request that may succeed later (no connection, 408, 425, 429, 500 and above) is tried again.
//!   Then its address is left alone for a while. `Retry-After` is respected.
//! - The requests to one origin that run at once are limited; the others wait.

pub(crate) mod client;
pub(crate) mod error;

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use self::client::Client;
pub use self::{client::FetchSettings, error::FetchError};
use crate::{
    address::tag::Tag,
    data::{
        error::DataError,
        read::{Read, data},
        reading::reading,
        value::SourceAnswer,
    },
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
/// async fn article(id: u64) -> Result<Article, DataError> {
///     fetch(format!("https://cms.example/articles/{id}"))
///         .revalidate(minutes(5))
///         .tags([format!("article:{id}")])
///         .json()
///         .await
/// }
/// # let _ = article;
/// ```
pub fn fetch(url: impl Into<String>) -> Fetch {
    let url = url.into();
    Fetch { read: data(String::new()), url, headers: Vec::new(), tags_of: None }
}

/// A read over HTTP.
///
/// While a page is rendered, the tags of the read are added to the page, and the page's period is
/// lowered to what is left of the read's. Requests for one address with the same headers share one
/// answer. The answer's own cache headers are ignored: the period is the one that is set here.
#[derive(Clone)]
#[must_use = "it reads nothing until `json` or `bytes` is called"]
pub struct Fetch {
    read: Read,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    tags_of: Option<TagsOf>,
}

/// Gives the tags that follow from an answer.
type TagsOf = Arc<dyn Fn(&[u8]) -> Vec<String> + Send + Sync>;

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("url", &self.url).field("read", &self.read).finish()
    }
}

impl Fetch {
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
            serde_json::from_slice(bytes).map(&tags_of).unwrap_or_default()
        }));
        self
    }

    /// Asks the source each time. A page that does so is not stored.
    pub fn no_store(mut self) -> Self {
        self.read = self.read.no_store();
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
    /// # Errors
    ///
    /// Returns a [`DataError`] whose [`cause`](DataError::cause) is a [`FetchError`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, DataError> {
        let url = self.url.clone();
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|source| DataError::new(FetchError::Json { url, source }))
    }

    /// Reads the answer's body.
    ///
    /// # Errors
    ///
    /// Returns a [`DataError`] whose [`cause`](DataError::cause) is a [`FetchError`].
    pub async fn bytes(self) -> Result<Bytes, DataError> {
        let Self { mut read, url, headers, tags_of } = self;
        let reading = reading();
        let reads = reading.as_ref().and_then(|reading| reading.reads());
        let client = reads.map_or_else(Client::shared, |reads| reads.client.clone());
        read.name = name(&url, &headers);
        read.bytes(move |validators| {
            Box::pin(async move {
                let mut loaded = client.get(&url, headers, validators).await?;
                if let (SourceAnswer::New { bytes, tags, .. }, Some(tags_of)) =
                    (&mut loaded, tags_of)
                {
                    tags.extend(tags_of(bytes).into_iter().map(Tag::new));
                }
                Ok(loaded)
            })
        })
        .await
    }
}

/// What tells answers apart. It is logged, so it has only a digest of a header's value, which may
/// be a token.
fn name(url: &str, headers: &[(HeaderName, HeaderValue)]) -> String {
    let mut name = format!("GET {url}");
    for (header, value) in headers {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(value.as_bytes()));
        name.push_str(&format!(" {header}:{digest}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, AUTHORIZATION};

    #[test]
    fn name_tells_headers_apart_and_shows_no_value() {
        let named =
            |header, value| name("http://a.example/", &[(header, HeaderValue::from_static(value))]);
        let token = named(AUTHORIZATION, "Bearer secret");
        assert!(token.starts_with("GET http://a.example/ authorization:"), "{token}");
        assert!(!token.contains("secret"), "{token}");
        assert_eq!(token, named(AUTHORIZATION, "Bearer secret"));
        assert_ne!(token, named(AUTHORIZATION, "Bearer other"));
        assert_ne!(token, named(ACCEPT, "Bearer secret"));
    }
}
