//! The files of one build, beside those of others, and the count of what they take.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, Once, OnceLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    builds,
    files::{Files, lock},
    index::{FileId, Index},
    leases::Leases,
    purge_file::PurgeFile,
    room::{OtherBuilds, PageFolder},
};
use crate::{address::key::Key, clock::Clock, store::backend::InUse};

/// How many locks the files share: enough that two pages rarely wait for each other.
pub(super) const LOCKS: usize = 64;

/// The pages of one build.
pub(super) struct BuildFolder {
    pub(super) folder: PathBuf,
    /// Keeps the folder from being removed by other processes.
    pub(super) _in_use: Option<File>,
    pub(super) limit: u64,
    pub(super) grace: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) files: Box<dyn Files>,
    pub(super) index: Mutex<Index>,
    /// Set once `index` has what was there before.
    pub(super) scanned: OnceLock<()>,
    pub(super) others: Mutex<OtherBuilds>,
    /// Held while other builds are looked at or something of them is removed, so that this process
    /// never takes its own lock for that of another.
    pub(super) tending: Mutex<()>,
    /// Of pages that take more than the limit though nothing may go.
    pub(super) limit_warning: Once,
    /// The threads that may act for the store at once, those included that a disk that hangs does
    /// not give back.
    pub(super) threads: Arc<Semaphore>,
    /// Held while a file is written or removed, so that file and index change together.
    pub(super) locks: [Mutex<()>; LOCKS],
    pub(super) in_use: OnceLock<InUse>,
    pub(super) purges: PurgeFile,
    pub(super) leases: Leases,
}

impl fmt::Debug for BuildFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildFolder")
            .field("folder", &self.folder)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl BuildFolder {
    pub(super) fn get(&self, key: &Key) -> io::Result<Option<Bytes>> {
        let id = id(key);
        let path = self.path_of(id);
        let page = read_if_any(&*self.files, &path)?;
        match &page {
            Some(page) => {
                let mut index = lock(&self.index);
                if !index.used(id, key) {
                    index.put(id, key.clone(), room(page.len() as u64));
                }
                drop(index);
                self.files.touch(&path);
            }
            None => self.forget_if_gone(id, &path)?,
        }
        Ok(page)
    }

    /// Takes a file that was not there out of the index, unless it has been written in the
    /// meantime: a file that is not counted would never be evicted.
    fn forget_if_gone(&self, id: FileId, path: &Path) -> io::Result<()> {
        if lock(&self.index).contains(id) {
            let _turn = self.turn(id);
            if !path.try_exists()? {
                lock(&self.index).remove(id);
            }
        }
        Ok(())
    }

    /// Writes a page, unless its caller has given up by its turn: then a later write may have had
    /// its turn already.
    pub(super) fn put(
        &self,
        key: Key,
        page: &[u8],
        given_up: &CancellationToken,
    ) -> io::Result<()> {
        let id = id(&key);
        {
            let _turn = self.turn(id);
            if given_up.is_cancelled() {
                return Ok(());
            }
            self.files.write(&self.path_of(id), page)?;
            lock(&self.index).put(id, key, room(page.len() as u64));
        }
        self.make_room();
        Ok(())
    }

    pub(super) fn remove(&self, id: FileId) -> io::Result<()> {
        let _turn = self.turn(id);
        lock(&self.index).remove(id);
        self.files.remove(&self.path_of(id))
    }

    /// Removes pages until the rest is within the limit: first those of other builds that may go,
    /// then the least recently used ones of this build.
    pub(super) fn make_room(&self) {
        while let Some(pages) = self.next_of_another() {
            if let Err(error) = self.remove_pages_of_another(pages) {
                warn!(folder = %self.folder.display(), %error, "cannot remove pages of an old build");
            }
        }
        while let Some(id) = self.next_to_drop() {
            let _turn = self.turn(id);
            // It may have been written again in the meantime.
            if lock(&self.index).contains(id) {
                continue;
            }
            if let Err(error) = self.files.remove(&self.path_of(id)) {
                warn!(folder = %self.folder.display(), %error, "cannot remove a page to make room");
                return;
            }
        }
        self.warn_if_over();
    }

    fn next_of_another(&self) -> Option<PageFolder> {
        let own = lock(&self.index).bytes();
        lock(&self.others).next_to_go(own, self.limit)
    }

    fn next_to_drop(&self) -> Option<FileId> {
        let room = lock(&self.others).room(self.limit);
        let mut index = lock(&self.index);
        if index.bytes() <= room {
            return None;
        }
        index.pop(|key| self.in_use.get().is_some_and(|in_use| in_use(key)))
    }

    /// If they cannot be removed, they count as pages that stay until all are counted again.
    fn remove_pages_of_another(&self, pages: PageFolder) -> io::Result<()> {
        let _turn = lock(&self.tending);
        let removed = builds::remove_page_folder(&pages.path);
        if !matches!(removed, Ok(true)) {
            lock(&self.others).keep_build_of(pages);
        }
        removed.map(drop)
    }

    fn warn_if_over(&self) {
        let own = lock(&self.index).bytes();
        let others = lock(&self.others);
        if others.are_too_large(own, self.limit) {
            let others = others.bytes();
            self.limit_warning.call_once(|| {
                let folder = self.folder.parent().unwrap_or(&self.folder).display();
                warn!(%folder, limit = self.limit, own, others,
                    "pages take more than `disk_limit`: those of other builds that run, are in \
                     service or come next stay, and this build keeps half of it; end the servers \
                     of other builds, or raise the limit");
            });
        }
    }

    /// Removes other builds that are not needed any more, counts the pages of the rest, and makes
    /// room.
    ///
    /// # Errors
    ///
    /// Names the first folder that cannot be removed; the others are removed all the same.
    pub(super) fn tend_other_builds(&self) -> io::Result<()> {
        let turn = lock(&self.tending);
        // Nobody who makes room has to wait for something of theirs to be removed.
        *lock(&self.others) = OtherBuilds::default();
        let removed = builds::remove_old(&self.folder, self.grace, self.clock.now());
        *lock(&self.others) = self.count_others();
        drop(turn);
        self.make_room();
        removed
    }

    fn count_others(&self) -> OtherBuilds {
        let mut counted = OtherBuilds::default();
        for build in builds::others_by_service(&self.folder) {
            let pages = folders_of(&build.folder).map(page_folder);
            match build.may_go {
                true => counted.spare(pages),
                false => counted.keep(pages),
            }
        }
        counted
    }

    /// Counts the files that are there, those of other builds too, without reading them.
    pub(super) fn scan(&self) {
        let mut found = Vec::new();
        for folder in folders_of(&self.folder) {
            found.extend(files_of(&folder));
        }
        // The latest first, since `found` takes each as used before all that are known.
        found.sort_by_key(|file| std::cmp::Reverse(file.used));
        let mut index = lock(&self.index);
        for file in &found {
            index.found(file.id, room(file.len));
        }
        let own = index.bytes();
        drop(index);
        let _ = self.scanned.set(());
        let turn = lock(&self.tending);
        *lock(&self.others) = self.count_others();
        drop(turn);
        let is_over = own + lock(&self.others).bytes() > self.limit;
        if is_over && let Err(error) = self.tend_other_builds() {
            warn!(folder = %self.folder.display(), %error, "cannot remove an old build");
        }
    }

    pub(super) fn turn(&self, id: FileId) -> MutexGuard<'_, ()> {
        lock(&self.locks[(id % LOCKS as u128) as usize])
    }

    pub(super) fn path_of(&self, id: FileId) -> PathBuf {
        let name = format!("{id:032x}");
        self.folder.join(&name[..2]).join(&name[2..])
    }

    pub(super) fn path_of_value(&self, name: &str) -> PathBuf {
        self.folder.join(format!("value-{:032x}", xxh3_128(name.as_bytes())))
    }
}

/// How many bytes of the disk a file takes: file systems allocate whole blocks, usually of 4 KiB.
pub(super) fn room(len: u64) -> u64 {
    len.next_multiple_of(4096)
}

/// A folder of pages of another build. What is in it belongs to that build, so nothing is tidied up.
fn page_folder(path: PathBuf) -> PageFolder {
    let files = fs::read_dir(&path).into_iter().flatten().flatten();
    let bytes = files.filter_map(|file| Some(room(file.metadata().ok()?.len()))).sum();
    PageFolder { path, bytes }
}

/// A page's file as a walk through the folder finds it.
pub(super) struct FoundFile {
    id: FileId,
    pub(super) len: u64,
    used: SystemTime,
}

pub(super) fn folders_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| is_of_pages(path) && path.is_dir())
}

/// Whether the name is one that `path_of` gives a folder.
pub(super) fn is_of_pages(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    name.len() == 2 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit)
}

pub(super) fn files_of(folder: &Path) -> impl Iterator<Item = FoundFile> {
    let first = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(move |entry| {
        let rest = entry.file_name();
        let id = FileId::from_str_radix(&format!("{first}{}", rest.to_str()?), 16);
        let about = entry.metadata().ok()?;
        let Ok(id) = id else {
            remove_leftover(&entry.path(), &about);
            return None;
        };
        Some(FoundFile { id, len: about.len(), used: about.modified().ok()? })
    })
}

/// Removes a temporary file that a crash left behind. A younger one may still be written, but no
/// write takes an hour.
fn remove_leftover(path: &Path, about: &fs::Metadata) {
    let age = about.modified().ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > Duration::from_secs(3600)) {
        let _ = fs::remove_file(path);
    }
}

pub(super) fn id(key: &Key) -> FileId {
    xxh3_128(key.as_str().as_bytes())
}

pub(super) fn read_if_any(files: &dyn Files, path: &Path) -> io::Result<Option<Bytes>> {
    match files.read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
