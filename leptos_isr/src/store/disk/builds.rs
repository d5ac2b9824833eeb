//! The folders of builds: which one is in service, and which may be removed.
//!
//! A build is in service from when a server of it began to serve until a server of another one did.
//!
//! Only a folder that a store has made is ever removed, and only while no process has its build
//! open: each holds a shared lock on a file in it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::platform;
use crate::store::backend::OtherBuild;

/// A file in a build's folder: since when the build is in service, or was the last time.
const SERVED: &str = "served";

/// A file in a build's folder: when the build was last opened. Only a store writes it.
const OPENED: &str = "opened";

/// A file in a build's folder, locked by each process that has the build open.
const IN_USE: &str = "in-use";

/// A folder in a build's folder: the files that its pages name.
pub(super) const FILES: &str = "files";

/// How often a folder that others remove meanwhile is made again.
const TRIES: usize = 100;

/// What the name of a folder begins with while it is removed. No id of a build begins so.
const REMOVING: &str = ".removing-";

/// The folder of a build, and what it says of it.
struct Build {
    folder: PathBuf,
    served: Option<SystemTime>,
    opened: Option<SystemTime>,
}

/// The folder of a build beside this one.
pub(super) struct OtherFolder {
    pub(super) folder: PathBuf,
    /// Whether its pages may go before their grace period is over: another build came into service
    /// after it, and no process has it open. Where that cannot be told they may not.
    pub(super) may_go: bool,
}

/// Creates `folder` if need be, and notes that its build is opened at `now`. The build is in use
/// until the returned file is dropped.
///
/// # Errors
///
/// Says why the folder cannot be written.
pub(super) fn open(folder: &Path, now: SystemTime) -> io::Result<File> {
    let mut tries = 0..TRIES;
    loop {
        let opened = open_once(folder, now);
        // Another process may have removed the folder meanwhile, which was not in use until now.
        let is_there = match &opened {
            Ok(in_use) => platform::is_at(in_use, &folder.join(IN_USE)).unwrap_or(false),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if is_there || tries.next().is_none() {
            return opened;
        }
    }
}

fn open_once(folder: &Path, now: SystemTime) -> io::Result<File> {
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

/// Notes that the build in `current` is in service: from `now` on, unless it was already.
///
/// # Errors
///
/// Says why the folder cannot be written.
pub(super) fn begin_service(current: &Path, now: SystemTime) -> io::Result<()> {
    let last = others(current).iter().filter_map(|build| build.served).max();
    let own = Build::at(current.to_owned()).served;
    if own.is_some_and(|own| last.is_none_or(|last| last < own)) {
        return Ok(());
    }
    // Later than all others, also if the clock was set back.
    let after = last.map(|last| last + Duration::from_secs(1));
    write_time(&current.join(SERVED), after.map_or(now, |after| after.max(now)))
}

/// The other builds that were in service, or still are.
pub(super) fn others_served(current: &Path) -> Vec<OtherBuild> {
    let served = others(current).into_iter().filter(|build| build.served.is_some());
    let other = |build: Build| {
        let id = build.folder.file_name()?.to_str()?.to_owned();
        let lock = in_use(&build.folder).ok()?.try_lock();
        // Another error means that there are no locks, and nobody will ever say that it ended.
        Some(OtherBuild { id, is_in_use: matches!(lock, Err(TryLockError::WouldBlock)) })
    };
    served.filter_map(other).collect()
}

/// Removes the folders of builds beside `current` that are not needed any more. These stay:
///
/// - the build that is in service, or was the last to be;
/// - the one that was in service before, for `grace` after that;
/// - the last one that was made to come into service after `current`;
/// - one that is in use.
///
/// Of a build that was in service before these the files stay for `grace`, without its pages.
///
/// # Errors
///
/// Names the first folder that cannot be removed; the others are removed all the same.
pub(super) fn remove_old(current: &Path, grace: Duration, now: SystemTime) -> io::Result<()> {
    // What a process was removing when it was killed.
    let mut half_removed = beside(current).filter(|path| is_removing(path));
    let mut result = half_removed.try_for_each(|folder| named(&folder, remove_all(&folder)));
    let own = Build::at(current.to_owned());
    let (mut served, mut others): (Vec<_>, Vec<_>) =
        others(current).into_iter().partition(|build| build.served.is_some());

    served.sort_by_key(|build| build.served);
    let after = |build: &Build| {
        let all = served.iter().chain([&own]).filter_map(|build| build.served);
        all.filter(|other| Some(*other) > build.served).min()
    };
    let previous = served.iter().rposition(|build| after(build).is_some());
    for (place, build) in served.iter().enumerate() {
        let Some(since) = after(build) else { continue };
        // A time in the future means that the clock was set back.
        let is_over = now.duration_since(since).is_ok_and(|past| past >= grace);
        if is_over {
            result = result.and(remove(&build.folder));
        } else if Some(place) != previous {
            result = result.and(remove_pages(&build.folder));
        }
    }

    others.sort_by_key(|build| build.opened);
    let begin = own.served.or(own.opened);
    let next = others.pop_if(|build| build.opened > begin);
    drop(next);
    for build in others {
        result = result.and(remove(&build.folder));
    }
    result
}

/// The builds beside `current`, the first in service first.
pub(super) fn others_by_service(current: &Path) -> Vec<OtherFolder> {
    let own = Build::at(current.to_owned()).served;
    let mut others = others(current);
    others.sort_by_key(|build| build.served);
    let last = others.last().and_then(|build| build.served).max(own);
    let other = |build: Build| {
        let was_in_service = build.served.is_some() && build.served < last;
        let may_go = was_in_service && lock_unused(&build.folder).is_some();
        OtherFolder { folder: build.folder, may_go }
    };
    others.into_iter().map(other).collect()
}

/// Removes a folder of pages of another build. Returns whether it is gone: not if the build is in
/// use, or that cannot be told.
pub(super) fn remove_page_folder(pages: &Path) -> io::Result<bool> {
    if !pages.exists() {
        return Ok(true);
    }
    let Some(_lock) = pages.parent().and_then(lock_unused) else { return Ok(false) };
    named(pages, remove_all(pages)).map(|()| true)
}

/// Removes a build's folder, unless the build is in use or that cannot be told.
fn remove(folder: &Path) -> io::Result<()> {
    let Some(lock) = lock_unused(folder) else { return Ok(()) };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let removing = folder.with_file_name(format!("{REMOVING}{name}"));
    match platform::rename_locked(folder, &removing, lock) {
        // Another process has just done so.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => named(folder, renamed.and_then(|()| remove_all(&removing))),
    }
}

/// Removes all but a build's files and what is said of it, unless the build is in use or that cannot
/// be told.
fn remove_pages(folder: &Path) -> io::Result<()> {
    let Some(_lock) = lock_unused(folder) else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if [FILES, SERVED, OPENED, IN_USE].iter().any(|kept| entry.file_name() == *kept) {
            continue;
        }
        let is_folder = entry.file_type()?.is_dir();
        let removed = match is_folder {
            true => remove_all(&entry.path()),
            false => fs::remove_file(entry.path()),
        };
        named(folder, removed)?;
    }
    Ok(())
}

/// Removes a folder, which another process may be removing too.
fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn lock_unused(folder: &Path) -> Option<File> {
    in_use(folder).ok().filter(|file| file.try_lock().is_ok())
}

fn named<T>(folder: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))
}

impl Build {
    fn at(folder: PathBuf) -> Self {
        let (served, opened) = (read_time(&folder.join(SERVED)), read_time(&folder.join(OPENED)));
        Self { folder, served, opened }
    }
}

fn others(current: &Path) -> Vec<Build> {
    beside(current).filter(|path| is_build(path)).map(Build::at).collect()
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

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: u32) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000) + hours * HOUR
    }

    /// A folder with builds, as processes that came and went have left it.
    struct Pages(tempfile::TempDir);

    impl Pages {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn build(&self, build: &str) -> PathBuf {
            self.0.path().join(build)
        }

        fn rendered(&self, build: &str, hours: u32) {
            drop(open(&self.build(build), at(hours)).unwrap());
        }

        fn served(&self, build: &str, hours: u32) {
            self.rendered(build, hours);
            begin_service(&self.build(build), at(hours)).unwrap();
        }

        fn left(&self, current: &str, hours: u32) -> Vec<String> {
            remove_old(&self.build(current), HOUR, at(hours)).unwrap();
            let mut left: Vec<_> = fs::read_dir(self.0.path())
                .unwrap()
                .map(|folder| folder.unwrap().file_name().into_string().unwrap())
                .collect();
            left.sort();
            left
        }
    }

    #[test]
    fn previous_build_stays_for_the_grace_period_and_older_ones_go() {
        let pages = Pages::new();
        for (build, hours) in [("a", 1), ("c", 3), ("b", 2)] {
            pages.served(build, hours);
        }
        // Begun later than it was rendered, but not than the last one began.
        fs::write(pages.build("stray"), "").unwrap();
        pages.served("this", 7);
        assert_eq!(pages.left("this", 7), ["b", "stray", "this"], "`b` was the last to begin");
        remove_old(&pages.build("this"), HOUR, at(7) + HOUR / 2).unwrap();
        assert_eq!(pages.left("this", 7), ["b", "stray", "this"]);
        // It was only started anew.
        pages.served("this", 8);
        assert_eq!(pages.left("this", 8), ["stray", "this"]);
    }

    #[test]
    fn build_that_another_process_removes_while_it_is_opened_is_there_and_in_use() {
        let pages = Pages::new();
        pages.rendered("build", 1);
        let folder = pages.build("build");
        let removing = lock_unused(&folder).unwrap();
        std::thread::scope(|threads| {
            let opening = threads.spawn(|| open(&folder, at(2)).unwrap());
            while read_time(&folder.join(OPENED)) != Some(at(2)) {
                std::thread::yield_now();
            }
            let aside = pages.build(".removing-build");
            platform::rename_locked(&folder, &aside, removing).unwrap();
            let _in_use = opening.join().unwrap();
            assert!(is_build(&folder) && lock_unused(&folder).is_none());
        });
    }

    #[test]
    fn folder_that_another_process_has_removed_meanwhile_is_no_error() {
        let pages = Pages::new();
        pages.rendered("build", 1);
        let folder = pages.build("build");
        remove_all(&folder).unwrap();
        remove_all(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn files_stay_for_the_grace_period_though_two_builds_followed() {
        let pages = Pages::new();
        pages.served("a", 0);
        for folder in [FILES, "0f"] {
            fs::create_dir(pages.build("a").join(folder)).unwrap();
        }
        fs::write(pages.build("a").join("value-0f"), "").unwrap();
        pages.served("b", 1);
        remove_old(&pages.build("b"), 9 * HOUR, at(1)).unwrap();
        assert!(pages.build("a").join("0f").exists());
        pages.served("c", 2);
        for _ in 0..2 {
            remove_old(&pages.build("c"), 9 * HOUR, at(2)).unwrap();
        }
        let left = fs::read_dir(pages.build("a")).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [FILES, IN_USE, OPENED, SERVED]);
        remove_old(&pages.build("c"), 9 * HOUR, at(10)).unwrap();
        assert!(!pages.build("a").exists() && pages.build("b").exists());
    }

    #[test]
    fn build_that_is_back_in_service_is_not_superseded() {
        let pages = Pages::new();
        pages.served("old", 0);
        pages.served("new", 24);
        assert_eq!(pages.left("new", 24), ["new", "old"]);
        // Rolled back, and forward again much later.
        pages.served("old", 25);
        assert_eq!(pages.left("old", 25), ["new", "old"]);
        pages.served("new", 99);
        assert_eq!(pages.left("new", 99), ["new", "old"]);
    }

    #[test]
    fn what_is_only_rendered_takes_no_place_and_no_build_out_of_service() {
        let pages = Pages::new();
        pages.served("first", 0);
        pages.served("served", 1);
        for (build, left) in [
            ("second", &["first", "second", "served"][..]),
            ("third", &["first", "served", "third"]),
        ] {
            pages.rendered(build, 2);
            assert_eq!(pages.left(build, 1), left);
        }
        pages.rendered("fourth", 99);
        assert_eq!(pages.left("fourth", 99), ["fourth", "served"]);
        // The server that is in service starts anew before the next one begins.
        pages.served("served", 100);
        assert_eq!(pages.left("served", 100), ["fourth", "served"]);
        pages.served("fourth", 101);
        assert_eq!(pages.left("fourth", 101), ["fourth", "served"]);
    }

    #[test]
    fn service_begins_after_all_others_though_the_clock_was_set_back() {
        let pages = Pages::new();
        pages.served("old", 10);
        pages.served("new", 5);
        assert_eq!(pages.left("new", 5), ["new", "old"]);
        pages.served("old", 6);
        let served = |build| Build::at(pages.build(build)).served;
        assert!(served("old") > served("new") && served("new") > Some(at(10)));
    }

    #[test]
    fn folder_that_no_store_has_made_is_never_removed() {
        let pages = Pages::new();
        fs::create_dir(pages.build("src")).unwrap();
        fs::write(pages.build("src").join("main.rs"), "fn main() {}").unwrap();
        fs::create_dir(pages.build("empty")).unwrap();
        pages.rendered("a", 0);
        pages.served("b", 0);
        pages.served("this", 0);
        assert_eq!(foreign(&pages.build("this")), Some(pages.build("src")));
        assert_eq!(pages.left("this", 9), ["empty", "src", "this"]);
    }

    #[test]
    fn build_that_is_in_use_is_not_removed() {
        let pages = Pages::new();
        pages.served("older", 0);
        pages.served("old", 1);
        pages.served("this", 2);
        let uses = ["older", "old"].map(|build| open(&pages.build(build), at(1)).unwrap());
        let others = || {
            let mut others = others_served(&pages.build("this"));
            others.sort_by(|a, b| b.id.cmp(&a.id));
            others.into_iter().map(|other| (other.id, other.is_in_use)).collect::<Vec<_>>()
        };
        assert_eq!(others(), [("older".to_owned(), true), ("old".to_owned(), true)]);
        assert_eq!(pages.left("this", 9), ["old", "older", "this"]);
        let [older, old] = uses;
        drop(older);
        assert_eq!(others(), [("older".to_owned(), false), ("old".to_owned(), true)]);
        assert_eq!(pages.left("this", 9), ["old", "this"]);
        drop(old);
        assert_eq!(pages.left("this", 9), ["this"]);
    }

    #[test]
    fn what_was_being_removed_when_the_process_was_killed_is_ours_and_goes() {
        let pages = Pages::new();
        fs::create_dir_all(pages.build(".removing-a").join("0f")).unwrap();
        pages.rendered("this", 0);
        assert_eq!(foreign(&pages.build("this")), None);
        assert_eq!(pages.left("this", 0), ["this"]);
    }
}
