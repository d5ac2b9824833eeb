//! Purges: noted in memory, kept in the store, and passed on to CDNs.

use tracing::info;

use crate::{
    address::path::CanonicalPath,
    cdn::{Arrival, PurgeId},
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
        self.purge_passed_on(purge, Vec::new()).await
    }

    /// Purges for another server, which passed the purge on with these ids. It is done once and
    /// passed on once, however often it comes.
    pub(crate) async fn purge_passed_on(
        &self,
        purge: &Purge,
        ids: Vec<PurgeId>,
    ) -> Result<(), Error> {
        let scopes = purge.scopes()?;
        if scopes.is_empty() {
            return Ok(());
        }
        let kind = purge.kind();
        let engine = self.clone();
        // In a task: a caller who goes away must not stop the purge halfway.
        let keep = self.0.tasks.spawn(async move { engine.keep_purge(scopes, kind, ids).await });
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

    async fn keep_purge(
        &self,
        scopes: Vec<Scope>,
        kind: PurgeKind,
        ids: Vec<PurgeId>,
    ) -> Result<(), StoreError> {
        let arrival = if ids.is_empty() { Arrival::New } else { self.0.cdns.begin(&ids) };
        if arrival == Arrival::Done {
            return Ok(());
        }
        let stamp = self.0.order.note_purge(&scopes, kind);
        let kept = match self.0.tiers.store() {
            Some(store) => {
                let purges = self.0.order.purges();
                self.0.purge_log.append(store, &scopes, kind, stamp, purges).await
            }
            None => Ok(()),
        };
        if arrival == Arrival::New {
            // Only now: a CDN that asks for a page again must find it purged.
            self.0.cdns.note(&self.addresses(&scopes), kind == PurgeKind::Hard, stamp, &ids).await;
        }
        self.0.cdns.end(&ids, kept.is_ok());
        self.regenerate_watched(&scopes);
        kept
    }

    /// The scopes as addresses, which CDNs know pages by: a path ends in a slash if those of its
    /// route do.
    fn addresses(&self, scopes: &[Scope]) -> Vec<Scope> {
        let address = |scope: &Scope| match scope {
            Scope::Path(path) if self.ends_in_slash(path) => Scope::Path(format!("{path}/")),
            scope => scope.clone(),
        };
        scopes.iter().map(address).collect()
    }

    fn ends_in_slash(&self, path: &str) -> bool {
        let path = CanonicalPath::parse(path);
        let route = path.ok().and_then(|path| self.0.routes.find(path.segments.iter()));
        route.is_some_and(|route| route.pattern.ends_in_slash)
    }
}
