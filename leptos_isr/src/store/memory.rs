//! The memory tier: the pages in use, and apart from them what random paths give: "no such page" and
//! redirects. Both are bounded in bytes.

use std::{
    fmt,
    hash::Hash,
    ptr,
    sync::{
        Arc, Mutex, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::{
    DefaultHashBuilder, Equivalent, Lifecycle, OptionsBuilder, Weighter, sync::Cache,
};
use tracing::warn;

use crate::{
    address::key::Key,
    entry::ServedEntry,
    stats::{Tier as CountedTier, TierStats},
};

/// 404s and redirects may take one part in this many of the memory. Probing random paths fills no
/// more.
const NOT_FOUND_SHARE: u64 = 16;

/// What a page is assumed to weigh when the number of slots is chosen.
const TYPICAL_WEIGHT: u64 = 32 * 1024;

/// A part holds this many times the body of the largest page: its encodings need room too. Each part
/// has a lock of its own, and a page heavier than a part is not kept.
const BODIES: u64 = 2;

/// Pages in memory.
pub(crate) struct MemoryTier {
    pages: Tier,
    not_found: Tier,
    /// Writers take turns, so that the newest render of a key stays.
    writer: Mutex<()>,
    /// How many pages were evicted.
    evicted: AtomicU64,
    size_warning: Once,
}

/// What became of a page that was put.
#[derive(Debug)]
pub(crate) struct Put {
    /// Whether memory has the page, or a later one of its key. It does not if the page is too large.
    pub(crate) is_kept: bool,
    /// The pages that were evicted for it: they were in use until now.
    pub(crate) evicted: Vec<Key>,
}

impl fmt::Debug for MemoryTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTier").finish_non_exhaustive()
    }
}

type Tier = Cache<Key, Slot, ByteWeighter, DefaultHashBuilder, EvictedKeys>;

/// A page, and what it weighed when it was put. A page that has been compressed since weighs more;
/// `weigh_again` corrects that.
#[derive(Clone)]
struct Slot {
    entry: Arc<ServedEntry>,
    weight: u64,
}

#[derive(Clone)]
struct ByteWeighter;

/// Tells which pages one insertion evicted.
#[derive(Clone, Debug)]
struct EvictedKeys;

impl Lifecycle<Key, Slot> for EvictedKeys {
    type RequestState = Vec<Key>;

    fn on_evict(&self, dropped: &mut Vec<Key>, key: Key, _: Slot) {
        dropped.push(key);
    }
}

impl Weighter<Key, Slot> for ByteWeighter {
    fn weight(&self, _: &Key, slot: &Slot) -> u64 {
        slot.weight
    }
}

impl MemoryTier {
    /// A tier of at most `bytes`, for pages whose bodies have at most `largest` bytes.
    pub(crate) fn new(bytes: u64, largest: u64) -> Self {
        let not_found = bytes / NOT_FOUND_SHARE;
        let part = largest.saturating_mul(BODIES).max(1);
        Self {
            pages: tier(bytes - not_found, part),
            not_found: tier(not_found, part),
            writer: Mutex::default(),
            evicted: AtomicU64::new(0),
            size_warning: Once::new(),
        }
    }

    /// The page of a key, which may be given as its text.
    pub(crate) fn get<K: Hash + Equivalent<Key> + ?Sized>(
        &self,
        key: &K,
    ) -> Option<Arc<ServedEntry>> {
        self.pages.get(key).or_else(|| self.not_found.get(key)).map(|slot| slot.entry)
    }

    /// Whether the page is in memory; asking does not count as a use.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.pages.contains_key(key) || self.not_found.contains_key(key)
    }

    pub(crate) fn stats(&self) -> TierStats {
        let tiers = [&self.pages, &self.not_found];
        let sum = |of: fn(&Tier) -> u64| tiers.into_iter().map(of).sum();
        TierStats {
            tier: CountedTier::Memory,
            entries: sum(|tier| tier.len() as u64),
            bytes: sum(Tier::weight),
            limit: sum(Tier::capacity),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    /// Every page; asking does not count as a use.
    pub(crate) fn entries(&self) -> Vec<Arc<ServedEntry>> {
        self.pages.iter().chain(self.not_found.iter()).map(|(_, slot)| slot.entry).collect()
    }

    /// Weighs the page of `key` again after it was compressed, if it is still here. Returns the
    /// pages that were evicted for it.
    pub(crate) fn weigh_again(&self, key: &Key) -> Vec<Key> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = Vec::new();
        for tier in [&self.pages, &self.not_found] {
            if let Some(Slot { entry, .. }) = tier.get(key) {
                let weight = entry.weight();
                dropped.append(&mut self.insert(tier, key, Slot { weight, entry }));
                if !tier.contains_key(key) {
                    self.warn_of_size(key, weight, tier.shard_capacity());
                }
            }
        }
        dropped
    }

    /// Puts a page into a tier. Returns the others that were evicted for it.
    fn insert(&self, tier: &Tier, key: &Key, slot: Slot) -> Vec<Key> {
        let mut evicted = Vec::new();
        tier.insert_with_lifecycle(key.clone(), slot, &mut evicted);
        // The page that it replaced was not evicted.
        evicted.retain(|other| other != key);
        if ptr::eq(tier, &raw const self.pages) {
            self.evicted.fetch_add(evicted.len() as u64, Ordering::Relaxed);
        }
        evicted
    }

    /// Drops `entry`, unless another one has taken its place.
    pub(crate) fn forget(&self, entry: &ServedEntry) {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(&entry.key).is_some_and(|stored| stored.version <= entry.version) {
            self.pages.remove(&entry.key);
            self.not_found.remove(&entry.key);
        }
    }

    /// Puts `entry` in the place of what was stored for its key, unless that is from a later
    /// render.
    pub(crate) fn put(&self, entry: Arc<ServedEntry>) -> Put {
        let version = entry.version;
        self.put_unless(entry, |stored| stored.version > version)
    }

    /// Puts an entry that was here before, unless there is one of the same render or a later one,
    /// of which more may be known.
    pub(crate) fn fill(&self, entry: Arc<ServedEntry>) -> Put {
        let version = entry.version;
        self.put_unless(entry, |stored| stored.version >= version)
    }

    fn put_unless(&self, entry: Arc<ServedEntry>, stays: impl FnOnce(&ServedEntry) -> bool) -> Put {
        let key = entry.key.clone();
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(&key).is_some_and(|stored| stays(&stored)) {
            return Put { is_kept: true, evicted: Vec::new() };
        }
        let (to, from) = match entry.is_of_any_path() {
            true => (&self.not_found, &self.pages),
            false => (&self.pages, &self.not_found),
        };
        let weight = entry.weight();
        let evicted = self.insert(to, &key, Slot { weight, entry });
        from.remove(&key);
        let is_kept = to.contains_key(&key);
        if !is_kept {
            self.warn_of_size(&key, weight, to.shard_capacity());
        }
        Put { is_kept, evicted }
    }

    fn warn_of_size(&self, key: &Key, bytes: u64, most: u64) {
        self.size_warning.call_once(|| {
            warn!(isr.key = %key, bytes, most,
                "a page is too large for the memory: each request for it reads the store, or without \
                 a store renders it. Give `Builder::memory` several times the page's bytes, all \
                 encodings counted. Other pages may be too large as well");
        });
    }
}

fn tier(bytes: u64, part: u64) -> Tier {
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let options = OptionsBuilder::new()
        .weight_capacity(bytes)
        .estimated_items_capacity(count(bytes / TYPICAL_WEIGHT).max(16))
        .shards(count(bytes / part).clamp(1, 64))
        .build()
        .expect("the weight and the number of items are given");
    Cache::with_options(options, ByteWeighter, DefaultHashBuilder::default(), EvictedKeys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::path::CanonicalPath,
        entry::{Entry, RenderStart, Version},
        rules::encoding::Encoding,
    };
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::UNIX_EPOCH;

    fn holds(tier: &MemoryTier, page: &Arc<ServedEntry>) -> bool {
        tier.get(&page.key).is_some_and(|entry| Arc::ptr_eq(&entry, page))
    }

    #[test]
    fn large_page_is_kept() {
        let tier = MemoryTier::new(64 << 20, 16 << 20);
        let page = entry("/large", StatusCode::OK, 16 << 20);
        assert!(tier.put(Arc::clone(&page)).is_kept);
        assert!(holds(&tier, &page));
    }

    #[test]
    fn page_that_memory_has_no_room_for_is_not_kept_and_neither_is_the_one_before() {
        let tier = MemoryTier::new(1024 * 1024, 16 << 20);
        let small = entry("/a", StatusCode::OK, 1);
        assert!(tier.put(Arc::clone(&small)).is_kept);
        let mut large = Entry::clone(&entry("/a", StatusCode::OK, 2 << 20));
        large.version = Version(2);
        let large = Arc::new(ServedEntry::new(large));
        assert!(!tier.put(Arc::clone(&large)).is_kept);
        assert!(!tier.contains(&small.key));
    }

    #[test]
    fn earlier_render_does_not_replace_a_later_one() {
        let tier = MemoryTier::new(1024 * 1024, 64 * 1024);
        let later = entry("/a", StatusCode::OK, 1);
        let mut earlier = Entry::clone(&later);
        earlier.version = Version(0);
        tier.put(Arc::clone(&later));
        tier.put(Arc::new(ServedEntry::new(earlier)));
        assert!(holds(&tier, &later));
    }

    #[test]
    fn what_was_here_before_replaces_nothing_of_the_same_render() {
        let tier = MemoryTier::new(1024 * 1024, 64 * 1024);
        let page = entry("/a", StatusCode::OK, 1);
        let mut known = Entry::clone(&page);
        known.is_superseded = true;
        let known = Arc::new(ServedEntry::new(known));
        tier.put(Arc::clone(&page));
        tier.put(Arc::clone(&known));
        tier.fill(page);
        assert!(holds(&tier, &known));
    }

    fn entry(path: &str, status: StatusCode, size: usize) -> Arc<ServedEntry> {
        let key = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        let start = RenderStart::new(UNIX_EPOCH, 1);
        let body = Bytes::from(vec![b'x'; size]);
        let entry = Entry::new(key, status, HeaderMap::new(), body, start);
        Arc::new(ServedEntry::new(entry))
    }

    #[test]
    fn memory_stays_below_its_limit() {
        let tier = MemoryTier::new(1024 * 1024, 64 * 1024);
        for i in 0..1000 {
            tier.put(entry(&format!("/{i}"), StatusCode::OK, 10_000));
        }
        assert!(tier.pages.weight() <= 1024 * 1024);
        assert!(tier.pages.len() > 50);
    }

    #[tokio::test]
    async fn page_that_was_compressed_is_weighed_again_if_it_is_still_here() {
        let tier = MemoryTier::new(1024 * 1024, 64 * 1024);
        let mut page = Entry::clone(&entry("/a", StatusCode::OK, 10_000));
        page.may_compress = true;
        let page = Arc::new(ServedEntry::new(page));
        tier.put(Arc::clone(&page));
        let before = tier.pages.weight();
        page.make(Encoding::Gzip).await;
        tier.weigh_again(&page.key);
        let encoded = page.body_in(Some(Encoding::Gzip)).unwrap().len() as u64;
        assert!(encoded > 0);
        assert_eq!(tier.pages.weight(), before + encoded);
        tier.put(entry("/a", StatusCode::GONE, 1));
        tier.weigh_again(&page.key);
        assert_eq!(tier.get(&page.key).unwrap().status, StatusCode::GONE);
        assert_eq!(tier.pages.weight(), 0);
    }

    #[test]
    fn not_found_answers_and_redirects_are_few_and_push_no_page_out() {
        let tier = MemoryTier::new(1024 * 1024, 64 * 1024);
        let page = entry("/page", StatusCode::OK, 100);
        tier.put(Arc::clone(&page));
        for i in 0..10_000 {
            tier.put(entry(&format!("/{i}"), StatusCode::NOT_FOUND, 10_000));
            tier.put(entry(&format!("/moved/{i}"), StatusCode::PERMANENT_REDIRECT, 10_000));
        }
        assert!(holds(&tier, &page));
        assert!(tier.not_found.weight() <= 1024 * 1024 / NOT_FOUND_SHARE);
        assert!(tier.not_found.len() > 1);
    }

    #[test]
    fn definite_results_take_each_others_place() {
        let tier = MemoryTier::new(1024 * 1024, 64 * 1024);
        let (page, gone) = (entry("/a", StatusCode::OK, 1), entry("/a", StatusCode::GONE, 1));
        for entry in [&page, &gone, &page] {
            tier.put(Arc::clone(entry));
            assert!(holds(&tier, entry));
        }
    }
}
