//! Stamps grow, whatever the clock does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::{collection::vec, prelude::*};

use crate::clock::{Stamp, Stamps};

/// What happens to a process's stamps. Each event comes with the clock's time at that moment.
#[derive(Clone, Debug)]
enum Event {
    Next,
    Observe(Stamp),
    /// Another process takes over after the last stamp.
    Restart,
}

/// A clock that stands still, jumps, is before 1970, or shows a time that does not fit into a
/// stamp.
fn time() -> impl Strategy<Value = SystemTime> {
    let micros = |n| UNIX_EPOCH + Duration::from_micros(n);
    prop_oneof![
        (0..50_u64).prop_map(micros),
        (0..20_000_000_u64).prop_map(micros),
        (0..100_u64).prop_map(|n| UNIX_EPOCH - Duration::from_secs(n)),
        (0..1_u64 << 62).prop_map(|n| UNIX_EPOCH + Duration::from_secs(n)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Next),
        2 => (0..20_000_000_u64).prop_map(Event::Observe),
        1 => (0..Stamp::MAX / 2).prop_map(Event::Observe),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #[test]
    fn each_stamp_is_greater_than_all_before_it(
        events in vec((event(), time()), 1..20), start in prop_oneof![0..20_000_000_u64, 0..1_u64 << 62],
    ) {
        let mut stamps = Stamps::default();
        stamps.observe(start);
        let mut last = start;
        for (event, now) in events {
            match event {
                Event::Next => {}
                Event::Observe(stamp) => {
                    stamps.observe(stamp);
                    last = last.max(stamp);
                }
                Event::Restart => {
                    stamps = Stamps::default();
                    stamps.observe(last);
                }
            }
            let next = stamps.next(now);
            prop_assert!(next > last, "{} after {}", next, last);
            last = next;
        }
    }
}
