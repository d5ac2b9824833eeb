//! Pages on the disk: one file per page, complete or absent.
//!
//! A page is written to a temporary file, flushed, and renamed into place, so a crash leaves the
//! old page or the new one. The file's name is a 128-bit hash of the key: no part of a URL reaches
//! the file system.

mod builds;
mod files;
mod folder;
mod index;
mod kept_files;
mod leases;
#[cfg(unix)]
#[path = "platform/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "platform/windows.rs"]
mod platform;
mod purge_file;
mod room;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, Once, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) use self::kept_files::KeptFiles;
use self::{
    files::{Files, RealFiles, lock},
    folder::{BuildFolder, id, read_if_any},
    index::Index,
    leases::Leases,
    purge_file::PurgeFile,
    room::OtherBuilds,
};
use crate::{
    address::{build, key::Key},
    clock::{Clock, SystemClock, stamp_of},
    error::StoreError,
    period,
    stats::{Tier, TierStats},
    store::{
        backend::{InUse, OtherBuild, PageStream, Store},
        ledger::{Lease, Ledger, LedgerRecord},
    },
};

/// How many of the runtime's threads for blocking work the store may take: more than the engine has
/// calls at once, and few of the 512 that a runtime has, so that a disk that hangs leaves the rest.
const THREADS: usize = 32;

/// Keeps the pages of one build in a folder, and the purges of all builds beside them.
///
/// The folder holds `purges.log` and `pages/<build id>/`, and beside them empty files whose locks
/// processes take in turn. The size of the pages is bounded, counted
/// in whole blocks of 4 KiB, those of all builds together. Beyond the limit, builds that are not
/// needed any more are removed first, then pages of builds that were in service before and that no
/// process has open, then the pages of this build that were used least recently. It keeps half of
/// the limit, whatever the others take. The order of use is remembered while the process
/// runs. After a restart it begins with the times at which the files were last read or written.
///
/// Opening reads the purges, but no pages: their sizes are counted in the background. The pages of
/// other builds are counted then, and whenever [`remove_old_builds`](Store::remove_old_builds) is
/// called. Clones share everything.
#[derive(Clone, Debug)]
pub struct DiskStore(Arc<BuildFolder>);

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
    /// Opens the store of the build `build_id` in `folder`, which is created if need be.
    ///
    /// It keeps at most 1 GiB of pages. The pages of the previous build stay for a day, unless the
    /// room is needed.
    ///
    /// # Errors
    ///
    /// Fails if `build_id` is not an id as [`Builder::build_id`](crate::Builder::build_id) takes, and
    /// if the folder cannot be created. A folder that is there but cannot be written is
    /// opened all the same: its pages are served, and each write fails.
    pub fn open(
        folder: impl Into<PathBuf>,
        build_id: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let settings = Settings::new(folder.into(), build_id.into());
        build::check(&settings.build)?;
        Ok(Self::with_settings(settings, Arc::new(SystemClock))?)
    }

    pub(crate) fn with_settings(settings: Settings, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let store = Self::open_with(settings, clock, Box::new(RealFiles))?;
        let scanning = Arc::clone(&store.0);
        std::thread::spawn(move || scanning.scan());
        Ok(store)
    }

    /// What there is of this build, and how much may be of all builds.
    pub(crate) fn stats(&self) -> TierStats {
        let index = lock(&self.0.index);
        TierStats {
            tier: Tier::Disk,
            entries: index.len() as u64,
            bytes: index.bytes(),
            limit: self.0.limit,
            evicted: index.popped,
        }
    }

    /// How many pages of this build there are, once those of before are counted. Blocks until then.
    pub(crate) fn count_pages(&self) -> u64 {
        self.0.scanned.wait();
        self.stats().entries
    }

    fn open_with(
        settings: Settings,
        clock: Arc<dyn Clock>,
        files: Box<dyn Files>,
    ) -> io::Result<Self> {
        let folder = settings.root.join("pages").join(&settings.build);
        if let Some(foreign) = builds::foreign(&folder) {
            let problem = format!(
                "`{}` is not the pages of a build; give the store a folder of its own",
                foreign.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let opened = builds::open(&folder, clock.now());
        if let Err(error) = &opened {
            if !folder.is_dir() {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
            warn!(folder = %folder.display(), %error,
                "cannot write to the store, its pages are served and new ones kept in memory only");
        }
        let purges = PurgeFile::new(settings.root.join("purges.log"));
        Ok(Self(Arc::new(BuildFolder {
            folder,
            _in_use: opened.ok(),
            limit: settings.limit,
            grace: settings.grace,
            clock,
            files,
            index: Mutex::new(Index::new()),
            scanned: OnceLock::new(),
            others: Mutex::new(OtherBuilds::default()),
            tending: Mutex::default(),
            limit_warning: Once::new(),
            threads: Arc::new(Semaphore::new(THREADS)),
            locks: std::array::from_fn(|_| Mutex::default()),
            in_use: OnceLock::new(),
            purges,
            leases: Leases::new(settings.root.join("leases")),
        })))
    }

    /// Keeps a copy of records that another ledger has given, at their positions.
    pub(super) async fn copy_purges(&self, records: Vec<LedgerRecord>) -> Result<(), StoreError> {
        self.run(move |inner| inner.purges.copy(&*inner.files, &records)).await
    }

    /// The same, on this thread.
    pub(super) fn copy_purges_now(&self, records: &[LedgerRecord]) -> Result<(), StoreError> {
        Ok(self.0.purges.copy(&*self.0.files, records)?)
    }

    async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(&BuildFolder) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        let thread = Arc::clone(&inner.threads).acquire_owned().await.map_err(io::Error::other)?;
        let act = move || {
            // Until it has ended, though the caller may have given up.
            let _thread = thread;
            act(&inner)
        };
        Ok(tokio::task::spawn_blocking(act).await.map_err(io::Error::other)??)
    }
}

#[async_trait]
impl Store for DiskStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let key = key.clone();
        self.run(move |inner| inner.get(&key)).await
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        let (key, given_up) = (key.clone(), CancellationToken::new());
        let _guard = given_up.clone().drop_guard();
        self.run(move |inner| inner.put(key, &page, &given_up)).await
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

    fn pages(&self) -> Option<PageStream> {
        Some(walk::pages(Arc::clone(&self.0)))
    }

    async fn begin_service(&self) -> Result<(), StoreError> {
        self.run(|inner| builds::begin_service(&inner.folder, inner.clock.now())).await
    }

    async fn other_builds(&self) -> Result<Vec<OtherBuild>, StoreError> {
        self.run(|inner| Ok(builds::others_served(&inner.folder))).await
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        self.run(BuildFolder::tend_other_builds).await
    }

    fn used(&self, key: &Key) {
        lock(&self.0.index).used(id(key), key);
    }

    fn set_in_use(&self, in_use: InUse) {
        let _ = self.0.in_use.set(in_use);
    }
}

#[async_trait]
impl Ledger for DiskStore {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        Ok(self.0.purges.records()?)
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.run(move |inner| {
            let position = stamp_of(inner.clock.now()).max(after.saturating_add(1));
            inner.purges.append(&*inner.files, &record, position)
        })
        .await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        self.run(move |inner| inner.purges.since(position)).await
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.run(move |inner| inner.purges.replace(&*inner.files, &records)).await
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn lease(&self, name: &str, _: u64) -> Result<Lease, StoreError> {
        let name = name.to_owned();
        self.run(move |inner| inner.leases.take(&name)).await
    }
}
