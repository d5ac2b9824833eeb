//! A ledger in a server whose memory can be full.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use leptos_isr::{
    Builder,
    stats::{Eviction, LedgerMemory},
    store::{DiskStore, Ledger, LedgerRecord, StoreError},
};

use super::ledger::MemoryLedger;

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct LimitedLedger {
    records: MemoryLedger,
    memory: Arc<Mutex<LedgerMemory>>,
}

impl LimitedLedger {
    /// One of which 5 MB are in use.
    pub(crate) fn new() -> Self {
        let memory = LedgerMemory { bytes: 5_000_000, limit: None, eviction: Eviction::Pages };
        Self { records: MemoryLedger::default(), memory: Arc::new(Mutex::new(memory)) }
    }

    /// Changes what becomes of what is new once `limit` is reached.
    pub(crate) fn set(&self, limit: Option<u64>, eviction: Eviction) {
        let mut memory = self.memory.lock().unwrap();
        *memory = LedgerMemory { limit, eviction, ..*memory };
    }

    /// Has an engine use it, with a store in `folder`, and a copy of both on the disk.
    pub(crate) fn with(&self, builder: Builder, folder: &Path) -> Builder {
        let shared = DiskStore::open(folder.join("shared"), "b").unwrap();
        builder.store(shared).ledger(self.clone()).disk(folder.join("near"), "b")
    }
}

#[async_trait]
impl Ledger for LimitedLedger {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        self.records.records()
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.records.append(record, after).await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        self.records.since(position).await
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.records.replace(records).await
    }

    fn memory(&self) -> Option<LedgerMemory> {
        Some(*self.memory.lock().unwrap())
    }
}
