//! A store and its ledger as the engine uses them: with pages instead of bytes, and with time limits. A failure may
//! cost a page its place in the store, but never a visitor the page.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, future::ready};
use tracing::warn;

use crate::{
    address::key::Key,
    entry::ServedEntry,
    error::StoreError,
    stats::{LedgerMemory, OperationCount, OperationCounters, StoreOperation, StoreOutcome},
    store::{
        backend::{OtherBuild, Store},
        format::{DecodeError, decode, encode},
        gate::{Gate, NoAnswer},
        ledger::{Lease, Ledger, LedgerRecord},
    },
};

/// The longest that a visitor waits for a store that does not answer. If a render may take less
/// time, that limit applies.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// The longest that a purge waits for a ledger, and for one that has not answered before.
const APPEND_LIMIT: Duration = Duration::from_secs(10);
const TRIAL_LIMIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Guarded {
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
    gate: Arc<Gate>,
    /// That of the ledger: with a store on this machine, it may be the only one that hangs.
    ledger_gate: Gate,
    is_failing: AtomicBool,
    /// Whether pages in another format have been logged.
    said_other_format: AtomicBool,
    operations: OperationCounters,
    read_limit: Duration,
    write_limit: Duration,
}

/// Why a page of the store is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFailure {
    /// Its bytes are not a page. It counts as absent.
    Damaged,
    /// The store could not read it.
    Failed,
}

/// Why the store does not have a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteFailure {
    /// It does not answer. It may have the page or not.
    NoAnswer,
    /// It cannot keep the page.
    Refused(String),
}

impl Guarded {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        ledger: Arc<dyn Ledger>,
        write_limit: Duration,
    ) -> Self {
        let read_limit = READ_LIMIT.min(write_limit);
        Self {
            store,
            ledger,
            gate: Arc::new(Gate::new()),
            ledger_gate: Gate::new(),
            is_failing: AtomicBool::new(false),
            said_other_format: AtomicBool::new(false),
            operations: OperationCounters::default(),
            read_limit,
            write_limit,
        }
    }

    /// The longest that a page waits for its write to be answered. Nobody waits for a store that
    /// does not answer.
    pub(crate) fn write_limit(&self) -> Duration {
        if self.gate.is_shut() { Duration::ZERO } else { self.write_limit }
    }

    /// Whether it answers, and has kept the last page.
    pub(crate) fn works(&self) -> bool {
        !self.gate.is_shut() && !self.is_failing.load(Ordering::Relaxed)
    }

    /// The page of `key`; `None` if there is none, or if it is damaged or cannot be read.
    pub(crate) async fn get(&self, key: &Key) -> Option<ServedEntry> {
        self.read(key, self.store.get(key)).await
    }

    /// The newest page of `key` that any process has stored; otherwise as `get`.
    pub(crate) async fn newest(&self, key: &Key) -> Option<ServedEntry> {
        self.read(key, self.store.newest(key)).await
    }

    async fn read(
        &self,
        key: &Key,
        read: impl Future<Output = Result<Option<Bytes>, StoreError>>,
    ) -> Option<ServedEntry> {
        let page = self.try_read(key, read).await;
        let outcome = page.as_ref().map_or_else(|outcome| *outcome, |_| StoreOutcome::Done);
        self.operations.add(StoreOperation::Read, outcome);
        page.ok()
    }

    /// The page, or why there is none.
    async fn try_read(
        &self,
        key: &Key,
        read: impl Future<Output = Result<Option<Bytes>, StoreError>>,
    ) -> Result<ServedEntry, StoreOutcome> {
        if self.gate.is_shut() {
            let (store, key) = (Arc::clone(&self.store), key.clone());
            let ask = async move { store.contains(&key).await.map(drop) };
            self.gate.try_again(self.read_limit, ask);
            return Err(StoreOutcome::NoAnswer);
        }
        let bytes = match self.gate.read(self.read_limit, read).await {
            Ok(bytes) => bytes.ok_or(StoreOutcome::Absent)?,
            Err(error) => {
                warn!(isr.key = %key, error, "cannot read the stored page, it counts as absent");
                return Err(failure(&error));
            }
        };
        match decode(&bytes) {
            Ok(entry) if entry.key == *key => Ok(entry),
            Ok(_) => Err(StoreOutcome::Absent),
            // In both cases the next render replaces the page.
            Err(DecodeError::OtherFormat) => {
                if !self.said_other_format.swap(true, Ordering::Relaxed) {
                    warn!(isr.key = %key,
                        "the store has pages in the format of another version of leptos_isr, \
                         they count as absent");
                }
                Err(StoreOutcome::Absent)
            }
            Err(DecodeError::Damaged(problem)) => {
                warn!(isr.key = %key, problem, "the stored page is damaged, it counts as absent");
                Err(StoreOutcome::Damaged)
            }
        }
    }

    /// Every page, if the store can list them. There is no time limit.
    pub(crate) fn pages(
        &self,
    ) -> Option<impl Stream<Item = Result<ServedEntry, ReadFailure>> + Unpin + use<>> {
        let pages = self.store.pages()?;
        let page = |page: Result<Bytes, StoreError>| {
            ready(match page.map(|bytes| decode(&bytes)) {
                Ok(Ok(entry)) => Some(Ok(entry)),
                // It counts as absent, as in `get`.
                Ok(Err(DecodeError::OtherFormat)) => None,
                Ok(Err(DecodeError::Damaged(_))) => Some(Err(ReadFailure::Damaged)),
                Err(_) => Some(Err(ReadFailure::Failed)),
            })
        };
        Some(pages.filter_map(page))
    }

    /// Keeps `entry`. A 404 is kept only if it replaces a page, and so is a redirect that no list has:
    /// probing random paths writes nothing. There is one warning until writing works again.
    ///
    /// Returns `false` if the store kept a newer page instead.
    ///
    /// # Errors
    ///
    /// Returns why the store does not have it.
    pub(crate) async fn put_or_warn(&self, entry: &ServedEntry) -> Result<bool, WriteFailure> {
        let (store, key) = (&self.store, &entry.key);
        // A page becomes bytes only in its turn: many may wait.
        let put = async move {
            if entry.is_of_any_path() && !entry.is_listed && !store.contains(key).await? {
                return Ok(true);
            }
            let version = if entry.is_unordered { 0 } else { entry.version.0 };
            store.put_unless_newer(key, encode(entry)?, version).await
        };
        let put = self.gate.write(self.write_limit, put).await;
        match self.counted(StoreOperation::Write, put) {
            Ok(is_kept) => {
                self.is_failing.store(false, Ordering::Relaxed);
                Ok(is_kept)
            }
            Err(error) if error.is::<NoAnswer>() => Err(WriteFailure::NoAnswer),
            Err(error) => Err(WriteFailure::Refused(self.warn(entry, &error))),
        }
    }

    /// Warns that there is no room to have `entry` written, as if the store had refused it.
    pub(crate) fn refuse(&self, entry: &ServedEntry) -> String {
        self.warn(entry, &StoreError::from("too many pages wait to be written to the store"))
    }

    fn warn(&self, entry: &ServedEntry, error: &StoreError) -> String {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            warn!(isr.key = %entry.key, error,
                "cannot write to the store, new pages are kept in memory only");
        }
        error.to_string()
    }

    /// Tells the store that these pages were in use until now.
    pub(crate) fn used(&self, keys: &[Key]) {
        keys.iter().for_each(|key| self.store.used(key));
    }

    /// Keeps the paths that a route lists.
    ///
    /// # Errors
    ///
    /// Passes on the error of the store.
    pub(crate) async fn put_listed(&self, route: &str, paths: &[String]) -> Result<(), StoreError> {
        self.store.put_value(&listed_name(route), serde_json::to_vec(paths)?.into()).await
    }

    /// The paths that the build listed for a route; `None` if the store has none.
    pub(crate) async fn listed<T: FromIterator<String>>(&self, route: &str) -> Option<T> {
        let name = listed_name(route);
        let value = self.gate.read(self.read_limit, self.store.value(&name)).await.ok()??;
        let paths: Vec<String> = serde_json::from_slice(&value).ok()?;
        Some(paths.into_iter().collect())
    }

    /// Keeps a record of a purge, at a position higher than `after`. It is tried even if the ledger
    /// does not answer: the purge is answered only afterwards. There is one at a time.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger.
    pub(crate) async fn append_purge(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        // Others wait behind it.
        let limit = match self.ledger_gate.is_shut() {
            true => TRIAL_LIMIT.min(self.write_limit),
            false => APPEND_LIMIT.min(self.write_limit),
        };
        let kept = self.ledger_gate.call(limit, self.ledger.append(record, after)).await;
        self.counted(StoreOperation::Purge, kept)
    }

    /// The records of purges after `position`; `None` if some up to there are lost.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger.
    pub(crate) async fn purges_since(
        &self,
        position: u64,
    ) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let gate = &self.ledger_gate;
        // One that does not answer is asked once at a time, by whoever has something to ask.
        let _trial = match gate.is_shut() {
            true => Some(gate.trial().ok_or_else(|| NoAnswer::new(self.read_limit))?),
            false => None,
        };
        let heard = gate.call(self.read_limit, self.ledger.since(position)).await;
        self.counted(StoreOperation::Hear, heard)
    }

    /// What the store and the ledger were asked to do.
    pub(crate) fn operations(&self) -> Vec<OperationCount> {
        self.operations.stats()
    }

    /// Counts what became of a call.
    fn counted<T>(
        &self,
        operation: StoreOperation,
        answer: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let outcome = answer.as_ref().map_or_else(failure, |_| StoreOutcome::Done);
        self.operations.add(operation, outcome);
        answer
    }

    /// Whether other machines share the ledger, so that this one may be cut off from them.
    pub(crate) fn is_shared(&self) -> bool {
        self.ledger.is_shared()
    }

    /// The memory of the server that keeps the ledger.
    pub(crate) fn ledger_memory(&self) -> Option<LedgerMemory> {
        self.ledger.memory()
    }

    /// Asks for the right to render what `name` stands for, with at least `version`.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger.
    pub(crate) async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        self.ledger_gate.read(self.read_limit, self.ledger.lease(name, version)).await
    }

    pub(crate) async fn replace_purges(
        &self,
        records: Vec<LedgerRecord>,
    ) -> Result<bool, StoreError> {
        self.ledger_gate.call(self.write_limit, self.ledger.replace(records)).await
    }

    pub(crate) async fn begin_service(&self) {
        if let Err(error) = self.store.begin_service().await {
            warn!(error, "cannot note that this build is in service");
        }
    }

    /// Keeps a file that pages of this build name for servers of other builds.
    ///
    /// # Errors
    ///
    /// Passes on the error of the store.
    pub(crate) async fn put_file(&self, path: &str, content: Bytes) -> Result<(), StoreError> {
        self.gate.call(self.write_limit, self.store.put_file(path, content)).await
    }

    /// The file that a build has kept; `None` also if the store cannot tell.
    pub(crate) async fn file(&self, path: &str) -> Option<Bytes> {
        self.gate.read(self.read_limit, self.store.file(path)).await.ok()?
    }

    /// Notes how often pages were asked for.
    pub(crate) async fn note_requests(&self, counts: &[(Key, u64)]) {
        if let Err(error) = self.gate.read(self.read_limit, self.store.note_requests(counts)).await
        {
            warn!(error, "cannot note which pages are asked for most");
        }
    }

    /// The pages that were asked for most lately.
    pub(crate) async fn most_requested(&self, count: usize) -> Vec<Key> {
        let keys = self.gate.read(self.read_limit, self.store.most_requested(count)).await;
        keys.unwrap_or_else(|error| {
            warn!(error, "cannot tell which pages are asked for most, none are rendered before");
            Vec::new()
        })
    }

    /// The other builds that were in service; `None` if the store cannot tell.
    pub(crate) async fn other_builds(&self) -> Option<Vec<OtherBuild>> {
        let others = self.gate.read(self.read_limit, self.store.other_builds()).await;
        others
            .inspect_err(|error| warn!(error, "cannot tell which builds were in service before"))
            .ok()
    }

    pub(crate) async fn remove_old_builds(&self) {
        if let Err(error) = self.store.remove_old_builds().await {
            warn!(error, "cannot remove the pages of old builds");
        }
    }
}

fn failure(error: &StoreError) -> StoreOutcome {
    if error.is::<NoAnswer>() { StoreOutcome::NoAnswer } else { StoreOutcome::Failed }
}

fn listed_name(route: &str) -> String {
    format!("paths of {route}")
}
