//! The memory tier: the pages in use, bounded in bytes; and the "no such page"
//! answers, bounded in number.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cached::{Cached, LruCache};
use quick_cache::{Weighter, sync::Cache};

use crate::{entry::Entry, key::Key};

/// How many 404s are remembered; probing random paths fills no more than this.
const NOT_FOUND_LIMIT: usize = 1024;

/// What a page is assumed to weigh when the number of slots is chosen.
const TYPICAL_WEIGHT: u64 = 32 * 1024;

/// Pages in memory.
pub(crate) struct MemoryTier {
    pages: Cache<Key, Arc<Entry>, ByBytes>,
    not_found: Mutex<LruCache<Key, Arc<Entry>>>,
    /// Writers take turns, so that the newest render of a key stays.
    writer: Mutex<()>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &Key, entry: &Arc<Entry>) -> u64 {
        entry.weight()
    }
}

impl MemoryTier {
    /// A tier of at most `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        let expected = usize::try_from(bytes / TYPICAL_WEIGHT).unwrap_or(usize::MAX).max(16);
        let not_found =
            LruCache::builder().max_size(NOT_FOUND_LIMIT).build().expect("the size is above zero");
        Self {
            pages: Cache::with_weighter(expected, bytes, ByBytes),
            not_found: Mutex::new(not_found),
            writer: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.pages.get(key).or_else(|| self.not_found().cache_get(key).cloned())
    }

    /// Puts `entry` in the place of what was stored for its key, unless that
    /// is of a later render.
    pub(crate) fn put(&self, entry: Arc<Entry>) {
        let key = entry.key.clone();
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(&key).is_some_and(|stored| stored.stamp > entry.stamp) {
            return;
        }
        if entry.is_gone() {
            self.not_found().cache_set(key.clone(), entry);
            self.pages.remove(&key);
        } else {
            self.pages.insert(key.clone(), entry);
            let _ = self.not_found().cache_remove(&key);
        }
    }

    fn not_found(&self) -> MutexGuard<'_, LruCache<Key, Arc<Entry>>> {
        self.not_found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Began, path::CanonicalPath};
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::UNIX_EPOCH;

    #[test]
    fn earlier_render_does_not_replace_a_later_one() {
        let tier = MemoryTier::new(1024 * 1024);
        let later = entry("/a", StatusCode::OK, 1);
        let mut earlier = Entry::clone(&later);
        earlier.stamp = 0;
        tier.put(Arc::clone(&later));
        tier.put(Arc::new(earlier));
        assert_eq!(tier.get(&later.key), Some(later));
    }

    fn entry(path: &str, status: StatusCode, size: usize) -> Arc<Entry> {
        let key = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        let began = Began { at: UNIX_EPOCH, stamp: 1 };
        Arc::new(Entry::new(key, status, HeaderMap::new(), Bytes::from(vec![b'x'; size]), began))
    }

    #[test]
    fn memory_stays_below_its_limit() {
        let tier = MemoryTier::new(1024 * 1024);
        for i in 0..1000 {
            tier.put(entry(&format!("/{i}"), StatusCode::OK, 10_000));
        }
        assert!(tier.pages.weight() <= 1024 * 1024);
        assert!(tier.pages.len() > 50);
    }

    #[test]
    fn not_found_answers_are_few_and_push_no_page_out() {
        let tier = MemoryTier::new(1024 * 1024);
        let page = entry("/page", StatusCode::OK, 100);
        tier.put(Arc::clone(&page));
        for i in 0..10_000 {
            tier.put(entry(&format!("/{i}"), StatusCode::NOT_FOUND, 10_000));
        }
        assert_eq!(tier.get(&page.key), Some(page));
        assert_eq!(tier.not_found().cache_size(), NOT_FOUND_LIMIT);
    }

    #[test]
    fn definite_results_take_each_others_place() {
        let tier = MemoryTier::new(1024 * 1024);
        let (page, gone) = (entry("/a", StatusCode::OK, 1), entry("/a", StatusCode::GONE, 1));
        for entry in [&page, &gone, &page] {
            tier.put(Arc::clone(entry));
            assert_eq!(tier.get(&page.key).as_ref(), Some(entry));
        }
    }
}
