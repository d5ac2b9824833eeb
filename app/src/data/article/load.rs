//! Reads an article, and others of its section, from the content source.

use futures::FutureExt;
use newsroom::{Article, ArticleSummary};

use super::ArticleView;
use crate::data::{
    answer, failure::Failure, pagination::PageNumber, site::article_path, source::ContentSource,
    source_error::ContentError,
};

/// How many other articles a page links to.
const RELATED: usize = 3;

pub(super) async fn article(slug: &str) -> Result<Option<ArticleView>, Failure> {
    let source = ContentSource::for_visitor();
    let read = read(&source, slug).await.map_err(|error| answer::unavailable(&error))?;
    match &read {
        None => leptos_isr::not_found(),
        Some(view) if view.article.slug != slug => {
            leptos_isr::permanent_redirect(article_path(&view.article.slug));
        }
        Some(_) => {}
    }
    Ok(read)
}

async fn read(source: &ContentSource, slug: &str) -> Result<Option<ArticleView>, ContentError> {
    let Some(article) = found(source, slug).await? else { return Ok(None) };
    let related = related(source, &article.section, &article.slug).boxed().await?;
    Ok(Some(ArticleView { article, related }))
}

/// The article with `slug`, or the one that had it before.
async fn found(source: &ContentSource, slug: &str) -> Result<Option<Article>, ContentError> {
    if let Some(article) = source.article(slug).await? {
        return Ok(Some(article));
    }
    match source.moved_from(&article_path(slug)).await? {
        Some(slug) => source.article(&slug).await,
        None => Ok(None),
    }
}

/// The newest others of the section.
async fn related(
    source: &ContentSource,
    section: &str,
    slug: &str,
) -> Result<Vec<ArticleSummary>, ContentError> {
    if section.is_empty() {
        return Ok(Vec::new());
    }
    let list = source.list(Some(section), PageNumber::FIRST, RELATED as u32 + 1).await?;
    let others = list.articles.into_iter().filter(|article| article.slug != slug);
    Ok(others.take(RELATED).collect())
}
