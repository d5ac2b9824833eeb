//! What stamps promise, as models.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use loom::{sync::Arc, thread};

use crate::clock::{Stamp, Stamps};

fn second(n: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(n)
}

/// Threads whose clocks stand still or go backwards never get a stamp twice,
/// and each sees its own grow.
pub fn stamps_are_unique_and_grow() {
    let before: Stamp = 9_000_000;
    let stamps = Arc::new(Stamps::default());
    stamps.observe(before);
    let take_two = |clock: [SystemTime; 2]| {
        let stamps = Arc::clone(&stamps);
        move || -> [Stamp; 2] { clock.map(|now| stamps.next(now)) }
    };
    let threads =
        [thread::spawn(take_two([second(9); 2])), thread::spawn(take_two([second(9), second(1)]))];
    let mut all = vec![before, stamps.next(second(9))];
    for thread in threads {
        let [first, then] = thread.join().expect("taking stamps does not panic");
        assert!(first < then);
        all.extend([first, then]);
    }
    all.push(stamps.next(UNIX_EPOCH));
    let last = all.last().copied();
    assert_eq!(all.iter().copied().max(), last, "the last one is the greatest");
    all.sort_unstable();
    assert!(all.is_sorted_by(|a, b| a < b), "a stamp was given twice: {all:?}");
}

/// Once a stamp of another process was taken note of, every later one is
/// greater; and taking note of it takes nothing back.
pub fn observed_stamps_are_exceeded() {
    let stamps = Arc::new(Stamps::default());
    let of_another: Stamp = 9_000_001;
    let other = thread::spawn({
        let stamps = Arc::clone(&stamps);
        move || {
            stamps.observe(of_another);
            stamps.next(second(1))
        }
    });
    let here = [stamps.next(second(9)), stamps.next(second(9))];
    let there = other.join().expect("taking stamps does not panic");
    assert!(there > of_another);
    assert!(!here.contains(&there), "a stamp was given twice: {there}");
    assert!(stamps.next(second(1)) > here[1].max(there));
}
