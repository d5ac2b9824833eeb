//! What a record of the log says, and how it is written.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    entry::Position,
    order::{
        Order,
        origins::PurgeOrigin,
        purge::{LONGEST_WAIT, Scope},
        purge_id::PurgeId,
    },
    route::overrides::SetPeriod,
    rules::freshness::PurgeKind,
    store::{
        ledger::LedgerRecord,
        line::{seal, unseal},
    },
};

/// One line of the log.
#[derive(Default, Serialize, Deserialize)]
struct Record {
    hard: bool,
    scopes: Vec<Scope>,
    /// It is to be done once more, at a position not before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<Position>,
    /// Whether it says only that, and purges nothing itself: the log was rewritten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    only_again: bool,
    /// As in [`NewPurge::ids`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<PurgeId>>,
    /// Who made it; absent from records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<PurgeOrigin>,
    /// It says only this, and purges nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
    /// It says only this, and purges nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    periods: Vec<SetPeriod>,
}

/// Says that a CDN has been told of all purges up to a position.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) cdn: String,
    pub(crate) until: Position,
}

/// A purge to be kept.
#[derive(Clone, Debug)]
pub(crate) struct NewPurge {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) kind: PurgeKind,
    /// It is to be done once more, at a position not before this.
    pub(crate) again: Option<Position>,
    /// The ids with which CDNs are told of it. With `None`, whoever tells them makes one. If empty, they
    /// are told by another record.
    pub(crate) ids: Option<Vec<PurgeId>>,
    pub(crate) origin: Option<PurgeOrigin>,
}

/// What was heard of a ledger.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The purges and their positions. One without a position is kept by no ledger.
    pub(crate) purges: Vec<(Option<Position>, NewPurge)>,
    /// What CDNs have been told.
    pub(crate) told: Vec<Told>,
    /// The periods that were set, in their order.
    pub(crate) periods: Vec<SetPeriod>,
    /// Whether this is all that the ledger has, of which it has lost some.
    pub(crate) is_all: bool,
}

impl NewPurge {
    pub(super) fn of_everything() -> Self {
        Self::of(vec![Scope::everything()], PurgeKind::Soft)
    }

    pub(crate) fn of(scopes: Vec<Scope>, kind: PurgeKind) -> Self {
        Self { scopes, kind, again: None, ids: None, origin: None }
    }

    /// Applies the purge, which no ledger keeps.
    pub(crate) fn apply_here(self, order: &Order) -> Heard {
        self.note_origin(order, order.apply_here(&self.scopes, self.kind));
        self.note_again(order);
        Heard { purges: vec![(None, self)], ..Heard::default() }
    }

    /// Applies the purge, which a ledger keeps at `position`.
    pub(super) fn apply(&self, order: &Order, position: Position) {
        self.note_origin(order, order.apply(&self.scopes, self.kind, position));
    }

    fn note_origin(&self, order: &Order, counts_at: Position) {
        if let Some(origin) = &self.origin {
            order.origins().note(counts_at, origin.clone());
        }
    }

    pub(super) fn note_again(&self, order: &Order) {
        if let Some(due) = self.again {
            order.note_again(&self.scopes, self.kind, due);
        }
    }
}

/// What a record says.
pub(super) enum Content {
    /// A purge, and whether it says only that it is to be done once more.
    Purge(NewPurge, bool),
    Told(Told),
    Periods(Vec<SetPeriod>),
}

pub(super) fn content(record: &LedgerRecord, order: &Order) -> Content {
    let Some(mut content) = read(&record.record) else {
        warn!("a purge record is damaged: all stored pages count as purged");
        return Content::Purge(NewPurge::of_everything(), false);
    };
    if let Content::Purge(NewPurge { again: Some(due), .. }, _) = &mut content {
        *due = not_too_late(*due, order.due_after(Duration::ZERO));
    }
    content
}

/// When a second purge is due; sooner than its record says if the clock was set back.
pub(super) fn not_too_late(due: Position, now: Position) -> Position {
    due.min(now.saturating_add(LONGEST_WAIT.as_micros() as Position))
}

pub(super) fn again_at(due: Position, scope: Scope, kind: PurgeKind) -> NewPurge {
    NewPurge { again: Some(due), ..NewPurge::of(vec![scope], kind) }
}

pub(super) fn write(purge: &NewPurge, only_again: bool) -> Bytes {
    let NewPurge { scopes, kind, again, ids, origin } = purge.clone();
    let hard = kind == PurgeKind::Hard;
    Record { hard, scopes, again, only_again, ids, origin, ..Record::default() }.line()
}

pub(super) fn write_told(told: Told) -> Bytes {
    Record { told: Some(told), ..Record::default() }.line()
}

pub(super) fn write_periods(periods: &[SetPeriod]) -> Bytes {
    Record { periods: periods.to_vec(), ..Record::default() }.line()
}

impl Record {
    fn line(&self) -> Bytes {
        let json = serde_json::to_string(self).expect("numbers and texts can be written as JSON");
        seal(&json)
    }
}

pub(super) fn read(record: &[u8]) -> Option<Content> {
    let Record { hard, scopes, again, only_again, ids, origin, told, periods } =
        serde_json::from_slice(unseal(record)?).ok()?;
    let kind = if hard { PurgeKind::Hard } else { PurgeKind::Soft };
    Some(match told {
        Some(told) => Content::Told(told),
        None if !periods.is_empty() => Content::Periods(periods),
        None => Content::Purge(NewPurge { scopes, kind, again, ids, origin }, only_again),
    })
}
