//! When a render, or a read, began.

use std::time::SystemTime;

use crate::clock::Stamp;

/// The position in the order of purges up to which a render, or a read, has seen them. Exactly the
/// purges with a later stamp can reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen(pub(crate) Stamp);

/// Tells which of two renders of one page, or of two reads, is newer: the one with the higher
/// version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) Stamp);

/// When a render began, by the clock, in the order of purges, and among the renders of its page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenderStart {
    pub(crate) at: SystemTime,
    pub(crate) seen: Seen,
    pub(crate) version: Version,
}

impl RenderStart {
    /// On one machine, one stamp serves for the order of purges and for that of renders.
    pub(crate) fn new(at: SystemTime, stamp: Stamp) -> Self {
        Self { at, seen: Seen(stamp), version: Version(stamp) }
    }
}
