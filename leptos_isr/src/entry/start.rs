//! When a render, or a read, began.

use std::time::SystemTime;

use crate::clock::Stamp;

/// Up to where in the order of purges a render, or a read, is known to have seen them: exactly
/// the purges with a later stamp reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen(pub(crate) Stamp);

/// Which of two renders of one page, or of two reads, is newer: the one with the higher version.
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
    /// On one machine the order of purges and that of renders are one.
    pub(crate) fn new(at: SystemTime, stamp: Stamp) -> Self {
        Self { at, seen: Seen(stamp), version: Version(stamp) }
    }
}
