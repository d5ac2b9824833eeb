//! Reading articles and sections from the content API.

use http::StatusCode;
use leptos::prelude::expect_context;
use newsroom::{Article, ArticlePage, ArticleSummary, Section};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use super::{
    pagination::PageNumber,
    source_error::ContentError,
    wire::{WireArticle, WirePage, WireSection},
};

const TIME_OUT: Duration = Duration::from_secs(10);
const MOST_PER_PAGE: u32 = 100;
const MAX_MESSAGE_CHARS: usize = 500;

/// Where the site reads its content: a JSON API over HTTP.
///
/// Clones share their connections. A request that takes longer than 10
/// seconds fails. Nothing is kept between calls: pages are stored, reads are not.
#[derive(Clone)]
pub struct ContentSource {
    client: Client,
    base: Url,
    token: Option<Arc<str>>,
    reads: Reads,
}

/// Which articles a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Published,
    /// Drafts too, as if they were published.
    All,
}

impl ContentSource {
    /// A source that reads below `base_url`, as `http://127.0.0.1:4000/api`.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError::BaseUrl`] if `base_url` is no HTTP address, and
    /// [`ContentError::Client`] if the client cannot be set up.
    pub fn new(base_url: &str) -> Result<Self, ContentError> {
        let base = parse(base_url)?;
        // An error means that the process has chosen its TLS already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(TIME_OUT).build();
        let client =
            client.map_err(|source| ContentError::Client { url: base_url.to_owned(), source })?;
        Ok(Self { client, base, token: None, reads: Reads::Published })
    }

    /// Gives the source the token with which it reads drafts in draft mode.
    ///
    /// Without one it reads published articles in draft mode too.
    #[must_use]
    pub fn with_token(mut self, token: Option<&str>) -> Self {
        self.token = token.map(Arc::from);
        self
    }

    /// The source in context, reading what the visitor whose request is answered may see.
    pub(super) fn for_visitor() -> Self {
        let source: Self = expect_context();
        let reads = match leptos_isr::is_draft() && source.token.is_some() {
            true => Reads::All,
            false => Reads::Published,
        };
        Self { reads, ..source }
    }

    /// One page of the published articles, newest first; of one section if it is given.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the API does not answer as it should.
    pub async fn list(
        &self,
        section: Option<&str>,
        page: PageNumber,
        per_page: u32,
    ) -> Result<ArticlePage, ContentError> {
        let page: WirePage = self.read(self.list_url(section, page, per_page)).await?;
        Ok(page.into())
    }

    /// The newest articles of all sections, at most `limit`, each once.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the API does not answer as it should.
    pub async fn newest(&self, limit: usize) -> Result<Vec<ArticleSummary>, ContentError> {
        let per_page = u32::try_from(limit).unwrap_or(u32::MAX).clamp(1, MOST_PER_PAGE);
        // An article may appear twice when another is published between two pages.
        let mut slugs = HashSet::new();
        let mut newest = Vec::new();
        let mut read = 0;
        for page in PageNumber::all() {
            let list = self.list(None, page, per_page).await?;
            read += list.articles.len() as u64;
            let is_last = list.articles.is_empty() || read >= list.total;
            newest.extend(list.articles.into_iter().filter(|a| slugs.insert(a.slug.clone())));
            if is_last || newest.len() >= limit {
                break;
            }
        }
        newest.truncate(limit);
        Ok(newest)
    }

    /// The published article with `slug`; none if the API answers 404.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the API does not answer as it should.
    pub async fn article(&self, slug: &str) -> Result<Option<Article>, ContentError> {
        // As segments of an address these would name other resources.
        if matches!(slug, "" | "." | "..") {
            return Ok(None);
        }
        match self.read::<WireArticle>(self.url(&["articles", slug])).await {
            Ok(article) => Ok(Some(article.into())),
            Err(ContentError::Status { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All sections that have published articles.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the API does not answer as it should.
    pub async fn sections(&self) -> Result<Vec<Section>, ContentError> {
        let sections: Vec<WireSection> = self.read(self.url(&["sections"])).await?;
        Ok(sections.into_iter().map(Into::into).collect())
    }

    fn list_url(&self, section: Option<&str>, page: PageNumber, per_page: u32) -> Url {
        let mut url = self.url(&["articles"]);
        url.query_pairs_mut()
            .extend_pairs(section.map(|section| ("section", section)))
            .append_pair("page", &page.number().to_string())
            .append_pair("per_page", &per_page.to_string());
        url
    }

    /// The address of a resource of the API; each segment is percent-encoded.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an HTTP address has a path")
            .pop_if_empty()
            .extend(segments);
        url
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    async fn read<T: DeserializeOwned>(&self, mut url: Url) -> Result<T, ContentError> {
        if self.reads == Reads::All {
            url.query_pairs_mut().append_pair("drafts", "true");
        }
        let mut request = self.client.get(url.clone());
        if let (Reads::All, Some(token)) = (self.reads, &self.token) {
            request = request.bearer_auth(token);
        }
        body(&url, send(&url, request).await?).await
    }
}

impl fmt::Debug for ContentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut source = f.debug_struct("ContentSource");
        source.field("base", &self.base.as_str()).field("reads", &self.reads);
        source.finish_non_exhaustive()
    }
}

/// Sends `request`; an answer that is no success is an error with the API's own words.
pub(super) async fn send(url: &Url, request: RequestBuilder) -> Result<Response, ContentError> {
    let answer = request.send().await.map_err(|source| no_answer(url, source))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    Err(ContentError::Status { url: url.to_string(), status, message: message(&text) })
}

/// Reads an answer's JSON.
pub(super) async fn body<T: DeserializeOwned>(
    url: &Url,
    answer: Response,
) -> Result<T, ContentError> {
    let bytes = answer.bytes().await.map_err(|source| no_answer(url, source))?;
    serde_json::from_slice(&bytes)
        .map_err(|source| ContentError::Body { url: url.to_string(), source })
}

fn no_answer(url: &Url, source: reqwest::Error) -> ContentError {
    ContentError::Request { url: url.to_string(), source: source.without_url() }
}

fn message(text: &str) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    match serde_json::from_str::<Said>(text) {
        Ok(said) => said.error,
        Err(_) => text.trim().chars().take(MAX_MESSAGE_CHARS).collect(),
    }
}

fn parse(base_url: &str) -> Result<Url, ContentError> {
    let refused = |source| ContentError::BaseUrl { url: base_url.to_owned(), source };
    let url = Url::parse(base_url).map_err(|error| refused(Some(error.into())))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(refused(None)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_stay_inside_their_segment() {
        for base in ["http://localhost:4000/api", "http://localhost:4000/api/"] {
            let source = ContentSource::new(base).unwrap();
            assert_eq!(
                source.url(&["articles", "a/b?c ü"]).as_str(),
                "http://localhost:4000/api/articles/a%2Fb%3Fc%20%C3%BC"
            );
        }
    }

    #[test]
    fn only_http_addresses_are_accepted() {
        for base in ["", "localhost:4000", "file:///etc", "ftp://example.org"] {
            let error = ContentSource::new(base).unwrap_err();
            assert!(error.to_string().contains(base), "{error}");
        }
    }

    #[test]
    fn api_errors_keep_their_words() {
        assert_eq!(message(r#"{"error":"`slug` is taken"}"#), "`slug` is taken");
        assert_eq!(message(" <h1>Bad gateway</h1> "), "<h1>Bad gateway</h1>");
    }
}
