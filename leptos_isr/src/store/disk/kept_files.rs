//! The files that the pages of a build name, such as scripts, kept beside the pages: a shared cache
//! or an open page may still ask for them when the site has those of the next build.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    sync::OnceLock,
};

use super::builds;

/// The files of all builds with pages in one folder.
#[derive(Debug)]
pub(crate) struct KeptFiles {
    /// The folder of this build.
    build: PathBuf,
    /// The site's root, and the folder in it that has the files.
    site: OnceLock<(PathBuf, PathBuf)>,
}

impl KeptFiles {
    /// The files beside the pages of the build `build`, in the store at `root`.
    pub(crate) fn new(root: &Path, build: &str) -> Self {
        Self { build: root.join("pages").join(build), site: OnceLock::new() }
    }

    /// Says where this build's files are: in `folder` below `root`.
    pub(crate) fn set_site(&self, root: &str, folder: &str) {
        let _ = self.site.set((PathBuf::from(root), PathBuf::from(folder)));
    }

    /// Keeps this build's files, those that are not kept yet. A name has a hash, so a file does not
    /// change.
    ///
    /// # Errors
    ///
    /// Names the first file or folder that could not be kept.
    pub(crate) fn keep(&self) -> io::Result<()> {
        let Some((root, folder)) = self.site.get() else { return Ok(()) };
        if !root.join(folder).is_dir() {
            return Ok(());
        }
        copy(&root.join(folder), &self.build.join(builds::FILES).join(folder))
    }

    /// The folder in which the file at `path` is kept for another build, if this one's site has no
    /// such file.
    pub(crate) fn find(&self, path: &str) -> Option<PathBuf> {
        let path = self.missing(path)?;
        let builds = fs::read_dir(self.build.parent()?).ok()?.flatten();
        let mut kept = builds.map(|build| build.path().join(builds::FILES));
        kept.find(|kept| kept.join(path).is_file())
    }

    /// The file at `path`, below the site's root, if the site has no such file.
    pub(crate) fn missing<'a>(&self, path: &'a str) -> Option<&'a Path> {
        let (root, folder) = self.site.get()?;
        // As `cargo leptos` names files; nothing that is decoded or leads elsewhere.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let path = path.strip_prefix('/').filter(|path| path.chars().all(is_plain))?;
        let path = Path::new(path);
        let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
        (is_below && path.starts_with(folder) && !root.join(path).is_file()).then_some(path)
    }

    /// Keeps a file of another build, which another machine has had.
    ///
    /// # Errors
    ///
    /// Names the file or folder that could not be kept.
    pub(crate) fn keep_of_another(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let Some(path) = self.missing(path) else { return Ok(()) };
        let to = self.build.join(builds::FILES).join(path);
        let write = || {
            fs::create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
            write_whole(&mut &*content, &to)
        };
        write().map_err(|error| named(&to, &error))
    }

    /// This build's files, by the paths of their addresses.
    ///
    /// # Errors
    ///
    /// Names the first folder that cannot be read.
    pub(crate) fn own(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        if let Some((root, folder)) = self.site.get()
            && root.join(folder).is_dir()
        {
            list(&root.join(folder), &format!("/{}", folder.display()), &mut files)?;
        }
        Ok(files)
    }
}

/// Lists the files in `folder`, whose address is `path`.
fn list(folder: &Path, path: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| named(folder, &error))? {
        let file = entry?.path();
        let path = format!("{path}/{}", file.file_name().unwrap_or_default().display());
        match file.is_dir() {
            true => list(&file, &path, files)?,
            false => files.push((path, file)),
        }
    }
    Ok(())
}

/// Copies what is in `from` and not in `to`, as hard links where the file system can.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to).map_err(|error| named(to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| named(from, &error))? {
        let from = entry?.path();
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            copy(&from, &to)?;
        } else if !to.exists() && fs::hard_link(&from, &to).is_err() {
            copy_whole(&from, &to).map_err(|error| named(&from, &error))?;
        }
    }
    Ok(())
}

fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    write_whole(&mut fs::File::open(from)?, to)
}

/// A file is there whole or not at all.
fn write_whole(content: &mut impl io::Read, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(content, &mut temporary.as_file())?;
    temporary.persist(to)?;
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_of_another_build_is_found_if_the_site_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        let kept = |build: &str| {
            let kept = KeptFiles::new(folder.path(), build);
            kept.set_site(site.to_str().unwrap(), "pkg");
            kept
        };
        fs::create_dir_all(site.join("pkg/snippets")).unwrap();
        let strange = ["pkg/a%2e.js", "pkg/a b.js", "pkg/\u{e4}.js", "pkg/a\\b.js"];
        let plain = ["pkg/app.1.js", "pkg/snippets/a.js", "pkg/both.js", "index.html"];
        for file in plain.into_iter().chain(strange) {
            fs::write(site.join(file), file).unwrap();
        }
        let old = kept("old");
        old.keep().unwrap();
        fs::remove_dir_all(&site).unwrap();
        kept("new").keep().unwrap();
        fs::create_dir_all(site.join("pkg")).unwrap();
        for file in ["pkg/app.2.js", "pkg/both.js"] {
            fs::write(site.join(file), file).unwrap();
        }
        let new = kept("new");
        new.keep().unwrap();
        new.keep().unwrap();
        let files = folder.path().join("pages/old/files");
        fs::write(files.join("secret.js"), "").unwrap();
        for (path, is_found) in [
            ("/pkg/app.1.js", true),
            ("/pkg/snippets/a.js", true),
            ("/pkg/both.js", false),
            ("/pkg/app.2.js", false),
            ("/pkg/app.3.js", false),
            ("/pkg/snippets", false),
            ("/index.html", false),
            ("/secret.js", false),
            ("/pkg/../secret.js", false),
            ("/pkg/%2e%2e/secret.js", false),
            ("//pkg/app.1.js", false),
        ] {
            assert_eq!(new.find(path), is_found.then(|| files.clone()), "{path}");
        }
        for file in strange {
            assert!(files.join(file).is_file());
            assert_eq!(new.find(&format!("/{file}")), None, "{file}");
        }
        assert_eq!(fs::read_to_string(files.join("pkg/app.1.js")).unwrap(), "pkg/app.1.js");
        fs::remove_dir_all(folder.path().join("pages/old")).unwrap();
        assert_eq!(new.find("/pkg/app.1.js"), None);
    }

    #[test]
    fn file_that_cannot_be_linked_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "text").unwrap();
        copy_whole(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "text");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
