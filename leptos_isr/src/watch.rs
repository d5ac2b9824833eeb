//! Who watches which pages and tags, and when each last changed.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cached::{Cached, CachedPeek, LruCache};
use tokio::sync::watch;

use crate::{
    address::{key::Key, tag::Tag},
    clock::Stamp,
    entry::Entry,
    order::purge::{self, Scope},
    route::target::Target,
};

/// For how many pages and tags the last change is remembered, at about 150 bytes each.
const REMEMBERED: usize = 10_000;

/// What can be watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Page(Key),
    Tag(Tag),
}

/// All streams of one engine.
pub(crate) struct Hub {
    max_streams: usize,
    /// How often an idle stream sends a heartbeat.
    pub(crate) heartbeat: Duration,
    state: Mutex<State>,
    closed: watch::Sender<bool>,
}

struct State {
    streams: usize,
    watched: HashMap<Topic, TopicState>,
    changes: Changes,
}

/// When each topic last changed, for those that changed most recently.
struct Changes {
    remembered: LruCache<Topic, Stamp>,
    /// The latest change that is no longer remembered; `remembered` sets it when it evicts one.
    forgotten: Arc<AtomicU64>,
}

/// What all watchers of one topic share.
struct TopicState {
    watchers: usize,
    changed: watch::Sender<Stamp>,
    page: Option<Target>,
    /// The tags of the stored page; `None` while no page is known.
    tags: Option<Vec<Tag>>,
}

/// One stream's part in the hub. Dropping it ends the part.
pub(crate) struct Watcher {
    hub: Arc<Hub>,
    /// When it began.
    pub(crate) began: Stamp,
    pub(crate) topics: Vec<(Topic, watch::Receiver<Stamp>)>,
    pub(crate) pages: Vec<Target>,
    pub(crate) closed: watch::Receiver<bool>,
}

impl Hub {
    /// A hub that knows of no change since `now`.
    pub(crate) fn new(max_streams: usize, heartbeat: Duration, now: Stamp) -> Self {
        Self {
            max_streams,
            heartbeat,
            state: Mutex::new(State {
                streams: 0,
                watched: HashMap::new(),
                changes: Changes::new(now),
            }),
            closed: watch::Sender::new(false),
        }
    }

    /// Whether live streams are enabled.
    pub(crate) fn is_on(&self) -> bool {
        self.max_streams > 0
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Begins a stream; `None` if there are as many as allowed, or the hub is closed.
    ///
    /// What changed after `since` counts as not sent yet. `stamp` is called once.
    pub(crate) fn join(
        self: &Arc<Self>,
        topics: Vec<(Topic, Option<Target>)>,
        since: Since,
        stamp: impl FnOnce() -> Stamp,
    ) -> Option<Watcher> {
        let mut state = self.state();
        let closed = self.closed.subscribe();
        if state.streams >= self.max_streams || *closed.borrow() {
            return None;
        }
        state.streams += 1;
        // Under the lock, so that each change that is not seen here has a later stamp.
        let began = stamp();
        let since = since.stamp(began);
        let pages = topics.iter().filter_map(|(_, page)| page.clone()).collect();
        let topics =
            topics.into_iter().map(|(topic, page)| {
                let last = state.changes.last(&topic);
                let topic_state = state.watched.entry(topic.clone()).or_insert_with(|| {
                    TopicState { watchers: 0, changed: watch::Sender::new(last), page, tags: None }
                });
                topic_state.watchers += 1;
                let mut changes = topic_state.changed.subscribe();
                if last > since {
                    changes.mark_changed();
                }
                (topic, changes)
            });
        let topics = topics.collect();
        drop(state);
        Some(Watcher { hub: Arc::clone(self), began, topics, pages, closed })
    }

    fn leave(&self, topics: &[(Topic, watch::Receiver<Stamp>)]) {
        let mut state = self.state();
        state.streams -= 1;
        for (topic, _) in topics {
            if let Some(topic_state) = state.watched.get_mut(topic) {
                topic_state.watchers -= 1;
                if topic_state.watchers == 0 {
                    state.watched.remove(topic);
                }
            }
        }
    }

    /// Notes a change of `topics`. `stamp` is called once.
    pub(crate) fn changed(
        &self,
        topics: impl Iterator<Item = Topic>,
        stamp: impl FnOnce() -> Stamp,
    ) {
        let mut state = self.state();
        let stamp = stamp();
        for topic in topics {
            if let Some(topic_state) = state.watched.get(&topic) {
                topic_state.changed.send_replace(stamp);
            }
            state.changes.note(topic, stamp);
        }
    }

    /// Notes the tags of a stored page, by which purges reach it, if somebody watches it.
    pub(crate) fn set_tags(&self, entry: &Entry) {
        let mut state = self.state();
        if state.watched.is_empty() {
            return;
        }
        if let Some(topic_state) = state.watched.get_mut(&Topic::Page(entry.key.clone())) {
            topic_state.tags = Some(entry.tags.to_vec());
        }
    }

    /// The watched pages that are stored and that one of `scopes` reaches.
    pub(crate) fn reached_by(&self, scopes: &[Scope]) -> Vec<Target> {
        let state = self.state();
        if state.watched.is_empty() {
            return Vec::new();
        }
        let scopes: HashSet<_> = scopes.iter().collect();
        let stored = state.watched.values().filter_map(|topic_state| {
            let (target, tags) = (topic_state.page.as_ref()?, topic_state.tags.as_ref()?);
            purge::reaches(&scopes, target.key.path(), tags).then(|| target.clone())
        });
        stored.collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    /// No change since `now`.
    fn new(now: Stamp) -> Self {
        let forgotten = Arc::new(AtomicU64::new(now));
        let latest = Arc::clone(&forgotten);
        let remembered = LruCache::builder()
            .max_size(REMEMBERED)
            .on_evict(move |_: &Topic, stamp: &Stamp| {
                latest.fetch_max(*stamp, Ordering::Relaxed);
            })
            .build()
            .expect("the size is above zero");
        Self { remembered, forgotten }
    }

    fn note(&mut self, topic: Topic, stamp: Stamp) {
        self.remembered.cache_set(topic, stamp);
    }

    /// The stamp of the topic's last change, or a later one if that is forgotten.
    fn last(&self, topic: &Topic) -> Stamp {
        let forgotten = || self.forgotten.load(Ordering::Relaxed);
        self.remembered.cache_peek(topic).copied().unwrap_or_else(forgotten)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.hub.leave(&self.topics);
    }
}

/// Which changes a reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// All until the stream begins.
    Now,
    /// All up to an event.
    Event(Stamp),
    /// All until this long before the stream begins.
    Ago(Duration),
}

impl Since {
    fn stamp(self, now: Stamp) -> Stamp {
        match self {
            Self::Now => now,
            // A stamp in the future is from another clock, and says nothing.
            Self::Event(stamp) => {
                if stamp <= now {
                    stamp
                } else {
                    0
                }
            }
            Self::Ago(time) => {
                now.saturating_sub(Stamp::try_from(time.as_micros()).unwrap_or(Stamp::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period;

    #[test]
    fn reader_who_knows_a_future_event_is_told_everything() {
        for (since, stamp) in [
            (Since::Now, 5_000_000),
            (Since::Event(7), 7),
            (Since::Event(5_000_001), 0),
            (Since::Ago(period::seconds(3)), 2_000_000),
            (Since::Ago(Duration::MAX), 0),
        ] {
            assert_eq!(since.stamp(5_000_000), stamp, "{since:?}");
        }
    }

    #[test]
    fn topic_that_was_forgotten_changed_no_earlier_than_it_did() {
        let topic = |n: usize| Topic::Tag(Tag::new(n.to_string()));
        let mut changes = Changes::new(7);
        for (n, stamp) in (0..REMEMBERED).zip(100..) {
            changes.note(topic(n), stamp);
        }
        // It replaces the topic's older change, so nothing is forgotten for it.
        changes.note(topic(0), 20_000);
        assert_eq!(changes.last(&topic(REMEMBERED)), 7);
        // Asking for it does not keep it.
        assert_eq!(changes.last(&topic(1)), 101);
        changes.note(topic(REMEMBERED), 20_001);
        assert_eq!(changes.remembered.cache_size(), REMEMBERED);
        let last = [0, 1, 2, REMEMBERED].map(|n| changes.last(&topic(n)));
        assert_eq!(last, [20_000, 101, 102, 20_001]);
        // A stamp that is not the latest: the later one still counts.
        changes.note(topic(2), 5);
        for n in 3..=REMEMBERED {
            changes.note(topic(n), 30_000);
        }
        changes.note(topic(1), 30_001);
        assert_eq!(changes.last(&topic(0)), 20_000);
        changes.note(topic(0), 30_002);
        assert_eq!(changes.last(&topic(2)), 20_000);
    }
}
