//! A stored article, and what a write makes of it.

use crate::{
    model::{Article, ArticleSource},
    prepared::Prepared,
};
use sqlx::{FromRow, Row as _, sqlite::SqliteRow};

/// All that is stored of one article.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) slug: String,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) section: String,
    pub(super) author: String,
    pub(super) published: bool,
    pub(super) published_at: Option<String>,
    pub(super) updated_at: String,
    pub(super) body_markdown: String,
    pub(super) body_html: String,
}

impl Row {
    /// What a new article is stored as, when written at `now`.
    pub(super) fn first(article: &Prepared, now: &str) -> Self {
        Self {
            slug: article.slug.clone(),
            title: article.title.clone(),
            summary: article.summary.clone(),
            section: article.section.clone(),
            author: article.author.clone(),
            published: article.published,
            published_at: publishing_time(article, None, now),
            updated_at: article.updated_at.as_deref().unwrap_or(now).to_owned(),
            body_markdown: article.body_markdown.clone(),
            body_html: article.body_html.clone(),
        }
    }

    /// What this article becomes when `article` is written over it at `now`; none if nothing changes.
    pub(super) fn next(&self, article: &Prepared, now: &str) -> Option<Self> {
        let mut next = Self {
            slug: self.slug.clone(),
            published_at: publishing_time(article, self.published_at.as_deref(), now),
            updated_at: self.updated_at.clone(),
            ..Self::first(article, now)
        };
        if let Some(updated_at) = &article.updated_at {
            next.updated_at.clone_from(updated_at);
        }
        if next == *self {
            return None;
        }
        if article.updated_at.is_none() {
            now.clone_into(&mut next.updated_at);
        }
        Some(next)
    }

    pub(super) fn into_source(self, section_name: String) -> ArticleSource {
        ArticleSource {
            slug: self.slug,
            title: self.title,
            summary: self.summary,
            section: section_name,
            section_slug: self.section,
            author: self.author,
            body_markdown: self.body_markdown,
            published_at: self.published_at,
            published: self.published,
            updated_at: self.updated_at,
        }
    }
}

fn publishing_time(article: &Prepared, stored: Option<&str>, now: &str) -> Option<String> {
    let unless_draft = article.published.then_some(now);
    article.published_at.as_deref().or(stored).or(unless_draft).map(str::to_owned)
}

impl FromRow<'_, SqliteRow> for Row {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            slug: row.try_get("slug")?,
            title: row.try_get("title")?,
            summary: row.try_get("summary")?,
            section: row.try_get("section")?,
            author: row.try_get("author")?,
            published: row.try_get("published")?,
            published_at: row.try_get("published_at")?,
            updated_at: row.try_get("updated_at")?,
            body_markdown: row.try_get("body_markdown")?,
            body_html: row.try_get("body_html")?,
        })
    }
}

/// A published article as it is read for its page.
pub(super) fn article(row: &SqliteRow) -> sqlx::Result<Article> {
    Ok(Article {
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        section: row.try_get("section")?,
        author: row.try_get("author")?,
        published_at: row.try_get("published_at")?,
        updated_at: row.try_get("updated_at")?,
        section_name: row.try_get("section_name")?,
        body_html: row.try_get("body_html")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ArticleDraft;

    const THEN: &str = "2024-01-01T00:00:00Z";
    const NOW: &str = "2024-02-02T00:00:00Z";

    fn prepared(published_at: Option<&str>, published: bool) -> Prepared {
        Prepared::new(ArticleDraft {
            title: "Title".into(),
            summary: String::new(),
            section: "News".into(),
            author: "Staff".into(),
            body_markdown: "Text".into(),
            slug: None,
            published_at: published_at.map(str::to_owned),
            published,
        })
        .unwrap()
    }

    #[test]
    fn identical_article_changes_nothing() {
        let article = prepared(Some(THEN), true);
        assert_eq!(Row::first(&article, THEN).next(&article, NOW), None);
    }

    #[test]
    fn section_in_another_spelling_changes_nothing() {
        let mut article = prepared(Some(THEN), true);
        let stored = Row::first(&article, THEN);
        article.section_name = "NEWS".into();
        assert_eq!(stored.next(&article, NOW), None);
    }

    #[test]
    fn every_field_counts_as_content() {
        type Change = fn(&mut Prepared);
        let changes: [(&str, Change); 8] = [
            ("title", |article| article.title.push('!')),
            ("summary", |article| article.summary.push('!')),
            ("section", |article| article.section.push('s')),
            ("author", |article| article.author.push('!')),
            ("published", |article| article.published = false),
            ("published_at", |article| article.published_at = Some(NOW.into())),
            ("body_markdown", |article| article.body_markdown.push('\n')),
            ("body_html", |article| article.body_html.push('\n')),
        ];
        for (field, change) in changes {
            let mut article = prepared(Some(THEN), true);
            let stored = Row::first(&article, THEN);
            change(&mut article);
            let next = stored.next(&article, NOW).unwrap_or_else(|| panic!("{field} is ignored"));
            assert_eq!(next.updated_at, NOW, "{field}");
        }
    }

    #[test]
    fn writer_who_knows_when_the_content_changed_is_believed() {
        let mut article = prepared(Some(THEN), true);
        let stored = Row::first(&article, THEN);
        article.updated_at = Some("2024-01-15T00:00:00Z".into());
        let next = stored.next(&article, NOW).unwrap();
        assert_eq!(next.updated_at, "2024-01-15T00:00:00Z");
        assert_eq!(next.next(&article, NOW), None);
    }

    #[test]
    fn publishing_time_is_given_or_kept_or_now() {
        let cases = [
            ("given", Some(NOW), true, Some(THEN), Some(NOW)),
            ("kept", None, true, Some(THEN), Some(THEN)),
            ("kept by a draft", None, false, Some(THEN), Some(THEN)),
            ("now", None, true, None, Some(NOW)),
            ("none yet", None, false, None, None),
        ];
        for (name, given, published, stored, expected) in cases {
            let time = publishing_time(&prepared(given, published), stored, NOW);
            assert_eq!(time.as_deref(), expected, "{name}");
        }
    }
}
