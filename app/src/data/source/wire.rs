//! What back ends answer, read tolerantly: they may leave out what is not
//! essential, say `null`, or add fields.

use newsroom::{Article, ArticlePage, ArticleSummary, Section};
use serde::Deserialize;

use crate::data::tags;

#[derive(Deserialize)]
pub(super) struct WireArticle {
    slug: String,
    title: String,
    summary: Option<String>,
    section: Option<String>,
    author: Option<String>,
    published_at: Option<String>,
    updated_at: Option<String>,
    section_name: Option<String>,
    body_html: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WirePage {
    articles: Vec<WireArticle>,
    total: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct WireSection {
    slug: String,
    name: Option<String>,
    count: Option<u64>,
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
    /// The tags of the articles on the page.
    pub(super) fn tags(self) -> Vec<String> {
        self.articles.iter().map(|article| tags::article(article.slug())).collect()
    }
}

impl From<WireArticle> for Article {
    fn from(wire: WireArticle) -> Self {
        let published_at = whole_seconds(wire.published_at.unwrap_or_default());
        let section = wire.section.unwrap_or_default();
        Self {
            slug: wire.slug,
            title: wire.title,
            summary: wire.summary.unwrap_or_default(),
            section_name: wire.section_name.unwrap_or_else(|| section.clone()),
            section,
            author: wire.author.unwrap_or_default(),
            updated_at: wire.updated_at.map_or_else(|| published_at.clone(), whole_seconds),
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
        let articles: Vec<_> = wire.articles.into_iter().map(Into::into).collect();
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

/// A moment in UTC without parts of a second; other text as it is.
fn whole_seconds(moment: String) -> String {
    match humantime::parse_rfc3339(&moment) {
        Ok(time) => humantime::format_rfc3339_seconds(time).to_string(),
        Err(_) => moment,
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
    fn moments_have_whole_seconds() {
        for (moment, whole) in [
            ("2026-01-01T10:00:00.999Z", "2026-01-01T10:00:00Z"),
            ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
            ("2026-01-01", "2026-01-01"),
            ("", ""),
        ] {
            assert_eq!(whole_seconds(moment.to_owned()), whole);
        }
    }

    #[test]
    fn page_without_a_total_has_what_it_lists() {
        let json = r#"{"articles":[{"slug":"a","title":"A"}]}"#;
        let page: ArticlePage = serde_json::from_str::<WirePage>(json).unwrap().into();
        assert_eq!(page.total, 1);
    }

    #[test]
    fn article_without_a_title_is_refused() {
        assert!(serde_json::from_str::<WireArticle>(r#"{"slug":"a"}"#).is_err());
    }
}
