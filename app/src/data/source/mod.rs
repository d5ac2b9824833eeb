//! Reading articles and sections from where the site's content is.

mod entries;
mod message;
mod newsroom;
mod reader;
mod sanity;
mod wire;

use ::newsroom::{Article, ArticlePage, ArticleSummary, Section, alias_path};
use leptos::prelude::expect_context;
use leptos_isr::data::FetchSettings;
use reqwest::Url;
use std::{collections::HashSet, time::Duration};

pub(super) use self::reader::{body, send};
use self::{
    entries::Sections,
    reader::{Reader, SendsToken, Shows},
    sanity::Sanity,
};
pub use self::{entries::left_out, newsroom::Newsroom, sanity::SanityDataset};
use super::{pagination::PageNumber, source_error::ContentError};

const MOST_PER_PAGE: u32 = 100;

/// Where the site reads its content: over HTTP, from the newsroom's JSON API or
/// from Sanity.
///
/// Clones share their connections. A request that takes longer than 10
/// seconds fails. What readers may see is read through the engine's data cache,
/// with the tags of what it shows; drafts are read anew each time.
#[derive(Clone, Debug)]
pub struct ContentSource {
    back_end: BackEnd,
    reader: Reader,
}

#[derive(Clone, Debug)]
enum BackEnd {
    Newsroom(Newsroom),
    Sanity(Sanity),
}

impl ContentSource {
    /// A source that reads a newsroom's API below `base_url`, as
    /// `http://127.0.0.1:4000/api`.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError::BaseUrl`] if `base_url` is no HTTP address, and
    /// [`ContentError::Client`] if the client cannot be set up.
    pub fn new(base_url: &str) -> Result<Self, ContentError> {
        let base = parse(base_url)?;
        let reader = Reader::new(&base, SendsToken::ForDrafts)?;
        let api = Newsroom::new(base, reader.client().clone());
        Ok(Self { back_end: BackEnd::Newsroom(api), reader })
    }

    /// A source that reads a dataset of Sanity.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError::BaseUrl`] if the dataset's address is no HTTP
    /// address, and [`ContentError::Client`] if the client cannot be set up.
    pub fn sanity(dataset: &SanityDataset) -> Result<Self, ContentError> {
        let base = parse(&dataset.base_url())?;
        let reader = Reader::new(&base, SendsToken::Always)?;
        Ok(Self { back_end: BackEnd::Sanity(Sanity::new(&base, dataset)), reader })
    }

    /// Gives the source the token with which it reads drafts in draft mode;
    /// Sanity is shown it with every request, for datasets that are private.
    ///
    /// Without one it reads published articles in draft mode too.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError::Token`] if no header can carry the token.
    pub fn with_token(mut self, token: Option<&str>) -> Result<Self, ContentError> {
        self.reader = self.reader.with_token(token)?;
        Ok(self)
    }

    /// How the engine asks for what pages read: with this source's connections.
    #[must_use]
    pub fn fetch_settings(&self) -> FetchSettings {
        let client = Some(self.reader.client().clone());
        FetchSettings { client, ..FetchSettings::default() }
    }

    /// The API that articles can be written through; none where the content is
    /// edited elsewhere.
    #[must_use]
    pub fn newsroom(&self) -> Option<&Newsroom> {
        match &self.back_end {
            BackEnd::Newsroom(api) => Some(api),
            BackEnd::Sanity(_) => None,
        }
    }

    /// The source in context, reading what the visitor whose request is answered
    /// may see. Reads are fresh for as long as the page that reads.
    pub(crate) fn for_visitor() -> Self {
        let Self { back_end, reader } = expect_context();
        match leptos_isr::is_draft() {
            true => Self { back_end, reader: reader.with_drafts() },
            false => Self { back_end, reader },
        }
    }

    /// The same source, whose reads are fresh for `period`: for pages that are
    /// not stored.
    pub(crate) fn within(self, period: Duration) -> Self {
        Self { reader: self.reader.within(period), ..self }
    }

    /// One page of the published articles, newest first; of one section if it is given.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should.
    pub async fn list(
        &self,
        section: Option<&str>,
        page: PageNumber,
        per_page: u32,
    ) -> Result<ArticlePage, ContentError> {
        self.list_as(section, (page, per_page), Shows::Each).await
    }

    /// The newest articles of all sections, at most `limit`, each once.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should.
    pub async fn newest(&self, limit: usize) -> Result<Vec<ArticleSummary>, ContentError> {
        self.newest_as(limit, Shows::Each).await
    }

    /// As [`newest`](Self::newest), for a page of so many articles that it is
    /// labelled as showing any.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should.
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
            let list = self.list_as(None, (page, per_page), shows).await?;
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

    async fn list_as(
        &self,
        section: Option<&str>,
        page: (PageNumber, u32),
        shows: Shows,
    ) -> Result<ArticlePage, ContentError> {
        match &self.back_end {
            BackEnd::Newsroom(api) => api.list(&self.reader, section, page, shows).await,
            BackEnd::Sanity(sanity) => sanity.list(&self.reader, section, page, shows).await,
        }
    }

    /// The published article with `slug`; none if there is no such article.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should.
    pub async fn article(&self, slug: &str) -> Result<Option<Article>, ContentError> {
        match &self.back_end {
            BackEnd::Newsroom(api) => api.article(&self.reader, slug).await,
            BackEnd::Sanity(sanity) => sanity.article(&self.reader, slug).await,
        }
    }

    /// The slug of the published article that was at `path` before; none if there is none, or the
    /// back end knows of no such paths.
    ///
    /// All such paths are one list, so the back end is asked once in five minutes, whichever paths
    /// are asked for. While it does not answer, the list that was last read serves.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should.
    pub async fn moved_from(&self, path: &str) -> Result<Option<String>, ContentError> {
        let Some(path) = alias_path(path) else { return Ok(None) };
        match &self.back_end {
            BackEnd::Newsroom(api) => Ok(api.aliases(&self.reader).await?.remove(&path)),
            BackEnd::Sanity(_) => Ok(None),
        }
    }

    /// All sections that have published articles, by name. One that cannot be read is left out.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should.
    pub async fn sections(&self) -> Result<Vec<Section>, ContentError> {
        Ok(self.sections_read().await?.read)
    }

    /// The section with `slug`; none if there is no such section.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError`] if the back end does not answer as it should, and if it has a
    /// section that cannot be read and none with this slug: it may be that one.
    pub async fn section(&self, slug: &str) -> Result<Option<Section>, ContentError> {
        let Sections { read, is_whole } = self.sections_read().await?;
        match read.into_iter().find(|section| section.slug == slug) {
            None if !is_whole => Err(ContentError::Section { slug: slug.to_owned() }),
            section => Ok(section),
        }
    }

    async fn sections_read(&self) -> Result<Sections, ContentError> {
        match &self.back_end {
            BackEnd::Newsroom(api) => api.sections(&self.reader).await,
            BackEnd::Sanity(sanity) => sanity.sections(&self.reader).await,
        }
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
    fn only_http_addresses_are_accepted() {
        for base in ["", "localhost:4000", "file:///etc", "ftp://example.org"] {
            let error = ContentSource::new(base).unwrap_err();
            assert!(error.to_string().contains(base), "{error}");
        }
    }

    #[test]
    fn token_is_refused_where_no_header_can_carry_it_and_is_never_shown() {
        let source = ContentSource::new("http://localhost:4000").unwrap();
        let error = source.clone().with_token(Some("secret\n")).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("token") && !shown.contains("secret"), "{shown}");
        let shown = format!("{:?}", source.with_token(Some("secret")).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
