//! The folders of builds: which one is the previous build's, and which may be removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A file in a build's folder: since when another build has been in service.
const SUPERSEDED: &str = "superseded";

/// A file in a build's folder: when the build was last opened.
const OPENED: &str = "opened";

/// Creates `folder` if need be, and notes that its build is opened at `now`.
///
/// # Errors
///
/// Says why the folder cannot be written.
pub(super) fn open(folder: &Path, now: SystemTime) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    write_time(&folder.join(OPENED), now)
}

/// Removes the folders beside `current`: all but the one that was last opened, and that one too
/// once `grace` has passed since this build took its place.
///
/// # Errors
///
/// Names the first folder that cannot be removed; the others are removed all the same.
pub(super) fn remove_old(current: &Path, grace: Duration, now: SystemTime) -> io::Result<()> {
    let _ = fs::remove_file(current.join(SUPERSEDED));
    let mut builds = others(current);
    builds.sort_by_key(|folder| read_time(&folder.join(OPENED)));
    let mut result = Ok(());
    if let Some(previous) = builds.pop() {
        let mark = previous.join(SUPERSEDED);
        match read_time(&mark) {
            None => result = write_time(&mark, now),
            Some(since) => {
                // A time in the future means that the clock was set back.
                if now.duration_since(since).is_ok_and(|past| past >= grace) {
                    builds.push(previous);
                }
            }
        }
    }
    for folder in builds {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
        };
        result = result.and(fs::remove_dir_all(&folder).map_err(named));
    }
    result
}

/// The folders of the other builds.
pub(super) fn others(current: &Path) -> Vec<PathBuf> {
    let folders = current.parent().and_then(|pages| fs::read_dir(pages).ok());
    folders
        .into_iter()
        .flatten()
        .filter_map(|folder| folder.ok().map(|folder| folder.path()))
        .filter(|folder| folder.is_dir() && folder != current)
        .collect()
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
}
