//! Time as a value that tests can move.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::sync::{AtomicU64, Ordering};

/// Tells the time.
///
/// Closures are clocks, so a test can pass one that reads a time it moves by hand.
///
/// # Examples
///
/// ```
/// use leptos_isr::Clock;
/// use std::time::SystemTime;
///
/// let frozen = || SystemTime::UNIX_EPOCH;
/// assert_eq!(frozen.now(), SystemTime::UNIX_EPOCH);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> SystemTime;
}

impl<F: Fn() -> SystemTime + Send + Sync + 'static> Clock for F {
    fn now(&self) -> SystemTime {
        self()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A position in the order of what a process does. Each stamp is greater than all that the process
/// has given or observed before it, even when the clock is set back.
pub(crate) type Stamp = u64;

/// The latest time that a stamp takes from the clock, in the year 294,000. From there, stamps can
/// still grow as long as the program runs.
const LATEST: Stamp = u64::MAX / 2;

/// The stamp that the clock gives at `time`.
pub(crate) fn stamp_of(time: SystemTime) -> Stamp {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(micros).unwrap_or(LATEST).min(LATEST)
}

/// Hands out stamps: microseconds of the clock, or one more than the last.
#[derive(Debug, Default)]
pub(crate) struct Stamps(AtomicU64);

impl Stamps {
    /// Takes note of a stamp that another process gave: each one from now on is later.
    pub(crate) fn observe(&self, stamp: Stamp) {
        self.0.fetch_max(stamp, Ordering::SeqCst);
    }

    pub(crate) fn next(&self, now: SystemTime) -> Stamp {
        let clock = stamp_of(now);
        let mut last = self.0.load(Ordering::SeqCst);
        loop {
            let next = clock.max(last.saturating_add(1));
            match self.0.compare_exchange(last, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return next,
                Err(newer) => last = newer,
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(isr_loom))]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stamps_grow_while_the_clock_stands_and_when_it_is_set_back() {
        let stamps = Stamps::default();
        let noon = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let first = stamps.next(noon);
        let second = stamps.next(noon);
        let third = stamps.next(noon - Duration::from_secs(3600));
        assert!(first < second && second < third);
        let others = Stamps::default();
        others.observe(third);
        assert!(others.next(UNIX_EPOCH) > third);
    }

    #[test]
    fn stamps_grow_after_a_time_that_no_stamp_can_hold() {
        let stamps = Stamps::default();
        let never = UNIX_EPOCH + Duration::from_secs(1 << 62);
        let first = stamps.next(never);
        let second = stamps.next(never);
        assert!(first < second && second < stamps.next(UNIX_EPOCH));
    }
}
