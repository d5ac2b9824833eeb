//! The paths that are rendered at build.

use leptos::prelude::expect_context;

use super::{answer::with_causes, source::ContentSource};

const PRERENDERED_ARTICLES: usize = 100;

/// The slugs of the newest articles.
pub(crate) async fn newest_slugs() -> Result<Vec<String>, String> {
    let source: ContentSource = expect_context();
    let newest = source.newest(PRERENDERED_ARTICLES).await.map_err(|error| with_causes(&error))?;
    Ok(newest.into_iter().map(|article| article.slug).collect())
}

/// The slugs of all sections.
pub(crate) async fn section_slugs() -> Result<Vec<String>, String> {
    let source: ContentSource = expect_context();
    let sections = source.sections().await.map_err(|error| with_causes(&error))?;
    Ok(sections.into_iter().map(|section| section.slug).collect())
}
