//! What is done when this build begins to serve.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use crate::{
    address::tag::Tag,
    engine::Engine,
    entry::Position,
    order::{origins::PurgeSource, purge::Scope},
    period,
    rules::{
        freshness::PurgeKind,
        headers::{self, CdnReach},
    },
    store::{Lease, OtherBuild, disk::KeptFiles, guarded::Guarded, purge_log::NewPurge},
};

/// How long a server is not ready for a store that is slow to note its build. It can serve without.
const HELD_OFF: Duration = period::seconds(10);

/// How long a server is not ready because it renders what is asked for most.
const WARMING: Duration = period::seconds(20);

/// How often it is looked whether a server of another build has ended.
const LOOK: Duration = period::seconds(10);

/// How many files of other builds are fetched at once: anybody can ask for one, and pages come from the
/// same store.
pub(super) const FILES_AT_ONCE: usize = 2;

/// What the names of a file's compressed forms end with.
const COMPRESSED: [&str; 2] = [".br", ".gz"];

/// How often builds are removed whose grace period is over.
const REMOVE: Duration = period::hours(1);

impl Engine {
    /// Says that this build is in service from now on. Call this when a server starts to serve.
    ///
    /// With hashed names, the site's scripts and styles are kept beside the pages in a
    /// [disk store](crate::Builder::disk), by hard links where that can be. A server of a later build
    /// answers with them for as long as they are there.
    ///
    /// CDNs are told to drop the pages of other builds, softly, and once more when the last process
    /// of such a build has ended: until then it may answer them. Of several servers of this build one
    /// tells. For that, tags must be sent: [`Builder::cache_tag`](crate::Builder::cache_tag).
    ///
    /// The stored pages of other builds are removed, and once an hour from then on. Those of the
    /// build that was in service before stay until its grace period, a day, is over, unless
    /// [`Builder::disk_limit`](crate::Builder::disk_limit) leaves no room for them; those of a build
    /// that a process has open stay as long as it does. Failures are logged.
    ///
    /// `/_isr/ready` answers 503 until the build is noted, its files are kept and CDNs are to be told,
    /// for ten seconds at most: so a rolling deploy does not end the old servers before. Where a store
    /// knows which pages are asked for most ([`Store::most_requested`](crate::store::Store)), up to 100
    /// of them are rendered before as well, for twenty seconds at most. Without this call it answers
    /// 200 at once.
    ///
    /// How many pages of this build a disk store has is logged; that it has none of this build but some
    /// of others is a warning. So is that nobody has called [`wrap`](Engine::wrap), or has kept the router
    /// that it returned.
    pub async fn begin_service(&self) {
        if self.0.app.get().and_then(Weak::upgrade).is_none() {
            warn!("nothing goes through the engine: serve the router that `Engine::wrap` returns");
        }
        let Some(store) = self.0.tiers.store() else { return };
        self.hear_purges_of_others();
        let starting = self.0.starts.token();
        self.tell_cdns();
        let mut noted = pin!(self.note_service(store));
        let in_time = timeout(HELD_OFF, &mut noted).await;
        let _ = timeout(WARMING, self.warm()).await;
        drop(starting);
        self.note_requests_each_minute();
        if in_time.is_err() {
            noted.await;
        }
        store.remove_old_builds().await;
        self.set_removed_old_builds();
        self.remove_old_builds_hourly();
    }

    /// Notes once more that this build is in service, if it is.
    pub(crate) async fn note_service_again(&self) {
        if let Some(store) = self.0.tiers.store()
            && self.0.is_in_service.load(Ordering::Relaxed)
        {
            store.begin_service().await;
        }
    }

    async fn note_service(&self, store: &Guarded) {
        self.0.is_in_service.store(true, Ordering::Relaxed);
        self.log_found_pages(store).await;
        self.keep_files().await;
        self.share_files().await;
        store.begin_service().await;
        if self.0.cdn_reach == CdnReach::Purged {
            // What was dropped by whom is in the purges.
            let _ = self.hear_purges().await;
            let others = store.other_builds().await.unwrap_or_default();
            self.drop_others(&others).await;
            let running = others.into_iter().filter(|build| build.is_in_use);
            self.set_running_builds(running.map(|build| self.with_dropped(build.id)).collect());
            self.watch_running_builds();
        }
    }

    /// Says in the log which pages were found. A program that was changed after it had rendered its
    /// pages is another build, and finds none.
    async fn log_found_pages(&self, store: &Guarded) {
        let (Some(disk), Some(build)) = (self.0.disk.clone(), &self.0.build) else { return };
        if store.is_shared() {
            return;
        }
        let pages = spawn_blocking(move || disk.count_pages()).await.unwrap_or_default();
        let others = store.other_builds().await.unwrap_or_default();
        if pages > 0 || others.is_empty() {
            return info!(build, pages, "found the stored pages of this build");
        }
        let others: Vec<_> = others.into_iter().map(|build| build.id).collect();
        warn!(
            build,
            ?others,
            "no stored page is of this build, so each is rendered when it is first asked for. If they \
             were rendered at build, the program was changed since, as by `strip`: do that before, or \
             set `ISR_BUILD_ID` for both"
        );
    }

    fn remove_old_builds_hourly(&self) {
        let inner = Arc::downgrade(&self.0);
        self.0.old_builds.wake(|_| async move {
            loop {
                let Some(engine) = inner.upgrade().map(Self) else { return };
                let wait = engine.remove_old_builds_if_due().await;
                drop(engine);
                sleep(wait).await;
            }
        });
    }

    /// Removes old builds if that was done an hour ago, or if the clock was set back since. Returns
    /// how long it is until the next time.
    pub(crate) async fn remove_old_builds_if_due(&self) -> Duration {
        let last = *self.0.removed_old_builds.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(store), Some(last)) = (self.0.tiers.store(), last) else { return REMOVE };
        let past = self.0.order.now().duration_since(last);
        let wait = past.map_or(Duration::ZERO, |past| REMOVE.saturating_sub(past));
        if !wait.is_zero() {
            return wait;
        }
        store.remove_old_builds().await;
        self.share_files().await;
        self.set_removed_old_builds();
        REMOVE
    }

    fn set_removed_old_builds(&self) {
        let now = self.0.order.now();
        *self.0.removed_old_builds.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Keeps the files that this build's pages name, so that the next build can still answer with
    /// them.
    pub(crate) async fn keep_files(&self) {
        let Some(files) = self.0.kept_files.clone() else { return };
        let kept = spawn_blocking(move || files.keep()).await;
        if let Err(error) = kept.unwrap_or_else(|error| Err(error.into())) {
            warn!(%error, "cannot keep the site's files for old pages that shared caches have");
        }
    }

    /// Gives this build's files to the store that machines share, if it is one.
    async fn share_files(&self) {
        let Some(store) = self.0.tiers.store().filter(|store| store.is_shared()) else { return };
        let Some(files) = self.0.kept_files.clone() else { return };
        let lacking = "other machines may lack files for old pages that shared caches have";
        let own = spawn_blocking(move || files.own()).await;
        let own = match own.unwrap_or_else(|error| Err(error.into())) {
            Ok(own) => own,
            Err(error) => return warn!(%error, "{lacking}"),
        };
        let mut failed = None;
        for (path, file) in own {
            let share = async {
                let content = tokio::fs::read(file).await?;
                store.put_file(&path, content.into()).await
            };
            if let Err(error) = share.await {
                failed = Some((path, error));
            }
        }
        if let Some((path, error)) = failed {
            warn!(path, error, "{lacking}");
        }
    }

    /// Has the disk keep the file at `path` that another machine has shared, with its compressed forms.
    pub(crate) async fn fetch_file(&self, path: &str) -> Option<()> {
        let store = self.0.tiers.store().filter(|store| store.is_shared())?;
        let files = self.0.kept_files.clone()?;
        let ask = async |is: fn(&KeptFiles, &str) -> bool| {
            let (files, path) = (Arc::clone(&files), path.to_owned());
            spawn_blocking(move || is(&files, &path)).await.unwrap_or_default()
        };
        if !ask(|files, path| files.missing(path).is_some()).await {
            return None;
        }
        let _turn = self.0.file_turns.acquire().await.ok()?;
        // For somebody who came before.
        if ask(|files, path| files.find(path).is_some()).await {
            return Some(());
        }
        let content = store.file(path).await?;
        let mut forms = Vec::new();
        for form in COMPRESSED.map(|ending| format!("{path}{ending}")) {
            forms.extend(store.file(&form).await.map(|content| (form, content)));
        }
        // At last: from then on it is found, and sent in the forms that there are.
        forms.push((path.to_owned(), content));
        let keep = move || {
            forms.iter().try_for_each(|(path, content)| files.keep_of_another(path, content))
        };
        let kept = spawn_blocking(keep).await.unwrap_or_else(|error| Err(error.into()));
        kept.inspect_err(|error| warn!(%error, "cannot keep a file of another build")).ok()
    }

    /// Has CDNs drop the pages of other builds. Those of one that still runs only if nobody has done so
    /// since this build itself was dropped: there is a second time, when its last server has ended.
    async fn drop_others(&self, others: &[OtherBuild]) {
        let own = self.0.build.as_deref().map_or(0, |own| self.dropped(own));
        let left = others.iter().filter(|other| !other.is_in_use || self.dropped(&other.id) <= own);
        self.drop_at_cdns(left.map(|build| build.id.as_str())).await;
    }

    /// Has CDNs drop the pages of these builds. In this engine their tags mean nothing: it has no
    /// such pages.
    async fn drop_at_cdns(&self, builds: impl Iterator<Item = &str>) {
        let scopes: Vec<_> = builds.map(|build| Scope::Tag(tag_of(build))).collect();
        if scopes.is_empty() {
            return;
        }
        info!(?scopes, "telling CDNs to drop the pages of other builds");
        let origin = Some(self.0.order.origin(PurgeSource::NewBuild));
        let purge = NewPurge { origin, ..NewPurge::of(scopes, PurgeKind::Soft) };
        if let Err(error) = self.keep_purge(purge, Vec::new()).await {
            warn!(error, "a restart may forget to tell CDNs to drop the pages of other builds");
        }
    }

    /// Where in the order of purges CDNs were last told to drop the pages of a build.
    fn dropped(&self, build: &str) -> Position {
        self.0.order.purges().read(|times| times.last_of_tag(tag_of(build)))
    }

    fn with_dropped(&self, build: String) -> (String, Position) {
        let dropped = self.dropped(&build);
        (build, dropped)
    }

    fn watch_running_builds(&self) {
        let inner = Arc::downgrade(&self.0);
        self.0.other_servers.wake(|begun| async move {
            loop {
                let Some(engine) = inner.upgrade().map(Self) else { return };
                let is_one_running = engine.drop_ended_builds().await;
                drop(engine);
                match is_one_running {
                    true => sleep(LOOK).await,
                    false => begun.notified().await,
                }
            }
        });
    }

    /// Has CDNs drop the pages of builds whose last server has ended, unless another server has done
    /// so. Returns whether others run.
    pub(crate) async fn drop_ended_builds(&self) -> bool {
        let running = self.running_builds();
        let Some(store) = self.0.tiers.store().filter(|_| !running.is_empty()) else {
            return false;
        };
        let lease = store.lease("ended builds", 0).await.unwrap_or(Lease::Unknown);
        if matches!(lease, Lease::Held) {
            // Another server does it. If that fails, this one does later.
            return true;
        }
        // What another one has done.
        let _ = self.hear_purges().await;
        let dropped: BTreeMap<_, _> =
            running.keys().map(|build| self.with_dropped(build.clone())).collect();
        let Some(others) = store.other_builds().await else { return true };
        let in_use: BTreeSet<_> =
            others.into_iter().filter(|build| build.is_in_use).map(|build| build.id).collect();
        // By another server, since this one last saw it run.
        let is_done = |build: &&String| dropped[*build] > running[*build];
        let ended = running.keys().filter(|build| !in_use.contains(*build));
        self.drop_at_cdns(ended.filter(|build| !is_done(build)).map(String::as_str)).await;
        let left: BTreeMap<_, _> =
            dropped.into_iter().filter(|(build, _)| in_use.contains(build)).collect();
        let is_one_running = !left.is_empty();
        self.set_running_builds(left);
        is_one_running
    }

    fn running_builds(&self) -> BTreeMap<String, Position> {
        self.0.running_builds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_running_builds(&self, builds: BTreeMap<String, Position>) {
        *self.0.running_builds.lock().unwrap_or_else(PoisonError::into_inner) = builds;
    }
}

/// The tag that each page of a build is sent with.
fn tag_of(build: &str) -> Tag {
    Tag::new(headers::build_tag(build))
}
