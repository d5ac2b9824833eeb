//! Counts of durations, in fixed buckets.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::snapshot::{BucketCount, HistogramStats};
use crate::period;

/// How many bounds each kind has.
const BOUNDS: usize = 12;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// For what somebody waits for: from milliseconds to half a minute.
const SHORT: [Duration; BOUNDS] = [
    millis(5),
    millis(10),
    millis(25),
    millis(50),
    millis(100),
    millis(250),
    millis(500),
    period::seconds(1),
    millis(2500),
    period::seconds(5),
    period::seconds(10),
    period::seconds(30),
];

/// For ages: from a second to weeks.
const LONG: [Duration; BOUNDS] = [
    period::seconds(1),
    period::seconds(5),
    period::seconds(15),
    period::minutes(1),
    period::minutes(5),
    period::minutes(15),
    period::hours(1),
    period::hours(4),
    period::hours(12),
    period::days(1),
    period::days(7),
    period::days(30),
];

/// Durations that were counted.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [Duration; BOUNDS],
    counts: [AtomicU64; BOUNDS],
    longer: AtomicU64,
    /// In microseconds.
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [Duration; BOUNDS]) -> Self {
        let counts = [const { AtomicU64::new(0) }; BOUNDS];
        Self { bounds, counts, longer: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    pub(super) fn short() -> Self {
        Self::new(&SHORT)
    }

    pub(super) fn long() -> Self {
        Self::new(&LONG)
    }

    pub(super) fn add(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration);
        self.counts.get(bucket).unwrap_or(&self.longer).fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> HistogramStats {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets = self.bounds.iter().zip(counts);
        let buckets = buckets.map(|(up_to, count)| BucketCount { up_to: *up_to, count }).collect();
        HistogramStats {
            buckets,
            longer: self.longer.load(Ordering::Relaxed),
            sum: Duration::from_micros(self.sum.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_counts_in_the_first_bucket_that_is_not_too_short_for_it() {
        let histogram = Histogram::short();
        for duration in [Duration::ZERO, millis(5), millis(6), period::seconds(30), period::days(1)]
        {
            histogram.add(duration);
        }
        let stats = histogram.stats();
        let counts: Vec<_> = stats.buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((stats.longer, stats.count()), (1, 5));
        assert_eq!(stats.sum, millis(11) + period::seconds(30) + period::days(1));
    }

    #[test]
    fn bounds_grow() {
        assert!(SHORT.is_sorted() && LONG.is_sorted());
    }
}
