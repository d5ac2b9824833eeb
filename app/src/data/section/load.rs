//! Reads one page of a section from the content source.

use super::SectionView;
use crate::data::{
    answer,
    failure::Failure,
    pagination::{PageNumber, page_count},
    source::ContentSource,
    source_error::ContentError,
};
use futures::try_join;

const PER_PAGE: u32 = 12;

pub(super) async fn section(
    slug: &str,
    page: Option<&str>,
) -> Result<Option<SectionView>, Failure> {
    let Some(page) = PageNumber::from_query(page) else { return Ok(None) };
    read(&ContentSource::for_visitor(), slug, page)
        .await
        .map_err(|error| answer::unavailable(&error))
}

async fn read(
    source: &ContentSource,
    slug: &str,
    page: PageNumber,
) -> Result<Option<SectionView>, ContentError> {
    let (list, section) = try_join!(source.list(Some(slug), page, PER_PAGE), source.section(slug))?;
    Ok(section.filter(|_| !list.articles.is_empty()).map(|section| SectionView {
        section,
        articles: list.articles,
        page: page.number(),
        pages: page_count(list.total, PER_PAGE),
        total: list.total,
    }))
}
