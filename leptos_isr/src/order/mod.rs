//! What came after what: renders, reads and purges.
//!
//! Each render, read and purge takes a stamp from one counter that only grows. A render or read
//! is purged exactly by the purges with later stamps.

pub(crate) mod purge;
pub(crate) mod times;

use std::{fmt, sync::Arc, time::SystemTime};

use self::{
    purge::Scope,
    times::{PurgeTimes, Purges},
};
use crate::{
    address::{key::Key, tag::Tag},
    clock::{CLOCK_SKEW, Clock, Stamp, Stamps},
    entry::{Entry, RenderStart, Seen, ServedEntry, Version},
    route::policy::Lifetime,
    rules::freshness::{Freshness, PurgeKind, freshness},
};

/// The clock, the stamps and the purges of one engine.
pub(crate) struct Order {
    clock: Arc<dyn Clock>,
    stamps: Stamps,
    purges: Purges,
}

impl Order {
    /// Continues after the stamp `last` and the purges until then.
    pub(crate) fn after(clock: Arc<dyn Clock>, last: Stamp, times: PurgeTimes) -> Self {
        Self { clock, stamps: Stamps::after(last), purges: Purges::new(times) }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The next stamp: later than all that were given or read.
    pub(crate) fn next(&self) -> Stamp {
        self.stamps.next(self.now())
    }

    /// Begins a render or a read: a purge that comes from now on reaches it.
    pub(crate) fn begin(&self) -> RenderStart {
        let at = self.now();
        RenderStart::new(at, self.stamps.next(at))
    }

    /// Notes a purge and returns its stamp. Whoever takes a later one sees the purge, also while
    /// the store is still keeping it: a page must not be made of the data that it purges.
    pub(crate) fn note_purge(&self, scopes: &[Scope], kind: PurgeKind) -> Stamp {
        let now = self.now();
        // After every page that another process can have rendered by now, also
        // by a clock that is a little ahead; this one's renders come later still.
        self.purges.note(scopes, kind, || self.stamps.next(now + CLOCK_SKEW))
    }

    /// Takes note of a page that the store kept, which may be another process's.
    pub(crate) fn observe(&self, entry: &mut Entry) {
        if !self.stamps.observe(entry.seen.0.max(entry.version.0), self.now()) {
            // It is of the future: the clock was set back since. Which purges came
            // later is not known, so all of them count, and any render is newer.
            entry.seen = Seen::default();
            entry.version = Version::default();
        }
    }

    pub(crate) fn freshness(&self, lifetime: Lifetime, entry: &ServedEntry) -> Freshness {
        let purged = self.purged(entry);
        freshness(lifetime.within(entry.asked), entry.age(self.now()), purged)
    }

    /// How the page was purged since its render began, if it was.
    pub(crate) fn purged(&self, entry: &ServedEntry) -> Option<PurgeKind> {
        self.purges.since(entry)
    }

    /// Whether one of `tags` was purged after `seen`.
    pub(crate) fn is_purged<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Tag>,
        seen: Seen,
    ) -> bool {
        self.purges.read(|times| times.is_purged(tags, seen))
    }

    /// Up to where data for the page must have seen purges: the last one of its path or of a
    /// prefix.
    pub(crate) fn last_purge(&self, key: &Key) -> Seen {
        Seen(self.purges.read(|times| times.last_of_path(key.path())))
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
