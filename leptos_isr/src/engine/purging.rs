//! Purges: noted in memory, kept in the store, and passed on to CDNs.

use std::{
    pin::pin,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::{
    access::seen_cookie,
    address::path::CanonicalPath,
    cdn::Arrival,
    engine::{Engine, finished},
    entry::{Position, Seen},
    error::{Error, StoreError},
    order::{origins::PurgeSource, purge::Purge, purge_id::PurgeId},
    period,
    store::{
        guarded::Guarded,
        purge_log::{Heard, NewPurge},
    },
};

/// How often it is looked what other processes have purged. A purge is to be heard within a second.
pub(crate) const LISTEN: Duration = Duration::from_millis(250);

/// How long those wait for each other who are to see a purge that is not known yet.
const TOGETHER: Duration = Duration::from_millis(50);

/// How long the ledger may be silent before this process counts as cut off from the others.
pub(crate) const CUT_OFF: Duration = period::seconds(1);

impl Engine {
    /// Makes pages stale, or unservable if the purge is hard; see [`Purge`].
    ///
    /// The purge is finished even if the caller goes away. Returns once it is in the store, so that
    /// a restart does not forget it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a malformed path and [`Error::PurgeAgain`] for too long a
    /// time until the second purge; nothing is purged then. Returns
    /// [`Error::PurgeNotKept`] if the store could not keep the purge: it holds in this process, and
    /// a restart forgets it. Returns [`Error::ShuttingDown`] if the runtime shuts down first.
    pub async fn purge(&self, purge: &Purge) -> Result<(), Error> {
        self.purge_for(purge, PurgeSource::Code, Vec::new()).await
    }

    /// Purges for `by`. If another server passed the purge on with these ids, it is done once and
    /// passed on once, however often it comes.
    pub(crate) async fn purge_for(
        &self,
        purge: &Purge,
        by: PurgeSource,
        ids: Vec<PurgeId>,
    ) -> Result<(), Error> {
        let scopes = purge.scopes()?;
        if scopes.is_empty() {
            return Ok(());
        }
        let again = purge.again_after()?.map(|after| self.0.order.due_after(after));
        let origin = Some(self.0.order.origin(by));
        let new = NewPurge { again, origin, ..NewPurge::of(scopes, purge.kind()) };
        let engine = self.clone();
        // In a task: a caller who goes away must not stop the purge halfway.
        let keep = self.0.tasks.spawn(async move { engine.keep_purge(new, ids).await });
        let kept = finished(keep).await?;
        kept.map_err(Error::PurgeNotKept)?;
        info!(paths = ?purge.paths, prefixes = ?purge.prefixes, tags = ?purge.tags,
            hard = purge.hard, "purged");
        Ok(())
    }

    pub(crate) async fn keep_purge(
        &self,
        mut purge: NewPurge,
        ids: Vec<PurgeId>,
    ) -> Result<(), StoreError> {
        self.hear_purges_of_others();
        let arrival = self.0.cdns.begin(&ids);
        if arrival == Arrival::Done {
            return Ok(());
        }
        purge.ids = self.0.cdns.ids(arrival, &ids);
        let (began, kind, origin) = (Instant::now(), purge.kind, purge.origin.clone());
        let on_heard = |heard| self.pass_on(&heard);
        let kept = match (self.0.tiers.store(), &self.0.missing_store) {
            (Some(store), _) => {
                self.0.purge_log.append(store, purge, &self.0.order, on_heard).await
            }
            (None, missing) => {
                on_heard(purge.apply_here(&self.0.order));
                missing.as_ref().map_or(Ok(()), |(path, why)| {
                    Err(format!("the store at `{}` could not be made: {why}", path.display())
                        .into())
                })
            }
        };
        self.0.cdns.end(&ids, kept.is_ok());
        if let Some(origin) = origin {
            self.count_purge(&origin.by, kind, began.elapsed());
        }
        self.purge_again_when_due();
        kept
    }

    /// Passes on purges that have been applied: only now, since a CDN that asks for a page again must
    /// find it purged.
    pub(crate) fn pass_on(&self, heard: &Heard) {
        self.apply_periods(&heard.periods);
        self.0.cdns.hear(heard);
        if !heard.purges.is_empty() {
            self.tell_cdns();
        }
        heard.purges.iter().for_each(|(_, purge)| self.regenerate_watched(&purge.scopes));
        if !heard.is_all {
            self.count_heard(&heard.purges);
            let now = self.now();
            heard.purges.iter().for_each(|(_, purge)| self.0.events.purged(purge, now));
        }
    }

    /// Applies what other processes have purged, from now on for as long as the engine lives.
    pub(crate) fn hear_purges_of_others(&self) {
        if self.0.tiers.store().is_none() {
            return;
        }
        let inner = Arc::downgrade(&self.0);
        self.0.other_purges.wake(|_| async move {
            let (mut heard, mut failure) = (Instant::now(), None);
            loop {
                let Some(engine) = inner.upgrade().map(Self) else { return };
                match engine.listen(heard, failure.as_deref()).await {
                    Ok(()) => (heard, failure) = (Instant::now(), None),
                    Err(why) => failure = Some(why),
                }
                drop(engine);
                sleep(LISTEN).await;
            }
        });
    }

    /// Hears of purges, and notes whether this process is cut off. `heard` is when it last heard of
    /// any, or of none, and `failure` why it has not since, if the ledger said so.
    ///
    /// # Errors
    ///
    /// Returns why it has not heard.
    async fn listen(&self, heard: Instant, failure: Option<&str>) -> Result<(), String> {
        let mut hear = pin!(self.hear_purges());
        let result = match timeout_at(heard + CUT_OFF, &mut hear).await {
            Ok(result) => result,
            Err(_) => {
                self.set_cut_off(failure.unwrap_or("it does not answer"));
                hear.await
            }
        };
        let result = result.map_err(|error| error.to_string());
        match &result {
            Ok(()) => self.set_connected(),
            Err(why) if heard.elapsed() >= CUT_OFF => self.set_cut_off(why),
            Err(_) => {}
        }
        result
    }

    /// Waits until the purge at `position` is known here, for a second at most.
    pub(crate) async fn hear_until(&self, position: Position) {
        if self.0.order.seen() >= Seen(position) || self.is_cut_off() {
            return;
        }
        // Anybody can send any position: together they ask twenty times a second at most.
        let hear = async {
            sleep(TOGETHER).await;
            self.hear_purges().await
        };
        // Without an answer it is as if the purge were not to be seen yet.
        let _ = timeout_at(Instant::now() + CUT_OFF, hear).await;
    }

    /// The `Set-Cookie` value for whoever has caused a purge: for the next minute each server of the
    /// site answers their requests with pages that have seen all purges until now. If it has to, it
    /// waits for a render.
    ///
    /// Without it, a page that was purged softly is served to them once more while it is rendered, and
    /// another server may hear of the purge up to a second later.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{http::header, response::IntoResponse};
    /// use leptos_isr::{Engine, purge::Purge};
    ///
    /// async fn publish(isr: Engine) -> Result<impl IntoResponse, leptos_isr::Error> {
    ///     isr.purge(&Purge { tags: vec!["posts".to_owned()], ..Purge::default() }).await?;
    ///     Ok([(header::SET_COOKIE, isr.seen_cookie())])
    /// }
    /// # let _ = publish;
    /// ```
    #[must_use]
    pub fn seen_cookie(&self) -> HeaderValue {
        seen_cookie::set(self.0.order.seen().0)
    }

    /// Whether it is not known what other processes have purged.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.0.is_cut_off.load(Ordering::Relaxed)
            && self.0.tiers.store().is_some_and(Guarded::is_shared)
    }

    fn set_cut_off(&self, why: &str) {
        if self.0.is_cut_off.swap(true, Ordering::Relaxed) {
            return;
        }
        self.note_cut_off(Some(self.now()));
        match self.is_cut_off() {
            true => warn!(
                why,
                "the ledger cannot be read: pages are served as before, shared caches keep \
                them for seconds only, and what other processes purge is not known until it can"
            ),
            false => warn!(why, "cannot read the purges of other processes"),
        }
    }

    fn note_cut_off(&self, since: Option<SystemTime>) {
        *self.0.cut_off_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn set_connected(&self) {
        if self.0.is_cut_off.swap(false, Ordering::Relaxed) {
            self.note_cut_off(None);
            info!("the ledger can be read, and what was purged meanwhile is known");
            // It may have been away when this server began.
            let engine = self.clone();
            self.0.tasks.spawn(async move { engine.note_service_again().await });
        }
    }

    pub(crate) async fn hear_purges(&self) -> Result<(), StoreError> {
        let Some(store) = self.0.tiers.store() else { return Ok(()) };
        let next = self.0.order.later().next();
        self.0.purge_log.hear(store, &self.0.order, |heard| self.pass_on(&heard)).await?;
        // Only then, since this is also called by what it wakes.
        if self.0.order.later().next() != next {
            self.purge_again_when_due();
        }
        Ok(())
    }

    /// Whether the address of a page ends in a slash, as its route declares.
    pub(crate) fn ends_in_slash(&self, path: &str) -> bool {
        let path = CanonicalPath::parse(path);
        let route = path.ok().and_then(|path| self.0.routes.find(path.segments.iter()));
        route.is_some_and(|route| route.pattern.ends_in_slash)
    }
}
