//! How often a password may be guessed.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, Instant},
};

use cached::{Cached, CachedPeek, LruCache};

const WINDOW: Duration = Duration::from_secs(60);
const MOST: u32 = 10;

/// How many guessers are remembered. Whoever has so many addresses that their own are forgotten
/// may guess ten times with each in any case.
const REMEMBERED: usize = 10_000;

/// Who tries to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Guesser {
    /// A browser that has signed in before, by the id in its cookie.
    Browser(String),
    /// Anybody else at this address; all whose address is not known are one.
    Address(Option<IpAddr>),
}

/// Failed attempts to sign in, counted per minute for each guesser.
///
/// After ten of them this guesser does not sign in for the rest of the minute; others do, and
/// sessions that exist go on.
pub struct Attempts(LruCache<Guesser, Failures>);

struct Failures {
    began: Instant,
    count: u32,
}

impl Default for Attempts {
    fn default() -> Self {
        let counts = LruCache::builder().max_size(REMEMBERED).build();
        Self(counts.expect("the size is above zero"))
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("guessers", &self.0.cache_size()).finish()
    }
}

impl Attempts {
    /// Whether another attempt is admitted at `now`.
    #[must_use]
    pub fn may_try(&self, guesser: &Guesser, now: Instant) -> bool {
        self.in_window(guesser, now).is_none_or(|failures| failures.count < MOST)
    }

    /// Counts a failed attempt at `now`.
    pub fn failed(&mut self, guesser: &Guesser, now: Instant) {
        let before = self.in_window(guesser, now);
        let (began, count) = before.map_or((now, 0), |failures| (failures.began, failures.count));
        self.0.cache_set(guesser.clone(), Failures { began, count: count + 1 });
    }

    fn in_window(&self, guesser: &Guesser, now: Instant) -> Option<&Failures> {
        let failures = self.0.cache_peek(guesser)?;
        (now.saturating_duration_since(failures.began) < WINDOW).then_some(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> Guesser {
        Guesser::Address(Some([192, 0, 2, last].into()))
    }

    #[test]
    fn ten_failures_close_the_door_for_the_rest_of_the_minute() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        for second in 0..10 {
            let now = start + Duration::from_secs(second);
            assert!(attempts.may_try(&at(1), now));
            attempts.failed(&at(1), now);
        }
        assert!(!attempts.may_try(&at(1), start + Duration::from_secs(59)));
        assert!(attempts.may_try(&at(1), start + Duration::from_secs(60)));
    }

    #[test]
    fn next_minute_counts_anew() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        for _ in 0..10 {
            attempts.failed(&at(1), start);
        }
        let later = start + WINDOW;
        attempts.failed(&at(1), later);
        assert!(attempts.may_try(&at(1), later));
    }

    #[test]
    fn each_guesser_is_counted_alone_and_few_are_remembered() {
        let now = Instant::now();
        let mut attempts = Attempts::default();
        let browser = |id: usize| Guesser::Browser(id.to_string());
        for guesser in [at(1), browser(1), Guesser::Address(None)] {
            for _ in 0..10 {
                attempts.failed(&guesser, now);
            }
        }
        for (guesser, may_try) in [
            (at(1), false),
            (at(2), true),
            (browser(1), false),
            (browser(2), true),
            (Guesser::Address(None), false),
        ] {
            assert_eq!(attempts.may_try(&guesser, now), may_try, "{guesser:?}");
        }
        (0..REMEMBERED + 5).for_each(|id| attempts.failed(&browser(id), now));
        assert_eq!(attempts.0.cache_size(), REMEMBERED);
    }
}
