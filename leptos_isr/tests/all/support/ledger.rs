//! A ledger in memory.

use std::{
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use leptos_isr::store::{Ledger, LedgerRecord, StoreError};

/// Clones share their records.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryLedger(Arc<Mutex<Vec<LedgerRecord>>>);

#[async_trait]
impl Ledger for MemoryLedger {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        let mut records = self.0.lock().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
        let last = records.last().map_or(after, |last| last.position.max(after));
        let position = now.max(last + 1);
        records.push(LedgerRecord { position, record });
        Ok(position)
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let records = self.0.lock().unwrap();
        if records.last().map_or(0, |last| last.position) < position {
            return Ok(None);
        }
        let later = records.iter().filter(|record| record.position > position);
        Ok(Some(later.cloned().collect()))
    }

    async fn replace(&self, new: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        let mut records = self.0.lock().unwrap();
        let last = |records: &[LedgerRecord]| records.last().map(|record| record.position);
        let is_current = last(&records) == last(&new);
        if is_current {
            *records = new;
        }
        Ok(is_current)
    }
}
