//! What the site and the JSON API say about articles and sections.
//!
//! Times are RFC 3339 strings in UTC with whole seconds (`2024-01-31T10:00:00Z`): they sort as text,
//! and the browser needs no date library to carry them.

use serde::{Deserialize, Serialize};

/// What a list shows of a published article, or of a draft to those who may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArticleSummary {
    /// The article's name in addresses, unique on the site.
    pub slug: String,
    /// The headline, plain text.
    pub title: String,
    /// One or two sentences, plain text; may be empty.
    pub summary: String,
    /// The slug of the article's section.
    pub section: String,
    /// Who wrote it.
    pub author: String,
    /// When it was or will be published; empty for a draft that was never given a time.
    pub published_at: String,
    /// When its content last changed.
    pub updated_at: String,
}

/// A published article as its own page shows it.
///
/// The fields of [`ArticleSummary`] and the body; in JSON they stand side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// The article's name in addresses, unique on the site.
    pub slug: String,
    /// The headline, plain text.
    pub title: String,
    /// One or two sentences, plain text; may be empty.
    pub summary: String,
    /// The slug of the article's section.
    pub section: String,
    /// Who wrote it.
    pub author: String,
    /// When it was or will be published; empty for a draft that was never given a time.
    pub published_at: String,
    /// When its content last changed.
    pub updated_at: String,
    /// The section's name, as readers see it.
    #[serde(default)]
    pub section_name: String,
    /// The body as sanitised HTML: safe to place into a page as it is.
    pub body_html: String,
}

/// One page of a list of published articles, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArticlePage {
    /// The articles on this page; none when the page lies past the end.
    pub articles: Vec<ArticleSummary>,
    /// How many articles the whole list has, over all its pages.
    pub total: u64,
}

/// A section that has at least one published article.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The section's name in addresses.
    pub slug: String,
    /// The section's name as first written by an article.
    pub name: String,
    /// How many published articles it has.
    pub count: u64,
}

/// What an editor sends to create or replace an article.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArticleDraft {
    /// The headline: 1 to 200 characters.
    pub title: String,
    /// One or two sentences, plain text; may be empty.
    #[serde(default)]
    pub summary: String,
    /// The name of the section, as readers see it ("HTTP caching").
    pub section: String,
    /// Who wrote it.
    pub author: String,
    /// The body in Markdown, at most 1 MiB. Raw HTML in it is sanitised.
    pub body_markdown: String,
    /// The name in addresses; without it a new article gets one made from its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// When it was or will be published, in RFC 3339.
    ///
    /// Without it an article keeps the time it has; one that has none gets the time at which it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// Whether readers see it.
    pub published: bool,
}

/// An article as its editor reads it back, published or not.
///
/// Sent back as it is, it is an [`ArticleDraft`] that changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArticleSource {
    /// The article's name in addresses.
    pub slug: String,
    /// The headline.
    pub title: String,
    /// One or two sentences; may be empty.
    pub summary: String,
    /// The name of the section.
    pub section: String,
    /// The slug of the section.
    #[serde(default)]
    pub section_slug: String,
    /// Who wrote it.
    pub author: String,
    /// The body in Markdown.
    pub body_markdown: String,
    /// When it was or will be published; none for a draft that was never given a time.
    pub published_at: Option<String>,
    /// Whether readers see it.
    pub published: bool,
    /// When its content last changed.
    pub updated_at: String,
}

/// One line of the editor's list of all articles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArticleOverview {
    /// The article's name in addresses.
    pub slug: String,
    /// The headline.
    pub title: String,
    /// The name of the section.
    pub section: String,
    /// Who wrote it.
    pub author: String,
    /// When it was or will be published; none for a draft that was never given a time.
    pub published_at: Option<String>,
    /// Whether readers see it.
    pub published: bool,
    /// When its content last changed.
    pub updated_at: String,
}

impl From<ArticleSource> for ArticleDraft {
    fn from(source: ArticleSource) -> Self {
        Self {
            title: source.title,
            summary: source.summary,
            section: source.section,
            author: source.author,
            body_markdown: source.body_markdown,
            slug: Some(source.slug),
            published_at: source.published_at,
            published: source.published,
        }
    }
}
