//! A folder of Markdown files made into articles.

mod fields;
mod file;
mod front_matter;
mod git;
mod pictures;
mod report;
mod walk;

pub use self::pictures::PICTURES_PATH;
pub use self::report::{ImportError, ImportReport, Skipped};

use self::{git::Added, walk::Found};
use crate::{date, prepared::Prepared, store::ContentStore};
use std::{collections::HashSet, path::PathBuf, sync::Arc};

/// So many files are held in memory and written in one transaction.
const BATCH: usize = 500;

/// A folder of Markdown files of which articles are made, or brought up to date.
///
/// The folder may be laid out for Hugo, Jekyll, Zola, Astro or mdBook:
///
/// * Files are `*.md` and `*.markdown`, at any depth, taken in the order of their paths. Hidden
///   files and folders, `_index.md` and `SUMMARY.md` are left out.
/// * Front matter is YAML between `---` or TOML between `+++`. Names of fields are matched without
///   regard to case, and looked for under `taxonomies` and `extra` as well.
/// * Title: `title`, else the first heading of level one (which then leaves the body), else the file name.
/// * Time of publishing: `date`, `published`, `pubDate` or `publishDate`, else a date in the folders
///   of `path`, else one that the file name starts with, `2024-01-31-title.md`, else one in the
///   file's own folders, `2024/01/31/title.md`, else that of [git](Self::dates_from_git). Required,
///   of drafts too.
/// * Time of the last change: `lastmod` or `updated`, else that of publishing; when a later import
///   finds other content, the time of that import.
/// * Summary: `description`, `summary` or `excerpt`, else the start of the first paragraph.
/// * Section: `section`, else the first of `categories` or `category`, else the first of `tags`, else the
///   top folder, else "General".
/// * Author: `author` or `authors`, names or maps with a `name`, else "Staff".
/// * Slug: `slug`, else the file name, or the folder of an `index.md` or `README.md`. If several files
///   of one import would have the same, the later ones get `-2`, `-3`.
/// * Aliases, the paths of which lead to the article: `aliases`, `redirect_from`, and `path`. Each is
///   taken from the site's root on. Of several articles with the same alias the first has it; one
///   that an article of an earlier import has becomes this one's.
/// * `draft: true` or `published: false` makes a draft.
///
/// Raw HTML is sanitised, shortcodes stay as text. A file that cannot be taken is reported and the
/// rest is imported. Articles whose file is gone stay; an article that was edited on the site becomes
/// what its file says. The second import of the same folder changes nothing.
#[derive(Clone, Debug)]
pub struct Import {
    dir: PathBuf,
    dates_from_git: bool,
    pictures: Option<PathBuf>,
}

impl Import {
    /// Imports the folder `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), dates_from_git: false, pictures: None }
    }

    /// Takes the dates of files that name none from git: the author's date of the commit that added
    /// the file. Runs the command `git`. Defaults to refusing such files.
    ///
    /// A shallow clone says that all its files were added by its oldest commit.
    #[must_use]
    pub fn dates_from_git(mut self) -> Self {
        self.dates_from_git = true;
        self
    }

    /// Copies pictures of the folder that articles show or link to by relative addresses into `folder`,
    /// which the site serves at [`PICTURES_PATH`], and makes the articles name them there. Defaults
    /// to leaving such addresses as they are.
    ///
    /// A picture of more than 10 MiB, or outside the imported folder, is not taken; the log names it.
    /// Copies stay when their article or picture is gone.
    #[must_use]
    pub fn pictures(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pictures = Some(folder.into());
        self
    }

    /// Reads the files and stores the articles.
    ///
    /// # Errors
    ///
    /// Returns [`ImportError::ReadFolder`] if the folder cannot be read, [`ImportError::Git`] if git
    /// is to give dates and does not, and [`ImportError::Store`] if the store fails: files are stored
    /// in batches of 500, and the batches before the failure stay.
    pub async fn run(&self, store: &ContentStore) -> Result<ImportReport, ImportError> {
        let now = date::now();
        let dir = &self.dir;
        let (Found { files, unreadable }, added) = self.found().await?;

        let mut report = ImportReport { skipped: unreadable, ..ImportReport::default() };
        let mut taken = Taken::default();
        let folder = Arc::new(Folder { dir: dir.clone(), added, pictures: self.pictures.clone() });
        for paths in files.chunks(BATCH) {
            let (folder, paths) = (Arc::clone(&folder), paths.to_vec());
            let batch;
            (batch, taken) = off_thread(move || Batch::read(&folder, paths, taken)).await?;
            let outcomes = store.upsert_all(&batch.articles, &now).await?;
            outcomes.into_iter().for_each(|outcome| report.count(outcome));
            report.skipped.extend(batch.skipped);
        }
        report.skipped.sort_by(|one, other| one.path.cmp(&other.path));
        tracing::info!(
            created = report.created,
            updated = report.updated,
            unchanged = report.unchanged,
            skipped = report.skipped.len(),
            "imported `{}`",
            dir.display(),
        );
        Ok(report)
    }

    async fn found(&self) -> Result<(Found, Added), ImportError> {
        let Self { dir, dates_from_git, .. } = self.clone();
        off_thread(move || {
            let found = walk::markdown_files(&dir)
                .map_err(|source| ImportError::ReadFolder { path: dir.clone(), source })?;
            let added = match dates_from_git {
                true => {
                    git::added(&dir).map_err(|source| ImportError::Git { path: dir, source })?
                }
                false => Added::new(),
            };
            Ok((found, added))
        })
        .await?
    }
}

/// What files are read from.
#[derive(Default)]
struct Folder {
    dir: PathBuf,
    added: Added,
    /// Where pictures are copied to.
    pictures: Option<PathBuf>,
}

#[derive(Default)]
struct Batch {
    articles: Vec<Prepared>,
    skipped: Vec<Skipped>,
}

impl Batch {
    fn read(folder: &Folder, paths: Vec<PathBuf>, mut taken: Taken) -> (Self, Taken) {
        let mut batch = Self::default();
        for path in paths {
            match file::read(folder, &path) {
                Ok(mut article) => {
                    article.slug = taken.slug(article.slug);
                    article.aliases.retain(|alias| taken.aliases.insert(alias.clone()));
                    batch.articles.push(article);
                }
                Err(reason) => batch.skipped.push(Skipped { path, reason: reason.to_string() }),
            }
        }
        (batch, taken)
    }
}

/// The names given out in one import.
#[derive(Default)]
struct Taken {
    slugs: HashSet<String>,
    aliases: HashSet<String>,
}

impl Taken {
    fn slug(&mut self, slug: String) -> String {
        let numbered = (2_u32..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone())
            .chain(numbered)
            .find(|slug| !self.slugs.contains(slug))
            .expect("there are more numbers than files");
        self.slugs.insert(free.clone());
        free
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ImportError> {
    tokio::task::spawn_blocking(work).await.map_err(ImportError::Read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_slugs_get_numbers_in_order() {
        let mut taken = Taken::default();
        let claimed = ["a", "a", "a-2", "b", "a"].map(|slug| taken.slug(slug.to_owned()));
        assert_eq!(claimed, ["a", "a-2", "a-2-2", "b", "a-3"]);
    }
}
