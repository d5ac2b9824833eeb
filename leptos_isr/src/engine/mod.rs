//! The engine: the state that all requests share, and what is done with it.
//!
//! - `builder` holds the settings, `open` makes an engine of them, `build_id` names the build.
//! - `lookup` decides what a request gets.
//! - `regenerate` renders pages and stores them; `failures` remembers why there is none.
//! - `purging` purges, `again` purges once more, and `dry_run` finds out what a purge would reach.
//! - `periods` sets the periods of routes.
//! - `telling` tells CDNs of purges.
//! - `history` remembers the last renders of each page, `events` those of all pages, and purges.
//! - `admission` knows which paths are pages, by the `lists` of routes and the handlers in
//!   `app_router`.
//! - `inspect` says why a page is as old as it is.
//! - `watched` keeps watched pages fresh.
//! - `service` notes that this build begins to serve; `warming` renders what is asked for most before.
//! - `prerender` renders all listed pages at build.
//! - `stats` says what has been counted, and counts renders.

pub(crate) mod admission;
pub(crate) mod again;
pub(crate) mod app_router;
pub(crate) mod build_id;
pub(crate) mod builder;
pub(crate) mod dry_run;
#[cfg(test)]
mod encodings_tests;
pub(crate) mod events;
pub(crate) mod failures;
pub(crate) mod fresh;
pub(crate) mod history;
pub(crate) mod inspect;
pub(crate) mod lists;
pub(crate) mod lookup;
pub(crate) mod open;
pub(crate) mod periods;
mod prerender;
pub(crate) mod prerender_report;
pub(crate) mod purging;
pub(crate) mod regenerate;
pub(crate) mod service;
pub(crate) mod stats;
pub(crate) mod telling;
pub(crate) mod warming;
pub(crate) mod watched;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Once, OnceLock, Weak, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

use futures::future::join;
use http::HeaderMap;
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::task::TaskTracker;

use crate::{
    access::{draft::DraftMode, proxies::TrustedProxies, sign_in::SignIn, webhooks::Webhooks},
    address::key::Key,
    cdn::Cdns,
    clock::Stamp,
    data::reads::Reads,
    engine::{
        app_router::AppRouter,
        events::Events,
        failures::Failures,
        history::{History, LastTry},
        inspect::advice::AdviceReport,
        lists::Lists,
    },
    entry::Position,
    error::Error,
    order::Order,
    render::{Limits, csp::Csp, outcome::RenderResult},
    route::{overrides::PeriodOverrides, routes::RouteTable},
    rules::{headers::CdnReach, shared_cache::SharedCache, speculation::SpeculationRules},
    stats::Counters,
    store::{DiskStore, disk::KeptFiles, purge_log::PurgeLog, tiers::Tiers},
    tasks::{
        background::Background, backoff::Backoff, schedule::Scheduler, single_flight::SingleFlight,
        worker::Worker,
    },
    watch::Hub,
};

/// Stores, serves and regenerates the pages of a site. Cheap to clone: clones share everything.
///
/// See the [crate's documentation](crate) for what a request gets.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) routes: RouteTable,
    /// The app's 404 page, which all paths that are not admitted share; `None` if every path has a
    /// page of its own.
    pub(crate) not_found: Option<Key>,
    /// The periods that were set while the engine runs.
    pub(crate) overrides: PeriodOverrides,
    pub(crate) counters: Arc<Counters>,
    /// When the engine was opened.
    pub(crate) opened: Stamp,
    pub(crate) tiers: Tiers,
    /// The disk among what is behind the memory, if there is one.
    pub(crate) disk: Option<DiskStore>,
    /// The folder of a disk store that could not be created, and why.
    pub(crate) missing_store: Option<(PathBuf, io::ErrorKind)>,
    pub(crate) order: Arc<Order>,
    pub(crate) purge_log: PurgeLog,
    pub(crate) second_purges: Worker,
    pub(crate) other_purges: Worker,
    /// Whether the ledger has not answered for a second, or not yet.
    pub(crate) is_cut_off: AtomicBool,
    /// Since when, for people.
    pub(crate) cut_off_since: std::sync::Mutex<Option<SystemTime>>,
    /// The site's files beside the pages on the disk.
    pub(crate) kept_files: Option<Arc<KeptFiles>>,
    /// Limits how many files of other builds are fetched at once.
    pub(crate) file_turns: Semaphore,
    /// The calls of [`Engine::begin_service`] that hold visitors off.
    pub(crate) starts: TaskTracker,
    /// Whether this build is in service.
    pub(crate) is_in_service: AtomicBool,
    /// The other builds of which a process ran when this one began to serve, and where in the order
    /// of purges CDNs were last told to drop their pages.
    pub(crate) running_builds: std::sync::Mutex<BTreeMap<String, Position>>,
    pub(crate) other_servers: Worker,
    /// When old builds were last removed, if this one has begun to serve.
    pub(crate) removed_old_builds: std::sync::Mutex<Option<SystemTime>>,
    pub(crate) old_builds: Worker,
    pub(crate) requests: Worker,
    /// Held by a dry run: there is one at a time.
    pub(crate) dry_run_turn: Arc<Mutex<()>>,
    /// Held while all pages are looked through for a list.
    pub(crate) list_turn: Arc<Mutex<()>>,
    /// What was last advised to people who look again and again.
    pub(crate) recent_advice: Mutex<Option<Arc<AdviceReport>>>,
    /// Held by a render for comparison.
    pub(crate) fresh_turn: Arc<Mutex<()>>,
    pub(crate) flights: SingleFlight<Key, RenderResult>,
    pub(crate) lists: Lists,
    /// The last tries that left nothing in the store.
    pub(crate) backoff: Backoff<Key, LastTry>,
    pub(crate) failures: Failures,
    pub(crate) history: History,
    pub(crate) events: Events,
    pub(crate) reads: Arc<Reads>,
    pub(crate) scheduler: Scheduler,
    pub(crate) background: Background,
    /// Limits how many encodings are made at once for visitors who wait.
    pub(crate) compressions: Semaphore,
    pub(crate) watch: Arc<Hub>,
    pub(crate) limits: Limits,
    pub(crate) tasks: TaskTracker,
    /// The app's router, once [`Engine::wrap`] has been called. Its handlers may hold the engine, so
    /// it belongs to the router that `wrap` returns.
    pub(crate) app: OnceLock<Weak<AppRouter>>,
    pub(crate) token: Option<String>,
    /// To the inspector, for those who have the token.
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) bypass: Option<&'static str>,
    pub(crate) shared_cache: SharedCache,
    pub(crate) sends_tags: bool,
    pub(crate) max_header_size: usize,
    /// Of headers that are too large.
    pub(crate) header_warning: Once,
    pub(crate) default_headers: HeaderMap,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) draft: Option<DraftMode>,
    pub(crate) webhooks: Webhooks,
    pub(crate) cdns: Cdns,
    pub(crate) cdn_reach: CdnReach,
    pub(crate) csp: Option<Arc<Csp>>,
    pub(crate) speculation_rules: Option<Arc<SpeculationRules>>,
    /// The id of this build of the app, if one was given.
    pub(crate) build: Option<String>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("routes", &self.0.routes).finish_non_exhaustive()
    }
}

impl Engine {
    /// Waits until no regeneration is under way and no page is to be written to the store, for at
    /// most `limit`.
    ///
    /// Returns whether all of that has ended.
    pub async fn idle(&self, limit: Duration) -> bool {
        self.0.tasks.close();
        let ended = timeout(limit, self.0.tasks.wait()).await.is_ok();
        self.0.tasks.reopen();
        ended
    }

    /// Finishes the work that is under way, within `limit`.
    ///
    /// That is the pages that visitors wait for and the regenerations that have begun, with what is
    /// to be written to the store. No others begin, live streams end at once, and `/_isr/ready`
    /// answers 503.
    ///
    /// Returns whether all of it has ended.
    pub async fn shut_down(&self, limit: Duration) -> bool {
        self.end_streams();
        self.0.scheduler.close();
        let (_, is_idle) = join(timeout(limit, self.note_requests()), self.idle(limit)).await;
        is_idle
    }

    /// Ends all live streams, and begins no new ones. From now on `/_isr/ready` answers 503.
    ///
    /// [`shut_down`](Engine::shut_down) does this too. A server that waits for its open connections
    /// before it shuts the engine down must call this first: live streams never end by themselves.
    pub fn end_streams(&self) {
        self.0.watch.close();
    }

    /// Whether visitors should be sent to this server.
    pub(crate) fn is_ready(&self) -> bool {
        self.0.starts.is_empty() && !self.0.watch.is_closed()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.order.now()
    }

    /// The app's router, which renders the pages; `None` once the router that `wrap` returned is
    /// gone.
    pub(crate) fn app(&self) -> Option<Arc<AppRouter>> {
        let app = self.0.app.get();
        app.expect("`Engine::wrap` gives the router before anything is rendered").upgrade()
    }

    pub(crate) fn set_app(&self, app: &Arc<AppRouter>) {
        let is_first = self.0.app.set(Arc::downgrade(app)).is_ok();
        assert!(is_first, "`Engine::wrap` is called once");
    }
}

/// The result of a task, whose panic goes on here.
///
/// # Errors
///
/// Returns [`Error::ShuttingDown`] if the runtime has ended the task.
async fn finished<T>(task: JoinHandle<T>) -> Result<T, Error> {
    task.await.map_err(|stopped| match stopped.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Error::ShuttingDown,
    })
}
