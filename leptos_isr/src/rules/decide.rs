//! How a request for a stored page is answered.

use crate::rules::freshness::{Freshness, StaleReason};

/// What kind of page an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Page,
    /// Data that pages read.
    Data,
    /// A definite "no such page".
    Gone,
}

impl EntryKind {
    pub(crate) fn of(is_data: bool, is_gone: bool) -> Self {
        match (is_data, is_gone) {
            (true, _) => Self::Data,
            (false, true) => Self::Gone,
            (false, false) => Self::Page,
        }
    }
}

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Serve,
    /// Serve the page, and regenerate it in the background.
    Regenerate,
    /// Wait for a new page. The old one is for failures only.
    Render,
}

/// Decides by what is stored and how fresh it is.
pub(crate) fn decide(kind: EntryKind, freshness: Freshness) -> Decision {
    match freshness {
        Freshness::Fresh { .. } => Decision::Serve,
        Freshness::Stale { reason, .. } => match (kind, reason) {
            // The purge may mean that the page exists now, so nobody is told "no such page" once
            // more.
            (EntryKind::Gone, StaleReason::Purge) => Decision::Render,
            // Whoever follows a link must not get data that is older than the stored page.
            (EntryKind::Data, _) => Decision::Render,
            (EntryKind::Page | EntryKind::Gone, _) => Decision::Regenerate,
        },
        Freshness::Expired { .. } => Decision::Render,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stale_pages_are_served_and_stale_data_are_not() {
        let stale = |reason| Freshness::Stale { by: Duration::ZERO, reason };
        let (time, purge) = (StaleReason::Time, StaleReason::Purge);
        for (kind, freshness, decision) in [
            (EntryKind::Page, Freshness::Fresh { left: None }, Decision::Serve),
            (EntryKind::Page, stale(time), Decision::Regenerate),
            (EntryKind::Page, stale(purge), Decision::Regenerate),
            (EntryKind::Gone, stale(time), Decision::Regenerate),
            (EntryKind::Gone, stale(purge), Decision::Render),
            (EntryKind::Data, Freshness::Fresh { left: None }, Decision::Serve),
            (EntryKind::Data, stale(time), Decision::Render),
            (EntryKind::Data, stale(purge), Decision::Render),
            (
                EntryKind::Page,
                Freshness::Expired { by: Duration::ZERO, reason: time },
                Decision::Render,
            ),
        ] {
            assert_eq!(decide(kind, freshness), decision, "{kind:?} {freshness:?}");
        }
    }
}
