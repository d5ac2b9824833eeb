//! The counters themselves.

use std::{
    array,
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    histogram::Histogram,
    labels::{
        AnswerKind, LeaseOutcome, PurgeSource, ReadOutcome, RenderOutcome, RenderReason,
        RequestResult, StoreOperation, StoreOutcome, Urgency,
    },
    snapshot::{
        LeaseCount, OperationCount, PurgeCount, PurgeDelays, ReadCount, RenderCount, RequestCount,
        RouteStats, WaitStats,
    },
};

/// How many origins of data are told apart.
const ORIGINS: usize = 32;

/// What all others count as.
pub(crate) const OTHER_ORIGIN: &str = "other";

/// Which counters a route has, by its place in the table of routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteSlot(pub(crate) usize);

impl RouteSlot {
    /// That of what is of no route.
    pub(crate) const NONE: Self = Self(usize::MAX);
}

/// Everything that one engine counts.
pub(crate) struct Counters {
    routes: Box<[RouteCounters]>,
    no_route: RouteCounters,
    by_name: HashMap<Arc<str>, usize>,
    waits: [Histogram; Urgency::ALL.len()],
    /// Soft, then hard.
    purges: [[AtomicU64; 2]; PurgeSource::ALL.len()],
    purge_delays: [Histogram; PurgeSource::ALL.len()],
    leases: [AtomicU64; LeaseOutcome::ALL.len()],
    reads: Mutex<BTreeMap<String, [u64; ReadOutcome::ALL.len()]>>,
}

struct RouteCounters {
    name: Option<Arc<str>>,
    is_stored: bool,
    requests: RequestCounters,
    stale_served: Histogram,
    renders: [[AtomicU64; RenderOutcome::ALL.len()]; RenderReason::ALL.len()],
    render_times: Histogram,
}

/// What each hit adds to. Routes do not share the lines of a processor's cache, two of which some
/// fetch at once.
#[repr(align(128))]
struct RequestCounters([[AtomicU64; AnswerKind::ALL.len()]; RequestResult::ALL.len()]);

impl Counters {
    /// Counters for these routes, in the order of their slots. `is_stored` says whether their pages
    /// may be stored.
    pub(crate) fn new(routes: impl Iterator<Item = (Arc<str>, bool)>) -> Self {
        let routes = routes.map(|(name, is_stored)| RouteCounters::new(Some(name), is_stored));
        let routes: Box<[_]> = routes.collect();
        let names = routes.iter().filter_map(|route| route.name.clone());
        Self {
            by_name: names.enumerate().map(|(slot, name)| (name, slot)).collect(),
            routes,
            no_route: RouteCounters::new(None, false),
            waits: array::from_fn(|_| Histogram::short()),
            purges: Default::default(),
            purge_delays: array::from_fn(|_| Histogram::short()),
            leases: Default::default(),
            reads: Mutex::default(),
        }
    }

    fn of(&self, slot: RouteSlot) -> &RouteCounters {
        self.routes.get(slot.0).unwrap_or(&self.no_route)
    }

    /// The slot of the route of this name.
    pub(crate) fn slot(&self, route: &str) -> RouteSlot {
        self.by_name.get(route).map_or(RouteSlot::NONE, |slot| RouteSlot(*slot))
    }

    /// Counts a request.
    pub(crate) fn request(&self, slot: RouteSlot, result: RequestResult, answer: AnswerKind) {
        let counters = &self.of(slot).requests.0;
        counters[result as usize][answer as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts how long past its period a page was served.
    pub(crate) fn served_stale(&self, slot: RouteSlot, by: Duration) {
        self.of(slot).stale_served.add(by);
    }

    /// Counts a render of a page of the route of this name.
    pub(crate) fn render(
        &self,
        route: &str,
        reason: RenderReason,
        outcome: RenderOutcome,
        took: Duration,
    ) {
        let counters = self.of(self.slot(route));
        counters.renders[reason as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
        counters.render_times.add(took);
    }

    /// Counts how long a page waited for its turn.
    pub(crate) fn waited(&self, urgency: Urgency, waited: Duration) {
        self.waits[urgency as usize].add(waited);
    }

    /// Counts a purge. How long it took is not always known.
    pub(crate) fn purge(&self, source: PurgeSource, is_hard: bool, took: Option<Duration>) {
        self.purges[source as usize][usize::from(is_hard)].fetch_add(1, Ordering::Relaxed);
        if let Some(took) = took {
            self.purge_delays[source as usize].add(took);
        }
    }

    /// Counts what came of asking for the right to render a page.
    pub(crate) fn lease(&self, outcome: LeaseOutcome) {
        self.leases[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a read of data from `origin`.
    pub(crate) fn read(&self, origin: &str, outcome: ReadOutcome) {
        let mut reads = self.reads();
        let is_known = reads.contains_key(origin);
        let origin = if is_known || reads.len() < ORIGINS { origin } else { OTHER_ORIGIN };
        match reads.get_mut(origin) {
            Some(counts) => counts[outcome as usize] += 1,
            None => {
                let mut counts = [0; ReadOutcome::ALL.len()];
                counts[outcome as usize] = 1;
                reads.insert(origin.to_owned(), counts);
            }
        }
    }

    fn reads(&self) -> MutexGuard<'_, BTreeMap<String, [u64; ReadOutcome::ALL.len()]>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn route_stats(&self) -> Vec<RouteStats> {
        self.routes.iter().chain([&self.no_route]).map(RouteCounters::stats).collect()
    }

    /// `waiting` says how many wait now.
    pub(crate) fn wait_stats(&self, waiting: impl Fn(Urgency) -> usize) -> Vec<WaitStats> {
        let waits = Urgency::ALL.iter().copied().zip(&self.waits);
        let stats = waits.map(|(urgency, waited)| WaitStats {
            urgency,
            waiting: waiting(urgency),
            waited: waited.stats(),
        });
        stats.collect()
    }

    pub(crate) fn lease_stats(&self) -> Vec<LeaseCount> {
        let leases = LeaseOutcome::ALL.iter().copied().zip(&self.leases);
        let leases = leases
            .map(|(outcome, count)| LeaseCount { outcome, count: count.load(Ordering::Relaxed) });
        leases.collect()
    }

    pub(crate) fn purge_stats(&self) -> (Vec<PurgeCount>, Vec<PurgeDelays>) {
        let purges =
            PurgeSource::ALL.iter().copied().zip(&self.purges).flat_map(|(source, counts)| {
                [false, true].into_iter().zip(counts).map(move |(hard, count)| PurgeCount {
                    source,
                    hard,
                    count: count.load(Ordering::Relaxed),
                })
            });
        let delays = PurgeSource::ALL.iter().copied().zip(&self.purge_delays);
        let delays = delays.map(|(source, took)| PurgeDelays { source, took: took.stats() });
        (purges.collect(), delays.collect())
    }

    pub(crate) fn read_stats(&self) -> Vec<ReadCount> {
        let reads = self.reads();
        let counts = reads.iter().flat_map(|(origin, counts)| {
            ReadOutcome::ALL.iter().copied().zip(counts).map(|(outcome, count)| ReadCount {
                origin: origin.clone(),
                outcome,
                count: *count,
            })
        });
        counts.collect()
    }
}

impl RouteCounters {
    fn new(name: Option<Arc<str>>, is_stored: bool) -> Self {
        Self {
            name,
            is_stored,
            requests: RequestCounters(Default::default()),
            stale_served: Histogram::long(),
            renders: Default::default(),
            render_times: Histogram::short(),
        }
    }

    fn stats(&self) -> RouteStats {
        let requests = RequestResult::ALL.iter().copied().zip(&self.requests.0);
        let requests =
            requests.flat_map(|(result, counts)| {
                AnswerKind::ALL.iter().copied().zip(counts).map(move |(answer, count)| {
                    RequestCount { result, answer, count: count.load(Ordering::Relaxed) }
                })
            });
        // What can happen is there with a zero: of a series that begins with one, alerts do not see
        // that it has grown.
        let may_happen = |count: &RequestCount| {
            self.is_stored || count.count > 0 || count.result == RequestResult::Bypass
        };
        let renders = RenderReason::ALL.iter().copied().zip(&self.renders);
        let renders = renders.flat_map(|(reason, counts)| {
            RenderOutcome::ALL.iter().copied().zip(counts).map(move |(outcome, count)| {
                RenderCount { reason, outcome, count: count.load(Ordering::Relaxed) }
            })
        });
        RouteStats {
            route: self.name.as_deref().map(str::to_owned),
            requests: requests.filter(may_happen).collect(),
            stale_served: self.stale_served.stats(),
            renders: renders.filter(|renders| renders.count > 0).collect(),
            render_times: self.render_times.stats(),
            failing_pages: 0,
            oldest_failure: Duration::ZERO,
        }
    }
}

/// What a store was asked to do.
#[derive(Debug, Default)]
pub(crate) struct OperationCounters(
    [[AtomicU64; StoreOutcome::ALL.len()]; StoreOperation::ALL.len()],
);

impl OperationCounters {
    pub(crate) fn add(&self, operation: StoreOperation, outcome: StoreOutcome) {
        self.0[operation as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Vec<OperationCount> {
        let operations = StoreOperation::ALL.iter().copied().zip(&self.0);
        let counts = operations.flat_map(|(operation, counts)| {
            StoreOutcome::ALL.iter().copied().zip(counts).map(move |(outcome, count)| {
                OperationCount { operation, outcome, count: count.load(Ordering::Relaxed) }
            })
        });
        counts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> Counters {
        Counters::new([("/a/:id".into(), true), ("/search".into(), false)].into_iter())
    }

    #[test]
    fn request_counts_once_for_its_route_and_what_is_of_none_by_itself() {
        let counters = counters();
        counters.request(RouteSlot(0), RequestResult::Hit, AnswerKind::NotModified);
        counters.request(RouteSlot(1), RequestResult::Bypass, AnswerKind::Full);
        counters.request(RouteSlot::NONE, RequestResult::Bypass, AnswerKind::Full);
        let stats = counters.route_stats();
        let counted = |row: &RouteStats| {
            let counted = row.requests.iter().filter(|requests| requests.count > 0);
            let counted: Vec<_> = counted.map(|of| (of.result, of.answer, of.count)).collect();
            (row.route.clone(), row.requests.len(), counted)
        };
        let bypass = (RequestResult::Bypass, AnswerKind::Full, 1);
        let all = 2 * RequestResult::ALL.len();
        let expected = [
            (
                Some("/a/:id".to_owned()),
                all,
                vec![(RequestResult::Hit, AnswerKind::NotModified, 1)],
            ),
            (Some("/search".to_owned()), 2, vec![bypass]),
            (None, 2, vec![bypass]),
        ];
        assert_eq!(stats.iter().map(counted).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn origins_beyond_the_limit_count_as_one() {
        let counters = counters();
        for n in 0..100 {
            counters.read(&format!("https://{n}.example"), ReadOutcome::New);
        }
        counters.read("https://0.example", ReadOutcome::Kept);
        let stats = counters.read_stats();
        let count = |origin: &str, outcome| {
            let mut counts = stats.iter().filter(|of| of.origin == origin && of.outcome == outcome);
            counts.next().map(|of| of.count)
        };
        assert_eq!(count(OTHER_ORIGIN, ReadOutcome::New), Some(68));
        assert_eq!(count("https://0.example", ReadOutcome::Kept), Some(1));
        assert_eq!(count("https://50.example", ReadOutcome::New), None);
        assert_eq!(stats.len(), (ORIGINS + 1) * ReadOutcome::ALL.len());
    }

    #[test]
    fn counters_of_routes_share_no_line_of_a_cache() {
        assert_eq!(align_of::<RouteCounters>(), 128);
        assert_eq!(size_of::<RouteCounters>() % 128, 0);
    }
}
