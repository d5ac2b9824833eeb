//! Decides what a request for a page gets, and regenerates pages behind it.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    thread::available_parallelism,
    time::{Duration, SystemTime},
};

use axum::Router;
use http::HeaderMap;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{
    admission::Lists,
    background::Background,
    backoff::{Backoff, Unstored},
    build_id,
    builder::{Backing, Builder},
    clock::{CLOCK_SKEW, Clock, Stamp, Stamps},
    csp::Csp,
    data::DataCache,
    draft::DraftMode,
    dry_run::DryRuns,
    entry::Entry,
    error::Error,
    freshness::{Freshness, PurgeKind, StaleReason, freshness},
    hooks::Hooks,
    key::Key,
    live::Hub,
    outbound::Outbound,
    policy::{Lifetime, Policy},
    purge::{Purge, Purges, Scope},
    purge_log::{PurgeLog, Replayed, replay},
    render::{Failure, Limits},
    routes::{Route, Routes},
    schedule::{Scheduler, Urgency},
    single_flight::SingleFlight,
    store::{DiskSettings, DiskStore, Guarded, MemoryTier, Store, StoreError},
    tag::Tag,
};

/// What is stored and regenerated, shared by all requests. Cheap to clone.
///
/// See the [crate's documentation](crate) for what a request gets.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) routes: Routes,
    pub(crate) memory: Arc<MemoryTier>,
    pub(crate) store: Option<Guarded>,
    /// The folder that was to be the store, and why it could not be made.
    pub(crate) missing_store: Option<(PathBuf, io::ErrorKind)>,
    purges: Purges,
    log: PurgeLog,
    pub(crate) dry_runs: DryRuns,
    pub(crate) stamps: Stamps,
    clock: Arc<dyn Clock>,
    pub(crate) flights: SingleFlight<Key, Outcome>,
    pub(crate) lists: Lists,
    pub(crate) backoff: Backoff<Key, Unstored>,
    pub(crate) data: DataCache,
    pub(crate) http: crate::fetch::Client,
    pub(crate) scheduler: Scheduler,
    pub(crate) background: Background,
    /// The turns of compressing for visitors who wait for it.
    pub(crate) compressions: Semaphore,
    pub(crate) live: Hub,
    pub(crate) limits: Limits,
    pub(crate) tasks: TaskTracker,
    /// The app's router, once [`Engine::wrap`] was called.
    pub(crate) router: RwLock<Option<Router>>,
    pub(crate) token: Option<String>,
    pub(crate) bypass: Option<&'static str>,
    pub(crate) sends_tags: bool,
    pub(crate) default_headers: HeaderMap,
    pub(crate) draft: Option<DraftMode>,
    pub(crate) hooks: Hooks,
    pub(crate) outbound: Outbound,
    pub(crate) csp: Option<Arc<Csp>>,
    /// Which build of the app this is, if it was said.
    pub(crate) build: Option<String>,
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
    pub(crate) route: Arc<str>,
    /// Whether it is data for pages, not a page.
    pub(crate) is_data: bool,
    /// How many pages of the route are rendered at once, if that is limited.
    pub(crate) max_renders: Option<usize>,
    pub(crate) lifetime: Lifetime,
    pub(crate) tags: Vec<Tag>,
}

impl Target {
    pub(crate) fn new(key: Key, route: &Route, policy: &Policy, segments: &[String]) -> Self {
        Self {
            key,
            route: Arc::clone(&route.name),
            is_data: policy.is_data,
            max_renders: policy.max_renders,
            lifetime: policy.lifetime,
            tags: policy.tags_of(&route.pattern, segments),
        }
    }
}

/// What a request for a page gets.
#[derive(Debug)]
pub(crate) enum Served {
    /// The stored page.
    Stored(Arc<Entry>),
    /// A page that the request waited for; `had_page` if an old one was stored.
    Rendered { fresh: Fresh, had_page: bool },
    /// The old page, because the render failed.
    StaleIfError(Arc<Entry>),
    /// No page.
    Failed { failure: Failure, had_page: bool },
}

/// What becomes of a request for a page that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Serve,
    /// Serve the page, and regenerate it behind the visitor.
    Regenerate(StaleReason),
    /// Wait for a new page; the old one is for failures.
    Render,
}

pub(crate) fn decide(entry: &Entry, is_data: bool, freshness: Freshness) -> Decision {
    match freshness {
        Freshness::Fresh { .. } => Decision::Serve,
        // A purge may mean that the page exists now: it is not told "no" once more.
        Freshness::Stale { reason: StaleReason::Purge, .. } if entry.is_gone() => Decision::Render,
        // Data must not be older than the page that reads them anew.
        Freshness::Stale { .. } if is_data => Decision::Render,
        Freshness::Stale { reason, .. } => Decision::Regenerate(reason),
        Freshness::Expired { .. } => Decision::Render,
    }
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
        if let Some(given) = settings.build.as_ref().filter(|id| !build_id::is_id(id)) {
            return Err(Error::Build { given: given.clone() });
        }
        let csp = settings.csp.as_deref().map(Csp::parse).transpose()?.map(Arc::new);
        let draft = DraftMode::new(settings.draft, settings.token.as_deref())?;
        let hooks = Hooks::new(settings.hooks, settings.token.as_deref())?;
        let memory = Arc::new(MemoryTier::new(settings.memory));
        let mut missing_store = None;
        let mut folder = None;
        let store = match settings.store.filter(|_| settings.bypass.is_none()) {
            None => None,
            Some(Backing::Own(store)) => Some(store),
            Some(Backing::Disk(disk)) => {
                let root = disk.root.clone();
                folder = Some(root.clone());
                let opened = open_disk(disk, &settings.clock)?;
                opened.map_err(|why| missing_store = Some((root, why))).ok()
            }
        };
        let mut replayed = Replayed::default();
        if let Some(store) = &store {
            let started = Stamps::default().next(settings.clock.now());
            replayed = replay(&store.purges().map_err(Error::Purges)?, started);
            let memory = Arc::clone(&memory);
            store.set_in_use(Arc::new(move |key| memory.contains(key)));
        }
        let http = crate::fetch::Client::new(settings.fetch);
        let folder = folder.filter(|_| store.is_some());
        let clock = Arc::clone(&settings.clock);
        let outbound = Outbound::new(settings.cdns, folder.as_deref(), http.clone(), clock)?;
        let limits = settings.limits;
        let stamps = Stamps::after(replayed.last);
        let now = stamps.next(settings.clock.now());
        let live = Hub::new(settings.max_streams, settings.heartbeat, now);
        Ok(Self(Arc::new(Inner {
            routes: settings.routes,
            memory,
            store: store.map(|store| Guarded::new(store, limits.time)),
            missing_store,
            purges: Purges::new(replayed.times),
            log: replayed.log,
            dry_runs: DryRuns::default(),
            stamps,
            clock: settings.clock,
            flights: SingleFlight::new(),
            lists: Lists::new(),
            backoff: Backoff::new(),
            data: DataCache::new(settings.data_memory),
            http,
            scheduler: Scheduler::new(settings.bounds),
            background: Background::new(settings.background_threads),
            compressions: Semaphore::new(available_parallelism().map_or(1, usize::from)),
            live,
            limits,
            tasks: TaskTracker::new(),
            router: RwLock::default(),
            token: settings.token,
            draft,
            hooks,
            outbound,
            csp,
            build: settings.build,
            bypass: settings.bypass,
            sends_tags: settings.sends_tags,
            default_headers: settings.default_headers,
        })))
    }

    /// Makes pages stale, or unservable; see [`Purge`].
    ///
    /// Returns when the purge is in the store: no restart forgets it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a path that cannot be one; nothing was
    /// purged then. Returns [`Error::PurgeNotKept`] if the store could not keep
    /// the purge: it holds for this process, and a restart forgets it.
    pub async fn purge(&self, purge: &Purge) -> Result<(), Error> {
        let scopes = purge.scopes()?;
        if scopes.is_empty() {
            return Ok(());
        }
        let kind = if purge.hard { PurgeKind::Hard } else { PurgeKind::Soft };
        let engine = self.clone();
        // A caller who leaves must not stop it halfway.
        let keep = self.0.tasks.spawn(async move { engine.keep_purge(scopes, kind).await });
        match keep.await {
            Ok(kept) => kept.map_err(Error::PurgeNotKept)?,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(Error::ShuttingDown),
            },
        }
        info!(paths = ?purge.paths, prefixes = ?purge.prefixes, tags = ?purge.tags,
            hard = purge.hard, "purged");
        Ok(())
    }

    async fn keep_purge(&self, scopes: Vec<Scope>, kind: PurgeKind) -> Result<(), StoreError> {
        let stamp = self.note_purge(&scopes, kind);
        let kept = match &self.0.store {
            Some(store) => self.0.log.append(store, &scopes, kind, stamp, &self.0.purges).await,
            None => Ok(()),
        };
        // Not before: a CDN that asks again must find the pages purged.
        self.0.outbound.note(&scopes, kind == PurgeKind::Hard, stamp).await;
        self.regenerate_watched(&scopes);
        kept
    }

    /// The purge's stamp. Whoever takes a later one sees the purge, also while the
    /// store is still keeping it: a page must not be made of the data that it purges.
    fn note_purge(&self, scopes: &[Scope], kind: PurgeKind) -> Stamp {
        let now = self.now();
        // After every page that another process can have rendered by now, also
        // by a clock that is a little ahead; this one's renders come later still.
        self.0.purges.note(scopes, kind, || self.0.stamps.next(now + CLOCK_SKEW))
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

    /// Finishes what is under way, `limit` at the longest: pages that visitors
    /// wait for, and regenerations that have begun. Others are not begun, and
    /// the streams of who watches pages end at once.
    ///
    /// Returns whether all of it ended.
    pub async fn shut_down(&self, limit: Duration) -> bool {
        self.end_streams();
        self.0.scheduler.close();
        self.idle(limit).await
    }

    /// Removes the stored pages of other builds: all but the latest before this
    /// one, and that one too once its grace period, a day, is over.
    ///
    /// Meant for a server that starts to serve; [`prerender`](Engine::prerender)
    /// does it by itself. Failures are logged.
    pub async fn remove_old_builds(&self) {
        if let Some(store) = &self.0.store {
            store.remove_old_builds().await;
        }
    }

    /// What the request for `target` gets. A stale page starts a regeneration
    /// unless the request is a prefetch.
    pub(crate) async fn serve(&self, target: &Target, is_prefetch: bool) -> Served {
        let stored = self.stored(&target.key).await;
        let Some(entry) = stored else {
            return self.serve_rendered(target, None).await;
        };
        let freshness = self.freshness(target.lifetime, &entry);
        match decide(&entry, target.is_data, freshness) {
            Decision::Serve => {}
            Decision::Regenerate(reason) => {
                if !is_prefetch {
                    self.regenerate_behind(&target.key, reason, || target.clone());
                }
            }
            Decision::Render => return self.serve_rendered(target, Some(entry)).await,
        }
        Served::Stored(entry)
    }

    /// Starts a regeneration that nobody waits for, unless the last one failed just now.
    pub(crate) fn regenerate_behind(
        &self,
        key: &Key,
        reason: StaleReason,
        target: impl FnOnce() -> Target,
    ) {
        if self.0.backoff.waits(key, self.now()).is_none() {
            self.start(&target(), reason.as_str(), Urgency::Background, 0);
        }
    }

    /// Waits for a render that began after every purge of the page.
    async fn serve_rendered(&self, target: &Target, old: Option<Arc<Entry>>) -> Served {
        let had_page = old.is_some();
        // The old page is for failures only, not for renders that may not be stored.
        let waits = self.0.backoff.waits(&target.key, self.now());
        let outcome = match had_page && waits == Some(Unstored::Failed) {
            true => None,
            false => {
                let reason = if had_page { "expired" } else { "miss" };
                Some(self.rendered(target, reason).await)
            }
        };
        match (outcome, old) {
            (Some(Ok(fresh)), _) => Served::Rendered { fresh, had_page },
            (_, Some(entry)) => Served::StaleIfError(entry),
            (Some(Err(failure)), None) => Served::Failed { failure, had_page },
            (None, None) => unreachable!("without an old page a render is waited for"),
        }
    }

    pub(crate) async fn stored(&self, key: &Key) -> Option<Arc<Entry>> {
        if let Some(entry) = self.0.memory.get(key) {
            return Some(entry);
        }
        let mut entry = self.0.store.as_ref()?.get(key).await?;
        if !self.0.stamps.observe(entry.stamp, self.now()) {
            // Which purges came later is not known, so all of them count, and
            // any render is newer.
            entry.stamp = 0;
        }
        let entry = Arc::new(entry);
        self.put_in_memory(&entry);
        // What was put meanwhile is newer.
        Some(self.0.memory.get(key).unwrap_or(entry))
    }

    pub(crate) fn put_in_memory(&self, entry: &Arc<Entry>) {
        let dropped = self.0.memory.put(Arc::clone(entry));
        if let Some(store) = &self.0.store {
            store.used(&dropped);
        }
    }

    pub(crate) fn freshness(&self, lifetime: Lifetime, entry: &Entry) -> Freshness {
        let purged = self.purged(entry);
        freshness(lifetime.within(entry.asked), entry.age(self.now()), purged)
    }

    pub(crate) fn purged(&self, entry: &Entry) -> Option<PurgeKind> {
        self.0.purges.since(entry)
    }

    /// Whether one of `tags` was purged after `stamp`.
    pub(crate) fn is_purged<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Tag>,
        stamp: Stamp,
    ) -> bool {
        self.0.purges.read(|times| times.is_purged(tags, stamp))
    }

    /// When the page was last purged by its path or a prefix.
    pub(crate) fn last_purge(&self, key: &Key) -> Stamp {
        self.0.purges.read(|times| times.last_of_path(key.path()))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// The app's router, which renders the pages.
    pub(crate) fn router(&self) -> Router {
        let router = self.0.router.read().unwrap_or_else(PoisonError::into_inner);
        router.clone().expect("`Engine::wrap` gives the router before anything is rendered")
    }

    pub(crate) fn set_router(&self, router: Router) {
        let mut place = self.0.router.write().unwrap_or_else(PoisonError::into_inner);
        assert!(place.is_none(), "`Engine::wrap` is called once");
        *place = Some(router);
    }
}

/// Opens the store on the disk. One that cannot be made for lack of space or
/// rights is done without, with a warning.
fn open_disk(
    settings: DiskSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Result<Box<dyn Store>, io::ErrorKind>, Error> {
    let path = settings.root.clone();
    match DiskStore::with_settings(settings, Arc::clone(clock)) {
        Ok(store) => Ok(Ok(Box::new(store))),
        Err(source) => match source.kind() {
            why @ (io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded) => {
                warn!(folder = %path.display(), error = %source,
                    "cannot make the store, pages and purges are kept in memory only");
                Ok(Err(why))
            }
            _ => Err(Error::Store { path, source }),
        },
    }
}
