//! Where articles are kept: one SQLite file.

mod aliases;
mod error;
mod read;
mod row;
mod with_drafts;
mod write;

pub use self::error::StoreError;
pub(crate) use self::write::Upserted;

use sqlx::{
    SqlSafeStr, SqlStr, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "articles", include_str!("../../migrations/0001_articles.sql")),
    (2, "aliases", include_str!("../../migrations/0002_aliases.sql")),
];

/// The articles and sections of the site, in one SQLite file.
///
/// Clones share the same connections. Readers never wait for a writer and see either all or nothing
/// of a write; a writer waits up to five seconds for another one, then fails.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), newsroom::StoreError> {
/// use newsroom::{ArticleDraft, ContentStore};
///
/// let store = ContentStore::in_memory().await?;
/// let article = store
///     .create(ArticleDraft {
///         title: "Stale pages are fine".into(),
///         summary: String::new(),
///         section: "HTTP caching".into(),
///         author: "Staff".into(),
///         body_markdown: "Readers get *an* answer.<script>alert(1)</script>".into(),
///         slug: None,
///         published_at: Some("2024-01-31T10:00:00+01:00".into()),
///         published: true,
///     })
///     .await?;
/// assert_eq!(article.slug, "stale-pages-are-fine");
///
/// let front_page = store.list(Some("http-caching"), 1, 20).await?;
/// assert_eq!(front_page.total, 1);
/// assert_eq!(front_page.articles[0].published_at, "2024-01-31T09:00:00Z");
///
/// let page = store.get("stale-pages-are-fine").await?;
/// assert!(page.is_some_and(|page| page.body_html == "<p>Readers get <em>an</em> answer.</p>\n"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ContentStore {
    pool: SqlitePool,
}

impl ContentStore {
    /// Opens the store in the file at `path`; a missing file is created, its folder is not.
    ///
    /// The tables are brought up to what this version of the crate needs.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Open`] if the file cannot be opened or is no SQLite file, and
    /// [`StoreError::Migrate`] if it was last written by a newer version of the crate.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path.as_ref())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        Self::connect(options, SqlitePoolOptions::new(), path.as_ref()).await
    }

    /// Opens an empty store that is gone with its last clone, for tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); not to be expected.
    pub async fn in_memory() -> Result<Self, StoreError> {
        // Each connection to memory is a database of its own: one, and it must never be closed.
        let pool =
            SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let options = SqliteConnectOptions::new().in_memory(true);
        Self::connect(options, pool, Path::new(":memory:")).await
    }

    async fn connect(
        options: SqliteConnectOptions,
        pool: SqlitePoolOptions,
        path: &Path,
    ) -> Result<Self, StoreError> {
        let options = options.busy_timeout(BUSY_TIMEOUT).foreign_keys(true);
        let pool = pool
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        migrator()
            .run(&pool)
            .await
            .map_err(|source| StoreError::Migrate { path: path.to_owned(), source })?;
        Ok(Self { pool })
    }
}

fn migrator() -> Migrator {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).into())
}

#[cfg(test)]
mod tests;
