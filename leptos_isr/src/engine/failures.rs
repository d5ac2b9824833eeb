//! The failures of pages that have no page before: visitors get the failure again until it is worth
//! another try. It is kept for a short time, since there is nothing else that they could get.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use cached::{Cached, LruCache};

use crate::{address::key::Key, period, render::outcome::RenderFailure};

/// How many failures are remembered; the least recently used is forgotten first.
const REMEMBERED: usize = 256;

/// A longer page that the app drew is not kept; visitors get a plain text in its place.
const LONGEST_PAGE: usize = 64 * 1024;

/// The longest time for which a failure is given again.
const LONGEST: Duration = period::seconds(4);

/// The last failures of pages that have no page before.
pub(crate) struct Failures(Mutex<LruCache<Key, Remembered>>);

#[derive(Clone)]
struct Remembered {
    failure: RenderFailure,
    until: SystemTime,
    /// The generation of purges when the render began: the next one may have to do with the page.
    generation: u64,
}

impl Failures {
    pub(crate) fn new() -> Self {
        let failures =
            LruCache::builder().max_size(REMEMBERED).build().expect("the size is above zero");
        Self(Mutex::new(failures))
    }

    /// Remembers a failure for as long as its `retry_after` says.
    pub(crate) fn note(
        &self,
        key: &Key,
        mut failure: RenderFailure,
        generation: u64,
        now: SystemTime,
    ) {
        failure.retry_after = failure.retry_after.min(LONGEST);
        failure.page = failure.page.filter(|page| page.body.len() <= LONGEST_PAGE);
        let until = now + failure.retry_after;
        self.lock().cache_set(key.clone(), Remembered { failure, until, generation });
    }

    /// The failure that a request gets again, with the time that is left; `None` if a try is due.
    pub(crate) fn get(&self, key: &Key, generation: u64, now: SystemTime) -> Option<RenderFailure> {
        let mut failures = self.lock();
        let remembered = failures.cache_get(key).filter(|last| last.generation == generation)?;
        let left = remembered.until.duration_since(now).ok().filter(|left| !left.is_zero())?;
        // A clock that was set back must not stretch the wait.
        let retry_after = (left <= LONGEST).then_some(left)?;
        Some(RenderFailure { retry_after, ..remembered.failure.clone() })
    }

    pub(crate) fn forget(&self, key: &Key) {
        let _ = self.lock().cache_remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Key, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
