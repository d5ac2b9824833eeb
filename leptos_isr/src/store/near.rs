//! A disk store in front of a store and a ledger that machines share.
//!
//! - A page is read from the disk, and from the shared store if the disk has none. A page that is
//!   stale or purged here may have been rendered elsewhere: [`Store::newest`] asks the shared store.
//! - A page is written to both. One that nobody shares, since the ledger did not answer when it was
//!   rendered, is written to the disk only.
//! - The disk has a copy of the purges. A process that starts while the ledger cannot be reached
//!   knows those, and one that starts after the ledger has lost purges notices.
//!
//! A shared store that fails or hangs costs what other machines have rendered, and nothing else.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::warn;

use crate::{
    address::key::Key,
    error::StoreError,
    period,
    stats::LedgerMemory,
    store::{
        backend::{InUse, OtherBuild, PageStream, Store},
        disk::DiskStore,
        gate::Gate,
        ledger::{Lease, Ledger, LedgerRecord},
    },
};

/// The longest that the shared store is waited for: the disk has most pages, and a render takes about
/// as long.
const LIMIT: Duration = period::seconds(2);

#[derive(Debug)]
pub(crate) struct NearStore {
    disk: Arc<dyn Store>,
    shared: Arc<dyn Store>,
    gate: Arc<Gate>,
    is_failing: AtomicBool,
}

impl NearStore {
    pub(crate) fn new(disk: Arc<dyn Store>, shared: Arc<dyn Store>) -> Self {
        Self { disk, shared, gate: Arc::new(Gate::new()), is_failing: AtomicBool::new(false) }
    }

    /// The answer of the shared store; `None`, with one warning, if it has none.
    async fn ask<T>(
        &self,
        key: &Key,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Option<T> {
        if self.gate.is_shut() {
            let (shared, key) = (Arc::clone(&self.shared), key.clone());
            self.gate.try_again(LIMIT, async move { shared.contains(&key).await.map(drop) });
            return None;
        }
        match self.gate.read(LIMIT, call).await {
            Ok(answer) => {
                self.is_failing.store(false, Ordering::Relaxed);
                Some(answer)
            }
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    warn!(isr.key = %key, error,
                        "the shared store cannot be used, pages come from the disk and are kept there");
                }
                None
            }
        }
    }

    /// The answer of the shared store to what is not about a page.
    async fn ask_once<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.gate.read(LIMIT, call).await
    }
}

#[async_trait]
impl Store for NearStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let near = self.disk.get(key).await;
        if let Ok(Some(page)) = near {
            return Ok(Some(page));
        }
        match self.ask(key, self.shared.get(key)).await.flatten() {
            Some(page) => {
                let (disk, key, copy) = (self.disk.clone(), key.clone(), page.clone());
                // Behind the visitor. If it fails, the shared store is asked again.
                tokio::spawn(async move {
                    // A newer one may have been rendered here meanwhile.
                    if matches!(disk.contains(&key).await, Ok(false)) {
                        let _ = disk.put(&key, copy).await;
                    }
                });
                Ok(Some(page))
            }
            None => near,
        }
    }

    async fn newest(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        match self.ask(key, self.shared.newest(key)).await.flatten() {
            Some(page) => {
                // If it fails, it is read from the shared store again.
                let _ = self.disk.put(key, page.clone()).await;
                Ok(Some(page))
            }
            // Another process on this machine may have rendered it.
            None => self.disk.get(key).await,
        }
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        let near = self.disk.put(key, page.clone()).await;
        match self.ask(key, self.shared.put(key, page)).await {
            Some(()) => Ok(()),
            None => near,
        }
    }

    async fn put_unless_newer(
        &self,
        key: &Key,
        page: Bytes,
        version: u64,
    ) -> Result<bool, StoreError> {
        let near = self.disk.put(key, page.clone()).await;
        if version == 0 {
            return near.map(|()| true);
        }
        match self.ask(key, self.shared.put_unless_newer(key, page, version)).await {
            Some(true) => Ok(true),
            Some(false) => {
                self.disk.remove(key).await?;
                Ok(false)
            }
            None => near.map(|()| true),
        }
    }

    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.disk.contains(key).await {
            Ok(true) => Ok(true),
            near => match self.ask(key, self.shared.contains(key)).await {
                Some(is_there) => Ok(is_there),
                None => near,
            },
        }
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.disk.remove(key).await?;
        self.shared.remove(key).await
    }

    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError> {
        self.disk.put_value(name, value.clone()).await?;
        // The build may have no way to it: each machine has what its disk was built with.
        if let Err(error) = self.shared.put_value(name, value).await {
            warn!(name, error, "the shared store cannot keep what the build lists, the disk does");
        }
        Ok(())
    }

    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self.disk.value(name).await {
            Ok(Some(value)) => Ok(Some(value)),
            _ => self.ask_once(self.shared.value(name)).await,
        }
    }

    fn pages(&self) -> Option<PageStream> {
        self.shared.pages().or_else(|| self.disk.pages())
    }

    async fn put_file(&self, path: &str, content: Bytes) -> Result<(), StoreError> {
        self.ask_once(self.shared.put_file(path, content)).await
    }

    async fn file(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.ask_once(self.shared.file(path)).await
    }

    async fn note_requests(&self, counts: &[(Key, u64)]) -> Result<(), StoreError> {
        self.ask_once(self.shared.note_requests(counts)).await
    }

    async fn most_requested(&self, count: usize) -> Result<Vec<Key>, StoreError> {
        self.ask_once(self.shared.most_requested(count)).await
    }

    async fn begin_service(&self) -> Result<(), StoreError> {
        self.disk.begin_service().await?;
        self.ask_once(self.shared.begin_service()).await
    }

    async fn other_builds(&self) -> Result<Vec<OtherBuild>, StoreError> {
        self.ask_once(self.shared.other_builds()).await
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        self.disk.remove_old_builds().await?;
        self.shared.remove_old_builds().await
    }

    fn used(&self, key: &Key) {
        self.disk.used(key);
        self.shared.used(key);
    }

    fn set_in_use(&self, in_use: InUse) {
        self.disk.set_in_use(Arc::clone(&in_use));
        self.shared.set_in_use(in_use);
    }
}

/// A shared ledger, and a copy of its records on the disk.
#[derive(Debug)]
pub(crate) struct CopiedLedger {
    disk: DiskStore,
    shared: Arc<dyn Ledger>,
    is_failing: AtomicBool,
}

impl CopiedLedger {
    pub(crate) fn new(disk: DiskStore, shared: Arc<dyn Ledger>) -> Self {
        Self { disk, shared, is_failing: AtomicBool::new(false) }
    }

    /// Copies `records`; or all that the copy lacks, if it failed before.
    async fn copy(&self, mut records: Vec<LedgerRecord>) -> Result<(), StoreError> {
        if self.is_failing.load(Ordering::Relaxed) {
            let last = self.disk.records()?.last().map_or(0, |record| record.position);
            records = match self.shared.since(last).await? {
                Some(missing) => missing,
                // The ledger has lost records: those that it has now are past the copy's.
                None => self.shared.since(0).await?.unwrap_or_default(),
            };
        }
        self.disk.copy_purges(records).await
    }

    fn note_copied(&self, copied: Result<(), StoreError>) {
        let is_failing = copied.is_err();
        if !self.is_failing.swap(is_failing, Ordering::Relaxed)
            && let Err(error) = copied
        {
            warn!(error, "the disk cannot keep a copy of the purges");
        }
    }
}

#[async_trait]
impl Ledger for CopiedLedger {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        let known = self.disk.records()?;
        if !known.is_empty() {
            // The ledger is asked for those after them, and whether it still has these.
            return Ok(known);
        }
        let records = self.shared.records()?;
        self.note_copied(self.disk.copy_purges_now(&records));
        Ok(records)
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.shared.append(record, after).await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let records = self.shared.since(position).await?;
        if let Some(records) = records.as_ref().filter(|records| !records.is_empty()) {
            self.note_copied(self.copy(records.clone()).await);
        }
        Ok(records)
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        let is_replaced = self.shared.replace(records.clone()).await?;
        if is_replaced {
            self.note_copied(self.disk.replace(records).await.map(drop));
        }
        Ok(is_replaced)
    }

    fn is_shared(&self) -> bool {
        self.shared.is_shared()
    }

    fn memory(&self) -> Option<LedgerMemory> {
        self.shared.memory()
    }

    async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        self.shared.lease(name, version).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn disk(folder: &std::path::Path) -> DiskStore {
        DiskStore::open(folder, "build").unwrap()
    }

    /// Knows no position that it gave before `lost_until`.
    #[derive(Debug)]
    struct Forgetful {
        disk: DiskStore,
        lost_until: AtomicU64,
    }

    #[async_trait]
    impl Ledger for Forgetful {
        fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
            self.disk.records()
        }

        async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
            self.disk.append(record, after).await
        }

        async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
            match self.lost_until.load(Ordering::Relaxed) > position && position > 0 {
                true => Ok(None),
                false => self.disk.since(position).await,
            }
        }

        async fn replace(&self, _: Vec<LedgerRecord>) -> Result<bool, StoreError> {
            Ok(false)
        }
    }

    /// The disk was full, and meanwhile the ledger lost what the copy ends with.
    #[tokio::test]
    async fn copy_that_failed_is_completed_also_if_the_ledger_has_lost_records() {
        for is_lost in [false, true] {
            let (near, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let shared =
                Arc::new(Forgetful { disk: disk(folder.path()), lost_until: AtomicU64::new(0) });
            let ledger = CopiedLedger::new(disk(near.path()), Arc::clone(&shared) as _);
            ledger.append("first".into(), 0).await.unwrap();
            ledger.since(0).await.unwrap().unwrap();
            let second = ledger.append("not copied".into(), 0).await.unwrap();
            ledger.note_copied(Err("the disk is full".into()));
            shared.lost_until.store(if is_lost { second } else { 0 }, Ordering::Relaxed);
            ledger.append("last".into(), 0).await.unwrap();
            ledger.since(second).await.unwrap().unwrap();
            let copied = ledger.records().unwrap();
            let copied: Vec<_> = copied.iter().map(|record| &record.record[..]).collect();
            assert_eq!(copied, [&b"first"[..], b"not copied", b"last"], "{is_lost}");
        }
    }
}
