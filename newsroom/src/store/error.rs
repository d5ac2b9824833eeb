//! What can go wrong between the site and its store.

use crate::prepared::InvalidInput;
use std::path::PathBuf;

/// A step of the store that failed.
///
/// The first three are the caller's to correct; the others are the store's and lie in their source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A value cannot be taken as it is.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// There is no article of this name.
    #[error("there is no article `{slug}`")]
    NotFound {
        /// The name that was asked for.
        slug: String,
    },
    /// A new article would have the name of one that exists.
    #[error("there is an article `{slug}` already: change it, or choose another slug")]
    SlugTaken {
        /// The name that both would have.
        slug: String,
    },
    /// The file could not be opened.
    #[error("opening the content store {} failed", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The tables could not be brought up to date.
    #[error("bringing the tables of the content store {} up to date failed", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A query failed.
    #[error("reading {what} failed")]
    Read {
        /// What was to be read.
        what: String,
        /// Why.
        source: sqlx::Error,
    },
    /// A change failed; none of it was stored.
    #[error("storing {what} failed")]
    Write {
        /// What was to be changed.
        what: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The body could not be rendered: the renderer panicked, or the runtime is shutting down.
    #[error("rendering the body of `{title}` failed")]
    Render {
        /// The article's title.
        title: String,
        /// Why.
        source: tokio::task::JoinError,
    },
}

impl StoreError {
    /// Wraps the failure to read what `what` names.
    pub(super) fn read(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let what = what.into();
        |source| Self::Read { what, source }
    }

    /// Wraps the failure to change what `what` names.
    pub(super) fn write(what: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let what = what.into();
        |source| Self::Write { what, source }
    }
}
