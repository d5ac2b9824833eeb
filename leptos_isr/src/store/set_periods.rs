//! The last period that was set for each route, as the records of a ledger say.

use std::{collections::BTreeMap, time::Duration};

use crate::{entry::Position, route::overrides::SetPeriod};

/// For how many routes. There are more only if some are gone.
const ROUTES: usize = 1000;

/// The last period that was set for each route, and where in the log.
#[derive(Debug, Default)]
pub(crate) struct SetPeriods(BTreeMap<String, (Position, Option<Duration>)>);

impl SetPeriods {
    /// Notes what a record at `position` says, which is later than those before.
    pub(crate) fn note(&mut self, position: Position, periods: &[SetPeriod]) {
        for SetPeriod { route, period } in periods {
            self.0.insert(route.clone(), (position, *period));
        }
        while self.0.len() > ROUTES {
            let first = self.0.iter().min_by_key(|(_, (position, _))| *position);
            let first = first.map(|(route, _)| route.clone());
            first.map(|route| self.0.remove(&route));
        }
    }

    /// All of them, with their positions. Also that a period was taken away: another process may have
    /// it still.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Position, SetPeriod)> {
        self.0.iter().map(|(route, (position, period))| {
            (*position, SetPeriod { route: route.clone(), period: *period })
        })
    }

    /// What `log` does not know, nor anything later of these routes.
    pub(crate) fn missing_in(&self, log: &Self) -> Vec<SetPeriod> {
        let is_known = |position, set: &SetPeriod| {
            log.0.get(&set.route).is_some_and(|(there, _)| *there >= position)
        };
        let missing = self.all().filter(|(position, set)| !is_known(*position, set));
        missing.map(|(_, set)| set).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::seconds;

    fn set(route: &str, period: u64) -> SetPeriod {
        SetPeriod { route: route.to_owned(), period: Some(seconds(period)) }
    }

    #[test]
    fn last_period_of_each_route_counts_and_what_a_log_has_lost_is_found() {
        let (mut here, mut log) = (SetPeriods::default(), SetPeriods::default());
        here.note(5, &[set("/a", 1), set("/b", 2)]);
        log.note(5, &[set("/a", 1), set("/b", 2)]);
        here.note(7, &[set("/a", 3)]);
        log.note(8, &[set("/c", 4)]);
        assert_eq!(here.missing_in(&log), [set("/a", 3)]);
        let all: Vec<_> = here.all().collect();
        assert_eq!(all, [(7, set("/a", 3)), (5, set("/b", 2))]);
        assert_eq!(log.missing_in(&here), [set("/c", 4)]);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_are_kept() {
        let mut known = SetPeriods::default();
        for route in 0..1100 {
            known.note(route, &[set(&format!("/{route}"), 1)]);
        }
        assert_eq!(known.all().count(), 1000);
        assert!(known.all().all(|(position, _)| position >= 100));
    }
}
