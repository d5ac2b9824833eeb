//! The values that were read, bounded in number and bytes.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use cached::{Cached, CachedPeek, LruCache};

use crate::{
    data::{error::DataError, value::Value},
    entry::Began,
    stats::{Tier, TierStats},
    tasks::{backoff::Backoff, single_flight::SingleFlight},
};

/// How many values are kept.
const MOST_VALUES: usize = 100_000;

/// The outcome of one read, for everyone who waits for it.
pub(crate) type ReadResult = Result<Value, DataError>;

/// The values in memory, the reads under way, and those that failed.
pub(crate) struct DataCache {
    values: Mutex<LruCache<Arc<str>, Value>>,
    bytes: Arc<AtomicU64>,
    evicted: AtomicU64,
    limit: u64,
    pub(crate) flights: SingleFlight<Arc<str>, ReadResult>,
    /// Why the last read of a name failed, and when it began.
    pub(crate) backoff: Backoff<Arc<str>, (DataError, Began)>,
}

impl DataCache {
    pub(crate) fn new(limit: u64) -> Self {
        let bytes = Arc::new(AtomicU64::new(0));
        let freed = Arc::clone(&bytes);
        let values = LruCache::builder()
            .max_size(MOST_VALUES)
            .on_evict(move |key: &Arc<str>, value: &Value| {
                freed.fetch_sub(weight(key, value), Ordering::Relaxed);
            })
            .build()
            .expect("the size is above zero");
        Self {
            values: Mutex::new(values),
            bytes,
            evicted: AtomicU64::new(0),
            limit,
            flights: SingleFlight::new(),
            backoff: Backoff::new(),
        }
    }

    pub(crate) fn get(&self, key: &Arc<str>) -> Option<Value> {
        self.values().cache_get(key).cloned()
    }

    pub(crate) fn put(&self, key: &Arc<str>, value: Value) {
        let weight_of_new = weight(key, &value);
        let mut values = self.values();
        if let Some(old) = values.cache_peek(key) {
            if old.began.version > value.began.version {
                return;
            }
            if weight_of_new > self.limit {
                let _ = values.cache_remove(key);
                return;
            }
            // `on_evict` does not run for a value that is replaced.
            self.bytes.fetch_sub(weight(key, old), Ordering::Relaxed);
        }
        if weight_of_new > self.limit {
            return;
        }
        self.bytes.fetch_add(weight_of_new, Ordering::Relaxed);
        let others = values.cache_size() - usize::from(values.cache_peek(key).is_some());
        values.cache_set(Arc::clone(key), value);
        while self.bytes.load(Ordering::Relaxed) > self.limit && values.cache_size() > 0 {
            let fewer = values.cache_size() - 1;
            values.set_max_size(fewer);
        }
        values.set_max_size(MOST_VALUES);
        let evicted = (others + 1 - values.cache_size()) as u64;
        self.evicted.fetch_add(evicted, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, key: &Arc<str>) {
        let _ = self.values().cache_remove(key);
    }

    pub(crate) fn stats(&self) -> TierStats {
        TierStats {
            tier: Tier::Data,
            entries: self.values().cache_size() as u64,
            bytes: self.bytes.load(Ordering::Relaxed),
            limit: self.limit,
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    fn values(&self) -> MutexGuard<'_, LruCache<Arc<str>, Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(key: &Arc<str>, value: &Value) -> u64 {
    let tags: usize = value.inner_tags.iter().map(|tag| tag.as_str().len() + 32).sum();
    (size_of::<Value>() + 2 * key.len() + value.bytes.len() + tags) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Stamp,
        data::value::Validators,
        entry::{Seen, Version},
    };
    use std::time::UNIX_EPOCH;

    fn value(len: usize, stamp: Stamp) -> Value {
        let began = Began { seen: Seen(stamp), version: Version(stamp) };
        Value {
            bytes: vec![b'x'; len].into(),
            read_at: UNIX_EPOCH,
            began,
            oldest: began,
            inner_tags: [].into(),
            inner_period: None,
            is_stored: true,
            is_absent: false,
            validators: Validators::default(),
        }
    }

    fn key(n: usize) -> Arc<str> {
        format!("{n}").into()
    }

    #[test]
    fn values_stay_below_the_limit_and_the_least_used_go_first() {
        let cache = DataCache::new(20_000);
        for n in 0..100 {
            cache.put(&key(n), value(1000, 1));
            cache.get(&key(0));
            assert!(cache.stats().bytes <= 20_000);
        }
        assert!(cache.get(&key(0)).is_some() && cache.get(&key(99)).is_some());
        assert!(cache.get(&key(1)).is_none());
        let bytes = cache.stats().bytes;
        cache.put(&key(99), value(1000, 2));
        assert_eq!(cache.stats().bytes, bytes, "a value that is replaced is counted once");
    }

    #[test]
    fn value_above_the_limit_is_not_kept() {
        let cache = DataCache::new(20_000);
        cache.put(&key(0), value(100, 1));
        cache.put(&key(1), value(30_000, 1));
        assert!(cache.get(&key(1)).is_none());
        assert!(cache.get(&key(0)).is_some(), "it makes no room that it does not get");
        let bytes = cache.stats().bytes;
        cache.put(&key(1), value(100, 2));
        assert!(cache.get(&key(1)).is_some());
        cache.put(&key(1), value(30_000, 3));
        assert!(cache.get(&key(1)).is_none(), "the old one does not stay");
        assert_eq!(cache.stats().bytes, bytes);
    }

    #[test]
    fn earlier_read_does_not_replace_a_later_one() {
        let cache = DataCache::new(20_000);
        cache.put(&key(1), value(10, 2));
        cache.put(&key(1), value(20, 1));
        assert_eq!(cache.get(&key(1)).unwrap().bytes.len(), 10);
    }
}
