//! Memory, and the store behind it, if there is one.

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

use crate::{
    address::key::Key,
    entry::{ServedEntry, written::WriteResult},
    order::Order,
    stats::TierStats,
    store::{
        guarded::Guarded,
        memory::MemoryTier,
        pending::{Added, Pending, ROOM},
    },
    tasks::subscriber::with_current_subscriber,
};

/// The tiers in which one engine keeps its pages.
#[derive(Debug)]
pub(crate) struct Tiers {
    memory: Arc<MemoryTier>,
    /// What memory has, or had, and the store does not have yet.
    pending: Arc<Pending>,
    store: Option<Arc<Guarded>>,
    /// The tasks that write to the store.
    tasks: TaskTracker,
}

impl Tiers {
    pub(crate) fn new(memory: Arc<MemoryTier>, store: Option<Guarded>, tasks: TaskTracker) -> Self {
        Self { memory, pending: Arc::default(), store: store.map(Arc::new), tasks }
    }

    /// The store behind the memory.
    pub(crate) fn store(&self) -> Option<&Guarded> {
        self.store.as_deref()
    }

    /// The page of a key that is in memory; the key may be given as its text.
    pub(crate) fn in_memory(&self, key: &str) -> Option<Arc<ServedEntry>> {
        self.memory.get(key)
    }

    pub(crate) fn memory_stats(&self) -> TierStats {
        self.memory.stats()
    }

    /// Every page that need not be read from the store; asking does not count as a use.
    pub(crate) fn all_at_hand(&self) -> Vec<Arc<ServedEntry>> {
        // Before memory: a page that it evicts meanwhile must be in one of the two.
        let mut pending = self.pending.entries();
        pending.retain(|entry| !self.memory.contains(&entry.key));
        let mut entries = self.memory.entries();
        entries.append(&mut pending);
        entries
    }

    /// The page of a key from memory, or else from the store. Memory then keeps it too.
    pub(crate) async fn get(&self, key: &Key, order: &Order) -> Option<Arc<ServedEntry>> {
        if let Some(entry) = self.memory.get(key) {
            return Some(entry);
        }
        let store = self.store.as_ref()?;
        let read = match self.pending.read(key) {
            Ok(entry) => return Some(self.fill_memory(entry)),
            Err(read) => read,
        };
        let found = store.get(key).await.map(|mut entry| {
            order.observe(entry.entry_mut());
            entry.count_requests_since(order.now());
            entry.written.set(Ok(()));
            self.fill_memory(Arc::new(entry))
        });
        // Only now: what the store gave is from before a page that was put meanwhile.
        match read.newest() {
            Some(newest) => Some(self.fill_memory(newest)),
            None => found,
        }
    }

    /// The page of a key in the store, if it is newer than what is at hand: another process has
    /// rendered it. Memory then keeps it.
    pub(crate) async fn newer_of_another(
        &self,
        key: &Key,
        order: &Order,
    ) -> Option<Arc<ServedEntry>> {
        let store = self.store.as_ref()?;
        let read = self.pending.read(key).err()?;
        let mut entry = store.newest(key).await?;
        let old = self.memory.get(key);
        if read.newest().is_some() || old.as_ref().is_some_and(|old| old.version >= entry.version) {
            return None;
        }
        match &old {
            Some(old) => entry.count_requests_of(old),
            None => entry.count_requests_since(order.now()),
        }
        order.observe(entry.entry_mut());
        entry.written.set(Ok(()));
        Some(self.fill_memory(Arc::new(entry)))
    }

    /// Puts a page into memory that does not come from a render. Returns what memory has then: if
    /// a newer render was put in the meantime, memory kept that one.
    fn fill_memory(&self, entry: Arc<ServedEntry>) -> Arc<ServedEntry> {
        self.note_evicted(&self.memory.fill(Arc::clone(&entry)).evicted);
        self.memory.get(&entry.key).unwrap_or(entry)
    }

    /// Keeps a page in memory alone; returns whether memory has it.
    pub(crate) fn put_in_memory(&self, entry: &Arc<ServedEntry>) -> bool {
        let put = self.memory.put(Arc::clone(entry));
        self.note_evicted(&put.evicted);
        put.is_kept
    }

    /// Weighs a page again after it was compressed.
    pub(crate) fn weigh_again(&self, key: &Key) {
        self.note_evicted(&self.memory.weigh_again(key));
    }

    /// Keeps a page in memory, and has it written to the store. If too much is to be written
    /// already, memory alone has it. Returns whether the page is in memory or will be in the store.
    pub(crate) fn put(&self, entry: &Arc<ServedEntry>) -> bool {
        let is_written = self.write_within(ROOM, entry);
        self.put_in_memory(entry) || is_written
    }

    /// Has a page written to the store, whatever else is to be written: the caller waits for it.
    pub(crate) fn write(&self, entry: &Arc<ServedEntry>) {
        self.write_within(u64::MAX, entry);
    }

    /// Waits until a page is in the store, or a newer one in its place; at once if there is no
    /// store.
    ///
    /// # Errors
    ///
    /// Returns why it is not there, or not yet.
    pub(crate) async fn written(&self, entry: &ServedEntry) -> WriteResult {
        let limit = self.store.as_ref().map_or(Duration::ZERO, |store| store.write_limit());
        entry.written.wait(limit).await
    }

    /// Whether the store is to get the page.
    fn write_within(&self, room: u64, entry: &Arc<ServedEntry>) -> bool {
        let Some(store) = &self.store else {
            entry.written.set(Ok(()));
            return false;
        };
        match self.pending.add(entry, room) {
            Added::First => {
                let (pending, store) = (Arc::clone(&self.pending), Arc::clone(store));
                let write = pending.write(store, Arc::clone(&self.memory), entry.key.clone());
                self.tasks.spawn(with_current_subscriber(write));
                true
            }
            Added::Again => true,
            Added::NoRoom => {
                entry.written.set(Err(store.refuse(entry)));
                false
            }
        }
    }

    /// Tells the store that the pages that memory evicted were in use until now.
    fn note_evicted(&self, evicted: &[Key]) {
        if let Some(store) = &self.store {
            store.used(evicted);
        }
    }
}
