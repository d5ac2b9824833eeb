//! Periods in plain words, such as `minutes(5)`.

use std::time::Duration;

/// `n` seconds.
///
/// # Examples
///
/// ```
/// assert_eq!(leptos_isr::seconds(90).as_secs(), 90);
/// ```
#[must_use]
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes of 60 seconds.
#[must_use]
pub const fn minutes(n: u64) -> Duration {
    seconds(n * 60)
}

/// `n` hours of 60 minutes.
#[must_use]
pub const fn hours(n: u64) -> Duration {
    minutes(n * 60)
}

/// `n` days of 24 hours.
#[must_use]
pub const fn days(n: u64) -> Duration {
    hours(n * 24)
}
