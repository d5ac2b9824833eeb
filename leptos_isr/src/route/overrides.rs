//! Periods that are set for routes while the engine runs.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::stats::RouteSlot;

/// The period that was set for each route, by its place in the table of routes. Asking takes one load.
#[derive(Debug)]
pub(crate) struct PeriodOverrides(Box<[AtomicU64]>);

/// That a period was set for a route, or taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetPeriod {
    /// As declared.
    pub(crate) route: String,
    pub(crate) period: Option<Duration>,
}

/// What stands for no period.
const NONE: u64 = 0;

impl PeriodOverrides {
    /// None for any of so many routes.
    pub(crate) fn new(routes: usize) -> Self {
        Self((0..routes).map(|_| AtomicU64::new(NONE)).collect())
    }

    pub(crate) fn get(&self, route: RouteSlot) -> Option<Duration> {
        match self.0.get(route.0)?.load(Ordering::Relaxed) {
            NONE => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Sets a period above zero, or none. One of more than 584 years counts as so many.
    pub(crate) fn set(&self, route: RouteSlot, period: Option<Duration>) {
        let nanos =
            period.map_or(NONE, |period| u64::try_from(period.as_nanos()).unwrap_or(u64::MAX));
        if let Some(place) = self.0.get(route.0) {
            place.store(nanos, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::seconds;

    #[test]
    fn each_route_has_its_own_period_and_what_is_of_no_route_has_none() {
        let overrides = PeriodOverrides::new(2);
        overrides.set(RouteSlot(1), Some(seconds(7)));
        overrides.set(RouteSlot::NONE, Some(seconds(8)));
        let found = [RouteSlot(0), RouteSlot(1), RouteSlot::NONE].map(|slot| overrides.get(slot));
        assert_eq!(found, [None, Some(seconds(7)), None]);
        overrides.set(RouteSlot(1), Some(Duration::MAX));
        assert_eq!(overrides.get(RouteSlot(1)), Some(Duration::from_nanos(u64::MAX)));
        overrides.set(RouteSlot(1), None);
        assert_eq!(overrides.get(RouteSlot(1)), None);
    }
}
