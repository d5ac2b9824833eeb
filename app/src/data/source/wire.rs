//! What back ends answer, read tolerantly: they may leave out what is not
//! essential, say `null`, or add fields.

use newsroom::{Article, ArticlePage, ArticleSummary, Section};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::entries::Entries;
use crate::data::tags;

#[derive(Deserialize)]
pub(super) struct WireArticle {
    #[serde(deserialize_with = "slug")]
    slug: String,
    title: String,
    summary: Option<String>,
    section: Option<String>,
    author: Option<String>,
    #[serde(default, deserialize_with = "date")]
    published_at: Option<String>,
    #[serde(default, deserialize_with = "date")]
    updated_at: Option<String>,
    section_name: Option<String>,
    body_html: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WirePage {
    articles: Entries<WireArticle>,
    total: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct WireSection {
    #[serde(deserialize_with = "slug")]
    slug: String,
    name: Option<String>,
    count: Option<u64>,
}

/// A name in addresses; these would name another address than one below.
fn slug<'de, D: Deserializer<'de>>(slug: D) -> Result<String, D::Error> {
    let slug = String::deserialize(slug)?;
    match slug.as_str() {
        "" | "." | ".." => Err(D::Error::custom(format!("{slug:?} is no slug"))),
        _ => Ok(slug),
    }
}

/// A date as the model has it; nothing where there is none yet, as in a draft.
fn date<'de, D: Deserializer<'de>>(date: D) -> Result<Option<String>, D::Error> {
    let date = Option::<String>::deserialize(date)?.filter(|text| !text.is_empty());
    let read = |text: String| {
        newsroom::moment(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is no date: write one as `2024-01-31T10:00:00Z`"))
        })
    };
    date.map(read).transpose()
}

impl WireArticle {
    pub(super) fn slug(&self) -> &str {
        &self.slug
    }

    pub(super) fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }
}

impl WirePage {
    /// The tags of the articles on the page, and of those that will be once they are mended.
    pub(super) fn tags(self) -> Vec<String> {
        let read = self.articles.read.iter().map(WireArticle::slug);
        let left_out = self.articles.left_out.iter().map(String::as_str);
        read.chain(left_out).map(tags::article).collect()
    }
}

impl From<WireArticle> for Article {
    fn from(wire: WireArticle) -> Self {
        let published_at = wire.published_at.unwrap_or_default();
        let section = wire.section.unwrap_or_default();
        Self {
            slug: wire.slug,
            title: wire.title,
            summary: wire.summary.unwrap_or_default(),
            section_name: wire.section_name.unwrap_or_else(|| section.clone()),
            section,
            author: wire.author.unwrap_or_default(),
            updated_at: wire.updated_at.unwrap_or_else(|| published_at.clone()),
            published_at,
            body_html: wire.body_html.unwrap_or_default(),
        }
    }
}

impl From<WireArticle> for ArticleSummary {
    fn from(wire: WireArticle) -> Self {
        let article = Article::from(wire);
        Self {
            slug: article.slug,
            title: article.title,
            summary: article.summary,
            section: article.section,
            author: article.author,
            published_at: article.published_at,
            updated_at: article.updated_at,
        }
    }
}

impl From<WirePage> for ArticlePage {
    fn from(wire: WirePage) -> Self {
        let articles: Vec<_> = wire.articles.read.into_iter().map(Into::into).collect();
        Self { total: wire.total.unwrap_or(articles.len() as u64), articles }
    }
}

impl From<WireSection> for Section {
    fn from(wire: WireSection) -> Self {
        Self {
            name: wire.name.filter(|name| !name.is_empty()).unwrap_or_else(|| wire.slug.clone()),
            slug: wire.slug,
            count: wire.count.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_unknown_fields_are_accepted() {
        let json = r#"{"slug":"a","title":"A","summary":null,"published_at":"2026-01-01T00:00:00Z","likes":3}"#;
        let article: Article = serde_json::from_str::<WireArticle>(json).unwrap().into();
        assert_eq!(article.updated_at, "2026-01-01T00:00:00Z");
        assert_eq!((article.summary.as_str(), article.body_html.as_str()), ("", ""));

        let section: Section =
            serde_json::from_str::<WireSection>(r#"{"slug":"s"}"#).unwrap().into();
        assert_eq!(section, Section { slug: "s".to_owned(), name: "s".to_owned(), count: 0 });
    }

    #[test]
    fn page_has_the_tag_of_an_article_that_it_leaves_out() {
        let json = r#"{"articles":[{"slug":"a","title":"A"},{"slug":"b","title":"\ud800"}]}"#;
        let page: WirePage = serde_json::from_str(json).unwrap();
        assert_eq!(page.tags(), ["article:a", "article:b"]);
    }

    #[test]
    fn dates_are_moments_in_utc_however_a_back_end_writes_them() {
        for (written, moment) in [
            (r#""2026-01-01T10:00:00.999Z""#, "2026-01-01T10:00:00Z"),
            (r#""2026-01-01T01:00:00+02:00""#, "2025-12-31T23:00:00Z"),
            (r#""2026-01-01T10:00:00""#, "2026-01-01T10:00:00Z"),
            (r#""2026-01-01T10:00Z""#, "2026-01-01T10:00:00Z"),
            (r#""2026-01-01 10:00""#, "2026-01-01T10:00:00Z"),
            (r#""2026-01-01""#, "2026-01-01T00:00:00Z"),
            (r#""""#, ""),
            ("null", ""),
        ] {
            let json = format!(r#"{{"slug":"a","title":"A","published_at":{written}}}"#);
            let article: Article = serde_json::from_str::<WireArticle>(&json).unwrap().into();
            assert_eq!((&*article.published_at, &*article.updated_at), (moment, moment), "{json}");
        }
    }

    #[test]
    fn page_without_a_total_has_what_it_lists() {
        let json = r#"{"articles":[{"slug":"a","title":"A"}]}"#;
        let page: ArticlePage = serde_json::from_str::<WirePage>(json).unwrap().into();
        assert_eq!(page.total, 1);
    }

    #[test]
    fn article_that_cannot_be_linked_named_or_dated_is_refused_and_left_out_of_lists() {
        for bad in [
            r#"{"slug":"a"}"#,
            r#"{"slug":"a","title":null}"#,
            r#"{"slug":"a","title":"\ud800"}"#,
            r#"{"title":"A"}"#,
            r#"{"slug":"","title":"A"}"#,
            r#"{"slug":"..","title":"A"}"#,
            r#"{"slug":"a","title":"A","published_at":"soon"}"#,
            r#"{"slug":"a","title":"A","published_at":"2026-02-30T10:00:00Z"}"#,
            r#"{"slug":"a","title":"A","updated_at":"2026-01-01T25:00:00Z"}"#,
        ] {
            assert!(serde_json::from_str::<WireArticle>(bad).is_err(), "{bad}");
            let json = format!(r#"{{"articles":[{bad},{{"slug":"b","title":"B"}}],"total":2}}"#);
            let page: ArticlePage = serde_json::from_str::<WirePage>(&json).unwrap().into();
            assert_eq!((page.articles.len(), &*page.articles[0].slug), (1, "b"), "{bad}");
        }
    }
}
