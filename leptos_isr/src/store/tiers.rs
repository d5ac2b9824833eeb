//! Memory, and the store behind it, if there is one.

use std::sync::Arc;

use crate::{
    address::key::Key,
    entry::ServedEntry,
    order::Order,
    store::{guarded::Guarded, memory::MemoryTier},
};

/// The tiers in which one engine keeps its pages.
#[derive(Debug)]
pub(crate) struct Tiers {
    memory: Arc<MemoryTier>,
    store: Option<Guarded>,
}

impl Tiers {
    pub(crate) fn new(memory: Arc<MemoryTier>, store: Option<Guarded>) -> Self {
        Self { memory, store }
    }

    /// The store behind the memory.
    pub(crate) fn store(&self) -> Option<&Guarded> {
        self.store.as_ref()
    }

    /// The page of a key that is in memory; the key may be given as its text.
    pub(crate) fn in_memory(&self, key: &str) -> Option<Arc<ServedEntry>> {
        self.memory.get(key)
    }

    /// Every page in memory; asking does not count as a use.
    pub(crate) fn all_in_memory(&self) -> Vec<Arc<ServedEntry>> {
        self.memory.entries()
    }

    /// The page of a key from memory, or else from the store. Memory then keeps it too.
    pub(crate) async fn get(&self, key: &Key, order: &Order) -> Option<Arc<ServedEntry>> {
        if let Some(entry) = self.memory.get(key) {
            return Some(entry);
        }
        let mut entry = self.store.as_ref()?.get(key).await?;
        order.observe(entry.entry_mut());
        let entry = Arc::new(entry);
        self.put_in_memory(&entry);
        // If a newer render was put in the meantime, memory kept that one.
        Some(self.memory.get(key).unwrap_or(entry))
    }

    pub(crate) fn put_in_memory(&self, entry: &Arc<ServedEntry>) {
        self.note_evicted(&self.memory.put(Arc::clone(entry)));
    }

    /// Weighs a page again after it was compressed.
    pub(crate) fn weigh_again(&self, key: &Key) {
        self.note_evicted(&self.memory.weigh_again(key));
    }

    /// Keeps a page. A 404 or a redirect goes to the store only if it replaces a page there, so that
    /// probing random paths writes nothing.
    pub(crate) async fn put(&self, entry: &Arc<ServedEntry>) {
        self.put_in_memory(entry);
        if let Some(store) = &self.store
            && (!entry.is_of_any_path() || store.contains(&entry.key).await)
        {
            store.put_or_warn(entry).await;
            // Before the store had it, memory may have evicted it and loaded the old page again.
            self.put_in_memory(entry);
        }
    }

    /// Tells the store that the pages that memory evicted were in use until now.
    fn note_evicted(&self, evicted: &[Key]) {
        if let Some(store) = &self.store {
            store.used(evicted);
        }
    }
}
