//! Decides what a request for a page gets, and regenerates pages behind it.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use axum::Router;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{
    backoff::{Backoff, Unstored},
    builder::Builder,
    clock::{Clock, Stamps},
    csp::Csp,
    entry::{Began, Entry},
    error::{Error, RenderError},
    freshness::{Freshness, PurgeKind, StaleReason, freshness},
    key::Key,
    policy::{Lifetime, Policy},
    purge::{Purge, PurgeTimes, Scope},
    purge_log::PurgeLog,
    render::{self, Failure, Job, Limits, Rendered},
    route::OnMissing,
    routes::{Route, Routes},
    scope::RenderScope,
    single_flight::{self, Flight, Role, SingleFlight},
    store::{DiskStore, MemoryTier},
    tag::Tag,
};

/// How often a visitor joins a flight when its leader ends without a result.
const WAITS: usize = 3;

/// How often one flight renders when purges overtake its renders.
const RENDERS: usize = 3;

/// What is stored and regenerated, shared by all requests. Cheap to clone.
///
/// See the [crate's documentation](crate) for what a request gets.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    routes: Routes,
    memory: MemoryTier,
    disk: Option<DiskStore>,
    purges: RwLock<PurgeTimes>,
    log: Option<Mutex<PurgeLog>>,
    stamps: Stamps,
    clock: Arc<dyn Clock>,
    flights: SingleFlight<Key, Outcome>,
    backoff: Backoff,
    renders: Semaphore,
    limits: Limits,
    tasks: TaskTracker,
    router: OnceLock<Router>,
    token: Option<String>,
    bypass: Option<&'static str>,
    csp: Option<Arc<Csp>>,
}

/// What one render came to, for everyone who waits for it.
pub(crate) type Outcome = Result<Fresh, Failure>;

/// A page that was just rendered.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    pub(crate) entry: Arc<Entry>,
    pub(crate) stored: bool,
}

/// One page of one route.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) key: Key,
    pub(crate) route: String,
    pub(crate) lifetime: Lifetime,
    pub(crate) tags: Vec<Tag>,
}

impl Target {
    pub(crate) fn new(key: Key, route: &Route, policy: &Policy, segments: &[String]) -> Self {
        Self {
            key,
            route: route.path().to_owned(),
            lifetime: policy.lifetime,
            tags: policy.tags_of(&route.pattern, segments),
        }
    }
}

/// What a request for a page gets.
#[derive(Debug)]
pub(crate) enum Served {
    /// The stored page.
    Stored { entry: Arc<Entry>, freshness: Freshness },
    /// A page that the request waited for; `had_page` if an old one was stored.
    Rendered { fresh: Fresh, had_page: bool },
    /// The old page, because the render failed.
    StaleIfError { entry: Arc<Entry>, freshness: Freshness },
    /// No page.
    Failed { failure: Failure, had_page: bool },
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("routes", &self.0.routes).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine for these routes.
    #[must_use]
    pub fn builder(routes: Routes) -> Builder {
        Builder::new(routes)
    }

    pub(crate) fn open(settings: Builder) -> Result<Self, Error> {
        let csp = settings.csp.as_deref().map(Csp::parse).transpose()?.map(Arc::new);
        let mut opened = (None, None, PurgeTimes::default(), 0);
        if let Some((folder, build)) = settings.disk.filter(|_| settings.bypass.is_none()) {
            let disk = DiskStore::open(&folder, &build)?;
            let path = folder.join("purges.log");
            let (log, times, last) =
                PurgeLog::open(&path).map_err(|source| Error::Store { path, source })?;
            opened = (Some(disk), Some(Mutex::new(log)), times, last);
        }
        let (disk, log, purges, last) = opened;
        Ok(Self(Arc::new(Inner {
            routes: settings.routes,
            memory: MemoryTier::new(settings.memory),
            disk,
            purges: RwLock::new(purges),
            log,
            stamps: Stamps::after(last),
            clock: settings.clock,
            flights: SingleFlight::new(),
            backoff: Backoff::new(),
            renders: Semaphore::new(settings.max_renders),
            limits: settings.limits,
            tasks: TaskTracker::new(),
            router: OnceLock::new(),
            token: settings.token,
            bypass: settings.bypass,
            csp,
        })))
    }

    /// Makes pages stale, or unservable; see [`Purge`].
    ///
    /// Returns when the purge is on the disk: no restart forgets it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a path that cannot be one, and
    /// [`Error::PurgeLog`] if the purge could not be written. Nothing was
    /// purged then.
    pub async fn purge(&self, purge: &Purge) -> Result<(), Error> {
        let scopes = purge.scopes()?;
        if scopes.is_empty() {
            return Ok(());
        }
        let kind = if purge.hard { PurgeKind::Hard } else { PurgeKind::Soft };
        let engine = self.clone();
        // A caller who leaves must not stop it halfway.
        let keep = tokio::task::spawn_blocking(move || engine.keep_purge(scopes, kind));
        match keep.await {
            Ok(kept) => kept?,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(Error::ShuttingDown),
            },
        }
        info!(paths = ?purge.paths, prefixes = ?purge.prefixes, tags = ?purge.tags,
            hard = purge.hard, "purged");
        Ok(())
    }

    fn keep_purge(&self, scopes: Vec<Scope>, kind: PurgeKind) -> Result<(), Error> {
        let stamp = self.0.stamps.next(self.now());
        if let Some(log) = &self.0.log {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.append(&scopes, kind, stamp)
                .map_err(|source| Error::PurgeLog { path: log.path().to_owned(), source })?;
        }
        let mut times = self.0.purges.write().unwrap_or_else(PoisonError::into_inner);
        for scope in scopes {
            times.note(scope, kind, stamp);
        }
        Ok(())
    }

    /// Waits until no regeneration is under way, `limit` at the longest.
    ///
    /// Returns whether all of them ended.
    pub async fn idle(&self, limit: Duration) -> bool {
        self.0.tasks.close();
        let ended = timeout(limit, self.0.tasks.wait()).await.is_ok();
        self.0.tasks.reopen();
        ended
    }

    /// What the request for `target` gets. A stale page starts a regeneration
    /// unless the request is a prefetch.
    pub(crate) async fn serve(&self, target: &Target, is_prefetch: bool) -> Served {
        let stored = self.stored(&target.key).await;
        let Some(entry) = stored else {
            return self.serve_rendered(target, None).await;
        };
        let freshness = self.freshness(target, &entry);
        match freshness {
            // A purge may mean that the page exists now: it is not told "no" once more.
            Freshness::Stale { reason: StaleReason::Purge, .. } if entry.is_gone() => {
                self.serve_rendered(target, Some(entry)).await
            }
            Freshness::Fresh { .. } => Served::Stored { entry, freshness },
            Freshness::Stale { reason, .. } => {
                if !is_prefetch && self.0.backoff.waits(&target.key, self.now()).is_none() {
                    self.regenerate(target, reason.as_str());
                }
                Served::Stored { entry, freshness }
            }
            Freshness::Expired { .. } => self.serve_rendered(target, Some(entry)).await,
        }
    }

    /// Waits for a render that began after every purge of the page.
    async fn serve_rendered(&self, target: &Target, old: Option<Arc<Entry>>) -> Served {
        let had_page = old.is_some();
        // The old page is for failures only, not for renders that may not be stored.
        let waits = self.0.backoff.waits(&target.key, self.now());
        let is_waiting = had_page && waits == Some(Unstored::Failed);
        let mut last = None;
        let reason = if had_page { "expired" } else { "miss" };
        for _ in 0..if is_waiting { 0 } else { WAITS } {
            last = single_flight::wait(self.regenerate(target, reason)).await;
            if last.is_some() {
                break;
            }
        }
        match (last, old) {
            (Some(Ok(fresh)), _) => Served::Rendered { fresh, had_page },
            (_, Some(entry)) => {
                let freshness = self.freshness(target, &entry);
                Served::StaleIfError { entry, freshness }
            }
            (Some(Err(failure)), None) => Served::Failed { failure, had_page },
            (None, None) => {
                let failure = RenderError::ShuttingDown.into();
                Served::Failed { failure, had_page }
            }
        }
    }

    /// Starts a render of the page, unless one is under way.
    fn regenerate(&self, target: &Target, reason: &'static str) -> Flight<Outcome> {
        match self.0.flights.join(&target.key) {
            Role::Follower(flight) => flight,
            Role::Leader(leader, flight) => {
                let (engine, target) = (self.clone(), target.clone());
                self.0.tasks.spawn(async move {
                    let outcome = engine.regenerate_now(&target, reason).await;
                    leader.finish(outcome);
                });
                flight
            }
        }
    }

    /// Renders the page until a render was not overtaken by a purge.
    async fn regenerate_now(&self, target: &Target, reason: &'static str) -> Outcome {
        // Whoever looked before the last flight ended finds its page here.
        if let Some(entry) = self.0.memory.get(&target.key)
            && matches!(self.freshness(target, &entry), Freshness::Fresh { .. })
        {
            return Ok(Fresh { entry, stored: true });
        }
        let mut outcome = self.render_and_store(target, reason).await;
        for _ in 1..RENDERS {
            match &outcome {
                Ok(fresh) if self.purged(&fresh.entry).is_some() => {}
                _ => break,
            }
            outcome = self.render_and_store(target, "purge").await;
        }
        outcome
    }

    /// Renders a page and stores it if it may be stored. One log line.
    async fn render_and_store(&self, target: &Target, reason: &'static str) -> Outcome {
        let permit = self.0.renders.acquire().await.expect("the semaphore is never closed");
        let started = Instant::now();
        let result = self.render(target).await;
        let duration = started.elapsed();
        drop(permit);
        match result {
            Ok(rendered) => {
                let fresh = self.keep(rendered).await;
                let outcome = if fresh.stored { "stored" } else { "not stored" };
                if fresh.stored {
                    self.0.backoff.succeeded(&target.key);
                } else {
                    self.0.backoff.note(&target.key, Unstored::Refused, self.now());
                }
                info!(isr.key = %target.key, route = target.route, reason, ?duration, outcome,
                    status = fresh.entry.status.as_u16(), bytes = fresh.entry.body.len(),
                    "regenerated");
                Ok(fresh)
            }
            Err(failure) => {
                let retry_in = self.0.backoff.note(&target.key, Unstored::Failed, self.now());
                warn!(isr.key = %target.key, route = target.route, reason, ?duration,
                    outcome = "failed", bytes = 0, error = %failure.error, ?retry_in,
                    "regenerated");
                Err(failure)
            }
        }
    }

    pub(crate) async fn render(&self, target: &Target) -> Result<Rendered, Failure> {
        let at = self.now();
        let scope = match target.key.is_shared_not_found() {
            true => RenderScope::shared_not_found(),
            false => RenderScope::default(),
        };
        let job = Job {
            router: self.router().clone(),
            key: target.key.clone(),
            route: target.route.clone(),
            tags: target.tags.clone(),
            began: Began { at, stamp: self.0.stamps.next(at) },
            scope,
            limits: self.0.limits,
            csp: self.0.csp.clone(),
        };
        render::render(job).await
    }

    /// Stores a rendered page. A 404 goes to the disk only where it takes the
    /// place of a page, so that probing paths writes nothing.
    async fn keep(&self, rendered: Rendered) -> Fresh {
        let entry = Arc::new(rendered.entry);
        if rendered.may_store {
            self.0.memory.put(Arc::clone(&entry));
            if let Some(disk) = &self.0.disk
                && (!entry.is_gone() || disk.contains(&entry.key).await)
            {
                disk.put_or_warn(&entry, self.0.limits.time).await;
            }
        }
        Fresh { entry, stored: rendered.may_store }
    }

    async fn stored(&self, key: &Key) -> Option<Arc<Entry>> {
        if let Some(entry) = self.0.memory.get(key) {
            return Some(entry);
        }
        let mut entry = self.0.disk.as_ref()?.get(key).await?;
        if !self.0.stamps.observe(entry.stamp, self.now()) {
            // Which purges came later is not known, so all of them count, and
            // any render is newer.
            entry.stamp = 0;
        }
        let entry = Arc::new(entry);
        self.0.memory.put(Arc::clone(&entry));
        // What was put meanwhile is newer.
        Some(self.0.memory.get(key).unwrap_or(entry))
    }

    pub(crate) fn freshness(&self, target: &Target, entry: &Entry) -> Freshness {
        let purged = self.purged(entry);
        freshness(target.lifetime.within(entry.asked), entry.age(self.now()), purged)
    }

    fn purged(&self, entry: &Entry) -> Option<PurgeKind> {
        self.0.purges.read().unwrap_or_else(PoisonError::into_inner).since(entry)
    }

    /// Whether `path` exists: of a route that admits only the paths it lists,
    /// those from the build, or else from its list.
    pub(crate) async fn is_admitted(
        &self,
        route: &Route,
        policy: &Policy,
        path: &str,
    ) -> Result<bool, Error> {
        if policy.on_missing == OnMissing::Render {
            return Ok(true);
        }
        let admitted = route.admitted.get_or_try_init(async || {
            if let Some(disk) = &self.0.disk
                && let Some(paths) = disk.listed(route.path()).await
            {
                return Ok(paths);
            }
            let listed = policy.paths(&route.pattern).await;
            listed
                .map(HashSet::from_iter)
                .map_err(|cause| Error::List { route: route.path().to_owned(), cause })
        });
        Ok(admitted.await?.contains(path))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.0.routes
    }

    pub(crate) fn disk(&self) -> Option<&DiskStore> {
        self.0.disk.as_ref()
    }

    pub(crate) fn memory(&self) -> &MemoryTier {
        &self.0.memory
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    pub(crate) fn bypass(&self) -> Option<&'static str> {
        self.0.bypass
    }

    pub(crate) fn csp(&self) -> Option<&Csp> {
        self.0.csp.as_deref()
    }

    /// The app's router, which renders the pages.
    pub(crate) fn router(&self) -> &Router {
        self.0.router.get().expect("`Engine::wrap` gives the router before anything is rendered")
    }

    pub(crate) fn set_router(&self, router: Router) {
        assert!(self.0.router.set(router).is_ok(), "`Engine::wrap` is called once");
    }
}
