//! Purges that are done once more, for sources that answer with what was before for a while.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::{info, warn};

use crate::{
    engine::{Engine, purging::LISTEN},
    order::origins::PurgeSource,
    rules::freshness::PurgeKind,
    store::{Lease, purge_log::NewPurge},
};

impl Engine {
    /// Starts to do what is due, if anything is to be done and there is a runtime, and looks anew at
    /// what is due next.
    pub(crate) fn purge_again_when_due(&self) {
        if self.0.order.next_again().is_none() {
            return;
        }
        let inner = Arc::downgrade(&self.0);
        self.0.second_purges.wake(|changed| async move {
            loop {
                let Some(engine) = inner.upgrade().map(Self) else { return };
                engine.purge_due().await;
                let wait = match engine.0.order.next_again() {
                    None => Duration::MAX,
                    // Another process does it just now.
                    Some(Duration::ZERO) => LISTEN,
                    Some(wait) => wait,
                };
                drop(engine);
                // Whatever ends the wait, what is due is looked at.
                let _ = timeout(wait, changed.notified()).await;
            }
        });
    }

    /// Does what is to be purged once more by now.
    pub(crate) async fn purge_due(&self) {
        if self.0.order.next_again() != Some(Duration::ZERO) {
            return;
        }
        // Of several processes one does it.
        let lease = match self.0.tiers.store() {
            Some(store) => store.lease("second purges", 0).await.unwrap_or(Lease::Unknown),
            None => Lease::Unknown,
        };
        if matches!(lease, Lease::Held) {
            return;
        }
        if let Err(error) = self.hear_purges().await {
            warn!(error, "cannot read the purges of other processes");
        }
        for kind in [PurgeKind::Soft, PurgeKind::Hard] {
            let scopes = self.0.order.due_again(kind);
            if scopes.is_empty() {
                continue;
            }
            info!(names = scopes.len(), hard = kind == PurgeKind::Hard, "purging once more");
            let engine = self.clone();
            let origin = Some(self.0.order.origin(PurgeSource::Again));
            let again = NewPurge { origin, ..NewPurge::of(scopes.clone(), kind) };
            let purge = async move {
                let kept = engine.keep_purge(again, Vec::new()).await;
                engine.0.order.second_purge_is_done(&scopes, kind);
                kept
            };
            // In a task: it is finished even if the engine's last handle goes.
            if let Ok(Err(error)) = self.0.tasks.spawn(purge).await {
                warn!(error, "the store could not keep a second purge, a restart does it again");
            }
        }
    }
}
