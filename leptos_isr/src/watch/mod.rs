//! Who watches which pages and tags, and when each last changed.

mod pages;

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
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
    order::{Order, origins::ReplicaId, purge::Scope},
    route::target::Target,
    watch::pages::WatchedPages,
};

/// For how many pages and tags the last change is remembered, at about 150 bytes each.
const REMEMBERED: usize = 10_000;

/// One visitor may have one in so many of all streams.
const SHARES: usize = 10;

/// What can be watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Page(Key),
    Tag(Tag),
}

/// All streams of one engine.
pub(crate) struct Hub {
    /// Tells its events from those of other engines, whose stamps are of other clocks.
    origin: ReplicaId,
    max_streams: usize,
    /// How often an idle stream sends a heartbeat.
    pub(crate) heartbeat: Duration,
    state: Mutex<State>,
    closed: watch::Sender<bool>,
    pub(crate) warnings: Warnings,
}

/// What is logged once.
pub(crate) struct Warnings {
    /// That a page is live, and there are no streams.
    pub(crate) is_off: Once,
    /// That visitors cannot be told apart.
    pub(crate) nameless: Once,
    /// That one visitor has a whole share of the streams.
    pub(crate) crowd: Once,
}

struct State {
    streams: usize,
    /// How many of them each visitor has whose address is known.
    by_visitor: HashMap<IpAddr, usize>,
    watched: HashMap<Topic, TopicState>,
    pages: WatchedPages,
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
}

/// Why no stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many as allowed, or the hub is closed.
    Hub,
    /// This visitor has as many as one may have.
    Visitor(IpAddr),
}

/// One stream's part in the hub. Dropping it ends the part.
pub(crate) struct Watcher {
    hub: Arc<Hub>,
    visitor: Option<IpAddr>,
    /// When it began.
    pub(crate) began: Stamp,
    pub(crate) topics: Vec<(Topic, watch::Receiver<Stamp>)>,
    pub(crate) pages: Vec<Target>,
    pub(crate) closed: watch::Receiver<bool>,
}

impl Hub {
    /// A hub that knows of no change since now, by the stamps of `order`.
    pub(crate) fn new(max_streams: usize, heartbeat: Duration, order: &Order) -> Self {
        let now = order.next();
        Self {
            origin: order.replica(),
            max_streams,
            heartbeat,
            state: Mutex::new(State {
                streams: 0,
                by_visitor: HashMap::new(),
                watched: HashMap::new(),
                pages: WatchedPages::default(),
                changes: Changes::new(now),
            }),
            closed: watch::Sender::new(false),
            warnings: Warnings { is_off: Once::new(), nameless: Once::new(), crowd: Once::new() },
        }
    }

    /// The id of an event.
    pub(crate) fn event_id(&self, stamp: Stamp) -> EventId {
        EventId { stamp, origin: self.origin.0 }
    }

    /// Whether live streams are enabled.
    pub(crate) fn is_on(&self) -> bool {
        self.max_streams > 0
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> usize {
        self.state().streams
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Whether the server is about to end.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// How many streams one visitor may have.
    pub(crate) fn share(&self) -> usize {
        self.max_streams.div_ceil(SHARES)
    }

    /// Begins a stream of a visitor; one whose address is not known may have all of them.
    ///
    /// What changed after `since` counts as not sent yet. `stamp` is called once.
    ///
    /// # Errors
    ///
    /// Says which limit is reached.
    pub(crate) fn join(
        self: &Arc<Self>,
        topics: Vec<(Topic, Option<Target>)>,
        since: Since,
        visitor: Option<IpAddr>,
        stamp: impl FnOnce() -> Stamp,
    ) -> Result<Watcher, Full> {
        let mut state = self.state();
        let state = &mut *state;
        let closed = self.closed.subscribe();
        if state.streams >= self.max_streams || *closed.borrow() {
            return Err(Full::Hub);
        }
        if let Some(address) = visitor {
            let streams = state.by_visitor.entry(address).or_default();
            if *streams >= self.share() {
                return Err(Full::Visitor(address));
            }
            *streams += 1;
        }
        state.streams += 1;
        // Under the lock, so that each change that is not seen here has a later stamp.
        let began = stamp();
        let since = since.stamp(began, self.origin.0);
        let pages: Vec<_> = topics.iter().filter_map(|(_, page)| page.clone()).collect();
        pages.iter().for_each(|page| state.pages.insert(page.clone()));
        let topics = topics.into_iter().map(|(topic, _)| {
            let last = state.changes.last(&topic);
            let first = || TopicState { watchers: 0, changed: watch::Sender::new(last) };
            let topic_state = state.watched.entry(topic.clone()).or_insert_with(first);
            topic_state.watchers += 1;
            let mut changes = topic_state.changed.subscribe();
            if last > since {
                changes.mark_changed();
            }
            (topic, changes)
        });
        let topics = topics.collect();
        Ok(Watcher { hub: Arc::clone(self), visitor, began, topics, pages, closed })
    }

    fn leave(&self, watcher: &Watcher) {
        let mut state = self.state();
        let state = &mut *state;
        state.streams -= 1;
        if let Some(address) = watcher.visitor
            && let Some(streams) = state.by_visitor.get_mut(&address)
        {
            *streams -= 1;
            if *streams == 0 {
                state.by_visitor.remove(&address);
            }
        }
        for (topic, _) in &watcher.topics {
            if let Some(topic_state) = state.watched.get_mut(topic) {
                topic_state.watchers -= 1;
                if topic_state.watchers == 0 {
                    state.watched.remove(topic);
                    if let Topic::Page(key) = topic {
                        state.pages.remove(key);
                    }
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

    /// Notes the tags of a page that was stored, by which purges reach it, if somebody watches it.
    pub(crate) fn set_tags(&self, entry: &Entry) {
        let mut state = self.state();
        if !state.pages.is_empty() {
            state.pages.set_tags(&entry.key, &entry.tags);
        }
    }

    /// The same for a page that was found: what is known of a later one stays.
    pub(crate) fn learn_tags(&self, entry: &Entry) {
        let mut state = self.state();
        if state.pages.lacks_tags(&entry.key) {
            state.pages.set_tags(&entry.key, &entry.tags);
        }
    }

    /// The watched pages that are stored and that one of `scopes` reaches.
    pub(crate) fn reached_by(&self, scopes: &[Scope]) -> Vec<Target> {
        self.state().pages.reached_by(scopes)
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
        self.hub.leave(self);
    }
}

/// The id of an event: when something changed, by the stamps of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId {
    stamp: Stamp,
    origin: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.stamp, self.origin)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (stamp, origin) = text.split_once('-').ok_or(())?;
        let origin = u32::from_str_radix(origin, 16).map_err(|_| ())?;
        Ok(Self { stamp: stamp.parse().map_err(|_| ())?, origin })
    }
}

/// Which changes a reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// All until the stream begins.
    Now,
    /// All up to an event; none if the id is none of an event's.
    Event(Option<EventId>),
    /// All until this long before the stream begins.
    Ago(Duration),
}

impl Since {
    fn stamp(self, now: Stamp, origin: u32) -> Stamp {
        match self {
            Self::Now => now,
            // What another server has told is not known here: every known change may be news.
            Self::Event(id) => id.filter(|id| id.origin == origin).map_or(0, |id| id.stamp),
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
    fn reader_who_knows_the_event_of_another_server_is_told_everything() {
        let event = |text: &str| Since::Event(text.parse().ok());
        for (since, stamp) in [
            (Since::Now, 5_000_000),
            (event("7-000000ab"), 7),
            (event("7-000000ac"), 0),
            (event("7"), 0),
            (event("x-000000ab"), 0),
            (Since::Ago(period::seconds(3)), 2_000_000),
            (Since::Ago(Duration::MAX), 0),
        ] {
            assert_eq!(since.stamp(5_000_000, 0xab), stamp, "{since:?}");
        }
        let id = EventId { stamp: 7, origin: 0xab };
        assert_eq!(id.to_string().parse(), Ok(id));
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
