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
pub(crate) struct Deliveries(Mutex<LruCache<Vec<u8>, Seen>>);

#[derive(Clone, Copy)]
struct Seen {
    until: SystemTime,
    is_handled: bool,
}

/// Why a delivery is not to be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It was handled.
    Handled,
    /// It is being handled, which may still fail.
    UnderWay,
}

/// A delivery that is being handled. Unless it ends by [`handled`](Self::handled) it may come again.
#[must_use = "dropping it says that the delivery was not handled"]
pub(crate) struct Handling<'a> {
    deliveries: &'a Deliveries,
    delivery: &'a Delivery,
}

impl Deliveries {
    pub(crate) fn new() -> Self {
        let seen = LruCache::builder().max_size(REMEMBERED).build();
        Self(Mutex::new(seen.expect("the size is above zero")))
    }

    /// Begins to handle a delivery, unless it was seen before.
    pub(crate) fn begin<'a>(
        &'a self,
        delivery: &'a Delivery,
        now: SystemTime,
    ) -> Result<Handling<'a>, Again> {
        let mut all = self.lock();
        let mut known = delivery.ids.iter().filter_map(|id| all.cache_get(id).copied());
        if let Some(seen) = known.find(|seen| seen.until >= now) {
            return Err(if seen.is_handled { Again::Handled } else { Again::UnderWay });
        }
        drop(known);
        for id in &delivery.ids {
            all.cache_set(id.clone(), Seen { until: delivery.until, is_handled: false });
        }
        Ok(Handling { deliveries: self, delivery })
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Vec<u8>, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handling<'_> {
    /// Says that the delivery need not come again.
    pub(crate) fn handled(self) {
        let mut all = self.deliveries.lock();
        for id in &self.delivery.ids {
            all.cache_set(id.clone(), Seen { until: self.delivery.until, is_handled: true });
        }
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        let mut all = self.deliveries.lock();
        for id in &self.delivery.ids {
            if all.cache_get(id).is_some_and(|seen| !seen.is_handled) {
                let _ = all.cache_remove(id);
            }
        }
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
        deliveries.begin(&delivery(&["mac", "id"]), UNIX_EPOCH).unwrap().handled();
        let again = |ids: &[&str], at| deliveries.begin(&delivery(ids), at).map(drop).err();
        let later = UNIX_EPOCH + period::minutes(5);
        assert_eq!(again(&["mac", "other"], UNIX_EPOCH), Some(Again::Handled));
        assert_eq!(again(&["third", "id"], later), Some(Again::Handled));
        assert_eq!(again(&["mac", "id"], later + period::minutes(1)), None);
    }

    #[test]
    fn delivery_that_is_under_way_is_not_handled_yet_and_may_come_again_if_it_fails() {
        let deliveries = Deliveries::new();
        let first = delivery(&["mac"]);
        let handling = deliveries.begin(&first, UNIX_EPOCH).unwrap();
        let again = || deliveries.begin(&first, UNIX_EPOCH).map(drop).err();
        assert_eq!(again(), Some(Again::UnderWay));
        drop(handling);
        assert_eq!(again(), None);
    }

    #[test]
    fn memory_is_bounded() {
        let deliveries = Deliveries::new();
        for id in 0..=REMEMBERED {
            deliveries.begin(&delivery(&[&id.to_string()]), UNIX_EPOCH).unwrap().handled();
        }
        assert_eq!(deliveries.lock().cache_size(), REMEMBERED);
        assert!(deliveries.begin(&delivery(&[&REMEMBERED.to_string()]), UNIX_EPOCH).is_err());
    }
}
