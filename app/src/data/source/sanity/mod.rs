//! Sanity: GROQ queries over its HTTP API.
//!
//! The queries are the `.groq` files beside this one, sent as they are; what a
//! visitor asked for goes beside them as parameters.

mod dataset;
mod portable_text;
mod wire;

use newsroom::{Article, ArticlePage};
use reqwest::Url;
use serde_json::{Value, json};

pub use self::dataset::SanityDataset;
use self::wire::{Answered, SanityArticle, SanitySections};
use super::{
    entries::Sections,
    reader::{Labels, Reader, Reads, Shows},
    wire::WirePage,
};
use crate::data::{pagination::PageNumber, source_error::ContentError, tags};

const LIST: &str = include_str!("list.groq");
const LIST_OF_SECTION: &str = include_str!("list_of_section.groq");
const ARTICLE: &str = include_str!("article.groq");
const SECTIONS: &str = include_str!("sections.groq");

/// The query API of a dataset.
#[derive(Clone, Debug)]
pub(super) struct Sanity {
    queries: Url,
}

impl Sanity {
    /// The API of `dataset` below `base`.
    pub(super) fn new(base: &Url, dataset: &SanityDataset) -> Self {
        let mut queries = base.clone();
        queries.path_segments_mut().expect("an HTTP address has a path").pop_if_empty().extend([
            &*dataset.api_version,
            "data",
            "query",
            &*dataset.dataset,
        ]);
        Self { queries }
    }

    pub(super) async fn list(
        &self,
        reader: &Reader,
        section: Option<&str>,
        (page, per_page): (PageNumber, u32),
        shows: Shows,
    ) -> Result<ArticlePage, ContentError> {
        let from = u64::from(page.number() - 1) * u64::from(per_page);
        let range = [("$from", json!(from)), ("$to", json!(from + u64::from(per_page)))];
        let url = match section {
            Some(section) => {
                let [from, to] = range;
                self.query(reader, LIST_OF_SECTION, &[("$section", json!(section)), from, to])
            }
            None => self.query(reader, LIST, &range),
        };
        let labels = Labels::list(section, shows, |page: Answered<WirePage>| page.result.tags());
        Ok(reader.read(url, labels).await?.result.into())
    }

    pub(super) async fn article(
        &self,
        reader: &Reader,
        slug: &str,
    ) -> Result<Option<Article>, ContentError> {
        let url = self.query(reader, ARTICLE, &[("$slug", json!(slug))]);
        // Its section has a name of its own, which changes apart from the article.
        let labels = Labels::article(slug, |answer: Answered<Option<SanityArticle>>| {
            let Some(article) = answer.result else { return Vec::new() };
            let section = article.wire.section().map(|section| tags::list(Some(section)));
            section.into_iter().chain([tags::article(article.wire.slug())]).collect()
        });
        let article = reader.read(url, labels).await?.result;
        let article = article.map(SanityArticle::into_article).transpose();
        article.map_err(|source| ContentError::Markdown { slug: slug.to_owned(), source })
    }

    pub(super) async fn sections(&self, reader: &Reader) -> Result<Sections, ContentError> {
        let url = self.query(reader, SECTIONS, &[]);
        let labels = Labels::known(tags::SECTIONS.to_owned());
        let sections: Answered<SanitySections> = reader.read(url, labels).await?;
        Ok(sections.result.into_sections())
    }

    /// The address of `query`; parameters are written as JSON, so that no text
    /// becomes a part of the query.
    fn query(&self, reader: &Reader, query: &str, parameters: &[(&str, Value)]) -> Url {
        let perspective = match reader.reads() {
            Reads::Published => "published",
            Reads::All => "drafts",
        };
        let mut url = self.queries.clone();
        url.query_pairs_mut()
            .append_pair("query", &on_one_line(query))
            .append_pair("perspective", perspective)
            .extend_pairs(parameters.iter().map(|(name, value)| (name, value.to_string())));
        url
    }
}

/// The queries hold no text in which white space counts.
fn on_one_line(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::source::reader::SendsToken;

    #[test]
    fn what_was_asked_for_stays_outside_of_the_query() {
        let base = Url::parse("https://p1.api.sanity.io/").unwrap();
        let sanity = Sanity::new(&base, &SanityDataset::new("p1", "~live"));
        let reader = Reader::new(&base, SendsToken::Always).unwrap();
        let slug = r#""] | *["#;
        let url = sanity.query(&reader, ARTICLE, &[("$slug", json!(slug))]);
        assert_eq!(url.path(), "/v2025-02-19/data/query/~live");
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let expected = [
            ("query", &*on_one_line(ARTICLE)),
            ("perspective", "published"),
            ("$slug", r#""\"] | *[""#),
        ];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
