//! Reading from the store.

use super::{
    ContentStore, StoreError,
    row::{self, Row},
};
use crate::{
    model::{Article, ArticleOverview, ArticlePage, ArticleSource, ArticleSummary, Section},
    prepared::InvalidInput,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

const MAX_PER_PAGE: u32 = 200;

impl ContentStore {
    /// Lists published articles, newest first; those of the same second by slug.
    ///
    /// `section` is a section's slug; an unknown one has no articles. Pages count from 1, and
    /// `per_page` is 1 to 200. A page past the end has no articles, but the total is right. An
    /// article whose time lies in the future is listed like any other.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Invalid`] if `page` or `per_page` is out of range, and
    /// [`StoreError::Read`] if the store cannot be read.
    pub async fn list(
        &self,
        section: Option<&str>,
        page: u32,
        per_page: u32,
    ) -> Result<ArticlePage, StoreError> {
        let offset = offset(page, per_page)?;
        self.page_of_list(section, offset, per_page)
            .await
            .map_err(StoreError::read("the list of articles"))
    }

    async fn page_of_list(
        &self,
        section: Option<&str>,
        offset: i64,
        per_page: u32,
    ) -> sqlx::Result<ArticlePage> {
        // One transaction: the total is that of the same moment as the page.
        let mut transaction = self.pool.begin().await?;
        let (rows, total) = match section {
            None => (
                sqlx::query(
                    "SELECT slug, title, summary, section, author, published_at, updated_at
                     FROM articles WHERE published = 1
                     ORDER BY published_at DESC, slug LIMIT ? OFFSET ?",
                ),
                sqlx::query_scalar("SELECT count(*) FROM articles WHERE published = 1"),
            ),
            Some(section) => (
                sqlx::query(
                    "SELECT slug, title, summary, section, author, published_at, updated_at
                     FROM articles WHERE published = 1 AND section = ?
                     ORDER BY published_at DESC, slug LIMIT ? OFFSET ?",
                )
                .bind(section),
                sqlx::query_scalar(
                    "SELECT count(*) FROM articles WHERE published = 1 AND section = ?",
                )
                .bind(section),
            ),
        };
        let rows = rows.bind(per_page).bind(offset).fetch_all(&mut *transaction).await?;
        Ok(ArticlePage {
            articles: rows.iter().map(summary).collect::<Result<_, _>>()?,
            total: count(total.fetch_one(&mut *transaction).await?),
        })
    }

    /// Reads the published article called `slug`; none if there is none, or only a draft.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn get(&self, slug: &str) -> Result<Option<Article>, StoreError> {
        sqlx::query(
            "SELECT slug, title, summary, section, author, published_at, updated_at, body_html,
                    (SELECT name FROM sections WHERE slug = articles.section) AS section_name
             FROM articles WHERE slug = ? AND published = 1",
        )
        .bind(slug)
        .try_map(|row: SqliteRow| row::article(&row))
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::read(format!("the article `{slug}`")))
    }

    /// Lists the sections that have published articles, by name.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn sections(&self) -> Result<Vec<Section>, StoreError> {
        sqlx::query(
            "SELECT sections.slug, sections.name, count(*) AS count
             FROM sections JOIN articles ON articles.section = sections.slug
             WHERE articles.published = 1
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
        .map_err(StoreError::read("the list of sections"))
    }

    /// Reads the article called `slug`, published or not, as its editor needs it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn source(&self, slug: &str) -> Result<Option<ArticleSource>, StoreError> {
        let read = async {
            let mut connection = self.pool.acquire().await?;
            let stored = stored(&mut connection, slug).await?;
            sqlx::Result::Ok(stored.map(|(row, section_name)| row.into_source(section_name)))
        };
        read.await.map_err(StoreError::read(format!("the source of `{slug}`")))
    }

    /// Lists all articles for their editors, published or not.
    ///
    /// Newest first; a draft without a publishing time stands where it was last changed.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn drafts(&self) -> Result<Vec<ArticleOverview>, StoreError> {
        sqlx::query(
            "SELECT articles.slug, title, sections.name AS section, author, published_at,
                    published, updated_at
             FROM articles JOIN sections ON sections.slug = articles.section
             ORDER BY coalesce(published_at, updated_at) DESC, articles.slug",
        )
        .try_map(|row: SqliteRow| {
            Ok(ArticleOverview {
                slug: row.try_get("slug")?,
                title: row.try_get("title")?,
                section: row.try_get("section")?,
                author: row.try_get("author")?,
                published_at: row.try_get("published_at")?,
                published: row.try_get("published")?,
                updated_at: row.try_get("updated_at")?,
            })
        })
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::read("the list of drafts"))
    }

    /// Whether there is no article at all, neither published nor draft.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Read`] if the store cannot be read.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM articles)")
            .fetch_one(&self.pool)
            .await
            .map_err(StoreError::read("whether there are articles"))
    }
}

/// Reads a whole article and the name of its section.
pub(super) async fn stored(
    connection: &mut SqliteConnection,
    slug: &str,
) -> sqlx::Result<Option<(Row, String)>> {
    sqlx::query(
        "SELECT articles.*, sections.name AS section_name
         FROM articles JOIN sections ON sections.slug = articles.section
         WHERE articles.slug = ?",
    )
    .bind(slug)
    .try_map(|row: SqliteRow| Ok((sqlx::FromRow::from_row(&row)?, row.try_get("section_name")?)))
    .fetch_optional(connection)
    .await
}

pub(super) fn summary(row: &SqliteRow) -> sqlx::Result<ArticleSummary> {
    Ok(ArticleSummary {
        slug: row.try_get("slug")?,
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        section: row.try_get("section")?,
        author: row.try_get("author")?,
        published_at: row.try_get("published_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

pub(super) fn offset(page: u32, per_page: u32) -> Result<i64, InvalidInput> {
    if page == 0 {
        return Err(InvalidInput::new("page", "is `0`: pages count from 1"));
    }
    if !(1..=MAX_PER_PAGE).contains(&per_page) {
        let problem = format!("is `{per_page}`: ask for 1 to {MAX_PER_PAGE} articles");
        return Err(InvalidInput::new("per_page", problem));
    }
    Ok(i64::from(page - 1) * i64::from(per_page))
}

pub(super) fn count(rows: i64) -> u64 {
    u64::try_from(rows).expect("SQLite never counts below zero")
}
