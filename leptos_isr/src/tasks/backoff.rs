//! When something that failed, such as a regeneration or a read, may be tried again.

use std::{
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use cached::{Cached, CachedIter, LruCache};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::period;

const FIRST: Duration = period::seconds(1);
const LONGEST: Duration = period::minutes(5);

/// How many failing keys are remembered; the least recently used is forgotten first.
const REMEMBERED: usize = 10_000;

/// The keys that fail, why, and when each may be tried again.
pub(crate) struct Backoff<K, W>(Mutex<LruCache<K, Failing<W>>>);

#[derive(Clone, Debug)]
struct Failing<W> {
    failures: u32,
    retry_at: SystemTime,
    why: W,
}

/// Why a render left nothing in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnstoredReason {
    /// It failed.
    Failed,
    /// Its page may not be stored.
    NotStorable,
}

impl<K: AsRef<str> + Clone + Eq + Hash, W: Clone> Backoff<K, W> {
    pub(crate) fn new() -> Self {
        let failing =
            LruCache::builder().max_size(REMEMBERED).build().expect("the size is above zero");
        Self(Mutex::new(failing))
    }

    /// Why the next try for `key` must still wait; `None` if it need not.
    pub(crate) fn waits(&self, key: &K, now: SystemTime) -> Option<W> {
        self.failure(key, now).map(|(_, why)| why)
    }

    /// How long the next try for `key` must still wait, and why; `None` if it need not.
    pub(crate) fn failure(&self, key: &K, now: SystemTime) -> Option<(Duration, W)> {
        let mut failing = self.failing();
        let failing = failing.cache_get(key)?;
        let left = failing.retry_at.duration_since(now).ok().filter(|left| !left.is_zero())?;
        // A clock that was set back must not stretch the wait.
        (left <= LONGEST).then(|| (left, failing.why.clone()))
    }

    /// How many tries for `key` have failed in a row, how long the next one must still wait, and why
    /// the last one failed; `None` if it did not.
    pub(crate) fn streak(&self, key: &K, now: SystemTime) -> Option<(u32, Duration, W)> {
        let wait = self.failure(key, now).map_or(Duration::ZERO, |(wait, _)| wait);
        let failing = self.failing().cache_get(key).cloned()?;
        Some((failing.failures, wait, failing.why))
    }

    /// The keys whose last try failed.
    pub(crate) fn keys(&self) -> Vec<K> {
        self.failing().iter().map(|(key, _)| key.clone()).collect()
    }

    /// Notes a try that failed, and returns how long the next one must wait.
    pub(crate) fn note(&self, key: &K, why: W, now: SystemTime) -> Duration {
        self.note_for(key, why, now, Duration::ZERO)
    }

    /// Notes a try that failed, and returns how long the next one must wait: `least` or more, but
    /// at most [`LONGEST`].
    pub(crate) fn note_for(&self, key: &K, why: W, now: SystemTime, least: Duration) -> Duration {
        let mut failing = self.failing();
        let failures = failing.cache_get(key).map_or(0, |failing| failing.failures) + 1;
        let wait = jittered(delay(failures), key.as_ref(), failures).max(least).min(LONGEST);
        failing.cache_set(key.clone(), Failing { failures, retry_at: now + wait, why });
        wait
    }

    /// Why the last try of each key failed.
    pub(crate) fn reasons(&self) -> Vec<W> {
        self.failing().iter().map(|(_, failing)| failing.why.clone()).collect()
    }

    /// Forgets the failures of `key`.
    pub(crate) fn succeeded(&self, key: &K) {
        let _ = self.failing().cache_remove(key);
    }

    fn failing(&self) -> std::sync::MutexGuard<'_, LruCache<K, Failing<W>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wait before jitter, which doubles with each failure in a row, up to [`LONGEST`].
fn delay(failures: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST)
}

/// Takes off up to a half, so that pages that failed together are not retried together. How much
/// depends on the key and on how often it failed.
fn jittered(delay: Duration, key: &str, failures: u32) -> Duration {
    let noise = xxh3_64_with_seed(key.as_bytes(), u64::from(failures)) % 1024;
    delay.mul_f64(1.0 - noise as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{key::Key, path::CanonicalPath};
    use std::time::UNIX_EPOCH;

    fn key(path: &str) -> Key {
        Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap()
    }

    #[test]
    fn delay_doubles_up_to_its_limit() {
        assert_eq!([1, 2, 3, 9].map(delay).map(|d| d.as_secs()), [1, 2, 4, 256]);
        assert_eq!([10, 40, u32::MAX].map(delay), [LONGEST; 3]);
    }

    #[test]
    fn failing_page_waits_and_a_success_forgets() {
        let backoff = Backoff::new();
        let (a, b) = (key("/a"), key("/b"));
        assert_eq!(backoff.waits(&a, UNIX_EPOCH), None);
        let wait = backoff.note(&a, UnstoredReason::Failed, UNIX_EPOCH);
        assert!(wait >= FIRST / 2 && wait <= FIRST);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH), Some(UnstoredReason::Failed));
        assert_eq!(backoff.waits(&b, UNIX_EPOCH), None);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH + wait), None);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH - 2 * LONGEST), None);
        assert!(backoff.note(&a, UnstoredReason::NotStorable, UNIX_EPOCH) > wait);
        backoff.succeeded(&a);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH), None);
    }

    #[test]
    fn pages_that_failed_together_do_not_retry_together() {
        let backoff = Backoff::new();
        let mut waits: Vec<_> = (0..20)
            .map(|i| backoff.note(&key(&format!("/{i}")), UnstoredReason::Failed, UNIX_EPOCH))
            .collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 10);
    }
}
