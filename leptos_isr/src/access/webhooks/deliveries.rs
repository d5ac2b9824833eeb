//! Which deliveries were handled, so that none is handled twice.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use cached::{Cached, LruCache};

use super::delivery::Delivery;

/// How many signatures and ids a webhook remembers; the least recent one is forgotten first.
const REMEMBERED: usize = 10_000;

/// The signatures and ids of deliveries that were handled, and until when each is remembered. A
/// restart forgets them.
pub(crate) struct Deliveries(Mutex<LruCache<Vec<u8>, SystemTime>>);

impl Deliveries {
    pub(crate) fn new() -> Self {
        let seen = LruCache::builder().max_size(REMEMBERED).build();
        Self(Mutex::new(seen.expect("the size is above zero")))
    }

    /// Notes a delivery. Returns whether it is the first of its kind.
    pub(crate) fn begin(&self, delivery: &Delivery, now: SystemTime) -> bool {
        let mut seen = self.lock();
        let was_seen = |id| seen.cache_get(id).is_some_and(|until| *until >= now);
        if delivery.ids.iter().any(was_seen) {
            return false;
        }
        for id in &delivery.ids {
            seen.cache_set(id.clone(), delivery.until);
        }
        true
    }

    /// Forgets a delivery that was not handled after all, so that it may come again.
    pub(crate) fn forget(&self, delivery: &Delivery) {
        let mut seen = self.lock();
        for id in &delivery.ids {
            let _ = seen.cache_remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Vec<u8>, SystemTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deliveries").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period;
    use std::time::UNIX_EPOCH;

    fn delivery(ids: &[&str]) -> Delivery {
        let ids = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
        Delivery { ids, until: UNIX_EPOCH + period::minutes(5) }
    }

    #[test]
    fn delivery_is_known_by_any_of_its_ids_until_its_time_is_over() {
        let deliveries = Deliveries::new();
        assert!(deliveries.begin(&delivery(&["mac", "id"]), UNIX_EPOCH));
        assert!(!deliveries.begin(&delivery(&["mac", "other"]), UNIX_EPOCH));
        assert!(!deliveries.begin(&delivery(&["third", "id"]), UNIX_EPOCH + period::minutes(5)));
        assert!(deliveries.begin(&delivery(&["mac", "id"]), UNIX_EPOCH + period::minutes(6)));
    }

    #[test]
    fn what_was_taken_back_comes_for_the_first_time() {
        let deliveries = Deliveries::new();
        assert!(deliveries.begin(&delivery(&["mac"]), UNIX_EPOCH));
        deliveries.forget(&delivery(&["mac"]));
        assert!(deliveries.begin(&delivery(&["mac"]), UNIX_EPOCH));
    }

    #[test]
    fn memory_is_bounded() {
        let deliveries = Deliveries::new();
        for id in 0..=REMEMBERED {
            assert!(deliveries.begin(&delivery(&[&id.to_string()]), UNIX_EPOCH));
        }
        assert_eq!(deliveries.lock().cache_size(), REMEMBERED);
        assert!(!deliveries.begin(&delivery(&[&REMEMBERED.to_string()]), UNIX_EPOCH));
    }
}
