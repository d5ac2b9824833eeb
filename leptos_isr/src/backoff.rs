//! When a page whose regeneration failed may be tried again.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use cached::{Cached, LruCache};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{key::Key, period};

const FIRST: Duration = period::seconds(1);
const LONGEST: Duration = period::minutes(5);

/// How many failing pages are remembered; the least recent is forgotten first.
const REMEMBERED: usize = 10_000;

/// The pages whose last regeneration failed, and when each may be tried again.
pub(crate) struct Backoff(Mutex<LruCache<Key, Failing>>);

#[derive(Clone, Copy, Debug)]
struct Failing {
    failures: u32,
    retry_at: SystemTime,
    why: Unstored,
}

/// Why a render left nothing in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unstored {
    /// It failed.
    Failed,
    /// It gave a page that may not be stored.
    Refused,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        let failing =
            LruCache::builder().max_size(REMEMBERED).build().expect("the size is above zero");
        Self(Mutex::new(failing))
    }

    /// Why a regeneration of `key` must still wait; `None` if it need not.
    pub(crate) fn waits(&self, key: &Key, now: SystemTime) -> Option<Unstored> {
        let failing = *self.failing().cache_get(key)?;
        // A clock that was set back must not stretch the wait.
        let is_waiting = failing
            .retry_at
            .duration_since(now)
            .is_ok_and(|left| !left.is_zero() && left <= LONGEST);
        is_waiting.then_some(failing.why)
    }

    /// Notes a render that left nothing in the store; returns how long the
    /// next try waits.
    pub(crate) fn note(&self, key: &Key, why: Unstored, now: SystemTime) -> Duration {
        let mut failing = self.failing();
        let failures = failing.cache_get(key).map_or(0, |failing| failing.failures) + 1;
        let wait = jittered(delay(failures), key, failures);
        failing.cache_set(key.clone(), Failing { failures, retry_at: now + wait, why });
        wait
    }

    /// Forgets the failures of `key`.
    pub(crate) fn succeeded(&self, key: &Key) {
        let _ = self.failing().cache_remove(key);
    }

    fn failing(&self) -> std::sync::MutexGuard<'_, LruCache<Key, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Doubles with each failure in a row, up to [`LONGEST`].
fn delay(failures: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST)
}

/// Takes off up to a half, so that pages which failed together do not retry
/// together. The share depends on the page and on how often it failed.
fn jittered(delay: Duration, key: &Key, failures: u32) -> Duration {
    let noise = xxh3_64_with_seed(key.as_str().as_bytes(), u64::from(failures)) % 1024;
    delay.mul_f64(1.0 - noise as f64 / 2048.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::CanonicalPath;
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
        let wait = backoff.note(&a, Unstored::Failed, UNIX_EPOCH);
        assert!(wait >= FIRST / 2 && wait <= FIRST);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH), Some(Unstored::Failed));
        assert_eq!(backoff.waits(&b, UNIX_EPOCH), None);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH + wait), None);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH - 2 * LONGEST), None);
        assert!(backoff.note(&a, Unstored::Refused, UNIX_EPOCH) > wait);
        backoff.succeeded(&a);
        assert_eq!(backoff.waits(&a, UNIX_EPOCH), None);
    }

    #[test]
    fn pages_that_failed_together_do_not_retry_together() {
        let backoff = Backoff::new();
        let mut waits: Vec<_> = (0..20)
            .map(|i| backoff.note(&key(&format!("/{i}")), Unstored::Failed, UNIX_EPOCH))
            .collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 10);
    }
}
