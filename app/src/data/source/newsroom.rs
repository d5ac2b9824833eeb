//! The newsroom's JSON API, or another that answers as it does.

use leptos_isr::{data::data, minutes};
use newsroom::{Article, ArticlePage};
use reqwest::{Client, Url};
use std::{collections::BTreeMap, fmt, time::Duration};

use super::{
    entries::{Entries, Sections},
    reader::{Labels, Reader, Reads, Shows},
    wire::{WireArticle, WirePage, WireSection},
};
use crate::data::{pagination::PageNumber, source_error::ContentError, tags};

/// How long the list of paths is fresh at which articles were before.
const ALIASES_PERIOD: Duration = minutes(5);

/// The JSON API of a newsroom.
#[derive(Clone)]
pub struct Newsroom {
    base: Url,
    client: Client,
}

impl Newsroom {
    /// The API below `base`, asked over the connections of `client`.
    pub(super) fn new(base: Url, client: Client) -> Self {
        Self { base, client }
    }

    pub(super) async fn list(
        &self,
        reader: &Reader,
        section: Option<&str>,
        (page, per_page): (PageNumber, u32),
        shows: Shows,
    ) -> Result<ArticlePage, ContentError> {
        let mut url = self.read_url(reader, &["articles"]);
        url.query_pairs_mut()
            .extend_pairs(section.map(|section| ("section", section)))
            .append_pair("page", &page.number().to_string())
            .append_pair("per_page", &per_page.to_string());
        let page = reader.read(url, Labels::list(section, shows, WirePage::tags)).await?;
        Ok(page.into())
    }

    pub(super) async fn article(
        &self,
        reader: &Reader,
        slug: &str,
    ) -> Result<Option<Article>, ContentError> {
        // As segments of an address these would name other resources.
        if matches!(slug, "" | "." | "..") {
            return Ok(None);
        }
        let url = self.read_url(reader, &["articles", slug]);
        let labels =
            Labels::article(slug, |article: WireArticle| vec![tags::article(article.slug())]);
        match reader.read(url, labels).await {
            Ok(article) => Ok(Some(article.into())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn sections(&self, reader: &Reader) -> Result<Sections, ContentError> {
        let url = self.read_url(reader, &["sections"]);
        let labels = Labels::known(tags::SECTIONS.to_owned());
        let sections: Entries<WireSection> = reader.read(url, labels).await?;
        let read = sections.read.into_iter().map(Into::into).collect();
        Ok(Sections { read, is_whole: sections.is_whole })
    }

    /// The paths at which articles were before, each with the slug of its article. An API that
    /// has no such list has no such paths, which is kept as a list is.
    pub(super) async fn aliases(
        &self,
        reader: &Reader,
    ) -> Result<BTreeMap<String, String>, ContentError> {
        let url = self.url(&["aliases"]);
        let (reader, asked) = (reader.clone().within(ALIASES_PERIOD), url.clone());
        let read =
            async move || match reader.read(asked, Labels::known(tags::ALIASES.to_owned())).await {
                Err(error) if error.is_absent() => Ok(BTreeMap::new()),
                read => read,
            };
        let aliases = data(format!("aliases of {url}")).tags([tags::ALIASES]);
        let aliases = aliases.revalidate(ALIASES_PERIOD).load(read).await;
        aliases.map_err(|source| ContentError::Fetch { url: url.to_string(), source })
    }

    fn read_url(&self, reader: &Reader, segments: &[&str]) -> Url {
        let mut url = self.url(segments);
        if reader.reads() == Reads::All {
            url.query_pairs_mut().append_pair("drafts", "true");
        }
        url
    }

    /// The address of a resource of the API; each segment is percent-encoded.
    pub(in crate::data) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an HTTP address has a path")
            .pop_if_empty()
            .extend(segments);
        url
    }

    pub(in crate::data) fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Newsroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newsroom").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leptos_isr::data::client_builder;

    #[test]
    fn slugs_stay_inside_their_segment() {
        for base in ["http://localhost:4000/api", "http://localhost:4000/api/"] {
            let api = Newsroom::new(Url::parse(base).unwrap(), client_builder().build().unwrap());
            assert_eq!(
                api.url(&["articles", "a/b?c ü"]).as_str(),
                "http://localhost:4000/api/articles/a%2Fb%3Fc%20%C3%BC"
            );
        }
    }
}
