//! A clock that is moved by hand.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::Clock;

/// 2026-01-01 00:00:00 UTC.
const START: Duration = Duration::from_secs(1_767_225_600);

/// A [`Clock`] that stands still until it is moved. Clones are the same clock.
///
/// # Examples
///
/// ```
/// use leptos_isr::{Clock, seconds, testing::TestClock};
///
/// let clock = TestClock::new();
/// let before = clock.now();
/// clock.clone().advance(seconds(90));
/// assert_eq!(clock.now(), before + seconds(90));
/// ```
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Mutex<SystemTime>>);

impl TestClock {
    /// Makes a clock that stands at 2026-01-01 00:00:00 UTC, so that each run of a test sees the
    /// same times.
    #[must_use]
    pub fn new() -> Self {
        Self::at(UNIX_EPOCH + START)
    }

    /// Makes a clock that stands at `time`.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.time() += by;
    }

    /// Moves the clock back, as an administrator may do.
    pub fn set_back(&self, by: Duration) {
        *self.time() -= by;
    }

    fn time(&self) -> MutexGuard<'_, SystemTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.time()
    }
}
