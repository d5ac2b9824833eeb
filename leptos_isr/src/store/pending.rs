//! Pages that are still to be written to the store.
//!
//! A page is answered as soon as memory has it; the store gets it afterwards. That no page is lost
//! sight of meanwhile, and none comes back old:
//!
//! 1. A page is added here before memory has it, and stays until the store has it. Whoever looks
//!    in memory, then here, then in the store finds the newest.
//! 2. Of each key only the newest page is kept, and one task writes it. So two writes of a key
//!    never overtake each other.
//! 3. A read of the store learns of a page that was added, and perhaps written and evicted from
//!    memory, while it was under way ([`StoreRead::newest`]).
//! 4. A page that the store refuses leaves too: memory alone has it then. One that a hanging store
//!    did not answer for stays, and is tried again.
//!
//! The pages here are bounded in bytes. Most of them are in memory as well, so they take more only
//! once memory evicts them.

use std::{
    collections::HashMap,
    mem::take,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    address::key::Key,
    entry::{
        ServedEntry,
        written::{WriteResult, Written},
    },
    store::{
        guarded::{Guarded, WriteFailure},
        memory::MemoryTier,
    },
};

/// How many bytes of pages may be pending: seconds of writing, even on a slow disk.
pub(super) const ROOM: u64 = 32 << 20;

/// 404s and redirects may take one part in this many of the room, as in memory.
const NOT_FOUND_SHARE: u64 = 16;

#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pages: HashMap<Key, Slot>,
    weights: Weights,
    /// The keys that are being read from the store.
    reads: HashMap<Key, Reads>,
}

#[derive(Debug)]
struct Slot {
    /// The newest page.
    entry: Arc<ServedEntry>,
    weight: u64,
    /// Whoever must learn when this page, or a newer one, is written.
    waiting: Vec<Written>,
}

/// How much is pending.
#[derive(Debug, Default)]
struct Weights {
    pages: u64,
    not_found: u64,
}

#[derive(Debug, Default)]
struct Reads {
    count: usize,
    /// The newest page that was added since.
    newest: Option<Arc<ServedEntry>>,
}

/// What follows from adding a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// Its key needs a task that writes it.
    First,
    /// Such a task is under way.
    Again,
    /// There is no room for it.
    NoRoom,
}

/// A read of a page from the store that is under way.
#[derive(Debug)]
pub(super) struct StoreRead<'a> {
    pending: &'a Pending,
    key: &'a Key,
}

impl Pending {
    /// Adds a page, in the place of an older one of its key. At most `room` bytes may be pending, but
    /// there is always room for a newer page of a key, and for one page that is larger than that.
    pub(super) fn add(&self, entry: &Arc<ServedEntry>, room: u64) -> Added {
        let mut state = self.state();
        if let Some(reads) = state.reads.get_mut(&entry.key) {
            reads.note(entry);
        }
        if let Some(slot) = state.pages.get_mut(&entry.key) {
            slot.waiting.push(entry.written.clone());
            if slot.entry.version <= entry.version {
                let (old, old_weight) = slot.replace(entry);
                let weight = slot.weight;
                state.weights.remove(&old, old_weight);
                state.weights.add(entry, weight);
            }
            return Added::Again;
        }
        let weight = entry.weight();
        if !state.weights.have_room(entry, weight, room) {
            return Added::NoRoom;
        }
        state.weights.add(entry, weight);
        let waiting = vec![entry.written.clone()];
        state.pages.insert(entry.key.clone(), Slot { entry: Arc::clone(entry), weight, waiting });
        Added::First
    }

    /// The page of a key, or else a mark that the store is read for it.
    pub(super) fn read<'a>(&'a self, key: &'a Key) -> Result<Arc<ServedEntry>, StoreRead<'a>> {
        let mut state = self.state();
        if let Some(slot) = state.pages.get(key) {
            return Ok(Arc::clone(&slot.entry));
        }
        state.reads.entry(key.clone()).or_default().count += 1;
        Err(StoreRead { pending: self, key })
    }

    /// Every page.
    pub(super) fn entries(&self) -> Vec<Arc<ServedEntry>> {
        self.state().pages.values().map(|slot| Arc::clone(&slot.entry)).collect()
    }

    /// Writes the page of `key`, and each newer one that is added meanwhile.
    ///
    /// Memory forgets a page if the store has a newer one, of another process.
    pub(super) async fn write(
        self: Arc<Self>,
        store: Arc<Guarded>,
        memory: Arc<MemoryTier>,
        key: Key,
    ) {
        let mut duty = Duty { pending: &self, key: &key, is_done: false };
        while let Some((entry, waiting)) = self.next(&key) {
            match store.put_or_warn(&entry).await {
                Err(WriteFailure::NoAnswer) => {}
                Ok(is_kept) => {
                    if !is_kept {
                        memory.forget(&entry);
                    }
                    duty.is_done = self.end(&entry, waiting, &Ok(()));
                }
                Err(WriteFailure::Refused(why)) => {
                    duty.is_done = self.end(&entry, waiting, &Err(why));
                }
            }
            if duty.is_done {
                return;
            }
        }
    }

    /// The page of a key, and how many wait for it so far.
    fn next(&self, key: &Key) -> Option<(Arc<ServedEntry>, usize)> {
        let state = self.state();
        let slot = state.pages.get(key)?;
        Some((Arc::clone(&slot.entry), slot.waiting.len()))
    }

    /// Tells the first `waiting` what became of `entry`. Returns whether it was the newest page of
    /// its key, which is no longer pending then.
    fn end(&self, entry: &Arc<ServedEntry>, waiting: usize, result: &WriteResult) -> bool {
        let mut state = self.state();
        let Some(slot) = state.pages.get_mut(&entry.key) else { return true };
        slot.waiting.drain(..waiting).for_each(|written| written.set(result.clone()));
        let is_newest = Arc::ptr_eq(&slot.entry, entry);
        if is_newest {
            state.remove(&entry.key, result);
        }
        is_newest
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, key: &Key, result: &WriteResult) {
        if let Some(mut slot) = self.pages.remove(key) {
            self.weights.remove(&slot.entry, slot.weight);
            take(&mut slot.waiting).into_iter().for_each(|written| written.set(result.clone()));
        }
    }
}

impl Slot {
    /// Returns the old page and its weight.
    fn replace(&mut self, entry: &Arc<ServedEntry>) -> (Arc<ServedEntry>, u64) {
        let old = std::mem::replace(&mut self.entry, Arc::clone(entry));
        (old, std::mem::replace(&mut self.weight, entry.weight()))
    }
}

impl Weights {
    fn have_room(&self, entry: &ServedEntry, weight: u64, room: u64) -> bool {
        match entry.is_of_any_path() {
            true => self.not_found + weight <= room / NOT_FOUND_SHARE,
            false => self.pages == 0 || self.pages + weight <= room,
        }
    }

    fn add(&mut self, entry: &ServedEntry, weight: u64) {
        *self.of(entry) += weight;
    }

    fn remove(&mut self, entry: &ServedEntry, weight: u64) {
        *self.of(entry) -= weight;
    }

    fn of(&mut self, entry: &ServedEntry) -> &mut u64 {
        if entry.is_of_any_path() { &mut self.not_found } else { &mut self.pages }
    }
}

impl Reads {
    fn note(&mut self, entry: &Arc<ServedEntry>) {
        if self.newest.as_ref().is_none_or(|newest| newest.version <= entry.version) {
            self.newest = Some(Arc::clone(entry));
        }
    }
}

impl StoreRead<'_> {
    /// The newest page that was added since the read began.
    pub(super) fn newest(&self) -> Option<Arc<ServedEntry>> {
        self.pending.state().reads.get(self.key)?.newest.clone()
    }
}

impl Drop for StoreRead<'_> {
    fn drop(&mut self) {
        let mut state = self.pending.state();
        if let Some(reads) = state.reads.get_mut(self.key) {
            reads.count -= 1;
            if reads.count == 0 {
                state.reads.remove(self.key);
            }
        }
    }
}

/// The duty to write the page of a key. If the task that has it is lost, the page is in memory
/// only, and the next one of its key is written again.
struct Duty<'a> {
    pending: &'a Pending,
    key: &'a Key,
    is_done: bool,
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let lost = Err("writing it was given up".to_owned());
            self.pending.state().remove(self.key, &lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::path::CanonicalPath,
        entry::{Entry, RenderStart},
    };
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::{Duration, UNIX_EPOCH};

    fn page(path: &str, status: StatusCode, stamp: u64, size: usize) -> Arc<ServedEntry> {
        let key = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        let (body, start) = (Bytes::from(vec![b'x'; size]), RenderStart::new(UNIX_EPOCH, stamp));
        Arc::new(ServedEntry::new(Entry::new(key, status, HeaderMap::new(), body, start)))
    }

    fn ok(path: &str, stamp: u64) -> Arc<ServedEntry> {
        page(path, StatusCode::OK, stamp, 1000)
    }

    fn newest(pending: &Pending, key: &Key) -> Arc<ServedEntry> {
        pending.read(key).expect("it is pending")
    }

    async fn written(entry: &ServedEntry) -> WriteResult {
        entry.written.wait(Duration::ZERO).await
    }

    #[tokio::test]
    async fn newest_page_of_a_key_is_written_and_all_who_wait_learn_of_it() {
        let pending = Pending::default();
        let [first, newer, early] = [ok("/a", 2), ok("/a", 3), ok("/a", 1)];
        assert_eq!(pending.add(&first, ROOM), Added::First);
        let (writing, waiting) = pending.next(&first.key).unwrap();
        assert_eq!(pending.add(&newer, ROOM), Added::Again);
        assert_eq!(pending.add(&early, ROOM), Added::Again);
        assert!(Arc::ptr_eq(&newest(&pending, &first.key), &newer));
        assert!(!pending.end(&writing, waiting, &Ok(())), "the newer one is still to be written");
        assert_eq!(written(&first).await, Ok(()));
        assert!(written(&newer).await.is_err() && written(&early).await.is_err());
        let (writing, waiting) = pending.next(&first.key).unwrap();
        assert!(pending.end(&writing, waiting, &Ok(())));
        assert_eq!((written(&newer).await, written(&early).await), (Ok(()), Ok(())));
        assert!(pending.next(&first.key).is_none() && pending.entries().is_empty());
    }

    #[test]
    fn what_is_pending_is_bounded_but_for_newer_pages_of_its_keys() {
        let pending = Pending::default();
        let weight = ok("/a", 1).weight();
        let room = weight * 2;
        let added = ["/a", "/b", "/c"].map(|path| pending.add(&ok(path, 1), room));
        assert_eq!(added, [Added::First, Added::First, Added::NoRoom]);
        let larger = page("/a", StatusCode::OK, 2, 5000);
        assert_eq!(pending.add(&larger, room), Added::Again);
        let (writing, waiting) = pending.next(&larger.key).unwrap();
        assert!(pending.end(&writing, waiting, &Err("full".to_owned())));
        assert_eq!(pending.add(&ok("/c", 1), room), Added::First, "it is counted by its weight");
    }

    #[test]
    fn page_that_is_larger_than_the_room_is_written_alone() {
        let pending = Pending::default();
        assert_eq!(pending.add(&ok("/large", 1), 10), Added::First);
        assert_eq!(pending.add(&ok("/small", 1), 10), Added::NoRoom);
    }

    #[test]
    fn not_found_answers_leave_the_room_to_pages() {
        let pending = Pending::default();
        let gone = |n: u32| page(&format!("/{n}"), StatusCode::NOT_FOUND, 1, 1000);
        let added = (0..10_000).filter(|n| pending.add(&gone(*n), ROOM) == Added::First).count();
        assert!((100..2000).contains(&added), "{added}");
        assert_eq!(pending.add(&ok("/page", 1), ROOM), Added::First);
        assert_eq!(pending.add(&page("/page", StatusCode::GONE, 2, 1), ROOM), Added::Again);
        assert_eq!(pending.state().weights.pages, 0);
    }

    #[test]
    fn read_of_the_store_learns_of_pages_that_were_added_since() {
        let pending = Pending::default();
        let page = ok("/a", 5);
        let read = pending.read(&page.key).unwrap_err();
        assert!(read.newest().is_none());
        pending.add(&page, ROOM);
        pending.add(&ok("/a", 4), 0);
        let (writing, waiting) = pending.next(&page.key).unwrap();
        pending.end(&writing, waiting, &Ok(()));
        assert!(Arc::ptr_eq(&read.newest().unwrap(), &page));
        drop(read);
        assert!(pending.state().reads.is_empty());
    }

    #[tokio::test]
    async fn page_whose_writer_is_lost_is_no_longer_pending() {
        let pending = Arc::new(Pending::default());
        let page = ok("/a", 1);
        pending.add(&page, ROOM);
        drop(Duty { pending: &pending, key: &page.key, is_done: false });
        assert!(written(&page).await.is_err());
        assert_eq!(pending.add(&ok("/a", 2), ROOM), Added::First);
    }
}
