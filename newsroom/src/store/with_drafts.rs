//! Reading what readers will see once every draft is published.
//!
//! These reads go over all articles: they are for the few who may see drafts,
//! and the indexes are for readers.

use super::{
    ContentStore, StoreError,
    read::{count, offset, summary},
    row,
};
use crate::model::{Article, ArticlePage, Section};
use sqlx::{Row as _, sqlite::SqliteRow};

impl ContentStore {
    /// As [`list`](Self::list), drafts included.
    ///
    /// A draft without a publishing time has an empty one, and stands where it was last changed.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn list_with_drafts(
        &self,
        section: Option<&str>,
        page: u32,
        per_page: u32,
    ) -> Result<ArticlePage, StoreError> {
        let offset = offset(page, per_page)?;
        let read = async {
            // One transaction: the total is that of the same moment as the page.
            let mut transaction = self.pool.begin().await?;
            let rows = sqlx::query(
                "SELECT slug, title, summary, section, author,
                        coalesce(published_at, '') AS published_at, updated_at
                 FROM articles WHERE ?1 IS NULL OR section = ?1
                 ORDER BY coalesce(published_at, updated_at) DESC, slug LIMIT ?2 OFFSET ?3",
            )
            .bind(section)
            .bind(per_page)
            .bind(offset)
            .fetch_all(&mut *transaction)
            .await?;
            let total = sqlx::query_scalar(
                "SELECT count(*) FROM articles WHERE ?1 IS NULL OR section = ?1",
            )
            .bind(section)
            .fetch_one(&mut *transaction)
            .await?;
            Ok(ArticlePage {
                articles: rows.iter().map(summary).collect::<sqlx::Result<_>>()?,
                total: count(total),
            })
        };
        read.await.map_err(StoreError::read("the list of articles and drafts"))
    }

    /// Reads the article called `slug`, published or not.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn get_with_drafts(&self, slug: &str) -> Result<Option<Article>, StoreError> {
        sqlx::query(
            "SELECT slug, title, summary, section, author,
                    coalesce(published_at, '') AS published_at, updated_at, body_html,
                    (SELECT name FROM sections WHERE slug = articles.section) AS section_name
             FROM articles WHERE slug = ?",
        )
        .bind(slug)
        .try_map(|row: SqliteRow| row::article(&row))
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::read(format!("the article or draft `{slug}`")))
    }

    /// Lists all sections by name, with how many articles they have, drafts included.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn sections_with_drafts(&self) -> Result<Vec<Section>, StoreError> {
        sqlx::query(
            "SELECT sections.slug, sections.name, count(*) AS count
             FROM sections JOIN articles ON articles.section = sections.slug
             GROUP BY sections.slug ORDER BY sections.name COLLATE NOCASE, sections.slug",
        )
        .try_map(|row: SqliteRow| {
            Ok(Section {
                slug: row.try_get("slug")?,
                name: row.try_get("name")?,
                count: count(row.try_get("count")?),
            })
        })
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::read("the list of sections with drafts"))
    }
}
