//! The files of one build, and the count of what they take.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
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
    line_file::LineFile,
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
    /// The threads that may act for the store at once, those included that a disk that hangs does
    /// not give back.
    pub(super) threads: Arc<Semaphore>,
    /// Held while a file is written or removed, so that file and index change together.
    pub(super) locks: [Mutex<()>; LOCKS],
    pub(super) in_use: OnceLock<InUse>,
    pub(super) purges: Mutex<LineFile>,
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

    /// Evicts pages until the rest is within the limit.
    pub(super) fn make_room(&self) {
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
    }

    fn next_to_drop(&self) -> Option<FileId> {
        let mut index = lock(&self.index);
        if index.bytes() <= self.limit {
            return None;
        }
        index.pop(|key| self.in_use.get().is_some_and(|in_use| in_use(key)))
    }

    /// Counts the files that are there, without reading them.
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
        let is_over = index.bytes() > self.limit;
        drop(index);
        if is_over {
            if let Err(error) = builds::remove_old(&self.folder, self.grace, self.clock.now()) {
                warn!(folder = %self.folder.display(), %error, "cannot remove an old build");
            }
            self.make_room();
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
