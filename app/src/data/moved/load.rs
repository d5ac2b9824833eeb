//! Asks the content source which article was at a path.

use crate::data::{answer, failure::Failure, site::article_path, source::ContentSource};

pub(super) async fn moved(path: &str) -> Result<Option<String>, Failure> {
    let moved = ContentSource::for_visitor().moved_from(path).await;
    let slug = moved.map_err(|error| answer::unavailable(&error))?;
    Ok(slug.map(|slug| article_path(&slug)))
}
