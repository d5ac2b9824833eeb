//! The Markdown files under a folder.

use super::Skipped;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Paths from the folder on, in their order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) unreadable: Vec<Skipped>,
}

/// Finds all Markdown files under `root`, at any depth.
///
/// Links to files are followed, links to folders are not: they could lead in a circle. A folder
/// below `root` that cannot be read is reported like a file.
pub(super) fn markdown_files(root: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        match read_folder(root, &folder, &mut found.files) {
            Ok(inner) => folders.extend(inner),
            Err(error) if folder.as_os_str().is_empty() => return Err(error),
            Err(error) => found
                .unreadable
                .push(Skipped { path: folder, reason: format!("cannot be read: {error}") }),
        }
    }
    found.files.sort();
    Ok(found)
}

/// Adds the files of one folder to `files` and returns the folders in it.
fn read_folder(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<Vec<PathBuf>> {
    let mut inner = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if is_hidden(&path) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            inner.push(path);
        } else if is_article(&path) && !root.join(&path).is_dir() {
            files.push(path);
        }
    }
    Ok(inner)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// `_index.md`, also with a language (`_index.de.md`), describes a section rather than an article,
/// and `SUMMARY.md` lists the chapters of an mdBook.
fn is_article(path: &Path) -> bool {
    let is_markdown = path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown")
    });
    let is_list = path.file_name().is_some_and(|name| {
        name.as_encoded_bytes().starts_with(b"_index.") || name == "SUMMARY.md"
    });
    is_markdown && !is_list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_articles_are_found_and_in_order() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "b.md",
            "a.markdown",
            "C.MD",
            "notes.txt",
            "_index.md",
            "_index.de.md",
            "SUMMARY.md",
            ".hidden.md",
            ".git/x.md",
            "deep/er/z.md",
            "deep/a.md",
            "folder.md/inner.md",
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = markdown_files(root.path()).unwrap();
        let files: Vec<_> = found.files.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            files,
            ["C.MD", "a.markdown", "b.md", "deep/a.md", "deep/er/z.md", "folder.md/inner.md"]
        );
        assert_eq!(found.unreadable, []);
    }

    #[test]
    fn missing_folder_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let error = markdown_files(&root.path().join("gone")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
