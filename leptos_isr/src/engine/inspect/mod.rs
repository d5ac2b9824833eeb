//! Why a page is as old as it is.

pub(crate) mod advice;
mod advise;
pub(super) mod json;
mod judge;
pub(crate) mod list;
pub(crate) mod report;
pub(crate) mod why;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use self::{
    report::{
        Failing, Form, PageReport, PageState, PurgeReport, ReadReport, RegenerationState,
        Regenerations, RenderReport, SetBy, StoredPage, TagReport,
    },
    why::Because,
};
use crate::{
    address::{key::Key, path::CanonicalPath, tag::Tag},
    engine::{Engine, finished, lookup::NoPage},
    entry::{
        Entry, ServedEntry,
        facts::{Asker, TagSource, Tally},
    },
    error::Error,
    route::{policy::PeriodSource, routes::DeclaredRoute, target::Target},
    rules::{
        decide::{Decision, EntryKind, decide},
        freshness::{Freshness, PurgeKind, StaleReason},
    },
};

impl Engine {
    /// Says of the page at `path` how old it is and why, with all that is known of it.
    ///
    /// `path` may come in any spelling, with the query parameters that the route lists; others
    /// change nothing. Nothing is rendered, and the page does not count as asked for. One that only
    /// the store has is read, and memory then has it too.
    ///
    /// What was kept with the page is known after a restart and on every replica: tags, reads, who
    /// set the period, how often it has changed, and who purged. What is going on is that of this
    /// process alone: the last renders, failures, the queue, requests. A path that is none of a
    /// stored page has a report too, whose `why` says so.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PagePath`] for a malformed path, and [`Error::List`] if the paths of its
    /// route cannot be listed.
    ///
    /// # Panics
    ///
    /// Panics when called before [`wrap`](Engine::wrap).
    ///
    /// # Examples
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// use leptos_isr::{Engine, Isr, inspect::PageState, minutes, route::RouteTable};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
    /// let isr = Engine::builder(RouteTable::new().add("/", Isr::revalidate(minutes(5)))?).build()?;
    /// let app = isr.wrap(Router::new().route("/", get(async || "home")));
    /// assert_eq!(isr.page("/").await?.state, PageState::Missing);
    ///
    /// isr.regenerate(&["/"]).await?;
    /// let page = isr.page("/").await?;
    /// assert_eq!(page.state, PageState::Fresh);
    /// assert!(page.why.starts_with("fresh for another 5m"), "{}", page.why);
    /// # let _ = app;
    /// # Ok(()) }
    /// ```
    pub async fn page(&self, path: &str) -> Result<PageReport, Error> {
        let target = match self.find_page(path).await? {
            Ok(target) => target,
            Err(NoPage::Malformed(problem)) => {
                return Err(Error::PagePath { path: path.to_owned(), problem });
            }
            Err(no_page) => return Ok(self.no_page(path, &no_page)),
        };
        let entry = self.stored(&target.key).await;
        let (seen, tags) = match &entry {
            Some(entry) => (Some(entry.seen), &entry.tags),
            None => (None, &target.tags),
        };
        let purge = self.0.order.last_purge_of(target.key.path(), tags, seen);
        let last_purge = purge.map(|purge| {
            let origin = self.0.order.origins().of(purge.position);
            PurgeReport {
                at: origin.as_ref().map(|origin| origin.at),
                by: origin.as_ref().map(|origin| origin.by.clone()),
                replica: origin.map(|origin| origin.replica.to_string()),
                hard: purge.kind == PurgeKind::Hard,
                through: purge.scope,
                has_reached: entry.as_ref().is_some_and(|entry| purge.position > entry.seen.0),
            }
        });
        let mut report = PageReport {
            page: target.key.as_str().to_owned(),
            route: Some(target.route.to_string()),
            stored: entry.as_ref().map(|entry| self.stored_page(&target, entry)),
            last_purge,
            regeneration: self.regeneration_of(&target),
            failing: self.failing(&target, entry.as_deref()),
            ..self.report(path)
        };
        if let Some(history) = self.0.history.of(&target.key) {
            report.renders = history.last.iter().map(RenderReport::of).collect();
        }
        let because = match &entry {
            None => Because::NothingStored { bypass: self.0.bypass },
            Some(entry) => {
                let freshness = self.0.order.freshness(target.lifetime, entry);
                let kind = EntryKind::of(target.is_data, entry.is_gone());
                report.state = PageState::of(freshness);
                Because::Stored {
                    freshness,
                    is_superseded: entry.is_superseded,
                    is_of_the_future: entry.age(self.now()).is_none(),
                    is_awaited: decide(kind, freshness) == Decision::Render,
                }
            }
        };
        report.why = why::sentence(&report, &because);
        Ok(report)
    }

    /// A report of nothing that is stored.
    fn report(&self, page: &str) -> PageReport {
        let since = *self.0.cut_off_since.lock().unwrap_or_else(PoisonError::into_inner);
        PageReport {
            page: page.to_owned(),
            state: PageState::Missing,
            why: String::new(),
            route: None,
            build: self.0.build.clone(),
            replica: self.0.order.replica().to_string(),
            at: self.now(),
            stored: None,
            last_purge: None,
            regeneration: None,
            failing: None,
            renders: Vec::new(),
            cut_off_since: since.filter(|_| self.is_cut_off()),
        }
    }

    fn no_page(&self, path: &str, no_page: &NoPage) -> PageReport {
        let mut report = PageReport { state: PageState::NotAPage, ..self.report(path) };
        report.route = no_page.route().map(str::to_owned);
        report.why = why::sentence(&report, &Because::NotAPage(no_page));
        report
    }

    fn stored_page(&self, target: &Target, entry: &ServedEntry) -> StoredPage {
        let now = self.now();
        let lifetime = target.lifetime.within(entry.asked);
        let facts = &entry.facts;
        let encoded = entry.encodings.iter().flat_map(|encodings| encodings.known());
        let encoded = encoded.filter_map(|(encoding, body)| {
            Some(Form { encoding: encoding.name().to_owned(), bytes: body?.len() })
        });
        let identity = Form { encoding: "identity".to_owned(), bytes: entry.body.len() };
        StoredPage {
            status: entry.status.as_u16(),
            etag: entry.etag_in(None).to_str().unwrap_or_default().to_owned(),
            rendered_at: entry.rendered_at,
            age: entry.age(now).unwrap_or_default(),
            period: lifetime.revalidate,
            period_set_by: lifetime
                .revalidate
                .and_then(|_| Some(self.period_set_by(self.route_of(&target.key)?, entry))),
            period_override: self.override_of(target),
            expire: lifetime.expire,
            tags: tags(entry, &target.tags),
            reads: facts
                .reads
                .iter()
                .map(|read| ReadReport {
                    name: read.name.to_string(),
                    read_at: read.at,
                    age: now.duration_since(read.at).unwrap_or_default(),
                })
                .collect(),
            more_reads: facts.more_reads,
            forms: std::iter::once(identity).chain(encoded).collect(),
            requests: entry.requests(),
            by_time: facts.changes.by_time.into(),
            by_purge: facts.changes.by_purge.into(),
            last_change: facts.changes.last,
        }
    }

    /// The period that was set for the page's route while the engine ran.
    fn override_of(&self, target: &Target) -> Option<Duration> {
        self.0.overrides.get(self.route_of(&target.key)?.slot)
    }

    fn period_set_by(&self, route: &DeclaredRoute, entry: &Entry) -> SetBy {
        let declared = self.lifetime_of(route).revalidate;
        let is_asked = entry.asked.is_some_and(|asked| declared.is_none_or(|least| asked < least));
        if is_asked {
            return match &entry.facts.asked_by {
                Some(asker) => asker.into(),
                None => SetBy::Unknown,
            };
        }
        let set = self.0.overrides.get(route.slot);
        SetBy::of_route(route.policy().and_then(|policy| policy.period_source_with(set)))
    }

    /// The route of a stored page.
    pub(crate) fn route_of(&self, key: &Key) -> Option<&DeclaredRoute> {
        let path = CanonicalPath::parse(key.path()).ok()?;
        let route = self.0.routes.find(path.segments.iter())?;
        route.policy().map(|_| &**route)
    }

    /// Lets `look` see all pages in memory, on a thread of its own, one at a time.
    async fn look_through<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.look_in_turn(self.turn_to_look().await, look).await
    }

    /// Waits until nobody else looks through the pages.
    async fn turn_to_look(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0.list_turn).lock_owned().await
    }

    async fn look_in_turn<T: Send + 'static>(
        &self,
        turn: OwnedMutexGuard<()>,
        look: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let engine = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            look(&engine)
        });
        let found = finished(looking).await?;
        Ok(found)
    }

    fn regeneration_of(&self, target: &Target) -> Option<RegenerationState> {
        if !self.0.flights.is_under_way(&target.key) {
            return None;
        }
        Some(match self.0.scheduler.waits_behind(&target.route, &target.key) {
            Some(before) => RegenerationState::Queued { place: before + 1 },
            None => RegenerationState::Running,
        })
    }

    fn failing(&self, target: &Target, entry: Option<&ServedEntry>) -> Option<Failing> {
        let now = self.now();
        let (failures, wait, _) = self.0.backoff.streak(&target.key, now)?;
        let retry_in = match entry {
            Some(entry) => self.backs_off(entry).map_or(Duration::ZERO, |_| wait),
            None => self.remembered_failure(target).map_or(Duration::ZERO, |last| last.retry_after),
        };
        Some(Failing { failures, retry_in, error: self.0.history.last_error(&target.key) })
    }
}

/// The page's tags, and where each is from.
fn tags(entry: &Entry, declared: &[Tag]) -> Vec<TagReport> {
    let source = |place, tag: &Tag| match entry.facts.source_of(&entry.tags, place) {
        // The declarations of this build are known, whatever the page says.
        _ if declared.contains(tag) => SetBy::Route,
        Some(TagSource::Route) => SetBy::Route,
        Some(TagSource::Code) => SetBy::Code,
        Some(TagSource::Read(read)) => {
            SetBy::Read(entry.facts.reads[usize::from(read)].name.to_string())
        }
        Some(TagSource::OtherRead) | None => SetBy::Unknown,
    };
    let tags = entry.tags.iter().enumerate();
    tags.map(|(place, tag)| TagReport { tag: tag.to_string(), set_by: source(place, tag) })
        .collect()
}

impl SetBy {
    pub(super) fn of_route(source: Option<PeriodSource>) -> Self {
        match source {
            Some(PeriodSource::Route) => Self::Route,
            Some(PeriodSource::Parent) => Self::Parent,
            Some(PeriodSource::Override) => Self::Override,
            None => Self::Unknown,
        }
    }
}

impl From<&Asker> for SetBy {
    fn from(asker: &Asker) -> Self {
        match asker {
            Asker::Code => Self::Code,
            Asker::Read(name) => Self::Read(name.to_string()),
        }
    }
}

impl From<Tally> for Regenerations {
    fn from(tally: Tally) -> Self {
        let Tally { regenerations, changed, interval } = tally;
        Self { count: regenerations, changed, interval }
    }
}

impl PageState {
    fn of(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Fresh { .. } => Self::Fresh,
            Freshness::Stale { reason: StaleReason::Purge, .. }
            | Freshness::Expired { reason: StaleReason::Purge, .. } => Self::Purged,
            Freshness::Stale { .. } => Self::Stale,
            Freshness::Expired { .. } => Self::Expired,
        }
    }
}
