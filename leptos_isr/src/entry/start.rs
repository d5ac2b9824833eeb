//! When a render, or a read, began.

use std::time::SystemTime;

use crate::clock::Stamp;

/// A position in the order of purges. Each purge has a higher one than those before it.
pub(crate) type Position = u64;

/// The position of the last purge that this process knew of when a render, or a read, began.
/// Exactly the purges at later positions can reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen(pub(crate) Position);

/// Tells which of two renders of one page, or of two reads, is newer: the one with the higher
/// version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) Stamp);

/// When a render, or a read, began: in the order of purges, and in that of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Began {
    pub(crate) seen: Seen,
    pub(crate) version: Version,
}

impl Began {
    /// In both orders, the earlier of the two.
    #[must_use]
    pub(crate) fn earlier(self, other: Self) -> Self {
        Self { seen: self.seen.min(other.seen), version: self.version.min(other.version) }
    }

    /// Whether it knew of the purge at `since.seen`, and came after `since.version`.
    pub(crate) fn is_since(self, since: Self) -> bool {
        self.seen >= since.seen && self.version > since.version
    }
}

/// When a render, or a read, began, also by the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenderStart {
    pub(crate) at: SystemTime,
    pub(crate) began: Began,
}

#[cfg(test)]
impl RenderStart {
    /// One that has the same number in both orders.
    pub(crate) fn new(at: SystemTime, stamp: Stamp) -> Self {
        Self { at, began: Began { seen: Seen(stamp), version: Version(stamp) } }
    }
}
