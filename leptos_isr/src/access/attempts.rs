//! How often a secret may be guessed.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use lru::LruCache;

use crate::period;

const WINDOW: Duration = period::minutes(1);

/// How many wrong ones an address has in one window.
const MOST: u32 = 10;

/// How many addresses are remembered. Whoever has so many that their own are forgotten may guess ten
/// times with each in any case.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is above zero");

/// Wrong guesses, counted per minute for each visitor's address; all whose address is not known are
/// one.
pub(crate) struct Attempts(Mutex<LruCache<Option<IpAddr>, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    began: SystemTime,
    count: u32,
}

/// What a guess comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Right,
    Wrong,
    /// It was not looked at: another may be made after this time.
    TooMany(Duration),
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    /// Judges a guess, unless there were too many wrong ones from this address.
    ///
    /// One at a time, so that many at once are no way around the limit.
    pub(crate) fn judge(
        &self,
        visitor: Option<IpAddr>,
        now: SystemTime,
        is_right: impl FnOnce() -> bool,
    ) -> Attempt {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = failures.get(&visitor).copied();
        let left = before.and_then(|before| before.left(now));
        let before = before.filter(|_| left.is_some()).unwrap_or(Failures { began: now, count: 0 });
        if before.count >= MOST {
            return Attempt::TooMany(left.unwrap_or_default());
        }
        if is_right() {
            return Attempt::Right;
        }
        failures.put(visitor, Failures { count: before.count + 1, ..before });
        Attempt::Wrong
    }
}

impl Failures {
    /// What is left of the window; `None` if it is over, or of a time that the clock has yet to
    /// reach.
    fn left(&self, now: SystemTime) -> Option<Duration> {
        let left = WINDOW.checked_sub(now.duration_since(self.began).ok()?)?;
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn at(last: u8) -> Option<IpAddr> {
        Some([192, 0, 2, last].into())
    }

    fn guess(attempts: &Attempts, visitor: Option<IpAddr>, second: u64) -> Attempt {
        attempts.judge(visitor, UNIX_EPOCH + period::seconds(second), || false)
    }

    #[test]
    fn ten_wrong_guesses_close_the_door_for_the_rest_of_the_minute_to_the_right_one_too() {
        let attempts = Attempts::new();
        for second in 0..10 {
            assert_eq!(guess(&attempts, at(1), second), Attempt::Wrong);
        }
        let right = |second| attempts.judge(at(1), UNIX_EPOCH + period::seconds(second), || true);
        assert_eq!(right(10), Attempt::TooMany(period::seconds(50)));
        assert_eq!(right(59), Attempt::TooMany(period::seconds(1)));
        assert_eq!(right(60), Attempt::Right);
        for second in 60..70 {
            assert_eq!(guess(&attempts, at(1), second), Attempt::Wrong);
        }
        assert_eq!(right(70), Attempt::TooMany(period::seconds(50)));
    }

    #[test]
    fn each_address_is_counted_alone_and_few_are_remembered() {
        let attempts = Attempts::new();
        for visitor in [at(1), None] {
            for _ in 0..10 {
                guess(&attempts, visitor, 0);
            }
            assert!(matches!(guess(&attempts, visitor, 0), Attempt::TooMany(_)), "{visitor:?}");
        }
        assert_eq!(guess(&attempts, at(2), 0), Attempt::Wrong);
        for n in 0..11_000 {
            guess(&attempts, Some(IpAddr::from(std::net::Ipv4Addr::from_bits(n))), 0);
        }
        assert_eq!(attempts.0.lock().unwrap().len(), REMEMBERED.get());
    }

    #[test]
    fn clock_that_was_set_back_locks_nobody_out() {
        let attempts = Attempts::new();
        for _ in 0..10 {
            guess(&attempts, at(1), 3600);
        }
        assert_eq!(guess(&attempts, at(1), 0), Attempt::Wrong);
    }
}
