//! What has been counted, and what is counted of renders and purges.

use std::{sync::Arc, time::Duration};

use tracing::{Span, field, info_span};

use crate::{
    clock::stamp_of,
    engine::Engine,
    entry::Position,
    error::RenderError,
    order::origins::PurgeSource as PurgeMaker,
    route::target::Target,
    rules::freshness::{Freshness, PurgeKind},
    stats::{
        CdnStats, Counters, LedgerStats, PurgeSource, RenderOutcome, RenderReason, RequestResult,
        RouteStats, Stats, TierStats, Urgency as CountedUrgency,
    },
    store::{DiskStore, guarded::Guarded, purge_log::NewPurge},
    tasks::{backoff::UnstoredReason, schedule::Urgency},
};

/// A render that is counted when it has ended.
pub(crate) struct CountedRender {
    counters: Arc<Counters>,
    route: Arc<str>,
    reason: RenderReason,
    /// What happens during the render belongs to this span.
    pub(crate) span: Span,
}

impl Engine {
    /// Returns what this engine has done since it was opened, and what it does now.
    ///
    /// It costs little, and asks neither the store nor anything outside: call it as often as you
    /// like. The numbers are not of one instant, since nothing is held up for them.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, Isr, minutes, route::RouteTable, stats::RequestResult};
    ///
    /// # fn main() -> Result<(), leptos_isr::Error> {
    /// let routes = RouteTable::new().add("/feed.xml", Isr::revalidate(minutes(5)))?;
    /// let isr = Engine::builder(routes).build()?;
    /// let stats = isr.stats();
    /// let feed = &stats.routes[0];
    /// assert_eq!(feed.route.as_deref(), Some("/feed.xml"));
    /// let hits = feed.requests.iter().filter(|requests| requests.result == RequestResult::Hit);
    /// assert_eq!(hits.map(|requests| requests.count).sum::<u64>(), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.0.counters;
        let (purges, purge_delays) = counters.purge_stats();
        let routes = self.route_stats();
        Stats {
            version: env!("CARGO_PKG_VERSION"),
            build: self.0.build.clone(),
            failing_pages: routes.iter().map(|row| row.failing_pages).sum(),
            routes,
            render_waits: counters.wait_stats(|urgency| self.waiting(urgency)),
            queue: self.0.scheduler.stats(),
            tiers: self.tier_stats(),
            store_works: self.store_works(),
            store_operations: self.0.tiers.store().map(Guarded::operations).unwrap_or_default(),
            leases: counters.lease_stats(),
            purges,
            purge_delays,
            reads: counters.read_stats(),
            cdns: self.cdn_stats(),
            ledger: self.0.tiers.store().map(|store| LedgerStats {
                is_connected: !self.is_cut_off(),
                position: self.0.order.seen().0,
                memory: store.ledger_memory(),
            }),
            live_streams: self.0.watch.streams(),
        }
    }

    fn route_stats(&self) -> Vec<RouteStats> {
        let now = self.now();
        let mut rows = self.0.counters.route_stats();
        let no_route = rows.len() - 1;
        let tries = self.0.backoff.reasons().into_iter();
        for failing in tries.filter(|last| last.why == UnstoredReason::Failed) {
            let row = &mut rows[failing.route.0.min(no_route)];
            row.failing_pages += 1;
            let age = now.duration_since(failing.since).unwrap_or_default();
            row.oldest_failure = row.oldest_failure.max(age);
        }
        rows
    }

    fn waiting(&self, urgency: CountedUrgency) -> usize {
        self.0.scheduler.waiting(match urgency {
            CountedUrgency::Visitor => Urgency::Waiting,
            CountedUrgency::Prefetch => Urgency::Prefetch,
            CountedUrgency::Background => Urgency::Background,
        })
    }

    fn tier_stats(&self) -> Vec<TierStats> {
        let memory = self.0.tiers.memory_stats();
        let disk = self.0.disk.as_ref().map(DiskStore::stats);
        let data = self.0.reads.cache.stats();
        [Some(memory), disk, Some(data)].into_iter().flatten().collect()
    }

    fn store_works(&self) -> Option<bool> {
        if self.0.bypass.is_some() || self.0.missing_store.is_some() {
            return Some(false);
        }
        self.0.tiers.store().map(Guarded::works)
    }

    fn cdn_stats(&self) -> Vec<CdnStats> {
        let now = stamp_of(self.now());
        let cdns = self.0.cdns.waiting().map(|(cdn, waiting, oldest)| CdnStats {
            cdn: cdn.to_owned(),
            waiting,
            oldest: since(oldest.unwrap_or(now), now),
        });
        cdns.collect()
    }

    /// Begins to count a render.
    pub(crate) fn begin_counting(&self, target: &Target, reason: RenderReason) -> CountedRender {
        let span = info_span!("render", isr.key = %target.key, http.route = &*target.route,
            reason = reason.as_str(), outcome = field::Empty);
        CountedRender {
            counters: Arc::clone(&self.0.counters),
            route: Arc::clone(&target.route),
            reason,
            span,
        }
    }

    /// Counts how long a page waited whose turn has come.
    pub(crate) fn count_wait(&self, urgency: Urgency, waited: Duration) {
        let urgency = match urgency {
            Urgency::Waiting => CountedUrgency::Visitor,
            Urgency::Prefetch => CountedUrgency::Prefetch,
            Urgency::Background => CountedUrgency::Background,
        };
        self.0.counters.waited(urgency, waited);
    }

    /// Counts a purge that was made here by `by`, and how long it took until it was kept.
    pub(crate) fn count_purge(&self, by: &PurgeMaker, kind: PurgeKind, took: Duration) {
        let source = match by {
            PurgeMaker::Code => PurgeSource::Code,
            PurgeMaker::Api | PurgeMaker::Inspector => PurgeSource::Api,
            PurgeMaker::Webhook(_) => PurgeSource::Webhook,
            PurgeMaker::Again => PurgeSource::Again,
            // The engine's own.
            PurgeMaker::LostPurges | PurgeMaker::NewBuild | PurgeMaker::Unknown => return,
        };
        self.0.counters.purge(source, kind == PurgeKind::Hard, Some(took));
    }

    /// Counts purges of other processes. Their positions tell when the ledger kept them. One from
    /// before this process took no time.
    pub(crate) fn count_heard(&self, purges: &[(Option<Position>, NewPurge)]) {
        let now = stamp_of(self.now());
        let own = self.0.order.replica();
        let is_own = |purge: &NewPurge| purge.origin.as_ref().is_some_and(|it| it.replica == own);
        for (position, purge) in purges.iter().filter(|(_, purge)| !is_own(purge)) {
            let position = position.filter(|position| *position >= self.0.opened);
            let took = position.map(|position| since(position, now));
            self.0.counters.purge(PurgeSource::Replica, purge.kind == PurgeKind::Hard, took);
        }
    }
}

/// What a request counts as that gets the stored page; `waits` says why no regeneration was started.
pub(crate) fn stored_result(freshness: Freshness, waits: Option<UnstoredReason>) -> RequestResult {
    match (freshness, waits) {
        (Freshness::Fresh { .. }, _) => RequestResult::Hit,
        (_, Some(UnstoredReason::Failed)) => RequestResult::StaleError,
        (_, Some(UnstoredReason::NotStorable) | None) => RequestResult::Stale,
    }
}

/// How long ago a stamp was.
fn since(stamp: u64, now: u64) -> Duration {
    Duration::from_micros(now.saturating_sub(stamp))
}

impl CountedRender {
    /// Counts it. `duration` is how long it took until there was a page, or an error.
    pub(crate) fn ended(self, outcome: RenderOutcome, duration: Duration) {
        self.span.record("outcome", outcome.as_str());
        self.counters.render(&self.route, self.reason, outcome, duration);
    }
}

/// What a render came to that failed.
pub(crate) fn failure_outcome(error: &RenderError) -> RenderOutcome {
    match error {
        RenderError::TimedOut(_) => RenderOutcome::Timeout,
        _ => RenderOutcome::Failed,
    }
}
