//! Which purges of other servers have come by, so that none goes round in a circle.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cached::{Cached, LruCache};

use crate::order::purge_id::PurgeId;

/// How many purges of other servers are remembered; the least recent is forgotten first.
const REMEMBERED: usize = 10_000;

/// What is to be done with a purge that another server has passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is done, and passed on.
    New,
    /// It is being done for another request, and passed on by that one.
    UnderWay,
    /// It was done before, or began here.
    Done,
}

/// The purges that have come by here.
pub(super) struct Seen {
    /// Tells this engine from all others.
    origin: u64,
    /// How many purges have begun here.
    numbers: AtomicU64,
    /// Whether each purge of another server is done.
    others: Mutex<LruCache<PurgeId, bool>>,
}

impl Seen {
    pub(super) fn new() -> Self {
        let others = LruCache::builder().max_size(REMEMBERED).build();
        Self {
            origin: RandomState::new().hash_one(std::process::id()),
            numbers: AtomicU64::new(0),
            others: Mutex::new(others.expect("the size is above zero")),
        }
    }

    /// A new id, for a purge that begins here.
    pub(super) fn next(&self) -> PurgeId {
        PurgeId { origin: self.origin, number: self.numbers.fetch_add(1, Ordering::Relaxed) }
    }

    /// Notes a request with these purges: it is new if one of them is.
    pub(super) fn begin(&self, ids: &[PurgeId]) -> Arrival {
        let mut others = self.lock();
        let mut arrival = Arrival::Done;
        for id in ids.iter().filter(|id| id.origin != self.origin) {
            match others.cache_get(id) {
                Some(true) => {}
                Some(false) if arrival == Arrival::New => {}
                Some(false) => arrival = Arrival::UnderWay,
                None => {
                    others.cache_set(*id, false);
                    arrival = Arrival::New;
                }
            }
        }
        arrival
    }

    /// Notes that these purges are done, or that they failed and may come again.
    pub(super) fn end(&self, ids: &[PurgeId], is_done: bool) {
        let mut others = self.lock();
        for id in ids.iter().filter(|id| id.origin != self.origin) {
            if is_done {
                others.cache_set(*id, true);
            } else {
                let _ = others.cache_remove(id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<PurgeId, bool>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> PurgeId {
        PurgeId { origin: 1, number }
    }

    #[test]
    fn purge_is_new_once_and_own_ones_never() {
        let seen = Seen::new();
        assert_eq!(seen.begin(&[seen.next()]), Arrival::Done);
        assert_eq!(seen.begin(&[id(1)]), Arrival::New);
        assert_eq!(seen.begin(&[id(1), seen.next()]), Arrival::UnderWay);
        assert_eq!(seen.begin(&[id(1), id(2)]), Arrival::New);
        seen.end(&[id(1)], true);
        seen.end(&[id(2)], false);
        assert_eq!(seen.begin(&[id(1)]), Arrival::Done);
        assert_eq!(seen.begin(&[id(2)]), Arrival::New, "it failed, so it may come again");
        assert_ne!(Seen::new().next(), Seen::new().next());
    }

    #[test]
    fn memory_is_bounded() {
        let seen = Seen::new();
        for number in 0..=REMEMBERED as u64 {
            seen.begin(&[id(number)]);
        }
        assert_eq!(seen.lock().cache_size(), REMEMBERED);
        assert_eq!(seen.begin(&[id(REMEMBERED as u64)]), Arrival::UnderWay);
    }
}
