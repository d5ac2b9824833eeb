//! The engine: what all requests share.
//!
//! `lookup` decides what a request gets, `regenerate` renders and stores, `purging` and `dry_run`
//! are purges, `admission` tells which paths exist, `watched` keeps up what somebody watches, and
//! `prerender` is the build.

pub(crate) mod admission;
pub(crate) mod build_id;
pub(crate) mod builder;
pub(crate) mod dry_run;
#[cfg(test)]
mod encodings_tests;
pub(crate) mod lists;
pub(crate) mod lookup;
pub(crate) mod open;
pub(crate) mod prerender;
pub(crate) mod purging;
pub(crate) mod regenerate;
pub(crate) mod watched;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use axum::Router;
use http::HeaderMap;
use tokio::{
    sync::{Mutex, Semaphore},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use crate::{
    access::{draft::DraftMode, webhooks::Webhooks},
    address::key::Key,
    cdn::Cdns,
    data::reads::Reads,
    engine::lists::Lists,
    order::Order,
    render::{Limits, csp::Csp, outcome::RenderResult},
    route::routes::RouteTable,
    store::{purge_log::PurgeLog, tiers::Tiers},
    tasks::{
        background::Background,
        backoff::{Backoff, UnstoredReason},
        schedule::Scheduler,
        single_flight::SingleFlight,
    },
    watch::Hub,
};

/// What is stored and regenerated, shared by all requests. Cheap to clone.
///
/// See the [crate's documentation](crate) for what a request gets.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) routes: RouteTable,
    pub(crate) tiers: Tiers,
    /// The folder that was to be the store, and why it could not be made.
    pub(crate) missing_store: Option<(PathBuf, io::ErrorKind)>,
    pub(crate) order: Arc<Order>,
    pub(crate) purge_log: PurgeLog,
    /// One dry run at a time.
    pub(crate) dry_run_turn: Arc<Mutex<()>>,
    pub(crate) flights: SingleFlight<Key, RenderResult>,
    pub(crate) lists: Lists,
    pub(crate) backoff: Backoff<Key, UnstoredReason>,
    pub(crate) reads: Arc<Reads>,
    pub(crate) scheduler: Scheduler,
    pub(crate) background: Background,
    /// The turns of compressing for visitors who wait for it.
    pub(crate) compressions: Semaphore,
    pub(crate) watch: Arc<Hub>,
    pub(crate) limits: Limits,
    pub(crate) tasks: TaskTracker,
    /// The app's router, once [`Engine::wrap`] was called.
    pub(crate) router: RwLock<Option<Router>>,
    pub(crate) token: Option<String>,
    pub(crate) bypass: Option<&'static str>,
    pub(crate) sends_tags: bool,
    pub(crate) default_headers: HeaderMap,
    pub(crate) draft: Option<DraftMode>,
    pub(crate) webhooks: Webhooks,
    pub(crate) cdns: Cdns,
    pub(crate) csp: Option<Arc<Csp>>,
    /// Which build of the app this is, if it was said.
    pub(crate) build: Option<String>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("routes", &self.0.routes).finish_non_exhaustive()
    }
}

impl Engine {
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

    /// Ends the streams of all who watch pages, and begins no new ones.
    ///
    /// [`shut_down`](Engine::shut_down) does it too. A server that waits for
    /// open connections first calls this before, or they are never over.
    pub fn end_streams(&self) {
        self.0.watch.close();
    }

    /// Removes the stored pages of other builds: all but the latest before this
    /// one, and that one too once its grace period, a day, is over.
    ///
    /// Meant for a server that starts to serve; [`prerender`](Engine::prerender)
    /// does it by itself. Failures are logged.
    pub async fn remove_old_builds(&self) {
        if let Some(store) = self.0.tiers.store() {
            store.remove_old_builds().await;
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.order.now()
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
