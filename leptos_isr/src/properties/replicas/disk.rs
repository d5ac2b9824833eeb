//! A replica's disk, which stays when its process is killed.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    link::Link,
    world::{Disk, World, ids},
};
use crate::{
    address::key::Key,
    error::StoreError,
    store::{Lease, Ledger, LedgerRecord, Store},
};

/// The pages on it.
#[derive(Debug)]
pub(super) struct DiskPages {
    pub(super) world: Arc<World>,
    pub(super) replica: usize,
}

impl DiskPages {
    fn with<T>(&self, act: impl FnOnce(&mut Disk) -> T) -> T {
        with_disk(&self.world, self.replica, act)
    }
}

fn with_disk<T>(world: &World, replica: usize, act: impl FnOnce(&mut Disk) -> T) -> T {
    act(world.state().disks[replica].as_mut().expect("this replica has a disk"))
}

#[async_trait]
impl Store for DiskPages {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.with(|disk| disk.pages.get(key.as_str()).cloned()))
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        self.with(|disk| disk.pages.insert(key.to_string(), page));
        Ok(())
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.with(|disk| disk.pages.remove(key.as_str()));
        Ok(())
    }

    async fn put_value(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn value(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}

/// The ledger, and a copy of its records on the disk, as `CopiedLedger` has it.
#[derive(Debug)]
pub(super) struct CopiedRecords(pub(super) Link);

impl CopiedRecords {
    /// As `DiskStore::copy_purges`: what is after the last one.
    fn copy(&self, records: &[LedgerRecord]) {
        with_disk(&self.0.world, self.0.replica, |disk| {
            let last = disk.records.last().map_or(0, |record| record.position);
            let new = records.iter().filter(|record| record.position > last);
            disk.records.extend(new.cloned());
        });
    }
}

#[async_trait]
impl Ledger for CopiedRecords {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        let known = with_disk(&self.0.world, self.0.replica, |disk| disk.records.clone());
        if known.is_empty() {
            let records = self.0.records()?;
            self.copy(&records);
            return Ok(records);
        }
        self.0.world.state().known[self.0.replica].extend(ids(&known));
        Ok(known)
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.0.append(record, after).await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let records = self.0.since(position).await?;
        records.iter().for_each(|records| self.copy(records));
        Ok(records)
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        let is_replaced = self.0.replace(records.clone()).await?;
        if is_replaced {
            with_disk(&self.0.world, self.0.replica, |disk| disk.records = records);
        }
        Ok(is_replaced)
    }

    async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        self.0.lease(name, version).await
    }
}
