//! The order of renders, reads and purges.
//!
//! Each render, read and purge takes a stamp from one counter that only grows. A page carries the
//! stamp at which its render *began*, a value the stamp at which its read began. A purge reaches
//! exactly the pages and values that it names and whose stamps are earlier. A purge scans nothing:
//! stamps are compared when a page or a value is used. While the process runs, a clock that is set
//! back changes no order.
//!
//! # A page and a purge
//!
//! 1. A render of `/a` begins and takes stamp 10 ([`Order::begin`]).
//! 2. A purge of `/a` takes stamp 11 ([`Order::note_purge`]). It counts from now on, before the
//!    store has kept it.
//! 3. The render ends, and its page is stored with stamp 10. It counts as purged, although it was
//!    stored after the purge.
//! 4. The next render takes stamp 12. Its page is not purged.
//!
//! # Data and a purge
//!
//! 1. A page reads an article. The read takes stamp 20, and its value is kept with the tag
//!    `article:7`.
//! 2. A purge of the tag takes stamp 21. From now on the value is not used ([`Order::is_purged`]).
//!    The page has the tags of all that it read, so the same purge reaches the page.
//! 3. A render of the page takes stamp 22 and reads the article again, with stamp 23.
//! 4. A purge of the path `/a` takes stamp 24. The value from 23 does not carry the path, but a
//!    render of `/a` that follows does not use it either: it uses only what was read after the last
//!    purge of its path ([`Order::last_purge`]). For a value that is made of other reads, the
//!    earliest of them counts.
//! 5. Other pages may still use the value from 23.
//!
//! # Several processes
//!
//! Processes that share a store order their stamps by the clock. A purge takes a stamp
//! [`CLOCK_SKEW`] ahead of the clock, so it comes after every page that another process has
//! rendered by a clock that is less far ahead. A stamp from further in the future means that the
//! clock was set back; [`Order::observe`] treats its page as older than everything.

pub(crate) mod later;
pub(crate) mod purge;
pub(crate) mod times;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use self::{
    later::Later,
    purge::Scope,
    times::{PurgeTimes, Purges},
};
use crate::{
    address::{key::Key, tag::Tag},
    clock::{CLOCK_SKEW, Clock, Stamp, Stamps, stamp_of},
    entry::{Entry, RenderStart, Seen, ServedEntry, Version},
    route::policy::Lifetime,
    rules::freshness::{Freshness, PurgeKind, freshness},
};

/// The clock, the stamps and the purges of one engine.
pub(crate) struct Order {
    clock: Arc<dyn Clock>,
    stamps: Stamps,
    purges: Purges,
    later: Later,
}

impl Order {
    /// Continues after the stamp `last`, with the purges so far, and those to be done once more.
    pub(crate) fn after(
        clock: Arc<dyn Clock>,
        last: Stamp,
        times: PurgeTimes,
        later: Later,
    ) -> Self {
        Self { clock, stamps: Stamps::after(last), purges: Purges::new(times), later }
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

    /// Begins a render or a read. A purge that comes from now on reaches it.
    pub(crate) fn begin(&self) -> RenderStart {
        let at = self.now();
        RenderStart::new(at, self.stamps.next(at))
    }

    /// Notes a purge and returns its stamp. Whoever takes a later stamp sees the purge, even before
    /// the store has kept it: a page must not be made of the data that it purges.
    pub(crate) fn note_purge(&self, scopes: &[Scope], kind: PurgeKind) -> Stamp {
        let now = self.now();
        // Ahead of the clock, so that the purge comes after every page that another process has
        // rendered by now, even by a clock that is a little ahead. Renders of this process that
        // begin later take later stamps still.
        let stamp = self.purges.note(scopes, kind, || self.stamps.next(now + CLOCK_SKEW));
        self.later.purged(scopes, kind, stamp);
        stamp
    }

    /// Notes that a purge is to be done once more after a time, and returns the stamp from which on
    /// a purge counts as that.
    pub(crate) fn note_again(&self, scopes: &[Scope], kind: PurgeKind, after: Duration) -> Stamp {
        let due = stamp_of(self.now() + after + CLOCK_SKEW);
        self.later.note(scopes, kind, due);
        due
    }

    /// What is to be purged once more by now.
    pub(crate) fn due_again(&self, kind: PurgeKind) -> Vec<Scope> {
        self.later.due(kind, stamp_of(self.now() + CLOCK_SKEW))
    }

    /// How long until something is to be purged once more.
    pub(crate) fn next_again(&self) -> Option<Duration> {
        let now = stamp_of(self.now() + CLOCK_SKEW);
        self.later.next().map(|due| Duration::from_micros(due.saturating_sub(now)))
    }

    /// Takes note of the stamps of a page from the store, which another process may have rendered.
    pub(crate) fn observe(&self, entry: &mut Entry) {
        if !self.stamps.observe(entry.seen.0.max(entry.version.0), self.now()) {
            // The stamp lies in the future: the clock was set back since. Which purges came later
            // is not known, so all of them count, and any render is newer.
            entry.seen = Seen::default();
            entry.version = Version::default();
        }
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

    /// Whether a purge with a later stamp than `stamp` reaches the page.
    pub(crate) fn is_purged_after(&self, entry: &Entry, stamp: Stamp) -> bool {
        self.purges.read(|times| times.is_purged_after(entry, stamp))
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

    /// The last purge of the page's path or of a prefix. Data for the page must have been read
    /// after it.
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
