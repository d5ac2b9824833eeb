//! The folders of builds: which one is the previous build's, and which may be removed.
//!
//! Only a folder that a store has made is ever removed, and only while no process has its build
//! open: each holds a shared lock on a file in it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A file in a build's folder: since when another build has been in service.
const SUPERSEDED: &str = "superseded";

/// A file in a build's folder: when the build was last opened. Only a store writes it.
const OPENED: &str = "opened";

/// A file in a build's folder, locked by each process that has the build open.
const IN_USE: &str = "in-use";

/// What the name of a folder begins with while it is removed. No id of a build begins so.
const REMOVING: &str = ".removing-";

/// Creates `folder` if need be, and notes that its build is opened at `now`. The build is in use
/// until the returned file is dropped.
///
/// # Errors
///
/// Says why the folder cannot be written.
pub(super) fn open(folder: &Path, now: SystemTime) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    write_time(&folder.join(OPENED), now)?;
    let in_use = in_use(folder)?;
    // Where a file system has no locks, `remove` cannot have one either, and removes nothing.
    let _ = in_use.lock_shared();
    Ok(in_use)
}

/// What stands beside the build in `current` and was not made by a store, if anything.
pub(super) fn foreign(current: &Path) -> Option<PathBuf> {
    let is_empty =
        |folder: &Path| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_none());
    let is_ours = |path: &Path| is_build(path) || is_removing(path) || is_empty(path);
    beside(current).find(|path| !is_ours(path))
}

/// Removes the folders beside `current`: all but the one that was last opened, and that one too
/// once `grace` has passed since this build took its place. A build that is in use stays.
///
/// # Errors
///
/// Names the first folder that cannot be removed; the others are removed all the same.
pub(super) fn remove_old(current: &Path, grace: Duration, now: SystemTime) -> io::Result<()> {
    let _ = fs::remove_file(current.join(SUPERSEDED));
    let mut result = remove_older(current);
    if let Some(previous) = others(current).pop() {
        let mark = previous.join(SUPERSEDED);
        match read_time(&mark) {
            None => result = result.and(write_time(&mark, now)),
            // A time in the future means that the clock was set back.
            Some(since) if now.duration_since(since).is_ok_and(|past| past >= grace) => {
                result = result.and(remove(&previous));
            }
            Some(_) => {}
        }
    }
    result
}

/// Removes the folders beside `current`, but for the one that was last opened and those in use.
///
/// # Errors
///
/// Names the first folder that cannot be removed; the others are removed all the same.
pub(super) fn remove_older(current: &Path) -> io::Result<()> {
    // What a process was removing when it was killed.
    let mut half_removed = beside(current).filter(|path| is_removing(path));
    let mut result =
        half_removed.try_for_each(|folder| named(&folder, fs::remove_dir_all(&folder)));
    let mut builds = others(current);
    builds.pop();
    for folder in builds {
        result = result.and(remove(&folder));
    }
    result
}

/// Removes a build's folder, unless the build is in use or that cannot be told.
fn remove(folder: &Path) -> io::Result<()> {
    let lock = in_use(folder);
    if !lock.as_ref().is_ok_and(|file| file.try_lock().is_ok()) {
        return Ok(());
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let removing = folder.with_file_name(format!("{REMOVING}{name}"));
    named(folder, fs::rename(folder, &removing).and_then(|()| fs::remove_dir_all(&removing)))
}

fn named<T>(folder: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))
}

/// The folders of the other builds, the one that was last opened at the end.
fn others(current: &Path) -> Vec<PathBuf> {
    let mut builds: Vec<_> = beside(current).filter(|path| is_build(path)).collect();
    builds.sort_by_key(|folder| read_time(&folder.join(OPENED)));
    builds
}

fn beside(current: &Path) -> impl Iterator<Item = PathBuf> {
    let current = current.to_owned();
    let entries = current.parent().and_then(|pages| fs::read_dir(pages).ok());
    entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(move |path| *path != current)
}

fn is_build(path: &Path) -> bool {
    path.join(OPENED).is_file() && !is_removing(path)
}

fn is_removing(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(REMOVING))
}

fn in_use(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(false).open(folder.join(IN_USE))
}

fn write_time(path: &Path, time: SystemTime) -> io::Result<()> {
    fs::write(path, time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string())
}

fn read_time(path: &Path) -> Option<SystemTime> {
    let seconds = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(pages: &Path) -> Vec<String> {
        let mut left: Vec<_> = fs::read_dir(pages)
            .unwrap()
            .map(|folder| folder.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        left
    }

    #[test]
    fn previous_build_stays_for_the_grace_period_and_older_ones_go() {
        let pages = tempfile::tempdir().unwrap();
        let noon = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hour = Duration::from_secs(3600);
        for (build, hours) in [("a", 1), ("c", 3), ("b", 2)] {
            open(&pages.path().join(build), noon + hours * hour).unwrap();
        }
        fs::write(pages.path().join("stray"), "").unwrap();
        let this = pages.path().join("this");
        let deployed = noon + 4 * hour;
        open(&this, deployed).unwrap();
        remove_old(&this, hour, deployed).unwrap();
        assert_eq!(left(pages.path()), ["c", "stray", "this"]);
        remove_old(&this, hour, deployed + hour / 2).unwrap();
        assert_eq!(left(pages.path()), ["c", "stray", "this"]);
        remove_old(&this, hour, deployed + hour).unwrap();
        assert_eq!(left(pages.path()), ["stray", "this"]);
    }

    #[test]
    fn build_that_is_back_in_service_is_not_superseded() {
        let pages = tempfile::tempdir().unwrap();
        let noon = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let day = Duration::from_secs(86_400);
        let (old, new) = (pages.path().join("old"), pages.path().join("new"));
        open(&old, noon).unwrap();
        open(&new, noon + day).unwrap();
        remove_old(&new, day, noon + day).unwrap();
        // Rolled back, and forward again much later.
        open(&old, noon + 2 * day).unwrap();
        remove_old(&old, day, noon + 2 * day).unwrap();
        open(&new, noon + 9 * day).unwrap();
        remove_old(&new, day, noon + 9 * day).unwrap();
        assert_eq!(left(pages.path()), ["new", "old"]);
    }

    #[test]
    fn folder_that_no_store_has_made_is_never_removed() {
        let pages = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        fs::create_dir(pages.path().join("src")).unwrap();
        fs::write(pages.path().join("src/main.rs"), "fn main() {}").unwrap();
        fs::create_dir(pages.path().join("empty")).unwrap();
        for build in ["a", "b"] {
            open(&pages.path().join(build), now).unwrap();
        }
        let this = pages.path().join("this");
        open(&this, now).unwrap();
        assert_eq!(foreign(&this), Some(pages.path().join("src")));
        for _ in 0..3 {
            remove_old(&this, Duration::ZERO, now).unwrap();
        }
        assert_eq!(left(pages.path()), ["empty", "src", "this"]);
    }

    #[test]
    fn build_that_is_in_use_is_not_removed() {
        let pages = tempfile::tempdir().unwrap();
        let noon = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds| noon + Duration::from_secs(seconds);
        let served = open(&pages.path().join("served"), at(0)).unwrap();
        // Two builds that are only rendered follow.
        drop(open(&pages.path().join("first"), at(1)).unwrap());
        let second = pages.path().join("second");
        let _second = open(&second, at(2)).unwrap();
        for _ in 0..2 {
            remove_old(&second, Duration::ZERO, at(3)).unwrap();
        }
        assert_eq!(left(pages.path()), ["second", "served"]);
        drop(served);
        remove_old(&second, Duration::ZERO, at(4)).unwrap();
        remove_old(&second, Duration::ZERO, at(5)).unwrap();
        assert_eq!(left(pages.path()), ["second"]);
    }

    #[test]
    fn what_was_being_removed_when_the_process_was_killed_is_ours_and_goes() {
        let pages = tempfile::tempdir().unwrap();
        fs::create_dir_all(pages.path().join(".removing-a/0f")).unwrap();
        let this = pages.path().join("this");
        open(&this, UNIX_EPOCH).unwrap();
        assert_eq!(foreign(&this), None);
        remove_older(&this).unwrap();
        assert_eq!(left(pages.path()), ["this"]);
    }
}
