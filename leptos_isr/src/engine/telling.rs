//! CDNs are told of purges: in the background, and by one process of all that share a ledger.
//!
//! What a CDN is still to be told is in its queue, in each process: what the ledger keeps after the
//! position up to which the CDN has been told. Whoever has the lease tells, and keeps up to where.
//! The lease of a process that ends passes on, and so does what it has not told.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use tracing::warn;

use crate::{
    cdn::{Batch, Queue},
    engine::{Engine, Inner},
    period,
    store::{Lease, purge_log::Told},
};

/// How often it is looked whether the process that tells a CDN has ended.
const LOOK: Duration = period::seconds(1);

impl Engine {
    /// Tells the CDNs what they are still to be told, from now on for as long as the engine lives.
    pub(crate) fn tell_cdns(&self) {
        let cdns = &self.0.cdns;
        for (queue, teller) in cdns.queues.iter().zip(&cdns.tellers) {
            let (inner, queue) = (Arc::downgrade(&self.0), Arc::clone(queue));
            teller.wake(|woken| work(inner, queue, woken));
        }
    }

    /// Asks whether this process may tell the CDN alone.
    async fn ask_to_tell(&self, queue: &Queue) -> Lease {
        let Some(store) = self.0.tiers.store() else { return Lease::Unknown };
        let lease = store.lease(&format!("cdn {}", queue.name), 0).await;
        // Without an answer it tells: twice is better than not at all.
        let lease = lease.unwrap_or(Lease::Unknown);
        if !matches!(lease, Lease::Held) {
            // What was told by whoever had the lease before.
            let _ = self.hear_purges().await;
        }
        lease
    }

    /// What the CDN is to be told next, by the addresses of its pages.
    fn next_to_tell(&self, queue: &Queue) -> Option<Batch> {
        let mut batch = queue.next()?;
        for path in &mut batch.purge.paths {
            if self.ends_in_slash(path) {
                path.push('/');
            }
        }
        Some(batch)
    }

    async fn note_told(&self, queue: &Queue, batch: &Batch) {
        if let Some(store) = self.0.tiers.store()
            && let Some(until) = batch.until
        {
            let told = Told { cdn: queue.name.clone(), until };
            if let Err(error) = self.0.purge_log.note_told(store, told, &self.0.order).await {
                warn!(cdn = queue.name, error, "cannot keep what a CDN was told: it is told again");
            }
        }
        queue.told(batch);
    }
}

/// Tells one CDN. Holds the engine only while it does something.
async fn work(engine: Weak<Inner>, queue: Arc<Queue>, woken: Arc<Notify>) {
    loop {
        if queue.is_empty() {
            woken.notified().await;
            continue;
        }
        let Some(asking) = engine.upgrade().map(Engine) else { return };
        let lease = asking.ask_to_tell(&queue).await;
        drop(asking);
        if matches!(lease, Lease::Held) {
            sleep(LOOK).await;
            continue;
        }
        loop {
            let Some(telling) = engine.upgrade().map(Engine) else { return };
            let Some(batch) = telling.next_to_tell(&queue) else { break };
            let told = telling.0.cdns.tell(&queue, &batch);
            drop(telling);
            told.await;
            let Some(telling) = engine.upgrade().map(Engine) else { return };
            telling.note_told(&queue, &batch).await;
        }
        drop(lease);
    }
}
