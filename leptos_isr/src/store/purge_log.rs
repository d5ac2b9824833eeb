//! Purges as records in a ledger. Each is kept before it is applied and its purge is answered. All
//! are read at start, and those of other processes as they come.
//!
//! A purge that is to be done once more says so in its own record. It is done if a later record
//! purges the same late enough.
//!
//! What a damaged record purged is unknown, so it counts as a purge of everything.
//!
//! Other records say up to where each CDN has been told of the purges, and which periods were set for
//! routes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    entry::Position,
    error::StoreError,
    order::{
        Order,
        later::Later,
        origins::{Origins, PurgeOrigin, PurgeSource},
        purge::{LONGEST_WAIT, Scope},
        purge_id::PurgeId,
        times::PurgeTimes,
    },
    route::overrides::SetPeriod,
    rules::freshness::PurgeKind,
    store::{
        guarded::Guarded,
        ledger::LedgerRecord,
        line::{seal, unseal},
        set_periods::SetPeriods,
    },
};

/// How many superseded records the log has before it is rewritten.
const SUPERSEDED: usize = 1000;

/// How many scopes a record has at most if several are put together.
const SCOPES: usize = 1000;

/// Of how many CDNs it is remembered what they were told. There are more only if some are gone.
const CDNS: usize = 1000;

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

/// What is known of the log of purges.
#[derive(Debug, Default)]
pub(crate) struct PurgeLog(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The number of records.
    len: usize,
    /// How many there were when it was last looked whether most are superseded.
    looked_at: usize,
    /// The position of the last record that was applied.
    last: Position,
    /// When the ledger was last asked for those after it, and answered.
    asked: Option<Instant>,
    /// Until where each CDN has been told.
    told: BTreeMap<String, Position>,
    periods: SetPeriods,
}

/// What the records at start amount to.
#[derive(Debug, Default)]
pub(crate) struct PurgeHistory {
    pub(crate) log: PurgeLog,
    pub(crate) times: PurgeTimes,
    pub(crate) later: Later,
    pub(crate) origins: Origins,
    pub(crate) last: Position,
    pub(crate) heard: Heard,
}

/// Reads the records of a ledger. `now` is the position of a purge that would be made now.
pub(crate) fn replay(records: &[LedgerRecord], now: Position) -> PurgeHistory {
    let last = records.last().map_or(0, |record| record.position);
    let mut known = Known { len: records.len(), last, ..Known::default() };
    let mut history = PurgeHistory { last, ..PurgeHistory::default() };
    let mut damaged = 0;
    for LedgerRecord { position, record } in records {
        let (purge, only_again) = match read(record) {
            Some(Content::Purge(purge, only_again)) => (purge, only_again),
            Some(Content::Told(told)) => {
                known.note_told(told.clone());
                history.heard.told.push(told);
                continue;
            }
            Some(Content::Periods(periods)) => {
                known.periods.note(*position, &periods);
                history.heard.periods.extend(periods);
                continue;
            }
            None => {
                damaged += 1;
                (NewPurge::of_everything(), false)
            }
        };
        let NewPurge { scopes, kind, again, .. } = &purge;
        if !only_again {
            history.later.purged(scopes, *kind, *position);
        }
        if let Some(due) = again {
            history.later.note(scopes, *kind, not_too_late(*due, now));
        }
        if let Some(origin) = &purge.origin {
            history.origins.note(*position, origin.clone());
        }
        if !only_again {
            scopes.iter().for_each(|scope| history.times.note(scope.clone(), *kind, *position));
            history.heard.purges.push((Some(*position), purge));
        }
    }
    history.log = PurgeLog(Mutex::new(known));
    if damaged > 0 {
        warn!(
            damaged,
            "purge records are damaged: all pages that were stored before count as purged"
        );
    }
    history
}

/// When a second purge is due; sooner than its record says if the clock was set back.
fn not_too_late(due: Position, now: Position) -> Position {
    due.min(now.saturating_add(LONGEST_WAIT.as_micros() as Position))
}

impl PurgeLog {
    /// Keeps a purge and applies it, after those that others have made in the meantime. Returns once
    /// no crash can lose it. Rewrites the log from `order` when most of it is superseded.
    ///
    /// Gives what was heard, with this purge, to `on_heard`, in the order of the ledger.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger. The purge is applied in this process all the same, and a
    /// restart may forget it.
    pub(crate) async fn append(
        &self,
        store: &Guarded,
        purge: NewPurge,
        order: &Order,
        on_heard: impl FnOnce(Heard),
    ) -> Result<(), StoreError> {
        let mut known = self.0.lock().await;
        let position = match known.append(store, write(&purge, false), order).await {
            Ok(position) => position,
            Err(error) => {
                on_heard(purge.apply_here(order));
                return Err(error);
            }
        };
        let heard = known.hear(store, order).await;
        // Whoever has not read it back would not notice if the ledger lost it.
        let kept = match &heard {
            Ok(heard) if heard.purges.iter().any(|(at, _)| *at == Some(position)) => Ok(()),
            Ok(_) => Err(StoreError::from("the ledger has lost the purge that it had just kept")),
            Err(error) => Err(format!("the purge cannot be read back: {error}").into()),
        };
        let mut heard = heard.unwrap_or_default();
        if kept.is_err() {
            heard.purges.extend(purge.apply_here(order).purges);
        }
        on_heard(heard);
        known.rewrite_if_long(store, order).await;
        kept
    }

    /// Applies the purges that others have made since, and gives what was heard to `on_heard`, in the
    /// order of the ledger. Of callers who come at the same time one asks for all.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger.
    pub(crate) async fn hear(
        &self,
        store: &Guarded,
        order: &Order,
        on_heard: impl FnOnce(Heard),
    ) -> Result<(), StoreError> {
        let came = Instant::now();
        let mut known = self.0.lock().await;
        if known.asked.is_none_or(|asked| asked <= came) {
            on_heard(known.hear(store, order).await?);
        }
        Ok(())
    }

    /// Keeps that a CDN has been told.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger.
    pub(crate) async fn note_told(
        &self,
        store: &Guarded,
        told: Told,
        order: &Order,
    ) -> Result<(), StoreError> {
        let record = Record { told: Some(told), ..Record::default() };
        self.0.lock().await.append(store, record.line(), order).await.map(drop)
    }

    /// Keeps periods that are set for routes, and gives what was heard, with these, to `on_heard`.
    ///
    /// # Errors
    ///
    /// Passes on the error of the ledger. If they were kept all the same, they are heard later.
    pub(crate) async fn set_periods(
        &self,
        store: &Guarded,
        periods: Vec<SetPeriod>,
        order: &Order,
        on_heard: impl FnOnce(Heard),
    ) -> Result<(), StoreError> {
        let mut known = self.0.lock().await;
        let record = Record { periods: periods.clone(), ..Record::default() };
        known.append(store, record.line(), order).await?;
        let heard = known.hear(store, order).await?;
        let is_kept = periods.iter().all(|period| heard.periods.contains(period));
        on_heard(heard);
        known.rewrite_if_long(store, order).await;
        is_kept
            .then_some(())
            .ok_or_else(|| StoreError::from("the ledger has lost the period that it had just kept"))
    }
}

impl Known {
    async fn append(
        &self,
        store: &Guarded,
        record: Bytes,
        order: &Order,
    ) -> Result<Position, StoreError> {
        store.append_purge(record, order.seen().0.max(self.last)).await
    }

    /// Applies the purges that others have made since, and returns what was heard.
    async fn hear(&mut self, store: &Guarded, order: &Order) -> Result<Heard, StoreError> {
        let (asked, seen_by_pages) = (Instant::now(), order.seen_by_pages());
        let Some(records) = store.purges_since(self.last).await? else {
            return self.recover(store, order).await;
        };
        self.asked = Some(asked);
        self.len += records.len();
        let mut heard = Heard::default();
        for record in &records {
            self.last = record.position;
            match content(record, order) {
                Content::Purge(purge, only_again) => {
                    if !only_again {
                        purge.apply(order, record.position);
                    }
                    purge.note_again(order);
                    if !only_again {
                        heard.purges.push((Some(record.position), purge));
                    }
                }
                Content::Told(told) => {
                    self.note_told(told.clone());
                    heard.told.push(told);
                }
                Content::Periods(periods) => {
                    self.periods.note(record.position, &periods);
                    heard.periods.extend(periods);
                }
            }
        }
        // The ledger was asked after these pages were found.
        if order.is_behind(seen_by_pages) {
            order.count_again_after(seen_by_pages);
            warn!(
                "stored pages have seen purges that the ledger has lost: what is known to be purged \
                 counts as purged after them"
            );
        }
        Ok(heard)
    }

    fn note_told(&mut self, told: Told) {
        let until = self.told.entry(told.cdn).or_default();
        *until = told.until.max(*until);
        if self.told.len() > CDNS {
            let least = self.told.iter().min_by_key(|(_, until)| **until);
            let least = least.map(|(cdn, _)| cdn.clone());
            least.map(|cdn| self.told.remove(&cdn));
        }
    }

    /// Goes on with a ledger that has lost records: what they purged is known here, but perhaps not
    /// to every process. So everything is purged softly, and what was purged hard is again, unless
    /// another process has done so already. Returns all that the ledger has, which is applied anew:
    /// purges of others may be at positions that this process has passed.
    async fn recover(&mut self, store: &Guarded, order: &Order) -> Result<Heard, StoreError> {
        let (seen, mut records) =
            (order.seen().0, store.purges_since(0).await?.unwrap_or_default());
        let (lost, periods) = (missing(&records, order), self.missing_periods(&records));
        if !lost.is_empty() || !periods.is_empty() {
            for (purge, only_again) in lost {
                store.append_purge(write(&purge, only_again), seen).await?;
            }
            if !periods.is_empty() {
                let record = Record { periods, ..Record::default() };
                store.append_purge(record.line(), seen.max(self.last)).await?;
            }
            records = store.purges_since(0).await?.unwrap_or_default();
            if !missing(&records, order).is_empty() || !self.missing_periods(&records).is_empty() {
                // It is noticed again: nothing was applied.
                return Err(
                    "the ledger has lost purges, and lost again what makes up for them".into()
                );
            }
        }
        warn!(
            records = records.len(),
            "the ledger has lost purges: all stored pages count as purged, and what was purged hard \
             is purged again"
        );
        let last = records.last().map_or(0, |record| record.position);
        (self.len, self.looked_at, self.last) = (records.len(), 0, last);
        self.told.clear();
        self.periods = SetPeriods::default();
        let (mut heard, mut again) = (Heard { is_all: true, ..Heard::default() }, Vec::new());
        for record in &records {
            match content(record, order) {
                Content::Purge(purge, true) => again.push(purge),
                Content::Purge(purge, false) => heard.purges.push((Some(record.position), purge)),
                Content::Told(told) => {
                    self.note_told(told.clone());
                    heard.told.push(told);
                }
                Content::Periods(periods) => {
                    self.periods.note(record.position, &periods);
                    heard.periods.extend(periods);
                }
            }
        }
        let purges = heard.purges.iter().map(|(_, purge)| purge);
        let scopes = purges.clone();
        let scopes = scopes.flat_map(|purge| purge.scopes.iter().map(|scope| (scope, purge.kind)));
        let counts_at = order.apply_all(scopes, last);
        order.origins().note(counts_at, order.origin(PurgeSource::LostPurges));
        purges.chain(&again).for_each(|purge| purge.note_again(order));
        Ok(heard)
    }

    /// The periods that are known here and that the ledger has lost.
    fn missing_periods(&self, records: &[LedgerRecord]) -> Vec<SetPeriod> {
        let mut log = SetPeriods::default();
        for LedgerRecord { position, record } in records {
            if let Some(Content::Periods(periods)) = read(record) {
                log.note(*position, &periods);
            }
        }
        self.periods.missing_in(&log)
    }

    async fn rewrite_if_long(&mut self, store: &Guarded, order: &Order) {
        if self.len < self.looked_at + SUPERSEDED {
            return;
        }
        self.looked_at = self.len;
        let records = records(order, self);
        let len = records.len();
        if self.len >= 2 * len + SUPERSEDED {
            match store.replace_purges(records).await {
                Ok(true) => (self.len, self.looked_at) = (len, len),
                Ok(false) => {}
                Err(error) => warn!(error, "cannot rewrite the purge log, it grows"),
            }
        }
    }
}

impl NewPurge {
    fn of_everything() -> Self {
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
    fn apply(&self, order: &Order, position: Position) {
        self.note_origin(order, order.apply(&self.scopes, self.kind, position));
    }

    fn note_origin(&self, order: &Order, counts_at: Position) {
        if let Some(origin) = &self.origin {
            order.origins().note(counts_at, origin.clone());
        }
    }

    fn note_again(&self, order: &Order) {
        if let Some(due) = self.again {
            order.note_again(&self.scopes, self.kind, due);
        }
    }
}

/// What a record says.
enum Content {
    /// A purge, and whether it says only that it is to be done once more.
    Purge(NewPurge, bool),
    Told(Told),
    Periods(Vec<SetPeriod>),
}

fn content(record: &LedgerRecord, order: &Order) -> Content {
    let Some(mut content) = read(&record.record) else {
        warn!("a purge record is damaged: all stored pages count as purged");
        return Content::Purge(NewPurge::of_everything(), false);
    };
    if let Content::Purge(NewPurge { again: Some(due), .. }, _) = &mut content {
        *due = not_too_late(*due, order.due_after(Duration::ZERO));
    }
    content
}

/// What a ledger that has lost records needs: a purge of everything that was seen before, unless
/// there is one, and what is known here and no longer there. Soft purges are not: that of everything
/// reaches what they reached.
fn missing(records: &[LedgerRecord], order: &Order) -> Vec<(NewPurge, bool)> {
    let (seen, mut is_purged, mut hard, mut again) =
        (order.seen().0, false, HashMap::new(), HashSet::new());
    for LedgerRecord { position, record } in records {
        let Some(Content::Purge(purge, only_again)) = read(record) else { continue };
        if purge.again.is_some() {
            again.extend(purge.scopes.iter().map(|scope| (scope.clone(), purge.kind)));
        }
        if !only_again {
            is_purged |= *position > seen && purge.scopes.contains(&Scope::everything());
            let scopes = purge.scopes.into_iter().filter(|_| purge.kind == PurgeKind::Hard);
            hard.extend(scopes.map(|scope| (scope, *position)));
        }
    }
    let hard: Vec<_> = order.purges().read(|times| {
        let purges = times.records().filter(|(_, kind, _)| *kind == PurgeKind::Hard);
        // The ledger may still have an earlier one.
        let lost = purges.filter(|(scope, _, at)| hard.get(*scope).is_none_or(|there| there < at));
        lost.map(|(scope, ..)| scope.clone()).collect()
    });
    let everything = (!is_purged).then(NewPurge::of_everything);
    let hard = hard.chunks(SCOPES).map(|scopes| NewPurge::of(scopes.to_vec(), PurgeKind::Hard));
    let later = order.later().all().into_iter();
    let later = later.filter(|(scope, kind, _)| !again.contains(&(scope.clone(), *kind)));
    let later = later.map(|(scope, kind, due)| (again_at(due, scope, kind), true));
    let made_up = |purge| {
        let origin = Some(order.origin(PurgeSource::LostPurges));
        (NewPurge { origin, ..purge }, false)
    };
    everything.into_iter().chain(hard).map(made_up).chain(later).collect()
}

fn again_at(due: Position, scope: Scope, kind: PurgeKind) -> NewPurge {
    NewPurge { again: Some(due), ..NewPurge::of(vec![scope], kind) }
}

/// The records of all purges and of those to be done once more, one for each scope and kind, and of
/// what CDNs have been told and which periods were set, in the order of their positions.
fn records(order: &Order, known: &Known) -> Vec<LedgerRecord> {
    let Known { last, told, periods, .. } = known;
    let last = *last;
    // These first: what is done while they are read is then seen to be done.
    let later = order.later().all().into_iter().map(|(scope, kind, due)| LedgerRecord {
        position: last,
        record: write(&again_at(due, scope, kind), true),
    });
    let later: Vec<_> = later.collect();
    let mut records: Vec<_> = order.purges().read(|times| {
        let purges = times.records().map(|(scope, kind, position)| LedgerRecord {
            position,
            record: write(
                &NewPurge {
                    origin: order.origins().of(position),
                    ..NewPurge::of(vec![scope.clone()], kind)
                },
                false,
            ),
        });
        purges.collect()
    });
    records.extend(later);
    records.extend(told.iter().map(|(cdn, until)| {
        let told = Some(Told { cdn: cdn.clone(), until: *until });
        LedgerRecord { position: last, record: Record { told, ..Record::default() }.line() }
    }));
    records.extend(periods.all().map(|(position, set)| {
        let record = Record { periods: vec![set], ..Record::default() };
        LedgerRecord { position, record: record.line() }
    }));
    records.sort_by_key(|record| record.position);
    records
}

fn write(purge: &NewPurge, only_again: bool) -> Bytes {
    let NewPurge { scopes, kind, again, ids, origin } = purge.clone();
    let hard = kind == PurgeKind::Hard;
    Record { hard, scopes, again, only_again, ids, origin, ..Record::default() }.line()
}

impl Record {
    fn line(&self) -> Bytes {
        let json = serde_json::to_string(self).expect("numbers and texts can be written as JSON");
        seal(&json)
    }
}

fn read(record: &[u8]) -> Option<Content> {
    let Record { hard, scopes, again, only_again, ids, origin, told, periods } =
        serde_json::from_slice(unseal(record)?).ok()?;
    let kind = if hard { PurgeKind::Hard } else { PurgeKind::Soft };
    Some(match told {
        Some(told) => Content::Told(told),
        None if !periods.is_empty() => Content::Periods(periods),
        None => Content::Purge(NewPurge { scopes, kind, again, ids, origin }, only_again),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::{key::Key, tag::Tag},
        clock::SystemClock,
        entry::{Entry, RenderStart, Seen},
        store::{DiskStore, Ledger},
    };
    use http::{HeaderMap, StatusCode};
    use std::{
        path::Path,
        sync::{Arc, atomic::Ordering::Relaxed},
        time::SystemTime,
    };

    fn at(position: Position, purge: &NewPurge) -> LedgerRecord {
        LedgerRecord { position, record: write(purge, false) }
    }

    fn purge(scopes: &[Scope], kind: PurgeKind) -> NewPurge {
        NewPurge::of(scopes.to_vec(), kind)
    }

    fn soft(name: &str) -> NewPurge {
        purge(&[tag(name)], PurgeKind::Soft)
    }

    fn tag(text: &str) -> Scope {
        Scope::Tag(Tag::new(text))
    }

    /// The records after the log was rewritten.
    fn rewritten(history: PurgeHistory) -> Vec<LedgerRecord> {
        let PurgeHistory { times, later, origins, last, .. } = history;
        let order = Order::after(Arc::new(SystemClock), last, times, later);
        let known = Known { last, ..Known::default() };
        records(&order.with_origins(origins), &known)
    }

    #[test]
    fn who_made_a_purge_is_known_after_a_restart_and_after_the_log_was_rewritten() {
        let origin = PurgeOrigin {
            by: PurgeSource::Webhook("cms".into()),
            at: std::time::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
            replica: crate::order::origins::ReplicaId(0xab),
        };
        let made = NewPurge { origin: Some(origin.clone()), ..soft("a") };
        let log = [at(7, &made), at(9, &soft("b"))];
        let history = replay(&log, 20);
        assert_eq!((history.origins.of(7), history.origins.of(9)), (Some(origin.clone()), None));
        let anew = replay(&rewritten(history), 20);
        assert_eq!((anew.origins.of(7), anew.origins.of(9)), (Some(origin), None));
    }

    #[test]
    fn record_of_before_says_not_who_made_it_and_one_of_a_later_version_is_read() {
        let with = |origin: &str| {
            let json = format!(r#"{{"hard":true,"scopes":[{{"tag":"a"}}]{origin}}}"#);
            replay(&[LedgerRecord { position: 7, record: seal(&json) }], 20)
        };
        let before = with("");
        let later = with(r#","origin":{"by":"console","at":5,"replica":1,"host":"a"},"more":2"#);
        assert_eq!((before.times.len(), before.origins.of(7)), (1, None));
        assert_eq!(before.times, later.times);
        assert_eq!(later.origins.of(7).unwrap().by, PurgeSource::Unknown);
    }

    #[test]
    fn records_are_read_again() {
        let log = [
            at(7, &purge(&[tag("a"), Scope::Path("/x".into())], PurgeKind::Soft)),
            at(9, &purge(&[tag("a")], PurgeKind::Hard)),
        ];
        let history = replay(&log, 20);
        let times = history.times.clone();
        assert_eq!((times.len(), history.last), (2, 9));
        let mut found: Vec<_> = times.records().map(|(_, kind, at)| (at, kind)).collect();
        found.sort_by_key(|(at, _)| *at);
        assert_eq!(found, [(7, PurgeKind::Soft), (7, PurgeKind::Soft), (9, PurgeKind::Hard)]);
        let rewritten = rewritten(history);
        assert!(rewritten.is_sorted_by_key(|record| record.position));
        assert_eq!(replay(&rewritten, 20).times, times);
    }

    #[test]
    fn what_is_to_be_done_once_more_waits_until_a_later_record_has_done_it() {
        let first = |position, due| at(position, &NewPurge { again: Some(due), ..soft("a") });
        let done = |position| at(position, &purge(&[tag("a"), tag("b")], PurgeKind::Soft));
        let due = |log: &[LedgerRecord]| replay(log, 100).later.next();
        assert_eq!(due(&[first(7, 17)]), Some(17));
        assert_eq!(due(&[first(7, 17), done(16)]), Some(17));
        assert_eq!(due(&[first(7, 17), first(9, 19), done(17)]), Some(19));
        assert_eq!(due(&[first(7, 17), done(17)]), None);
        let hour = 3_600_000_000;
        assert_eq!(due(&[first(7, Position::MAX)]), Some(100 + hour), "a clock set back");

        let log = rewritten(replay(&[first(7, 17), at(8, &soft("b"))], 100));
        let again = replay(&log, 100);
        assert_eq!((again.later.next(), again.last), (Some(17), 8));
        let of_a = again.times.records().find(|(scope, ..)| **scope == tag("a"));
        assert_eq!(of_a.map(|(_, _, position)| position), Some(7), "it was not purged again");
    }

    #[test]
    fn every_flipped_bit_makes_all_pages_stale() {
        let log = [at(7, &soft("a")), at(9, &soft("b"))];
        for bit in 0..log[0].record.len() * 8 {
            let mut flipped = log[0].record.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = LedgerRecord { position: 7, record: flipped.into() };
            let PurgeHistory { times, .. } = replay(&[flipped, log[1].clone()], 20);
            let everything = times.records().find(|(scope, ..)| **scope == Scope::everything());
            assert_eq!(
                everything.map(|(_, kind, position)| (kind, position)),
                Some((PurgeKind::Soft, 7))
            );
        }
        assert!(replay(&log, 20).times.records().all(|(scope, ..)| *scope != Scope::everything()));
    }

    /// A process on the ledger of a folder.
    struct Process {
        store: Guarded,
        log: PurgeLog,
        order: Order,
    }

    impl Process {
        fn start(folder: &Path) -> Self {
            let store = Arc::new(DiskStore::open(folder, "build").unwrap());
            let PurgeHistory { log, times, later, last, .. } = replay(&store.records().unwrap(), 0);
            let order = Order::after(Arc::new(SystemClock), last, times, later);
            let store = Guarded::new(store.clone(), store, Duration::from_secs(30));
            Self { store, log, order }
        }

        async fn purge(&self, purge: NewPurge) -> Vec<Vec<Scope>> {
            let mut applied = Vec::new();
            let on_heard = |heard: Heard| applied = heard.purges;
            self.log.append(&self.store, purge, &self.order, on_heard).await.unwrap();
            applied.into_iter().map(|(_, purge)| purge.scopes).collect()
        }

        async fn set_period(&self, period: SetPeriod) {
            let periods = vec![period];
            self.log.set_periods(&self.store, periods, &self.order, |_| {}).await.unwrap();
        }

        async fn hear_periods(&self) -> Vec<SetPeriod> {
            let mut periods = Vec::new();
            let on_heard = |heard: Heard| periods = heard.periods;
            self.log.hear(&self.store, &self.order, on_heard).await.unwrap();
            periods
        }

        async fn hear(&self) -> usize {
            heard(&self.log, &self.store, &self.order).await.unwrap()
        }

        fn render(&self) -> Seen {
            self.order.begin().began.seen
        }

        fn is_all_purged(&self, seen: Seen) -> bool {
            self.order.purges().read(|times| times.last_of_path("/any")) > seen.0
        }

        fn is_purged(&self, name: &str, seen: Seen) -> bool {
            self.order.is_purged(&[Tag::new(name)], seen)
        }
    }

    #[tokio::test]
    async fn what_began_before_a_purge_of_another_process_was_heard_is_purged_in_both() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        one.purge(soft("a")).await;
        let (here, there) = (one.render(), other.render());
        assert!(!one.is_purged("a", here) && one.is_purged("a", there));
        assert_eq!((other.hear().await, other.hear().await), (1, 0));
        assert!(!other.is_purged("a", here) && other.is_purged("a", there));
        let later = other.render();
        assert!(!one.is_purged("a", later) && !other.is_purged("a", later));
    }

    #[tokio::test]
    async fn purges_of_two_processes_count_in_the_order_of_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        assert_eq!(one.purge(soft("a")).await, [[tag("a")]]);
        assert_eq!(other.purge(soft("b")).await, [[tag("a")], [tag("b")]]);
        let seen = other.render();
        one.purge(soft("c")).await;
        for process in [one, other, Process::start(folder.path())] {
            process.hear().await;
            assert_eq!(
                ["a", "b", "c"].map(|name| process.is_purged(name, seen)),
                [false, false, true]
            );
        }
    }

    #[tokio::test]
    async fn log_of_two_processes_is_rewritten_and_both_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        one.purge(NewPurge { again: Some(Position::MAX), ..soft("again") }).await;
        other.hear().await;
        for n in 0..2 * SUPERSEDED {
            let process = if n % 2 == 0 { &one } else { &other };
            process.purge(soft("busy")).await;
        }
        let records = one.store.purges_since(0).await.unwrap().unwrap();
        assert!(records.len() < SUPERSEDED, "{} records", records.len());
        one.hear().await;
        let seen = one.render();
        other.purge(soft("after")).await;
        assert_eq!(one.hear().await, 1);
        let anew = Process::start(folder.path());
        for process in [one, other, anew] {
            assert!(process.is_purged("after", seen) && !process.is_purged("busy", seen));
            assert!(!process.is_purged("again", seen) && process.order.next_again().is_some());
        }
    }

    fn period(route: &str, seconds: u64) -> SetPeriod {
        SetPeriod { route: route.to_owned(), period: Some(Duration::from_secs(seconds)) }
    }

    fn of_period(position: Position, periods: &[SetPeriod]) -> LedgerRecord {
        let record = Record { periods: periods.to_vec(), ..Record::default() };
        LedgerRecord { position, record: record.line() }
    }

    #[test]
    fn period_is_a_purge_of_nothing_to_a_server_that_does_not_know_of_periods() {
        #[derive(Deserialize)]
        struct Before {
            hard: bool,
            scopes: Vec<Scope>,
        }
        let LedgerRecord { record, .. } = of_period(7, &[period("/a", 5)]);
        let before: Before = serde_json::from_slice(unseal(&record).unwrap()).unwrap();
        assert_eq!((before.hard, before.scopes), (false, Vec::new()));
        let history = replay(&[at(5, &soft("a")), of_period(7, &[period("/a", 5)])], 20);
        assert_eq!((history.times.len(), history.last), (1, 7));
        assert_eq!(history.heard.periods, [period("/a", 5)]);
    }

    #[tokio::test]
    async fn periods_are_heard_by_other_processes_and_kept_by_a_rewritten_log() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        one.set_period(period("/a", 5)).await;
        one.set_period(period("/b", 6)).await;
        assert_eq!(other.hear_periods().await, [period("/a", 5), period("/b", 6)]);
        other.set_period(period("/a", 7)).await;
        for _ in 0..2 * SUPERSEDED {
            other.purge(soft("busy")).await;
        }
        let records = one.store.purges_since(0).await.unwrap().unwrap();
        assert!(records.len() < SUPERSEDED, "{} records", records.len());
        let PurgeHistory { heard, .. } = replay(&records, 0);
        assert_eq!(heard.periods, [period("/b", 6), period("/a", 7)]);
        one.hear().await;
        other.set_period(period("/c", 8)).await;
        assert_eq!(one.hear_periods().await, [period("/c", 8)], "both go on");
    }

    #[tokio::test]
    async fn periods_that_the_ledger_has_lost_are_set_again() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        let log = folder.path().join("purges.log");
        one.set_period(period("/a", 5)).await;
        let kept = std::fs::read(&log).unwrap();
        one.set_period(period("/a", 7)).await;
        other.hear().await;
        std::fs::write(&log, kept).unwrap();
        assert_eq!(one.hear_periods().await, [period("/a", 5), period("/a", 7)]);
        assert_eq!(other.hear_periods().await.last(), Some(&period("/a", 7)));
        let records = one.store.purges_since(0).await.unwrap().unwrap();
        assert_eq!(records.len(), 3, "the first period, the second, a purge of everything");
        assert_eq!(replay(&records, 0).heard.periods.last(), Some(&period("/a", 7)));
    }

    /// As if a replica took over that lacks the last purges, or somebody emptied the ledger.
    #[tokio::test]
    async fn purges_that_the_ledger_has_lost_are_made_up_for_once_by_all_processes() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
        one.purge(NewPurge { again: Some(Position::MAX), ..soft("again") }).await;
        one.purge(soft("a")).await;
        other.hear().await;
        let seen = other.render();
        std::fs::remove_file(folder.path().join("purges.log")).unwrap();

        for process in [&one, &other] {
            process.hear().await;
            assert!(process.is_all_purged(seen) && !process.is_all_purged(process.render()));
            let hard = process.order.purges().read(|times| {
                times.records().filter(|(_, kind, _)| *kind == PurgeKind::Hard).count()
            });
            assert_eq!(hard, 1);
            let origin = process.order.origins().of(process.order.seen().0).unwrap();
            assert_eq!(origin.by, PurgeSource::LostPurges);
            assert_eq!(process.hear().await, 0);
        }
        let records = one.store.purges_since(0).await.unwrap().unwrap();
        assert_eq!(records.len(), 3, "one of everything, one that is hard, one again");
        let fresh = Process::start(folder.path());
        assert!(fresh.is_all_purged(seen) && fresh.is_purged("gone", seen));
        assert!(fresh.order.next_again().is_some());
    }

    /// The ledger was emptied while no process ran, and its clock is behind by now.
    #[tokio::test]
    async fn purge_reaches_a_page_that_has_seen_what_the_ledger_has_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
        other.hear().await;
        let heard = other.render();
        for (ahead, is_lost) in [(Duration::from_micros(3), false), (Duration::from_secs(30), true)]
        {
            let start =
                RenderStart::new(SystemTime::UNIX_EPOCH, heard.0 + ahead.as_micros() as Position);
            let key = Key::of_canonical("/a");
            let mut page =
                Entry::new(key, StatusCode::OK, HeaderMap::new(), Bytes::from_static(b"x"), start);
            other.order.observe(&mut page);
            other.hear().await;
            assert_eq!(other.is_purged("gone", page.seen), is_lost, "{ahead:?}");
            assert_eq!(other.is_purged("gone", heard), is_lost, "{ahead:?}");
            one.purge(soft("later")).await;
            other.hear().await;
            assert!(!is_lost || other.is_purged("later", page.seen));
        }
    }

    /// A later hard purge of the same is lost, but the first one is still there.
    #[tokio::test]
    async fn lost_hard_purge_is_made_up_for_though_an_earlier_one_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        let log = folder.path().join("purges.log");
        one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
        other.hear().await;
        let (kept, seen) = (std::fs::read(&log).unwrap(), other.render());
        one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
        std::fs::write(&log, kept).unwrap();

        one.hear().await;
        other.hear().await;
        let hard = other.order.purges().read(|times| {
            times.records().filter(|(_, kind, at)| *kind == PurgeKind::Hard && *at > seen.0).count()
        });
        assert_eq!(hard, 1, "a page of before is served to nobody");
    }

    /// Loses the last record after some of the calls.
    #[derive(Debug, Default)]
    struct ForgetfulLedger {
        records: std::sync::Mutex<Vec<LedgerRecord>>,
        /// After how many appended records it loses the last one.
        loses_in: std::sync::atomic::AtomicUsize,
        cannot_be_read: std::sync::atomic::AtomicBool,
    }

    #[async_trait::async_trait]
    impl Ledger for ForgetfulLedger {
        fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
            Ok(self.records.lock().unwrap().clone())
        }

        async fn append(&self, record: Bytes, after: Position) -> Result<Position, StoreError> {
            let mut records = self.records.lock().unwrap();
            let position = records.last().map_or(0, |last| last.position).max(after) + 10;
            records.push(LedgerRecord { position, record });
            if self.loses_in.fetch_sub(1, Relaxed) == 1 {
                records.pop();
            }
            Ok(position)
        }

        async fn since(&self, at: Position) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
            if self.cannot_be_read.load(Relaxed) {
                return Err("it cannot be read".into());
            }
            let records = self.records.lock().unwrap();
            let has_it = at == 0 || records.iter().any(|record| record.position == at);
            Ok(has_it.then(|| records.iter().filter(|it| it.position > at).cloned().collect()))
        }

        async fn replace(&self, _: Vec<LedgerRecord>) -> Result<bool, StoreError> {
            Ok(false)
        }
    }

    /// How many purges are heard.
    async fn heard(log: &PurgeLog, store: &Guarded, order: &Order) -> Result<usize, StoreError> {
        let mut count = 0;
        log.hear(store, order, |heard| count = heard.purges.len()).await?;
        Ok(count)
    }

    async fn keep(
        log: &PurgeLog,
        store: &Guarded,
        purge: NewPurge,
        order: &Order,
    ) -> Result<(), StoreError> {
        log.append(store, purge, order, drop).await
    }

    fn on_forgetful_ledger(folder: &Path) -> (Arc<ForgetfulLedger>, Guarded, Order) {
        let pages = Arc::new(DiskStore::open(folder, "one").unwrap());
        let ledger = Arc::new(ForgetfulLedger::default());
        let store = Guarded::new(pages, Arc::clone(&ledger) as _, Duration::from_secs(5));
        let order = Order::after(Arc::new(SystemClock), 0, PurgeTimes::default(), Later::default());
        (ledger, store, order)
    }

    #[tokio::test]
    async fn purge_that_is_lost_or_cannot_be_read_back_once_it_is_kept_is_not_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, store, order) = on_forgetful_ledger(folder.path());
        let log = PurgeLog::default();
        assert!(keep(&log, &store, soft("a"), &order).await.is_ok());
        let seen = order.begin().began.seen;
        ledger.loses_in.store(1, Relaxed);
        assert!(keep(&log, &store, soft("b"), &order).await.is_err());
        assert!(order.is_purged(&[Tag::new("b")], seen), "it counts here");
        ledger.cannot_be_read.store(true, Relaxed);
        assert!(keep(&log, &store, soft("c"), &order).await.is_err());
        assert!(order.is_purged(&[Tag::new("c")], seen));
        ledger.cannot_be_read.store(false, Relaxed);
        assert!(keep(&log, &store, soft("b"), &order).await.is_ok());
    }

    #[tokio::test]
    async fn ledger_that_loses_again_what_makes_up_for_a_loss_is_noticed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, store, order) = on_forgetful_ledger(folder.path());
        let log = PurgeLog::default();
        keep(&log, &store, soft("a"), &order).await.unwrap();
        keep(&log, &store, soft("a"), &order).await.unwrap();
        ledger.records.lock().unwrap().pop();
        ledger.loses_in.store(1, Relaxed);
        assert!(heard(&log, &store, &order).await.is_err());
        assert_eq!(ledger.records.lock().unwrap().len(), 1);
        heard(&log, &store, &order).await.unwrap();
        assert_eq!(ledger.records.lock().unwrap().len(), 2, "one of everything");
        assert_eq!(heard(&log, &store, &order).await.unwrap(), 0);
    }

    /// A process that was cut off has purged something at a position that another one has passed.
    #[tokio::test]
    async fn purge_at_a_position_that_was_passed_is_heard_with_what_makes_up_for_losses() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        one.purge(soft("a")).await;
        one.purge(soft("a")).await;
        std::fs::remove_file(folder.path().join("purges.log")).unwrap();
        let early = write(&purge(&[tag("gone")], PurgeKind::Hard), false);
        std::fs::write(folder.path().join("purges.log"), {
            let mut line = seal(&format!("7 {}", std::str::from_utf8(&early).unwrap())).to_vec();
            line.push(b'\n');
            line
        })
        .unwrap();
        let seen = one.render();
        one.hear().await;
        assert!(one.is_purged("gone", seen));
        let hard = one.order.purges().read(|times| {
            times.records().filter(|(_, kind, at)| *kind == PurgeKind::Hard && *at > seen.0).count()
        });
        assert_eq!(hard, 1, "still hard");
        other.hear().await;
        assert_eq!(one.store.purges_since(0).await.unwrap().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn purge_that_the_ledger_does_not_keep_counts_here_and_those_of_others_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
        let before = one.render();
        soft("here").apply_here(&one.order);
        assert!(one.is_purged("here", before) && !one.is_purged("here", one.render()));
        // As by a clock that is ahead, and set back after it.
        let ahead = one.order.due_after(Duration::from_secs(60));
        one.order.apply(&[tag("ahead")], PurgeKind::Soft, ahead);
        let between = one.render();
        other.purge(soft("there")).await;
        one.hear().await;
        assert!(one.is_purged("there", between) && !one.is_purged("there", one.render()));
    }
}
