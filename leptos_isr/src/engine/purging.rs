//! Purges: noted, kept, and passed on.

use tracing::info;

use crate::{
    engine::Engine,
    error::{Error, StoreError},
    order::purge::{Purge, Scope},
    rules::freshness::PurgeKind,
};

impl Engine {
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
        let kind = purge.kind();
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
        let stamp = self.0.order.note_purge(&scopes, kind);
        let kept = match self.0.tiers.store() {
            Some(store) => {
                let purges = self.0.order.purges();
                self.0.purge_log.append(store, &scopes, kind, stamp, purges).await
            }
            None => Ok(()),
        };
        // Not before: a CDN that asks again must find the pages purged.
        self.0.cdns.note(&scopes, kind == PurgeKind::Hard, stamp).await;
        self.regenerate_watched(&scopes);
        kept
    }
}
