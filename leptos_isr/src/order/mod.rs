//! The order of renders, reads and purges.
//!
//! Each purge has a position, which is higher than those of all purges before it. The ledger gives
//! it when it keeps the purge, and all processes that share the ledger apply its purges in this
//! order. A page and a value carry as [`Seen`] the position of the last purge that their process had
//! applied when the render or the read *began*. A purge reaches exactly the pages and values that it
//! names and that have seen less. A purge scans nothing: positions are compared when a page or a
//! value is used. No clock decides.
//!
//! # A page and a purge
//!
//! 1. A purge at position 10 is the last one that was applied. A render of `/a` begins
//!    ([`Order::begin`]): it has seen 10.
//! 2. A purge of `/a` is kept at position 11 and applied ([`Order::apply`]). Only then is it
//!    answered.
//! 3. The render ends, and its page is stored, with 10 as seen. It counts as purged, although it was
//!    stored after the purge.
//! 4. The next render has seen 11. Its page is not purged.
//!
//! # Data and a purge
//!
//! 1. A page reads an article when 20 is the last position. The value is kept with the tag
//!    `article:7`.
//! 2. A purge of the tag is applied, at 21. From now on the value is not used ([`Order::is_purged`]).
//!    The page has the tags of all that it read, so the same purge reaches the page.
//! 3. A render of the page reads the article again. Its value has seen 21.
//! 4. A purge of the path `/a` is applied, at 22. The value does not carry the path, but a render of
//!    `/a` that follows does not use it either: it uses only what has seen the last purge of its
//!    path ([`Order::last_purge`]). For a value that is made of other reads, the earliest of them
//!    counts.
//! 5. Other pages may still use the value.
//!
//! # Several processes
//!
//! A process hears of the purges of others a little later, in the order of the ledger. A page that
//! it renders meanwhile may show what was before, but it has not seen the purge either: the purge
//! reaches it in each process, when that process applies the purge. At worst this is one render too
//! many.
//!
//! # Versions
//!
//! Of two renders of a page, the one that began later is newer. Its [`Version`] is a stamp: the time
//! by the clock, or one more than the last stamp that the process gave or found in the store. Where
//! several machines share a ledger, it gives the version with the right to render: at least that
//! stamp, and more than any that it gave for the page before. So the clock of a machine may make the
//! numbers larger, but never the older render the newer one.

pub(crate) mod later;
pub(crate) mod origins;
pub(crate) mod purge;
pub(crate) mod purge_id;
pub(crate) mod times;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use self::{
    later::Later,
    origins::{Origins, PurgeOrigin, PurgeSource, ReplicaId},
    purge::Scope,
    times::{LastPurge, PurgeTimes, Purges},
};
use crate::{
    address::{key::Key, tag::Tag},
    clock::{Clock, Stamp, Stamps, stamp_of},
    entry::{Began, Entry, Position, RenderStart, Seen, ServedEntry, Version},
    period,
    route::policy::Lifetime,
    rules::freshness::{Freshness, PurgeKind, freshness},
};

/// By how much the clock of a ledger may be ahead, whose positions are times.
const CLOCK_SKEW: Duration = period::minutes(1);

/// How far the purges that no ledger keeps come above its last position, at most.
const UNKEPT: Duration = period::seconds(1);

/// The clock, the stamps and the purges of one engine.
pub(crate) struct Order {
    clock: Arc<dyn Clock>,
    stamps: Stamps,
    purges: Purges,
    later: Later,
    origins: Origins,
    replica: ReplicaId,
    /// The last purge that a page of the store has seen.
    seen_by_pages: AtomicU64,
}

impl Order {
    /// Continues after the purge at `last`, with the purges so far, and those to be done once more.
    pub(crate) fn after(
        clock: Arc<dyn Clock>,
        last: Position,
        times: PurgeTimes,
        later: Later,
    ) -> Self {
        let stamps = Stamps::default();
        stamps.observe(last);
        let replica = ReplicaId(RandomState::new().hash_one(last) as u32);
        let (purges, origins) = (Purges::new(times, last), Origins::default());
        Self { clock, stamps, purges, later, origins, replica, seen_by_pages: AtomicU64::new(last) }
    }

    /// The same, with who made the purges so far.
    #[must_use]
    pub(crate) fn with_origins(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The next stamp, later than all that were given out or observed.
    pub(crate) fn next(&self) -> Stamp {
        self.stamps.next(self.now())
    }

    /// Begins a render or a read. A purge that is applied from now on reaches it.
    pub(crate) fn begin(&self) -> RenderStart {
        let version = Version(self.next());
        self.begin_as(version)
    }

    /// Begins a render whose version the ledger has given.
    pub(crate) fn begin_as(&self, version: Version) -> RenderStart {
        self.stamps.observe(version.0);
        RenderStart { at: self.now(), began: Began { seen: self.seen(), version } }
    }

    /// The position of the last purge that was applied.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.purges.applied())
    }

    /// Applies a purge that the ledger keeps at `position`, and returns the position at which it
    /// counts here.
    pub(crate) fn apply(&self, scopes: &[Scope], kind: PurgeKind, position: Position) -> Position {
        let counts_at = self.purges.note(scopes.iter().map(|scope| (scope, kind)), position);
        self.later.purged(scopes, kind, counts_at);
        counts_at
    }

    /// Applies many purges at one position, later than each of them and than all before. Returns the
    /// position at which they count here.
    pub(crate) fn apply_all<'a>(
        &self,
        purges: impl IntoIterator<Item = (&'a Scope, PurgeKind)>,
        position: Position,
    ) -> Position {
        self.purges.note(purges, position)
    }

    /// Applies a purge that no ledger keeps: it counts in this process only. Its position is the
    /// next one, so that any that the ledger gives later is above it.
    pub(crate) fn apply_here(&self, scopes: &[Scope], kind: PurgeKind) -> Position {
        self.apply(scopes, kind, Position::default())
    }

    /// What tells this process from others.
    pub(crate) fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// The origin of a purge that is made now.
    pub(crate) fn origin(&self, by: PurgeSource) -> PurgeOrigin {
        PurgeOrigin { by, at: self.now(), replica: self.replica }
    }

    /// Who made the purges, by their positions.
    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The last purge of a page of this path with these tags. If `seen` is given, the one that
    /// makes such a page stale or unservable, if there is any after `seen`.
    pub(crate) fn last_purge_of(
        &self,
        path: &str,
        tags: &[Tag],
        seen: Option<Seen>,
    ) -> Option<LastPurge> {
        self.purges.read(|times| times.last_purge_of(path, tags, seen))
    }

    /// From which position on a purge counts as one that is done again after `after`.
    pub(crate) fn due_after(&self, after: Duration) -> Position {
        stamp_of(self.now() + after)
    }

    /// Notes that a purge is to be done once more, at a position not before `due`.
    pub(crate) fn note_again(&self, scopes: &[Scope], kind: PurgeKind, due: Position) {
        self.later.note(scopes, kind, due);
    }

    /// Notes that what was to be purged once more by now was purged, at whatever position.
    pub(crate) fn second_purge_is_done(&self, scopes: &[Scope], kind: PurgeKind) {
        self.later.purged(scopes, kind, stamp_of(self.now()));
    }

    /// What is to be purged once more by now.
    pub(crate) fn due_again(&self, kind: PurgeKind) -> Vec<Scope> {
        self.later.due(kind, stamp_of(self.now()))
    }

    /// How long until something is to be purged once more.
    pub(crate) fn next_again(&self) -> Option<Duration> {
        let now = stamp_of(self.now());
        self.later.next().map(|due| Duration::from_micros(due.saturating_sub(now)))
    }

    /// Takes note of a page from the store, which another process may have rendered.
    pub(crate) fn observe(&self, entry: &mut Entry) {
        self.stamps.observe(entry.version.0);
        // It has seen a purge that nobody can have made by now: the ledger has lost purges, and the
        // clock was set back. Which ones came later is not known, so all count.
        if entry.seen > self.seen().max(Seen(stamp_of(self.now() + CLOCK_SKEW))) {
            entry.seen = Seen::default();
        }
        self.seen_by_pages.fetch_max(entry.seen.0, Ordering::Relaxed);
    }

    /// The last purge that a page of the store has seen.
    pub(crate) fn seen_by_pages(&self) -> Seen {
        Seen(self.seen_by_pages.load(Ordering::Relaxed))
    }

    /// Whether a page has seen a purge that this process has not: it has not heard of it yet, or the
    /// ledger has lost it, perhaps while no process ran that could have noticed.
    pub(crate) fn is_behind(&self, seen: Seen) -> bool {
        seen.0 > self.seen().0.saturating_add(UNKEPT.as_micros() as Position)
    }

    /// Has all purges count again, later than what a page has seen of which the ledger knows nothing:
    /// it may give lower positions than before.
    pub(crate) fn count_again_after(&self, seen: Seen) {
        let position = self.purges.count_again_after(seen.0);
        self.origins.note(position, self.origin(PurgeSource::LostPurges));
    }

    pub(crate) fn freshness(&self, lifetime: Lifetime, entry: &ServedEntry) -> Freshness {
        let purged = self.purged(entry);
        let freshness = freshness(lifetime.within(entry.asked), entry.age(self.now()), purged);
        if entry.is_superseded { freshness.expired() } else { freshness }
    }

    /// How the page was purged since its render began, if it was.
    pub(crate) fn purged(&self, entry: &ServedEntry) -> Option<PurgeKind> {
        self.purges.since(entry)
    }

    /// Whether a purge after `seen` reaches the page.
    pub(crate) fn is_purged_after(&self, entry: &Entry, seen: Seen) -> bool {
        self.purges.read(|times| times.is_purged_after(entry, seen))
    }

    /// A number that grows with each purge of anything.
    pub(crate) fn generation(&self) -> u64 {
        self.purges.generation()
    }

    /// Whether one of `tags` was purged after `seen`.
    pub(crate) fn is_purged<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Tag>,
        seen: Seen,
    ) -> bool {
        self.purges.read(|times| times.is_purged(tags, seen))
    }

    /// The last purge of the page's path or of a prefix. Data for the page must have seen it.
    pub(crate) fn last_purge(&self, key: &Key) -> Seen {
        Seen(self.purges.read(|times| times.last_of_path(key.path())))
    }

    /// What is to be purged once more, for the log that keeps it.
    pub(crate) fn later(&self) -> &Later {
        &self.later
    }

    /// All purges, for the log that keeps them.
    pub(crate) fn purges(&self) -> &Purges {
        &self.purges
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("stamps", &self.stamps).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    #[test]
    fn page_that_has_seen_a_purge_of_a_clock_that_is_ahead_is_believed_for_a_minute() {
        let order = Order::after(Arc::new(SystemClock), 0, PurgeTimes::default(), Later::default());
        for (ahead, is_believed) in [(30, true), (90, false)] {
            let position = order.due_after(period::seconds(ahead));
            let start = RenderStart::new(SystemTime::UNIX_EPOCH, position);
            let key = Key::of_canonical("/a");
            let mut entry =
                Entry::new(key, StatusCode::OK, HeaderMap::new(), Bytes::from_static(b"x"), start);
            order.observe(&mut entry);
            assert_eq!(entry.seen == Seen(position), is_believed, "{ahead}");
        }
    }
}
