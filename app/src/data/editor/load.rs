//! Reads what the editor sees.

use newsroom::{ArticleOverview, ArticleSource};

use super::{Door, access};
use crate::data::{answer, failure::Failure};

pub(super) async fn overview() -> Result<Door<Vec<ArticleOverview>>, Failure> {
    let writer = match access::door() {
        Door::Absent => return Ok(Door::Absent),
        Door::SignedOut => return Ok(Door::SignedOut),
        Door::Open(writer) => writer,
    };
    writer.overview().await.map(Door::Open).map_err(|error| answer::unavailable(&error))
}

pub(super) async fn source(slug: &str) -> Result<Door<Option<ArticleSource>>, Failure> {
    let writer = match access::door() {
        Door::Absent => return Ok(Door::Absent),
        Door::SignedOut => return Ok(Door::SignedOut),
        Door::Open(writer) => writer,
    };
    match writer.read(slug).await {
        Ok(source) => Ok(Door::Open(Some(source))),
        Err(error) if error.is_absent() => Ok(Door::Open(None)),
        Err(error) => Err(answer::unavailable(&error)),
    }
}
