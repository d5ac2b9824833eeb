//! Counts the articles of the content source.

use std::time::SystemTime;

use super::Live;
use crate::data::{answer, failure::Failure, pagination::PageNumber, source::ContentSource};

pub(super) async fn live() -> Result<Live, Failure> {
    let source = ContentSource::for_visitor();
    let list = source.list(None, PageNumber::FIRST, 1).await;
    let list = list.map_err(|error| answer::unavailable(&error))?;
    Ok(Live { articles: list.total, rendered_at: now() })
}

/// This moment, RFC 3339 in UTC with whole seconds.
fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
