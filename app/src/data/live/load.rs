//! Counts the articles of the content source.

use super::Live;
use crate::data::{answer, failure::Failure, pagination::PageNumber, source::ContentSource};

pub(super) async fn live() -> Result<Live, Failure> {
    let source = ContentSource::for_visitor();
    let list = source.list(None, PageNumber::FIRST, 1).await;
    let list = list.map_err(|error| answer::unavailable(&error))?;
    Ok(Live { articles: list.total, rendered_at: answer::now() })
}
