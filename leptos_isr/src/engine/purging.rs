//! Purges: noted in memory, kept in the store, and passed on to CDNs.

use tracing::info;

use crate::{
    engine::Engine,
    error::{Error, StoreError},
    order::purge::{Purge, Scope},
    rules::freshness::PurgeKind,
};

impl Engine {
    /// Makes pages stale, or unservable if the purge is hard; see [`Purge`].
    ///
    /// The purge is finished even if the caller goes away. Returns once it is in the store, so that
    /// a restart does not forget it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a malformed path; nothing is purged then. Returns
    /// [`Error::PurgeNotKept`] if the store could not keep the purge: it holds in this process, and
    /// a restart forgets it. Returns [`Error::ShuttingDown`] if the runtime shuts down first.
    pub async fn purge(&self, purge: &Purge) -> Result<(), Error> {
        let scopes = purge.scopes()?;
        if scopes.is_empty() {
            return Ok(());
        }
        let kind = purge.kind();
        let engine = self.clone();
        // In a task: a caller who goes away must not stop the purge halfway.
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
        let stamp = self.0.order.note_purge(&scopes, kind);
        let kept = match self.0.tiers.store() {
            Some(store) => {
                let purges = self.0.order.purges();
                self.0.purge_log.append(store, &scopes, kind, stamp, purges).await
            }
            None => Ok(()),
        };
        // Only now: a CDN that asks for a page again must find it purged.
        self.0.cdns.note(&scopes, kind == PurgeKind::Hard, stamp).await;
        self.regenerate_watched(&scopes);
        kept
    }
}
