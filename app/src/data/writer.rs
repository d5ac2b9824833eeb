//! Writing articles through the content API.

use newsroom::{ArticleDraft, ArticleOverview, ArticleSource};
use reqwest::{Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;
use std::fmt;

use super::{
    source::{Newsroom, body, send},
    source_error::ContentError,
};

/// The editor's side of the content API: what needs its token.
///
/// Each call fails with [`ContentError`] if the API does not answer as it
/// should. What the API refuses (409 for a slug that is taken, 422 for a
/// draft) is [`ContentError::Status`] with the API's own words.
#[derive(Clone)]
pub struct ContentWriter {
    api: Newsroom,
    token: String,
}

impl ContentWriter {
    /// A writer that shares the connections of the source that `api` belongs to.
    pub fn new(api: Newsroom, token: impl Into<String>) -> Self {
        Self { api, token: token.into() }
    }

    /// All articles, published or not, newest first.
    ///
    /// # Errors
    ///
    /// See [`ContentWriter`].
    pub async fn overview(&self) -> Result<Vec<ArticleOverview>, ContentError> {
        let url = self.api.url(&["drafts"]);
        self.answer(&url, self.request(Method::GET, &url)).await
    }

    /// The article with `slug` as it was written.
    ///
    /// # Errors
    ///
    /// See [`ContentWriter`].
    pub async fn read(&self, slug: &str) -> Result<ArticleSource, ContentError> {
        let url = self.api.url(&["articles", slug, "source"]);
        self.answer(&url, self.request(Method::GET, &url)).await
    }

    /// Adds an article; the API gives it a slug if the draft has none.
    ///
    /// # Errors
    ///
    /// See [`ContentWriter`].
    pub async fn create(&self, draft: &ArticleDraft) -> Result<ArticleSource, ContentError> {
        let url = self.api.url(&["articles"]);
        self.answer(&url, self.request(Method::POST, &url).json(draft)).await
    }

    /// Replaces the article with `slug`.
    ///
    /// # Errors
    ///
    /// See [`ContentWriter`].
    pub async fn update(
        &self,
        slug: &str,
        draft: &ArticleDraft,
    ) -> Result<ArticleSource, ContentError> {
        let url = self.api.url(&["articles", slug]);
        self.answer(&url, self.request(Method::PUT, &url).json(draft)).await
    }

    /// Removes the article with `slug`.
    ///
    /// # Errors
    ///
    /// See [`ContentWriter`].
    pub async fn delete(&self, slug: &str) -> Result<(), ContentError> {
        let url = self.api.url(&["articles", slug]);
        send(&url, self.request(Method::DELETE, &url)).await.map(drop)
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.api.client().request(method, url.clone()).bearer_auth(&self.token)
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        url: &Url,
        request: RequestBuilder,
    ) -> Result<T, ContentError> {
        body(url, send(url, request).await?).await
    }
}

impl fmt::Debug for ContentWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentWriter").field("api", &self.api).finish_non_exhaustive()
    }
}
