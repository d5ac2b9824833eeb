//! Which articles were at which paths before.

use super::{ContentStore, StoreError};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

impl ContentStore {
    /// The paths at which published articles were before, each with the slug of its article.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn aliases(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let aliases: Vec<(String, String)> = sqlx::query_as(
            "SELECT path, slug FROM aliases JOIN articles USING (slug) WHERE published = 1",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::read("the paths at which articles were before"))?;
        Ok(aliases.into_iter().collect())
    }
}

/// Makes `paths` those of the article `slug`; whether they were others. One that another article
/// has becomes this one's.
pub(super) async fn replace(
    connection: &mut SqliteConnection,
    slug: &str,
    paths: &[String],
) -> sqlx::Result<bool> {
    let mut stored: Vec<String> = sqlx::query_scalar("SELECT path FROM aliases WHERE slug = ?")
        .bind(slug)
        .fetch_all(&mut *connection)
        .await?;
    let mut wanted = paths.to_vec();
    stored.sort_unstable();
    wanted.sort_unstable();
    if stored == wanted {
        return Ok(false);
    }
    sqlx::query("DELETE FROM aliases WHERE slug = ?").bind(slug).execute(&mut *connection).await?;
    for path in wanted {
        sqlx::query(
            "INSERT INTO aliases (path, slug) VALUES (?, ?)
             ON CONFLICT (path) DO UPDATE SET slug = excluded.slug",
        )
        .bind(path)
        .bind(slug)
        .execute(&mut *connection)
        .await?;
    }
    Ok(true)
}
