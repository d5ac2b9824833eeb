//! Pages on the disk: one file a page, complete or absent.
//!
//! A file is written aside, flushed, and renamed into place, so a crash leaves
//! the old page or the new one. Its name is a 128-bit hash of the key: no part
//! of a URL reaches the file system.

mod builds;
mod files;
mod index;
mod purges;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_128;

pub(crate) use self::purges::LineFile;
use self::{
    files::{Files, RealFiles},
    index::{FileId, Index},
    purges::PurgeFile,
};
use super::{InUse, PageStream, Store, StoreError};
use crate::{
    clock::{Clock, SystemClock},
    key::Key,
    period,
};

/// How many locks the files share: enough that two pages rarely wait for each other.
const LOCKS: usize = 64;

/// The pages of one build in a folder, and the purges of all builds beside them.
///
/// The folder holds `purges.log` and `pages/<build id>/`. Its pages together
/// stay below a size, counted in whole blocks of 4 KiB: the least recently used go first, pages of other builds
/// before them. Which were used is remembered while the process runs; after a
/// restart it begins with when each file was last read or written.
///
/// Opening reads the purges, but no pages: their sizes are counted in the
/// background.
#[derive(Debug)]
pub struct DiskStore(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    limit: u64,
    grace: Duration,
    clock: Arc<dyn Clock>,
    files: Box<dyn Files>,
    index: Mutex<Index>,
    /// Held while a file is written or removed, so that both act on the same one.
    locks: [Mutex<()>; LOCKS],
    in_use: OnceLock<InUse>,
    purges: Mutex<PurgeFile>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("folder", &self.folder)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`DiskStore`].
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) root: PathBuf,
    pub(crate) build: String,
    pub(crate) limit: u64,
    pub(crate) grace: Duration,
}

impl Settings {
    pub(crate) fn new(root: PathBuf, build: String) -> Self {
        Self { root, build, limit: 1 << 30, grace: period::hours(24) }
    }
}

impl DiskStore {
    /// The store of the build `build_id` in `folder`, which is made if need be.
    /// At most 1 GiB of pages; the previous build's pages stay for a day.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be made. One that cannot be written is opened
    /// all the same: its pages are served, and each write fails.
    pub fn open(
        folder: impl Into<PathBuf>,
        build_id: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let settings = Settings::new(folder.into(), build_id.into());
        Ok(Self::with_settings(settings, Arc::new(SystemClock))?)
    }

    pub(crate) fn with_settings(settings: Settings, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let store = Self::open_with(settings, clock, Box::new(RealFiles))?;
        let scanning = Arc::clone(&store.0);
        std::thread::spawn(move || scanning.scan());
        Ok(store)
    }

    fn open_with(
        settings: Settings,
        clock: Arc<dyn Clock>,
        files: Box<dyn Files>,
    ) -> io::Result<Self> {
        let folder = settings.root.join("pages").join(&settings.build);
        if let Err(error) = builds::open(&folder, clock.now()) {
            if !folder.is_dir() {
                return Err(error);
            }
            warn!(folder = %folder.display(), %error,
                "cannot write to the store, its pages are served and new ones kept in memory only");
        }
        let purges = PurgeFile::open(&settings.root.join("purges.log"));
        Ok(Self(Arc::new(Inner {
            folder,
            limit: settings.limit,
            grace: settings.grace,
            clock,
            files,
            index: Mutex::new(Index::new()),
            locks: std::array::from_fn(|_| Mutex::default()),
            in_use: OnceLock::new(),
            purges: Mutex::new(purges),
        })))
    }

    async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        Ok(tokio::task::spawn_blocking(move || act(&inner)).await.map_err(io::Error::other)??)
    }
}

#[async_trait]
impl Store for DiskStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let key = key.clone();
        self.run(move |inner| inner.get(&key)).await
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        let key = key.clone();
        self.run(move |inner| inner.put(key, &page)).await
    }

    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        let id = id(key);
        self.run(
            move |inner| Ok(lock(&inner.index).contains(id) || inner.path_of(id).try_exists()?),
        )
        .await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let id = id(key);
        self.run(move |inner| inner.remove(id)).await
    }

    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError> {
        let path = self.0.path_of_value(name);
        self.run(move |inner| inner.files.write(&path, &value)).await
    }

    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let path = self.0.path_of_value(name);
        self.run(move |inner| read_if_any(&*inner.files, &path)).await
    }

    fn purges(&self) -> Result<Vec<Bytes>, StoreError> {
        Ok(lock(&self.0.purges).read()?)
    }

    async fn append_purge(&self, record: Bytes) -> Result<(), StoreError> {
        self.run(move |inner| lock(&inner.purges).append(&*inner.files, &record)).await
    }

    async fn replace_purges(&self, records: Vec<Bytes>) -> Result<bool, StoreError> {
        self.run(move |inner| lock(&inner.purges).replace(&*inner.files, &records)).await
    }

    fn pages(&self) -> Option<PageStream> {
        Some(walk::pages(Arc::clone(&self.0)))
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        self.run(|inner| builds::remove_old(&inner.folder, inner.grace, inner.clock.now())).await
    }

    fn used(&self, key: &Key) {
        lock(&self.0.index).used(id(key), key);
    }

    fn set_in_use(&self, in_use: InUse) {
        let _ = self.0.in_use.set(in_use);
    }
}

impl Inner {
    fn get(&self, key: &Key) -> io::Result<Option<Bytes>> {
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

    /// Takes a file that was not there out of the index, unless it has been
    /// written meanwhile: a file that is not counted would never be dropped.
    fn forget_if_gone(&self, id: FileId, path: &Path) -> io::Result<()> {
        if lock(&self.index).contains(id) {
            let _turn = self.turn(id);
            if !path.try_exists()? {
                lock(&self.index).remove(id);
            }
        }
        Ok(())
    }

    fn put(&self, key: Key, page: &[u8]) -> io::Result<()> {
        let id = id(&key);
        {
            let _turn = self.turn(id);
            self.files.write(&self.path_of(id), page)?;
            lock(&self.index).put(id, key, room(page.len() as u64));
        }
        self.make_room();
        Ok(())
    }

    fn remove(&self, id: FileId) -> io::Result<()> {
        let _turn = self.turn(id);
        lock(&self.index).remove(id);
        self.files.remove(&self.path_of(id))
    }

    /// Drops pages until the rest is within the limit.
    fn make_room(&self) {
        while let Some(id) = self.next_to_drop() {
            let _turn = self.turn(id);
            // It may have been written anew meanwhile.
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

    /// Learns what is there, without reading it.
    fn scan(&self) {
        let mut found = Vec::new();
        for folder in folders_of(&self.folder) {
            found.extend(files_of(&folder));
        }
        // Latest first: each is put before those that are known.
        found.sort_by_key(|file| std::cmp::Reverse(file.used));
        let mut index = lock(&self.index);
        for file in &found {
            index.found(file.id, room(file.len));
        }
        let is_over = index.bytes() > self.limit;
        drop(index);
        if is_over {
            for build in builds::others(&self.folder) {
                let _ = fs::remove_dir_all(build);
            }
            self.make_room();
        }
    }

    fn turn(&self, id: FileId) -> MutexGuard<'_, ()> {
        lock(&self.locks[(id % LOCKS as u128) as usize])
    }

    fn path_of(&self, id: FileId) -> PathBuf {
        let name = format!("{id:032x}");
        self.folder.join(&name[..2]).join(&name[2..])
    }

    fn path_of_value(&self, name: &str) -> PathBuf {
        self.folder.join(format!("value-{:032x}", xxh3_128(name.as_bytes())))
    }
}

/// What a file takes of the disk: file systems give whole blocks, as a rule of 4 KiB.
fn room(len: u64) -> u64 {
    len.next_multiple_of(4096)
}

/// A page's file as a walk through the folder finds it.
struct Found {
    id: FileId,
    len: u64,
    used: std::time::SystemTime,
}

fn folders_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir())
}

fn files_of(folder: &Path) -> impl Iterator<Item = Found> {
    let first = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(move |entry| {
        let rest = entry.file_name();
        let id = FileId::from_str_radix(&format!("{first}{}", rest.to_str()?), 16);
        let about = entry.metadata().ok()?;
        let Ok(id) = id else {
            remove_leftover(&entry.path(), &about);
            return None;
        };
        Some(Found { id, len: about.len(), used: about.modified().ok()? })
    })
}

/// Removes a file that a crash left half written aside: no write takes an hour.
fn remove_leftover(path: &Path, about: &fs::Metadata) {
    let age = about.modified().ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > Duration::from_secs(3600)) {
        let _ = fs::remove_file(path);
    }
}

fn id(key: &Key) -> FileId {
    xxh3_128(key.as_str().as_bytes())
}

fn read_if_any(files: &dyn Files, path: &Path) -> io::Result<Option<Bytes>> {
    match files.read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
