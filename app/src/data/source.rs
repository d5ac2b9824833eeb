//! Reading articles and sections from the content API.

use http::StatusCode;
use leptos::prelude::expect_context;
use leptos_isr::{DataError, FetchError, FetchSettings};
use newsroom::{Article, ArticlePage, ArticleSummary, Section};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use super::{
    pagination::PageNumber,
    source_error::ContentError,
    tags,
    wire::{WireArticle, WirePage, WireSection},
};

const TIME_OUT: Duration = Duration::from_secs(10);
const MOST_PER_PAGE: u32 = 100;
const MAX_MESSAGE_CHARS: usize = 500;

/// Where the site reads its content: a JSON API over HTTP.
///
/// Clones share their connections. A request that takes longer than 10
/// seconds fails. What readers may see is read through the engine's data cache,
/// with the tags of what it shows; drafts are read anew each time.
#[derive(Clone)]
pub struct ContentSource {
    client: Client,
    base: Url,
    token: Option<Arc<str>>,
    reads: Reads,
    period: Option<Duration>,
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
        Ok(Self { client, base, token: None, reads: Reads::Published, period: None })
    }

    /// Gives the source the token with which it reads drafts in draft mode.
    ///
    /// Without one it reads published articles in draft mode too.
    #[must_use]
    pub fn with_token(mut self, token: Option<&str>) -> Self {
        self.token = token.map(Arc::from);
        self
    }

    /// How the engine asks for what pages read: with this source's connections.
    #[must_use]
    pub fn fetch_settings(&self) -> FetchSettings {
        FetchSettings { client: Some(self.client.clone()), ..FetchSettings::default() }
    }

    /// The source in context, reading what the visitor whose request is answered
    /// may see. Reads are fresh for as long as the page that reads.
    pub(super) fn for_visitor() -> Self {
        let source: Self = expect_context();
        let reads = match leptos_isr::is_draft() && source.token.is_some() {
            true => Reads::All,
            false => Reads::Published,
        };
        Self { reads, ..source }
    }

    /// The same source, whose reads are fresh for `period`: for pages that are
    /// not stored.
    pub(super) fn within(self, period: Duration) -> Self {
        Self { period: Some(period), ..self }
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
        let url = self.list_url(section, page, per_page);
        let page: WirePage = self.read(url, tags::list(section), Shows::Each).await?;
        Ok(page.into())
    }

    /// The newest articles of all sections, at most `limit`, each once.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the API does not answer as it should.
    pub async fn newest(&self, limit: usize) -> Result<Vec<ArticleSummary>, ContentError> {
        self.newest_as(limit, Shows::Each).await
    }

    /// As [`newest`](Self::newest), for a page of so many articles that it is
    /// labelled as showing any.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the API does not answer as it should.
    pub async fn newest_of_many(&self, limit: usize) -> Result<Vec<ArticleSummary>, ContentError> {
        self.newest_as(limit, Shows::Any).await
    }

    async fn newest_as(
        &self,
        limit: usize,
        shows: Shows,
    ) -> Result<Vec<ArticleSummary>, ContentError> {
        let per_page = u32::try_from(limit).unwrap_or(u32::MAX).clamp(1, MOST_PER_PAGE);
        // An article may appear twice when another is published between two pages.
        let mut slugs = HashSet::new();
        let mut newest = Vec::new();
        let mut read = 0;
        for page in PageNumber::all() {
            let url = self.list_url(None, page, per_page);
            let list: WirePage = self.read(url, tags::list(None), shows).await?;
            let list = ArticlePage::from(list);
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
        let url = self.url(&["articles", slug]);
        match self.read::<WireArticle>(url, tags::article(slug), Shows::Nothing).await {
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
        let url = self.url(&["sections"]);
        let sections: Vec<WireSection> =
            self.read(url, tags::SECTIONS.to_owned(), Shows::Nothing).await?;
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

    /// Reads `url`, labelled with `tag` and with the articles that the answer shows.
    async fn read<T: DeserializeOwned>(
        &self,
        mut url: Url,
        tag: String,
        shows: Shows,
    ) -> Result<T, ContentError> {
        if self.reads == Reads::All {
            url.query_pairs_mut().append_pair("drafts", "true");
            let request = self.client.get(url.clone());
            let request = match &self.token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            return body(&url, send(&url, request).await?).await;
        }
        let fetch = leptos_isr::fetch(url.as_str()).tags([tag]);
        let fetch = match self.period {
            Some(period) => fetch.revalidate(period),
            None => fetch,
        };
        let fetch = match shows {
            Shows::Nothing => fetch,
            Shows::Any => fetch.tags([tags::ANY_ARTICLE]),
            Shows::Each => fetch.tags_of(|page: WirePage| {
                page.articles.into_iter().map(|article| tags::article(article.slug())).collect()
            }),
        };
        fetch.json().await.map_err(|error| fetched(url, error))
    }
}

/// Which articles an answer shows besides what was asked for.
#[derive(Clone, Copy, Debug)]
enum Shows {
    Nothing,
    /// A list: each article in it.
    Each,
    /// A long list: any article.
    Any,
}

/// The cache's failure in the words of this module.
fn fetched(url: Url, error: DataError) -> ContentError {
    match error.cause().downcast_ref::<FetchError>() {
        Some(FetchError::Status { status, message: text, .. }) => {
            ContentError::Status { url: url.to_string(), status: *status, message: message(text) }
        }
        _ => ContentError::Fetch { url: url.to_string(), source: error },
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
