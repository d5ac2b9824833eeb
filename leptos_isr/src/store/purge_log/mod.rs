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

mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::Mutex;
use tracing::warn;

use self::record::{
    Content, again_at, content, not_too_late, read, write, write_periods, write_told,
};
pub(crate) use self::record::{Heard, NewPurge, Told};
use crate::{
    entry::Position,
    error::StoreError,
    order::{
        Order,
        later::Later,
        origins::{Origins, PurgeSource},
        purge::Scope,
        times::PurgeTimes,
    },
    route::overrides::SetPeriod,
    rules::freshness::PurgeKind,
    store::{guarded::Guarded, ledger::LedgerRecord, set_periods::SetPeriods},
};

/// How many superseded records the log has before it is rewritten.
const SUPERSEDED: usize = 1000;

/// How many scopes a record has at most if several are put together.
const SCOPES: usize = 1000;

/// Of how many CDNs it is remembered what they were told. There are more only if some are gone.
const CDNS: usize = 1000;

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
        let content = read(record).unwrap_or_else(|| {
            damaged += 1;
            Content::Purge(NewPurge::of_everything(), false)
        });
        let Some((purge, only_again)) = known.note(*position, content, &mut history.heard) else {
            continue;
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
    history.heard.periods = known.periods.all().map(|(_, period)| period).collect();
    history.log = PurgeLog(Mutex::new(known));
    if damaged > 0 {
        warn!(
            damaged,
            "purge records are damaged: all pages that were stored before count as purged"
        );
    }
    history
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
        self.0.lock().await.append(store, write_told(told), order).await.map(drop)
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
        known.append(store, write_periods(&periods), order).await?;
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
            let content = content(record, order);
            let Some((purge, only_again)) = self.note(record.position, content, &mut heard) else {
                continue;
            };
            if !only_again {
                purge.apply(order, record.position);
            }
            purge.note_again(order);
            if !only_again {
                heard.purges.push((Some(record.position), purge));
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

    /// Notes what a record says that is no purge. Returns the purge otherwise, and whether it says only
    /// that it is to be done once more.
    fn note(
        &mut self,
        position: Position,
        content: Content,
        heard: &mut Heard,
    ) -> Option<(NewPurge, bool)> {
        match content {
            Content::Purge(purge, only_again) => return Some((purge, only_again)),
            Content::Told(told) => {
                self.note_told(&told);
                heard.told.push(told);
            }
            Content::Periods(periods) => {
                self.periods.note(position, &periods);
                heard.periods.extend(periods);
            }
        }
        None
    }

    fn note_told(&mut self, told: &Told) {
        let until = self.told.entry(told.cdn.clone()).or_default();
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
        let mut records = store.purges_since(0).await?.unwrap_or_default();
        let (lost, periods) = (missing(&records, order), self.missing_periods(&records));
        if !lost.is_empty() || !periods.is_empty() {
            for (purge, only_again) in lost {
                self.append(store, write(&purge, only_again), order).await?;
            }
            if !periods.is_empty() {
                self.append(store, write_periods(&periods), order).await?;
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
            match self.note(record.position, content(record, order), &mut heard) {
                Some((purge, true)) => again.push(purge),
                Some((purge, false)) => heard.purges.push((Some(record.position), purge)),
                None => {}
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
        let told = Told { cdn: cdn.clone(), until: *until };
        LedgerRecord { position: last, record: write_told(told) }
    }));
    records.extend(
        periods
            .all()
            .map(|(position, set)| LedgerRecord { position, record: write_periods(&[set]) }),
    );
    records.sort_by_key(|record| record.position);
    records
}
