//! CDNs are told of purges: in the background, and by one process of all that share a ledger.
//!
//! What a CDN is still to be told is in its queue, in each process: what the ledger keeps after the
//! position up to which the CDN has been told. Whoever has the lease tells, and keeps up to where.
//! The lease of a process that ends passes on, and so does what it has not told. So it does while the
//! CDN fails or refuses: perhaps it does so for one process only.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, sleep_until},
};
use tracing::warn;

use crate::{
    cdn::{Answered, Batch, Queue},
    engine::{
        Engine, Inner,
        purging::{CUT_OFF, LISTEN},
    },
    period,
    store::{Lease, purge_log::Told},
};

/// How often it is looked whether the process that tells a CDN has ended.
const LOOK: Duration = period::seconds(1);

/// How long after a purge a CDN is told: by then each process has heard of it, or says that it is cut
/// off. Before, a CDN that asks for the page again could get the old one as fresh.
const HEARD: Duration = CUT_OFF.saturating_add(LISTEN);

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
        let wait = tell(&engine, &queue).await;
        // Another process may reach the CDN, or be let in, meanwhile.
        drop(lease);
        sleep(wait).await;
    }
}

/// Tells one CDN what there is. Returns how long to wait until it is asked again.
async fn tell(engine: &Weak<Inner>, queue: &Arc<Queue>) -> Duration {
    loop {
        let Some(asking) = engine.upgrade().map(Engine) else { return Duration::ZERO };
        let Some(batch) = asking.next_to_tell(queue) else { return Duration::ZERO };
        let hearing = if asking.0.tiers.store().is_some() { HEARD } else { Duration::ZERO };
        let telling = asking.0.cdns.tell(queue, &batch);
        drop(asking);
        sleep_until(batch.queued + hearing).await;
        let answered = telling.await;
        let Some(told) = engine.upgrade().map(Engine) else { return Duration::ZERO };
        match answered {
            Answered::Done => told.note_told(queue, &batch).await,
            Answered::Refused => {
                queue.told(&batch);
                return Duration::ZERO;
            }
            Answered::Failed { retry_in } => return retry_in,
        }
    }
}
