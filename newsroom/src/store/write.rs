//! Changing the store.

use super::{ContentStore, StoreError, aliases, read::stored, row::Row};
use crate::{
    date,
    model::{ArticleDraft, ArticleSource},
    prepared::{InvalidInput, Prepared},
};
use sqlx::{Sqlite, SqliteConnection, Transaction};

/// What became of an article that was written whether it existed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upserted {
    Created,
    Updated,
    Unchanged,
}

impl ContentStore {
    /// Stores a new article and returns it as its editor reads it back.
    ///
    /// Without a slug it gets one made from its title; a published one without a time is published now.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Invalid`] if the draft cannot be stored, [`StoreError::SlugTaken`] if
    /// an article of that slug exists, [`StoreError::Write`] if the store failed.
    pub async fn create(&self, draft: ArticleDraft) -> Result<ArticleSource, StoreError> {
        self.create_at(draft, &date::now()).await
    }

    /// Replaces the article called `slug` and returns it as its editor reads it back.
    ///
    /// Content that is what it was changes nothing, not even `updated_at`. A slug in the draft has
    /// to be the same one: an article keeps its address.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Invalid`] if the draft cannot be stored, [`StoreError::NotFound`] if
    /// there is no such article, [`StoreError::Write`] if the store failed.
    pub async fn update(
        &self,
        slug: &str,
        draft: ArticleDraft,
    ) -> Result<ArticleSource, StoreError> {
        self.update_at(slug, draft, &date::now()).await
    }

    /// Removes the article called `slug`, published or not.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::NotFound`] if there is no such article, [`StoreError::Write`] if the
    /// store failed.
    pub async fn delete(&self, slug: &str) -> Result<(), StoreError> {
        let deletion = async {
            let mut transaction = self.begin_write().await?;
            let Some((row, _)) = stored(&mut transaction, slug).await? else {
                return Ok(None);
            };
            sqlx::query("DELETE FROM articles WHERE slug = ?")
                .bind(slug)
                .execute(&mut *transaction)
                .await?;
            forget_empty_section(&mut transaction, &row.section).await?;
            transaction.commit().await.map(Some)
        };
        deletion
            .await
            .map_err(StoreError::write(format!("the removal of `{slug}`")))?
            .ok_or_else(|| StoreError::NotFound { slug: slug.to_owned() })
    }

    pub(super) async fn create_at(
        &self,
        draft: ArticleDraft,
        now: &str,
    ) -> Result<ArticleSource, StoreError> {
        let article = prepare(draft).await?;
        let creation = async {
            let mut transaction = self.begin_write().await?;
            if stored(&mut transaction, &article.slug).await?.is_some() {
                return Ok(None);
            }
            insert(&mut transaction, &article, Row::first(&article, now)).await?;
            let created = stored(&mut transaction, &article.slug).await?;
            transaction.commit().await.map(|()| created)
        };
        let created =
            creation.await.map_err(StoreError::write(format!("the article `{}`", article.slug)))?;
        let (row, section_name) =
            created.ok_or_else(|| StoreError::SlugTaken { slug: article.slug.clone() })?;
        Ok(row.into_source(section_name))
    }

    pub(super) async fn update_at(
        &self,
        slug: &str,
        mut draft: ArticleDraft,
        now: &str,
    ) -> Result<ArticleSource, StoreError> {
        keep_slug(slug, draft.slug.replace(slug.to_owned()))?;
        let article = prepare(draft).await?;
        let update = async {
            let mut transaction = self.begin_write().await?;
            let Some((old, _)) = stored(&mut transaction, slug).await? else {
                return Ok(None);
            };
            if let Some(next) = old.next(&article, now) {
                replace(&mut transaction, &article, &old, next).await?;
            }
            let updated = stored(&mut transaction, slug).await?;
            transaction.commit().await.map(|()| updated)
        };
        let updated = update.await.map_err(StoreError::write(format!("the article `{slug}`")))?;
        let (row, section_name) =
            updated.ok_or_else(|| StoreError::NotFound { slug: slug.to_owned() })?;
        Ok(row.into_source(section_name))
    }

    /// Stores `articles`, new or not, all of them or none.
    ///
    /// Their aliases become those that they have: none is kept. A new article counts as last changed when it was published, unless it says otherwise: it was
    /// written elsewhere, and not today.
    pub(crate) async fn upsert_all(
        &self,
        articles: &[Prepared],
        now: &str,
    ) -> Result<Vec<Upserted>, StoreError> {
        let upserts = async {
            let mut transaction = self.begin_write().await?;
            let mut outcomes = Vec::with_capacity(articles.len());
            for article in articles {
                outcomes.push(upsert(&mut transaction, article, now).await?);
            }
            transaction.commit().await.map(|()| outcomes)
        };
        upserts.await.map_err(StoreError::write(format!("{} articles", articles.len())))
    }

    /// Begins as a writer: one that began as a reader could find its view outdated when it writes.
    async fn begin_write(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }
}

async fn prepare(draft: ArticleDraft) -> Result<Prepared, StoreError> {
    let title = draft.title.clone();
    let prepared = tokio::task::spawn_blocking(|| Prepared::new(draft)).await;
    Ok(prepared.map_err(|source| StoreError::Render { title, source })??)
}

fn keep_slug(slug: &str, given: Option<String>) -> Result<(), InvalidInput> {
    match given {
        Some(given) if given != slug => {
            let problem = format!("is `{given}`: use `{slug}`, the article's own, or leave it out");
            Err(InvalidInput::new("slug", problem))
        }
        _ => Ok(()),
    }
}

async fn upsert(
    connection: &mut SqliteConnection,
    article: &Prepared,
    now: &str,
) -> sqlx::Result<Upserted> {
    let Some((old, _)) = stored(connection, &article.slug).await? else {
        let row = Row::first(article, article.published_at.as_deref().unwrap_or(now));
        insert(connection, article, row).await?;
        aliases::replace(connection, &article.slug, &article.aliases).await?;
        return Ok(Upserted::Created);
    };
    let has_moved = aliases::replace(connection, &article.slug, &article.aliases).await?;
    match old.next(article, now) {
        Some(next) => replace(connection, article, &old, next).await?,
        None if !has_moved => return Ok(Upserted::Unchanged),
        None => {}
    }
    Ok(Upserted::Updated)
}

async fn insert(
    connection: &mut SqliteConnection,
    article: &Prepared,
    row: Row,
) -> sqlx::Result<()> {
    name_section(connection, article).await?;
    let insertion = "INSERT INTO articles
        (title, summary, section, author, published, published_at, updated_at,
         body_markdown, body_html, slug)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    store(connection, insertion, row).await
}

async fn replace(
    connection: &mut SqliteConnection,
    article: &Prepared,
    old: &Row,
    next: Row,
) -> sqlx::Result<()> {
    name_section(connection, article).await?;
    let update = "UPDATE articles SET
        title = ?, summary = ?, section = ?, author = ?, published = ?, published_at = ?,
        updated_at = ?, body_markdown = ?, body_html = ?
        WHERE slug = ?";
    store(connection, update, next).await?;
    forget_empty_section(connection, &old.section).await
}

/// Runs a statement whose parameters are the columns in their order, the slug last.
async fn store(
    connection: &mut SqliteConnection,
    statement: &'static str,
    row: Row,
) -> sqlx::Result<()> {
    sqlx::query(statement)
        .bind(row.title)
        .bind(row.summary)
        .bind(row.section)
        .bind(row.author)
        .bind(row.published)
        .bind(row.published_at)
        .bind(row.updated_at)
        .bind(row.body_markdown)
        .bind(row.body_html)
        .bind(row.slug)
        .execute(connection)
        .await
        .map(drop)
}

/// A section keeps the first spelling of its name for as long as it has articles.
async fn name_section(connection: &mut SqliteConnection, article: &Prepared) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO sections (slug, name) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(&article.section)
        .bind(&article.section_name)
        .execute(connection)
        .await
        .map(drop)
}

async fn forget_empty_section(
    connection: &mut SqliteConnection,
    section: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM sections WHERE slug = ?1
         AND NOT EXISTS (SELECT 1 FROM articles WHERE section = ?1)",
    )
    .bind(section)
    .execute(connection)
    .await
    .map(drop)
}
