//! Pages that somebody watches are kept up, and who watches is told.

use crate::{
    engine::Engine,
    entry::{Seen, ServedEntry},
    order::purge::Scope,
    route::target::Target,
    rules::freshness::Freshness,
    tasks::schedule::Urgency,
    watch::Topic,
};

impl Engine {
    /// Tells who watches that a page was stored in the place of `old`.
    pub(crate) fn page_stored(&self, entry: &ServedEntry, old: Option<&ServedEntry>) {
        self.0.watch.set_tags(entry);
        if old.is_none_or(|old| !entry.is_same_page(old)) {
            let tags = entry.tags().iter().cloned().map(Topic::Tag);
            let topics = std::iter::once(Topic::Page(entry.key().clone())).chain(tags);
            self.0.watch.changed(topics, || self.0.order.next());
        }
    }

    /// Regenerates the watched pages that a purge reached.
    pub(crate) fn regenerate_watched(&self, scopes: &[Scope]) {
        for target in self.0.watch.reached_by(scopes) {
            self.start_watched(&target);
        }
    }

    /// Regenerates a watched page whose period is over. A page that was dropped
    /// from memory waits for its next visitor: a heartbeat reads no disk.
    pub(crate) fn keep_up(&self, target: &Target) {
        if let Some(entry) = self.0.tiers.in_memory(target.key.as_str()) {
            self.regenerate_stale(target, &entry);
        }
    }

    pub(crate) fn regenerate_stale(&self, target: &Target, entry: &ServedEntry) {
        if !matches!(self.0.order.freshness(target.lifetime, entry), Freshness::Fresh { .. }) {
            self.start_watched(target);
        }
    }

    fn start_watched(&self, target: &Target) {
        if self.0.bypass.is_none() && self.0.backoff.waits(&target.key, self.now()).is_none() {
            self.start(target, "watched", Urgency::Background, Seen::default());
        }
    }
}
