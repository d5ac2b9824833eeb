//! Renders pages and stores them: one render a page at a time, each in its turn.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use http::StatusCode;
use tokio::{runtime::Handle, time::timeout};
use tracing::{info, instrument::WithSubscriber, warn};

use crate::{
    address::{key::Key, path::CanonicalPath},
    data::reading::{Reader, Reading},
    engine::Engine,
    entry::{Seen, ServedEntry},
    error::{Error, RenderError},
    render::{
        self, Job, RenderOutput,
        outcome::{NewEntry, RenderFailure, RenderResult},
    },
    route::target::Target,
    rules::freshness::Freshness,
    scope::RenderScope,
    tasks::{
        backoff::UnstoredReason,
        schedule::{Refusal, Turn, Urgency},
        single_flight::{self, Demand, Flight, Role},
    },
};

/// How many flights a visitor waits for, when purges overtake their renders or
/// their leaders end without a result.
const WAITS: u32 = 3;

/// How many flights follow one whose page was purged meanwhile, while nobody asks
/// for the page.
const FOLLOW_UPS: u32 = 2;

/// How many pages one call of [`Engine::regenerate`] has under way at once.
const AT_ONCE: usize = 16;

/// What became of a page that was to be regenerated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regeneration {
    /// The page's path and listed query parameters, in their one spelling.
    pub page: String,
    /// The status of the new page, and whether it is stored; or why there is none.
    pub result: Result<(StatusCode, bool), RenderError>,
}

/// What one flight is asked for: why, and for whom.
struct FlightRequest {
    reason: &'static str,
    urgency: Urgency,
    /// No data that were read before this are used.
    after: Seen,
    /// The threads of who wants it.
    server: Handle,
    /// How many flights may follow.
    follow_ups: u32,
}

impl Engine {
    /// Renders pages anew and waits until they are stored.
    ///
    /// `paths` are paths of stored routes, in any spelling, with the query
    /// parameters that their route lists. Each render begins after this call;
    /// a failed one leaves the page as it was.
    ///
    /// # Errors
    ///
    /// Returns [`Error::RegeneratePath`] for a path that no stored route has,
    /// and [`Error::List`] if the paths of its route cannot be listed. Nothing
    /// is rendered then.
    ///
    /// # Panics
    ///
    /// Panics when called before [`wrap`](Engine::wrap).
    pub async fn regenerate<S: AsRef<str>>(&self, paths: &[S]) -> Result<Vec<Regeneration>, Error> {
        let mut targets = Vec::new();
        for path in paths {
            targets.push(self.target(path.as_ref()).await?);
        }
        let after = Seen(self.0.order.next());
        let pages = stream::iter(targets).map(|target| async move {
            let outcome = self.rendered_after(&target, "requested", after).await;
            let result = match outcome {
                Ok(new) => Ok((new.entry.status, new.stored)),
                Err(failure) => Err(failure.error),
            };
            Regeneration { page: target.key.as_str().to_owned(), result }
        });
        Ok(pages.buffered(AT_ONCE).collect().await)
    }

    /// The page at `path`, in any spelling.
    ///
    /// # Errors
    ///
    /// As [`regenerate`](Engine::regenerate).
    pub(crate) async fn target(&self, path: &str) -> Result<Target, Error> {
        let wrong = |problem: String| Error::RegeneratePath { path: path.to_owned(), problem };
        let (text, query) = match path.split_once('?') {
            Some((text, query)) => (text, Some(query)),
            None => (path, None),
        };
        let canonical = CanonicalPath::parse(text).map_err(|error| wrong(error.to_string()))?;
        let route = self.0.routes.find(canonical.segments.iter());
        let Some((route, policy)) = route.and_then(|route| Some((route, route.policy()?))) else {
            return Err(wrong("it is of no stored route".to_owned()));
        };
        let key = Key::new(&canonical, query, &policy.query);
        let key = key.map_err(|error| wrong(error.to_string()))?;
        if !self.is_admitted(route, &canonical.text).await? {
            return Err(wrong(format!("`{}` does not list it", route.path())));
        }
        Ok(Target::new(key, route, policy, &canonical.segments))
    }

    /// Waits for a render, as a visitor.
    pub(crate) async fn rendered(&self, target: &Target, reason: &'static str) -> RenderResult {
        let _visitor = self.0.scheduler.visitor().map_err(refused)?;
        let limit = self.0.limits.time.saturating_mul(WAITS + 1);
        let rendered = timeout(limit, self.rendered_after(target, reason, Seen::default()));
        rendered.await.unwrap_or_else(|_| Err(busy(Duration::from_secs(1))))
    }

    /// Waits for a render that began after `after`.
    async fn rendered_after(
        &self,
        target: &Target,
        reason: &'static str,
        after: Seen,
    ) -> RenderResult {
        let mut last = Err(RenderError::ShuttingDown.into());
        for _ in 0..WAITS {
            match single_flight::wait(self.start(target, reason, Urgency::Waiting, after)).await {
                // It had begun before, or a purge came since.
                Some(Ok(new))
                    if new.entry.seen <= after || self.0.order.purged(&new.entry).is_some() =>
                {
                    last = Ok(new);
                }
                // It was not urgent when it was refused.
                Some(Err(failure)) if failure.error.is_refusal() => last = Err(failure),
                Some(outcome) => return outcome,
                None => {}
            }
        }
        last
    }

    /// Starts a render of the page, unless one is under way.
    ///
    /// A page that was purged meanwhile is rendered again, also for those who came
    /// after that purge and found this render under way.
    pub(crate) fn start(
        &self,
        target: &Target,
        reason: &'static str,
        urgency: Urgency,
        after: Seen,
    ) -> Flight<RenderResult> {
        let server = Handle::current();
        self.start_for(
            target,
            FlightRequest { reason, urgency, after, server, follow_ups: FOLLOW_UPS },
        )
    }

    fn start_for(&self, target: &Target, request: FlightRequest) -> Flight<RenderResult> {
        let urgency = request.urgency;
        match self.0.flights.join_for(&target.key, urgency == Urgency::Waiting) {
            Role::Follower(flight) => {
                self.0.scheduler.raise(&target.route, &target.key, urgency);
                flight
            }
            Role::Leader(leader, flight) => {
                let (engine, target) = (self.clone(), target.clone());
                // Before the task runs: who joins may raise the page's place.
                let turn = self.ask(&target, urgency);
                let threads = match urgency {
                    Urgency::Background => self.0.background.handle(),
                    Urgency::Waiting => None,
                };
                let threads = threads.unwrap_or_else(|| request.server.clone());
                let lead = async move {
                    let outcome = engine.lead(&target, turn, &request).await;
                    let stored = outcome.as_ref().ok().filter(|new| new.stored);
                    let stored = stored.map(|new| Arc::clone(&new.entry));
                    let demand = leader.finish(outcome);
                    // Now that the flight is over: who joined it because of a purge had
                    // purged before this look, and who comes later leads.
                    if stored.is_some_and(|page| engine.0.order.purged(&page).is_some()) {
                        engine.follow_up(&target, request, demand);
                    }
                };
                self.0.tasks.spawn_on(lead.with_current_subscriber(), &threads);
                flight
            }
        }
    }

    /// Renders the page once more because a purge overtook its flight; not for ever
    /// if nobody asks for the page.
    fn follow_up(&self, target: &Target, last: FlightRequest, demand: Demand) {
        let left = if demand.was_joined { FOLLOW_UPS } else { last.follow_ups };
        if let Some(follow_ups) = left.checked_sub(1) {
            let urgency = if demand.is_awaited { Urgency::Waiting } else { Urgency::Background };
            self.start_for(target, FlightRequest { reason: "purge", urgency, follow_ups, ..last });
        }
    }

    /// Renders the page, unless that was just done.
    async fn lead(
        &self,
        target: &Target,
        turn: Result<Turn, Refusal>,
        request: &FlightRequest,
    ) -> RenderResult {
        // Whoever looked before the last flight ended finds its page here.
        if let Some(entry) = self.0.tiers.in_memory(target.key.as_str())
            && entry.seen > request.after
            && matches!(self.0.order.freshness(target.lifetime, &entry), Freshness::Fresh { .. })
        {
            return Ok(NewEntry { entry, stored: true });
        }
        self.render_and_store(target, turn, request).await
    }

    fn ask(&self, target: &Target, urgency: Urgency) -> Result<Turn, Refusal> {
        self.0.scheduler.ask(&target.route, target.max_renders, &target.key, urgency)
    }

    /// Renders a page in its turn and stores it if it may be stored. One log line.
    async fn render_and_store(
        &self,
        target: &Target,
        turn: Result<Turn, Refusal>,
        request: &FlightRequest,
    ) -> RenderResult {
        let reason = request.reason;
        let permit = turn.map_err(refused)?.begin().await.map_err(refused)?;
        let started = Instant::now();
        let threads = match permit.urgency {
            Urgency::Background => Handle::current(),
            // Somebody came for it while it waited behind the visitors.
            Urgency::Waiting => request.server.clone(),
        };
        let result = self.render(target, request.after, threads).await;
        let duration = started.elapsed();
        drop(permit);
        match result {
            Ok(rendered) => {
                let new = self.keep(rendered).await;
                let outcome = if new.stored { "stored" } else { "not stored" };
                if new.stored {
                    self.0.backoff.succeeded(&target.key);
                } else {
                    self.0.backoff.note(&target.key, UnstoredReason::NotStorable, self.now());
                }
                info!(isr.key = %target.key, route = &*target.route, reason, ?duration, outcome,
                    status = new.entry.status.as_u16(), bytes = new.entry.body.len(),
                    "regenerated");
                Ok(new)
            }
            Err(failure) => {
                let retry_in = self.0.backoff.note(&target.key, UnstoredReason::Failed, self.now());
                warn!(isr.key = %target.key, route = &*target.route, reason, ?duration,
                    outcome = "failed", bytes = 0, error = %failure.error, ?retry_in,
                    "regenerated");
                Err(failure)
            }
        }
    }

    /// Renders a page on `threads`, with no data that were read before the last
    /// purge of its path, or before `after`.
    pub(crate) async fn render(
        &self,
        target: &Target,
        after: Seen,
        threads: Handle,
    ) -> Result<RenderOutput, RenderFailure> {
        // First: a purge that comes now is later than the page.
        let start = self.0.order.begin();
        let since = after.max(self.0.order.last_purge(&target.key));
        let mut scope = RenderScope::default();
        if target.key.is_shared_not_found() {
            scope = scope.for_missing_paths();
        }
        if target.is_data {
            scope = scope.for_data();
        }
        let old = self.0.tiers.in_memory(target.key.as_str());
        let reader = Reader {
            scope: scope.clone(),
            began: start.at,
            since,
            period: target.lifetime.revalidate,
            has_page: self.0.tiers.is_in_memory(&target.key),
        };
        let job = Job {
            router: self.router(),
            key: target.key.clone(),
            route: Arc::clone(&target.route),
            tags: target.tags.clone(),
            start,
            scope,
            reading: Reading::of(Arc::clone(&self.0.reads), reader),
            accept: if target.is_data { "application/json" } else { "text/html" },
            limits: self.0.limits,
            csp: self.0.csp.clone(),
            old,
            threads,
        };
        render::render(job).await
    }

    /// Stores a rendered page.
    async fn keep(&self, rendered: RenderOutput) -> NewEntry {
        let RenderOutput { entry, may_store } = rendered;
        let entry: Arc<ServedEntry> = Arc::new(entry);
        if may_store {
            let old = self.0.tiers.in_memory(entry.key.as_str());
            self.0.tiers.put(&entry).await;
            self.page_stored(&entry, old.as_deref());
        }
        NewEntry { entry, stored: may_store }
    }
}

fn refused(refused: Refusal) -> RenderFailure {
    match refused {
        Refusal::Busy { retry_after } => busy(retry_after),
        Refusal::Closed => RenderError::ShuttingDown.into(),
    }
}

fn busy(retry_after: Duration) -> RenderFailure {
    RenderError::Busy { retry_after }.into()
}
