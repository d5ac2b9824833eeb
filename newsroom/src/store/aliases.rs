//! Which article was at a path before.

use super::{ContentStore, StoreError};
use crate::alias;
use sqlx::SqliteConnection;

impl ContentStore {
    /// The slug of the published article that was at `path` before; none if there is none.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn moved_from(&self, path: &str) -> Result<Option<String>, StoreError> {
        let Some(path) = alias::path_of(path) else { return Ok(None) };
        sqlx::query_scalar(
            "SELECT slug FROM aliases JOIN articles USING (slug) WHERE path = ? AND published = 1",
        )
        .bind(&path)
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::read(format!("which article was at `{path}`")))
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
