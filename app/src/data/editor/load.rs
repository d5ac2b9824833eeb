//! Reads what the editor sees.

use newsroom::{ArticleOverview, ArticleSource};

use super::{Door, access};
use crate::data::source_error::ContentError;

/// All articles, drafts included.
pub(crate) async fn overview() -> Result<Door<Vec<ArticleOverview>>, ContentError> {
    match access::door() {
        Door::Absent => Ok(Door::Absent),
        Door::SignedOut => Ok(Door::SignedOut),
        Door::Open(writer) => writer.overview().await.map(Door::Open),
    }
}

/// The article with `slug` as it was written; none if there is no such article.
pub(crate) async fn source(slug: &str) -> Result<Door<Option<ArticleSource>>, ContentError> {
    let writer = match access::door() {
        Door::Absent => return Ok(Door::Absent),
        Door::SignedOut => return Ok(Door::SignedOut),
        Door::Open(writer) => writer,
    };
    match writer.read(slug).await {
        Ok(source) => Ok(Door::Open(Some(source))),
        Err(error) if error.is_absent() => Ok(Door::Open(None)),
        Err(error) => Err(error),
    }
}
