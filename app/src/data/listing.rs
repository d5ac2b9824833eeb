//! The paths that are rendered at build.

use leptos::prelude::expect_context;

use super::{source::ContentSource, source_error::ContentError};

const PRERENDERED_ARTICLES: usize = 100;

/// The slugs of the newest articles.
pub(crate) async fn newest_slugs() -> Result<Vec<String>, ContentError> {
    let source: ContentSource = expect_context();
    let newest = source.newest(PRERENDERED_ARTICLES).await?;
    Ok(newest.into_iter().map(|article| article.slug).collect())
}

/// The slugs of all sections.
pub(crate) async fn section_slugs() -> Result<Vec<String>, ContentError> {
    let source: ContentSource = expect_context();
    Ok(source.sections().await?.into_iter().map(|section| section.slug).collect())
}
