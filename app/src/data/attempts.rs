//! How often a password may be guessed.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
const MOST: u32 = 10;

/// Failed attempts to sign in, counted per minute and for everyone together.
///
/// After ten of them nobody signs in for the rest of the minute; sessions that
/// exist go on.
#[derive(Debug, Default)]
pub struct Attempts {
    window_began: Option<Instant>,
    failures: u32,
}

impl Attempts {
    /// Whether another attempt is admitted at `now`.
    #[must_use]
    pub fn may_try(&self, now: Instant) -> bool {
        self.failures < MOST || !self.is_in_window(now)
    }

    /// Counts a failed attempt at `now`.
    pub fn failed(&mut self, now: Instant) {
        if !self.is_in_window(now) {
            *self = Self { window_began: Some(now), failures: 0 };
        }
        self.failures += 1;
    }

    fn is_in_window(&self, now: Instant) -> bool {
        self.window_began.is_some_and(|began| now.saturating_duration_since(began) < WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_close_the_door_for_the_rest_of_the_minute() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        for second in 0..10 {
            let now = start + Duration::from_secs(second);
            assert!(attempts.may_try(now));
            attempts.failed(now);
        }
        assert!(!attempts.may_try(start + Duration::from_secs(59)));
        assert!(attempts.may_try(start + Duration::from_secs(60)));
    }

    #[test]
    fn next_minute_counts_anew() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        for _ in 0..10 {
            attempts.failed(start);
        }
        let later = start + WINDOW;
        attempts.failed(later);
        assert!(attempts.may_try(later));
    }
}
