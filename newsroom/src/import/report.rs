//! What an import did.

use crate::store::{StoreError, Upserted};
use std::{
    fmt::{self, Display},
    path::PathBuf,
};

/// What an import made of the files it found.
///
/// Its text is one line of counts, then one line for each file that was skipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    /// How many articles are new.
    pub created: usize,
    /// How many articles were there and have other content now.
    pub updated: usize,
    /// How many articles were there with the same content.
    pub unchanged: usize,
    /// The files that were not taken, in the order of their paths.
    pub skipped: Vec<Skipped>,
}

/// A file that did not become an article.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// The file, from the imported folder on.
    pub path: PathBuf,
    /// What is wrong with it and, where that helps, what to write instead.
    pub reason: String,
}

/// Why a whole import ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The folder itself cannot be read.
    #[error("reading the folder {} failed", path.display())]
    ReadFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Git could not say when the files were added.
    #[error("reading the dates of {} from git failed: run it in a repository, with the command `git`", path.display())]
    Git {
        /// The folder.
        path: PathBuf,
        /// Why, as git says it.
        source: std::io::Error,
    },
    /// Reading the files ended early: the renderer panicked, or the runtime is shutting down.
    #[error("reading the files to import failed")]
    Read(#[source] tokio::task::JoinError),
    /// The store failed.
    #[error("storing the imported articles failed")]
    Store(#[from] StoreError),
}

impl ImportReport {
    pub(super) fn count(&mut self, outcome: Upserted) {
        match outcome {
            Upserted::Created => self.created += 1,
            Upserted::Updated => self.updated += 1,
            Upserted::Unchanged => self.unchanged += 1,
        }
    }
}

impl Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, updated, unchanged, skipped } = self;
        let skips = skipped.len();
        write!(f, "{created} created, {updated} updated, {unchanged} unchanged, {skips} skipped")?;
        skipped.iter().try_for_each(|file| write!(f, "\nskipped {file}"))
    }
}

impl Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_counts_and_names_each_skipped_file() {
        let skip = |path: &str| Skipped { path: path.into(), reason: "has no date".into() };
        let report = ImportReport {
            created: 3,
            skipped: vec![skip("a.md"), skip("b/c.md")],
            ..ImportReport::default()
        };
        assert_eq!(
            report.to_string(),
            "3 created, 0 updated, 0 unchanged, 2 skipped\n\
             skipped a.md: has no date\n\
             skipped b/c.md: has no date"
        );
    }
}
