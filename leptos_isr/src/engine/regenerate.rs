//! Renders pages and stores them: one render per page at a time, each in its turn.
//!
//! # A purge during a render
//!
//! A page must not count as fresh if its render began before a purge that reaches it. So when a
//! purge overtakes a render, a follow-up flight renders the page once more:
//!
//! 1. A flight of the page begins, and its render takes a position in the order of purges.
//! 2. A purge reaches the page. It does not stop the render. Whoever asks for the page now joins
//!    the flight, since a page has only one at a time.
//! 3. The render ends. Its page is stored, but the purge is later, so the page is not fresh.
//! 4. The flight ends. Whoever asks from now on starts or joins another one.
//! 5. The task that led the flight compares its page with the purges. One is later, so the task
//!    starts a follow-up flight, without waiting for a visitor.
//! 6. The second render begins after the purge and uses no data that the purge reaches (see
//!    [`order`](crate::order)). Its page is fresh.
//!
//! The check (5) must come after the end of the flight (4). Whoever purged and then joined the
//! flight did so before 4, so the check sees that purge. Whoever comes after 4 leads or joins a
//! flight that begins after their purge. If the check came first, somebody could purge and join
//! between the two, and no flight would follow.
//!
//! Two bounds keep purges that never stop from causing renders that never stop:
//!
//! - A visitor waits for at most [`WAITS`] flights, and then takes the last page.
//! - While nobody joins, at most [`FOLLOW_UPS`] flights follow. A flight that somebody joined
//!   starts the count anew.
//!
//! A follow-up is urgent if somebody waited for the flight before it. A page that was not stored
//! needs no follow-up.
//!
//! # Several processes
//!
//! A flight whose turn has come has a lease of its page, which the [`Ledger`](crate::store::Ledger) gives
//! to one process at a time, until its page is in the store. The others give up their turn, wait for
//! the lease, and find the page. One that is kept waiting for [`LEASE`] renders the page all the same.
//! If the other one goes on after all, its page is the older of the two, and gives way.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{StreamExt, stream};
use http::StatusCode;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};
use tracing::{Instrument, info, warn};

use crate::{
    address::key::Key,
    data::reading::{ReadContext, Reading},
    engine::{
        Engine,
        history::{LastTry, PastRender, short},
        stats::failure_outcome,
    },
    entry::{Began, Entry, RenderStart, Seen, ServedEntry, Version, facts::Regenerated},
    error::{Error, RenderError},
    period,
    render::{
        self, Job, RenderOutput,
        outcome::{NewEntry, RenderFailure, RenderResult},
    },
    route::target::Target,
    rules::freshness::Freshness,
    scope::RenderScope,
    stats::{LeaseOutcome, RenderOutcome, RenderReason},
    store::{Lease, guarded::Guarded},
    tasks::{
        backoff::UnstoredReason,
        schedule::{Permit, Refusal, Turn, Urgency},
        single_flight::{self, Demand, Flight, Role},
        subscriber::with_current_subscriber,
    },
};

/// How many flights a visitor waits for if purges overtake the renders, or leaders end without a
/// result.
const WAITS: u32 = 3;

/// How many flights follow one that a purge overtook, as long as nobody asks for the page.
const FOLLOW_UPS: u32 = 2;

/// How long a page waits for another process that renders it, if a render may take that long.
const LEASE: Duration = period::seconds(10);

/// How often it is asked at first whether the other process has ended, and how often at last.
const ASKED_EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// How many pages one call of [`Engine::regenerate`] has under way at once.
const AT_ONCE: usize = 16;

/// The result of regenerating one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regeneration {
    /// The page's path and listed query parameters, in canonical form.
    pub page: String,
    /// The status of the new page, and whether it is stored; or why there is none.
    ///
    /// Stored means that the store behind the memory has it, if there is a store, so that a restart
    /// does not lose it.
    pub result: Result<(StatusCode, bool), RenderError>,
}

/// How a flight begins.
enum Start {
    /// Another process has rendered the page.
    Found(Arc<ServedEntry>),
    Render {
        permit: Permit,
        right: Right,
    },
}

/// Whether other processes leave the page to this one.
struct Right {
    lease: Lease,
    /// Whether the ledger did not answer.
    is_cut_off: bool,
    /// When the ledger was asked.
    asked: SystemTime,
}

/// Why a flight is started, and for whom.
struct FlightRequest {
    /// [`RenderReason::Time`] stands for a purge as well, for whichever is found when the render begins.
    reason: RenderReason,
    urgency: Urgency,
    /// The render uses no data whose read began before this.
    after: Version,
    /// The threads of the caller, on which pages are rendered that somebody waits for.
    server: Handle,
    /// How many flights may still follow if nobody joins this one.
    follow_ups: u32,
}

impl Engine {
    /// Regenerates pages, and waits until they are in the store.
    ///
    /// `paths` are paths of stored routes, in any spelling, with the query parameters that their
    /// route lists. Each render begins after this call. A failed render leaves the page as it was.
    /// A page that the store does not keep, or not within the time limit of a render, is served from
    /// memory, and its result says that it is not stored.
    ///
    /// Returns one result for each path, in the order of `paths`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::RegeneratePath`] for a path that is malformed, matches no stored route, or
    /// is not listed by a route that admits only listed paths. Returns [`Error::List`] if the paths
    /// of a route cannot be listed. Nothing is rendered then.
    ///
    /// # Panics
    ///
    /// Panics when called before [`wrap`](Engine::wrap).
    pub async fn regenerate<S: AsRef<str>>(&self, paths: &[S]) -> Result<Vec<Regeneration>, Error> {
        let mut targets = Vec::new();
        for path in paths {
            targets.push(self.target(path.as_ref()).await?);
        }
        let after = Version(self.0.order.next());
        let pages = stream::iter(targets).map(|target| async move {
            let outcome = self.await_render_after(&target, RenderReason::Requested, after).await;
            let result = match outcome {
                Ok(NewEntry { entry, stored, .. }) => {
                    let stored = stored && self.0.tiers.written(&entry).await.is_ok();
                    Ok((entry.status, stored))
                }
                Err(failure) => Err(failure.error),
            };
            Regeneration { page: target.key.as_str().to_owned(), result }
        });
        Ok(pages.buffered(AT_ONCE).collect().await)
    }

    /// Waits for a render as a visitor. It is refused if visitors wait for too many pages already.
    pub(crate) async fn await_render(&self, target: &Target, reason: RenderReason) -> RenderResult {
        let Target { route, max_renders, key, .. } = target;
        let visitor = self.0.scheduler.visitor(route, *max_renders, key);
        let _visitor = visitor.map_err(refused)?;
        let limit = self.0.limits.time.saturating_mul(WAITS + 1);
        let rendered = timeout(limit, self.await_render_after(target, reason, Version::default()));
        rendered.await.unwrap_or_else(|_| Err(busy(Duration::from_secs(1))))
    }

    /// Waits for a render that began after `after` and that no purge overtook, for at most
    /// [`WAITS`] flights.
    async fn await_render_after(
        &self,
        target: &Target,
        reason: RenderReason,
        after: Version,
    ) -> RenderResult {
        let mut last = Err(RenderError::ShuttingDown.into());
        for _ in 0..WAITS {
            match single_flight::wait(self.join_flight(target, reason, Urgency::Waiting, after))
                .await
            {
                // The render began too early, or may be made of data from before, since somebody else
                // had asked for it; or a purge overtook it.
                Some(Ok(new))
                    if new.entry.version <= after
                        || new.after < after
                        || self.0.order.purged(&new.entry).is_some() =>
                {
                    last = Ok(new);
                }
                // It was refused as background work; a flight that somebody waits for may get a
                // turn.
                Some(Err(failure)) if failure.error.is_refusal() => last = Err(failure),
                Some(outcome) => return outcome,
                None => {}
            }
        }
        last
    }

    /// Starts a flight of the page, or joins the one that is under way.
    ///
    /// If a purge overtakes the flight, another one follows, as the [module](self) describes.
    pub(crate) fn join_flight(
        &self,
        target: &Target,
        reason: RenderReason,
        urgency: Urgency,
        after: Version,
    ) -> Flight<RenderResult> {
        let server = Handle::current();
        self.join_flight_for(
            target,
            FlightRequest { reason, urgency, after, server, follow_ups: FOLLOW_UPS },
        )
    }

    fn join_flight_for(&self, target: &Target, request: FlightRequest) -> Flight<RenderResult> {
        let urgency = request.urgency;
        match self.0.flights.join_for(&target.key, urgency == Urgency::Waiting) {
            Role::Follower(flight) => {
                self.0.scheduler.raise(&target.route, &target.key, urgency);
                flight
            }
            Role::Leader(leader, flight) => {
                let (engine, target) = (self.clone(), target.clone());
                // Before the task runs: a follower who joins at once must find the page in the
                // queue to raise its place.
                let turn = self.ask(&target, urgency);
                let threads = match urgency {
                    Urgency::Prefetch | Urgency::Background => self.0.background.handle(),
                    Urgency::Waiting => None,
                };
                let threads = threads.unwrap_or_else(|| request.server.clone());
                // What has begun is finished, though the app's server ends meanwhile.
                let app = self.app();
                let lead = async move {
                    let _app = app;
                    let outcome = engine.lead(&target, turn, &request).await;
                    let stored = outcome.as_ref().ok().filter(|new| new.stored);
                    let stored = stored.map(|new| Arc::clone(&new.entry));
                    let demand = leader.finish(outcome);
                    // Only now that the flight has ended, or a purge between the two would be
                    // missed; see the module.
                    if stored.is_some_and(|page| engine.0.order.purged(&page).is_some()) {
                        engine.follow_up(&target, request, demand);
                    }
                };
                self.0.tasks.spawn_on(with_current_subscriber(lead), &threads);
                flight
            }
        }
    }

    /// Starts another flight because a purge overtook the last one, unless nobody joined that one
    /// and too many have followed already.
    fn follow_up(&self, target: &Target, last: FlightRequest, demand: Demand) {
        let left = if demand.was_joined { FOLLOW_UPS } else { last.follow_ups };
        if let Some(follow_ups) = left.checked_sub(1) {
            let urgency = if demand.is_awaited { Urgency::Waiting } else { Urgency::Background };
            self.join_flight_for(
                target,
                FlightRequest { reason: RenderReason::Purge, urgency, follow_ups, ..last },
            );
        }
    }

    /// Renders the page, unless the flight before or another process has just done so.
    async fn lead(
        &self,
        target: &Target,
        turn: Result<Turn, Refusal>,
        request: &FlightRequest,
    ) -> RenderResult {
        // The last flight may have stored a page after the caller looked.
        if request.after == Version::default()
            && let Some(entry) = self.0.tiers.in_memory(target.key.as_str())
            && matches!(self.0.order.freshness(target.lifetime, &entry), Freshness::Fresh { .. })
        {
            return Ok(NewEntry { entry, stored: true, after: request.after });
        }
        match self.begin(target, turn.map_err(refused)?, request).await? {
            Start::Found(entry) => Ok(NewEntry { entry, stored: true, after: request.after }),
            Start::Render { permit, right } => {
                let outcome = self.render_and_store(target, permit, &right, request).await;
                self.give_back(right, &outcome);
                outcome
            }
        }
    }

    /// Waits for the page's turn, and until no other process renders it.
    async fn begin(
        &self,
        target: &Target,
        turn: Turn,
        request: &FlightRequest,
    ) -> Result<Start, RenderFailure> {
        let asked = Instant::now();
        let permit = turn.begin().await.map_err(refused)?;
        self.count_wait(permit.urgency, asked.elapsed());
        let mut permit = Some(permit);
        let mut right = self.ask_right(target).await;
        self.count_lease(&right);
        if matches!(right.lease, Lease::Held) {
            // Other pages have the turn meanwhile.
            permit.take().into_iter().for_each(Permit::give_up);
            right = self.await_right(target).await?;
        }
        // Another process may have stored it while this one looked and asked. For a missing page that
        // can be told only where processes ask each other.
        let may_be_there =
            request.reason != RenderReason::Miss || !matches!(right.lease, Lease::Unknown);
        if request.after == Version::default()
            && may_be_there
            && let Some(entry) = self.newer_of_another(target).await
        {
            permit.into_iter().for_each(Permit::give_up);
            return Ok(Start::Found(entry));
        }
        if let Some(permit) = permit {
            return Ok(Start::Render { permit, right });
        }
        let is_awaited = self.0.scheduler.is_awaited(&target.key);
        let turn = self.ask(target, if is_awaited { Urgency::Waiting } else { request.urgency });
        let asked = Instant::now();
        let permit = turn.map_err(refused)?.begin().await.map_err(refused)?;
        self.count_wait(permit.urgency, asked.elapsed());
        Ok(Start::Render { permit, right })
    }

    /// Asks whether this process may render the page alone. A page that may not be stored is for this
    /// process's visitors only, so there is nothing to ask.
    async fn ask_right(&self, target: &Target) -> Right {
        let asked = self.now();
        let waits = self.0.backoff.waits(&target.key, asked);
        let is_private = waits.is_some_and(|last| last.why == UnstoredReason::NotStorable);
        let store = self.0.tiers.store().filter(|_| !is_private);
        let lease = match store {
            Some(store) => {
                let build = self.0.build.as_deref().unwrap_or_default();
                store.lease(&format!("{build} {}", target.key), self.0.order.next()).await
            }
            None => Ok(Lease::Unknown),
        };
        let is_cut_off = lease.is_err();
        Right { lease: lease.unwrap_or(Lease::Unknown), is_cut_off, asked }
    }

    fn count_lease(&self, right: &Right) {
        let outcome = match right.lease {
            Lease::Granted { .. } => LeaseOutcome::Granted,
            Lease::Held => LeaseOutcome::Held,
            Lease::Unknown if right.is_cut_off => LeaseOutcome::Failed,
            Lease::Unknown => return,
        };
        self.0.counters.lease(outcome);
    }

    /// Asks again and again, for no longer than another process may keep a page.
    async fn await_right(&self, target: &Target) -> Result<Right, RenderFailure> {
        let (mut pause, longest) = ASKED_EVERY;
        let until = Instant::now() + self.longest_lease();
        loop {
            sleep(pause).await;
            let right = self.ask_right(target).await;
            if !matches!(right.lease, Lease::Held) {
                self.count_lease(&right);
                return Ok(right);
            }
            if Instant::now() >= until {
                warn!(isr.key = %target.key, "another process has kept this page for longer than a \
                    render may take, or ten seconds, so it is rendered here too");
                return Ok(right);
            }
            if self.0.scheduler.is_closed() && !self.0.scheduler.is_awaited(&target.key) {
                return Err(RenderError::ShuttingDown.into());
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// How long others leave a page to whoever has its lease. A shared ledger ends that of a process that
    /// is gone by itself, so it is waited for.
    fn longest_lease(&self) -> Duration {
        match self.is_shared() {
            true => self.0.limits.time.max(LEASE.saturating_mul(2)),
            false => LEASE.min(self.0.limits.time),
        }
    }

    /// Whether others need not have waited for the page any more; also if the clock was set back.
    fn is_lost(&self, right: &Right) -> bool {
        let held = self.now().duration_since(right.asked);
        let is_lost = held.map_or(true, |held| held >= self.longest_lease());
        if is_lost {
            self.0.counters.lease(LeaseOutcome::Lost);
        }
        is_lost
    }

    fn is_shared(&self) -> bool {
        self.0.tiers.store().is_some_and(Guarded::is_shared)
    }

    /// Lets other processes have the page, once they find what was rendered.
    fn give_back(&self, right: Right, outcome: &RenderResult) {
        let stored = outcome.as_ref().ok().filter(|new| new.stored);
        let (Lease::Granted { .. }, Some(new)) = (&right.lease, stored) else { return };
        let (engine, entry) = (self.clone(), Arc::clone(&new.entry));
        self.0.tasks.spawn(async move {
            let _ = engine.0.tiers.written(&entry).await;
            drop(right);
        });
    }

    /// A fresh page that another process has put into the store since this one looked.
    async fn newer_of_another(&self, target: &Target) -> Option<Arc<ServedEntry>> {
        let old = self.0.tiers.in_memory(target.key.as_str());
        let entry = self.0.tiers.newer_of_another(&target.key, &self.0.order).await?;
        self.hear_what_was_seen(&entry).await;
        let freshness = self.0.order.freshness(target.lifetime, &entry);
        let is_same = old.is_some_and(|old| old.is_same_page(&entry));
        self.tell_page_watchers(&entry, is_same);
        matches!(freshness, Freshness::Fresh { .. }).then(|| {
            self.0.backoff.succeeded(&target.key);
            entry
        })
    }

    fn ask(&self, target: &Target, urgency: Urgency) -> Result<Turn, Refusal> {
        self.0.scheduler.ask(&target.route, target.max_renders, &target.key, urgency)
    }

    /// Renders a page in its turn, and stores it if it may be stored. Writes one log line, unless the
    /// page of another process takes the place of this one.
    async fn render_and_store(
        &self,
        target: &Target,
        permit: Permit,
        right: &Right,
        request: &FlightRequest,
    ) -> RenderResult {
        let started = Instant::now();
        let threads = match permit.urgency {
            Urgency::Prefetch | Urgency::Background => Handle::current(),
            // Somebody came to wait for the page while it was in the queue.
            Urgency::Waiting => request.server.clone(),
        };
        let old = match request.reason {
            RenderReason::Miss => None,
            // Brings the page before into memory, where the render looks for it.
            _ => self.stored(&target.key).await,
        };
        let is_purged = old.as_ref().is_some_and(|old| self.0.order.purged(old).is_some());
        let reason = match request.reason {
            RenderReason::Time if is_purged => RenderReason::Purge,
            reason => reason,
        };
        let counted = self.begin_counting(target, reason);
        // Before the stamp: a purge that comes from now on ends what is remembered of a failure.
        let generation = self.0.order.generation();
        let began = self.0.order.seen();
        let version = match right.lease {
            Lease::Granted { version, .. } => version,
            Lease::Held | Lease::Unknown => None,
        };
        let start = match version {
            Some(version) => self.0.order.begin_as(Version(version)),
            None => self.0.order.begin(),
        };
        let render = self.render(target, start, request.after, threads);
        let result = render.instrument(counted.span.clone()).await;
        let duration = started.elapsed();
        drop(permit);
        let note = |outcome, error| {
            counted.ended(outcome, duration);
            let render = PastRender { reason, began: start.at, duration, outcome, error };
            self.0.events.rendered(target, &render, self.now());
            // Visitors can ask for any path: what there never was takes no place of what there is.
            if outcome != RenderOutcome::Gone || old.is_some() {
                self.0.history.note(&target.key, render);
            }
        };
        match result {
            Ok(rendered) => {
                self.0.failures.forget(&target.key);
                let is_late = match right.lease {
                    Lease::Granted { .. } => self.is_lost(right),
                    Lease::Held => true,
                    Lease::Unknown => false,
                };
                if is_late
                    && request.after == Version::default()
                    && let Some(entry) = self.newer_of_another(target).await
                    && entry.version > rendered.entry.version
                {
                    note(RenderOutcome::Unstored, None);
                    return Ok(NewEntry { entry, stored: true, after: request.after });
                }
                let mut rendered = rendered;
                rendered.entry.is_unordered =
                    right.is_cut_off || self.is_shared() && matches!(right.lease, Lease::Held);
                let (new, outcome) =
                    self.store_rendered(rendered, old.clone(), reason, request.after).await;
                note(outcome, None);
                let outcome = if new.stored { "stored" } else { "not stored" };
                if new.stored {
                    self.0.backoff.succeeded(&target.key);
                } else {
                    self.note_unstored(target, UnstoredReason::NotStorable, began);
                }
                info!(isr.key = %target.key, route = &*target.route, reason = reason.as_str(), ?duration, outcome,
                    status = new.entry.status.as_u16(), bytes = new.entry.body.len(),
                    "regenerated");
                Ok(new)
            }
            Err(failure) => {
                note(failure_outcome(&failure.error), Some(short(&failure.error.to_string())));
                let retry_in = self.note_unstored(target, UnstoredReason::Failed, began);
                warn!(isr.key = %target.key, route = &*target.route, reason = reason.as_str(), ?duration,
                    outcome = "failed", bytes = 0, error = %failure.error, ?retry_in,
                    "regenerated");
                let failure = RenderFailure { retry_after: retry_in, ..failure };
                if self.0.tiers.in_memory(target.key.as_str()).is_none() {
                    self.0.failures.note(&target.key, failure.clone(), generation, self.now());
                }
                Err(failure)
            }
        }
    }

    /// Notes a try that left nothing in the store. Returns how long the next one must wait.
    fn note_unstored(&self, target: &Target, why: UnstoredReason, began: Seen) -> Duration {
        let now = self.now();
        let before = self.0.backoff.streak(&target.key, now).map(|(.., last)| last);
        let since = before.filter(|last| last.why == why).map_or(now, |last| last.since);
        let route = self.0.counters.slot(&target.route);
        self.0.backoff.note(&target.key, LastTry { why, began, since, route }, now)
    }

    /// Renders a page on `threads`, from its beginning at `start`. It uses no data that was read
    /// before `after`, or before the last purge of the page's path.
    pub(crate) async fn render(
        &self,
        target: &Target,
        start: RenderStart,
        after: Version,
        threads: Handle,
    ) -> Result<RenderOutput, RenderFailure> {
        let app = self.app().ok_or(RenderError::ShuttingDown)?;
        let since = Began { seen: self.0.order.last_purge(&target.key), version: after };
        let mut scope = RenderScope::default();
        if target.key.is_shared_not_found() {
            scope = scope.for_missing_paths();
        }
        if target.is_data {
            scope = scope.for_data();
        }
        let old = self.0.tiers.in_memory(target.key.as_str());
        let reader = ReadContext {
            scope: scope.clone(),
            began: start.at,
            since,
            period: target.lifetime.revalidate,
            has_page: old.is_some(),
            is_of_page: true,
        };
        let job = Job {
            router: app.renders(),
            key: target.key.clone(),
            ends_in_slash: target.ends_in_slash,
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

    /// Stores a page that was rendered for `reason`, if it may be stored: in memory, and later in the
    /// store. `old` is the page before, as far as it is known. Returns also what the render came to.
    async fn store_rendered(
        &self,
        rendered: RenderOutput,
        old: Option<Arc<ServedEntry>>,
        reason: RenderReason,
        after: Version,
    ) -> (NewEntry, RenderOutcome) {
        let RenderOutput { mut entry, not_stored } = rendered;
        if not_stored.is_some() {
            self.supersede(&entry.key).await;
            let entry = Arc::new(entry);
            return (NewEntry { entry, stored: false, after }, RenderOutcome::Unstored);
        }
        // Another one may have been stored meanwhile.
        let old = self.0.tiers.in_memory(entry.key.as_str()).or(old);
        let is_same = old.as_ref().map(|old| old.is_same_page(&entry));
        if let Some(old) = &old {
            entry.count_requests_of(old);
            let regenerated = Regenerated {
                at: entry.rendered_at,
                interval: entry.rendered_at.duration_since(old.rendered_at).unwrap_or_default(),
                has_changed: is_same == Some(false),
                reason,
            };
            entry.entry_mut().facts.changes = old.facts.changes.and(regenerated);
        }
        let entry = Arc::new(entry);
        let stored = self.0.tiers.put(&entry);
        self.tell_page_watchers(&entry, is_same == Some(true));
        let outcome = match is_same {
            _ if !stored => RenderOutcome::Unstored,
            _ if entry.is_gone() => RenderOutcome::Gone,
            Some(true) => RenderOutcome::Same,
            Some(false) => RenderOutcome::Changed,
            None => RenderOutcome::New,
        };
        (NewEntry { entry, stored, after }, outcome)
    }

    /// Keeps with the stored page, if there is one, that a later render may not be stored.
    async fn supersede(&self, key: &Key) {
        let Some(old) = self.stored(key).await.filter(|old| !old.is_superseded) else { return };
        let mut entry = Entry::clone(&old);
        entry.is_superseded = true;
        let mut entry = ServedEntry::with_encodings(entry, old.encodings.clone());
        entry.count_requests_of(&old);
        self.0.tiers.put(&Arc::new(entry));
    }
}

pub(super) fn refused(refused: Refusal) -> RenderFailure {
    match refused {
        Refusal::Busy { retry_after } => busy(retry_after),
        Refusal::Closed => RenderError::ShuttingDown.into(),
    }
}

fn busy(retry_after: Duration) -> RenderFailure {
    RenderError::Busy { retry_after }.into()
}
