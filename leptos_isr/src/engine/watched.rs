//! Watched pages: they are kept fresh, and their watchers are told what changed.

use crate::{
    engine::Engine,
    entry::{ServedEntry, Version},
    order::purge::Scope,
    route::target::Target,
    rules::freshness::Freshness,
    stats::RenderReason,
    tasks::schedule::Urgency,
    watch::Topic,
};

impl Engine {
    /// Tells the watchers of a page that it was stored, unless it is the same as the one before.
    pub(crate) fn tell_page_watchers(&self, entry: &ServedEntry, is_same: bool) {
        self.0.watch.set_tags(entry);
        if !is_same {
            let tags = entry.tags.iter().cloned().map(Topic::Tag);
            let topics = std::iter::once(Topic::Page(entry.key.clone())).chain(tags);
            self.0.watch.changed(topics, || self.0.order.next());
        }
    }

    /// Regenerates the watched pages that a purge reaches.
    pub(crate) fn regenerate_watched(&self, scopes: &[Scope]) {
        for target in self.0.watch.reached_by(scopes) {
            // The purge is worth a try, also for a page that failed just now.
            self.start_watched(&target);
        }
    }

    /// Regenerates a watched page that is no longer fresh. A page that memory has evicted waits for
    /// its next visitor: a heartbeat reads nothing from the store.
    pub(crate) fn keep_up(&self, target: &Target) {
        if let Some(entry) = self.0.tiers.in_memory(target.key.as_str()) {
            self.regenerate_stale(target, &entry);
        }
    }

    pub(crate) fn regenerate_stale(&self, target: &Target, entry: &ServedEntry) {
        // It may have been watched for long, and its period set meanwhile.
        let lifetime = self.route_of(&entry.key).map(|route| self.lifetime_of(route));
        let lifetime = lifetime.unwrap_or(target.lifetime);
        let freshness = self.0.order.freshness(lifetime, entry);
        if !matches!(freshness, Freshness::Fresh { .. }) && self.backs_off(entry).is_none() {
            self.start_watched(&Target { lifetime, ..target.clone() });
        }
    }

    fn start_watched(&self, target: &Target) {
        if self.0.bypass.is_none() {
            self.join_flight(target, RenderReason::Time, Urgency::Background, Version::default());
        }
    }
}
