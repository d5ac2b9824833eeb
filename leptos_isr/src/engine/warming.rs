//! The pages that visitors ask for most, which the server of a new build renders before it is ready.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tokio::time::sleep;
use tracing::info;

use crate::{
    address::key::Key,
    engine::Engine,
    entry::Version,
    period,
    stats::RenderReason,
    tasks::{schedule::Urgency, single_flight},
};

/// How often it is noted which pages were asked for.
const NOTED: Duration = period::minutes(1);

/// How many pages are rendered before a server is ready, and of how many it is noted each time that
/// they were asked for.
const MOST: usize = 100;

/// How many of them are under way at once.
const AT_ONCE: usize = 16;

impl Engine {
    /// Notes each minute what was asked for, from now on.
    pub(super) fn note_requests_each_minute(&self) {
        let inner = Arc::downgrade(&self.0);
        self.0.requests.wake(|_| async move {
            loop {
                sleep(NOTED).await;
                let Some(engine) = inner.upgrade().map(Self) else { return };
                engine.note_requests().await;
            }
        });
    }

    /// Notes which pages were asked for since the last call.
    pub(crate) async fn note_requests(&self) {
        let Some(store) = self.0.tiers.store() else { return };
        let mut counts: Vec<(Key, u64)> = Vec::new();
        for entry in self.0.tiers.all_at_hand() {
            match entry.take_requests() {
                0 => {}
                _ if entry.is_of_any_path() => {}
                count => counts.push((entry.key.clone(), count)),
            }
        }
        counts.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(MOST);
        if !counts.is_empty() {
            store.note_requests(&counts).await;
        }
    }

    /// Brings the pages into memory that were asked for most, of whatever build, and renders those that
    /// this build does not have.
    pub(super) async fn warm(&self) {
        // Without an app nothing can be rendered.
        let Some(store) = self.0.tiers.store().filter(|_| self.0.app.get().is_some()) else {
            return;
        };
        let keys = store.most_requested(MOST).await;
        let pages = keys.len();
        let warmed = stream::iter(keys).map(|key| {
            let engine = self.clone();
            async move { engine.warm_page(&key).await }
        });
        let warmed: Vec<bool> = warmed.buffer_unordered(AT_ONCE).collect().await;
        if pages > 0 {
            let rendered = warmed.iter().filter(|is_rendered| **is_rendered).count();
            info!(pages, rendered, "warmed the pages that are asked for most");
        }
    }

    /// Returns whether the page was rendered. One that this build does not have, or that cannot be
    /// rendered now, is left out.
    async fn warm_page(&self, key: &Key) -> bool {
        let Ok(target) = self.target(key.as_str()).await else { return false };
        if self.stored(&target.key).await.is_some() {
            return false;
        }
        let flight =
            self.join_flight(&target, RenderReason::Warm, Urgency::Background, Version::default());
        matches!(single_flight::wait(flight).await, Some(Ok(_)))
    }
}
