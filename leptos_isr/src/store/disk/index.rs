//! How much is on the disk, and which page was used least recently.

use lru::LruCache;

use crate::address::key::Key;

/// A page's file, by the 128-bit hash of its key.
pub(super) type FileId = u128;

#[derive(Debug)]
struct Slot {
    len: u64,
    /// Known once this process has read or written the page.
    key: Option<Key>,
}

/// The files of one build, least recently used first out.
#[derive(Debug)]
pub(super) struct Index {
    files: LruCache<FileId, Slot>,
    bytes: u64,
    /// How many were taken out to make room.
    pub(super) popped: u64,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { files: LruCache::unbounded(), bytes: 0, popped: 0 }
    }

    /// How many bytes all files take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Notes a file that was written.
    pub(super) fn put(&mut self, id: FileId, key: Key, len: u64) {
        let old = self.files.push(id, Slot { len, key: Some(key) });
        self.bytes = self.bytes + len - old.map_or(0, |(_, slot)| slot.len);
    }

    /// Notes that a file was read; `false` if it was not known.
    pub(super) fn used(&mut self, id: FileId, key: &Key) -> bool {
        match self.files.get_mut(&id) {
            Some(slot) => {
                slot.key.get_or_insert_with(|| key.clone());
                true
            }
            None => false,
        }
    }

    pub(super) fn remove(&mut self, id: FileId) {
        if let Some(slot) = self.files.pop(&id) {
            self.bytes -= slot.len;
        }
    }

    pub(super) fn contains(&self, id: FileId) -> bool {
        self.files.contains(&id)
    }

    /// Notes a file that was there at start. It counts as used before all that are known.
    pub(super) fn found(&mut self, id: FileId, len: u64) {
        if !self.files.contains(&id) {
            self.files.push(id, Slot { len, key: None });
            self.files.demote(&id);
            self.bytes += len;
        }
    }

    /// Takes out the least recently used file that is not in use, or the least recently used one if
    /// all are in use.
    pub(super) fn pop(&mut self, is_in_use: impl Fn(&Key) -> bool) -> Option<FileId> {
        for _ in 0..self.files.len() {
            let (&id, slot) = self.files.peek_lru()?;
            if slot.key.as_ref().is_some_and(&is_in_use) {
                self.files.promote(&id);
            } else {
                break;
            }
        }
        let (id, slot) = self.files.pop_lru()?;
        self.bytes -= slot.len;
        self.popped += 1;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::path::CanonicalPath;

    fn key(path: &str) -> Key {
        Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap()
    }

    #[test]
    fn least_recently_used_goes_first_and_what_is_in_use_stays() {
        let mut index = Index::new();
        for (id, path) in [(1, "/1"), (2, "/2"), (3, "/3"), (4, "/4")] {
            index.put(id, key(path), 10);
        }
        index.found(9, 5);
        index.found(1, 500);
        assert!(index.used(1, &key("/1")) && !index.used(7, &key("/7")));
        assert_eq!(index.bytes(), 45);
        let in_use = |key: &Key| key.path() == "/2";
        let popped: Vec<_> = (0..4).map_while(|_| index.pop(in_use)).collect();
        assert_eq!(popped, [9, 3, 4, 1]);
        assert_eq!((index.bytes(), index.pop(in_use)), (10, Some(2)), "it is the last one");
        assert_eq!((index.bytes(), index.pop(in_use)), (0, None));
    }

    #[test]
    fn replaced_and_removed_files_are_counted_once() {
        let mut index = Index::new();
        index.put(1, key("/1"), 10);
        index.put(1, key("/1"), 7);
        assert_eq!(index.bytes(), 7);
        index.remove(1);
        index.remove(1);
        assert_eq!((index.bytes(), index.contains(1)), (0, false));
    }
}
