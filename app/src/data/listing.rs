//! The paths that are rendered at build.

use leptos::prelude::{expect_context, use_context};

use super::{answer::with_causes, source::ContentSource};

/// How many of the newest articles are rendered at build; the others are rendered
/// when they are first asked for.
#[derive(Clone, Copy, Debug)]
pub struct PrerenderedArticles(pub usize);

impl Default for PrerenderedArticles {
    fn default() -> Self {
        Self(100)
    }
}

/// The slugs of the newest articles.
pub(crate) async fn newest_slugs() -> Result<Vec<String>, String> {
    let source: ContentSource = expect_context();
    let PrerenderedArticles(count) = use_context().unwrap_or_default();
    let newest = source.newest(count).await.map_err(|error| with_causes(&error))?;
    Ok(newest.into_iter().map(|article| article.slug).collect())
}

/// The slugs of all sections.
pub(crate) async fn section_slugs() -> Result<Vec<String>, String> {
    let source: ContentSource = expect_context();
    let sections = source.sections().await.map_err(|error| with_causes(&error))?;
    Ok(sections.into_iter().map(|section| section.slug).collect())
}
