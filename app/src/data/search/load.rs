//! Searches the newest articles of the content source.

use super::{Found, matches};
use crate::data::{answer, failure::Failure, source::ContentSource};
use futures::try_join;
use leptos_isr::minutes;

const SEARCHED: usize = 500;
const MAX_QUERY_CHARS: usize = 200;

pub(super) async fn search(query: &str) -> Result<Found, Failure> {
    let query: String = query.trim().chars().take(MAX_QUERY_CHARS).collect();
    if query.is_empty() {
        return Ok(Found::default());
    }
    let source = ContentSource::for_visitor().within(minutes(1));
    let (newest, sections) = try_join!(source.newest(SEARCHED), source.sections())
        .map_err(|error| answer::unavailable(&error))?;
    let searched = newest.len();
    let articles = newest.into_iter().filter(|article| matches(&query, article)).collect();
    Ok(Found { query, articles, sections, searched })
}
