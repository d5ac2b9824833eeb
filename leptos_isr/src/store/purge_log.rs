//! Purges as records in a store. Each is written before its purge is answered, and all are read at
//! start.
//!
//! What a damaged record purged is unknown, so it counts as a purge of everything.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    clock::Stamp,
    error::StoreError,
    order::{
        purge::Scope,
        times::{PurgeTimes, Purges},
    },
    rules::freshness::PurgeKind,
    store::{
        guarded::Guarded,
        line::{seal, unseal},
    },
};

/// How many superseded records the log has before it is rewritten.
const SUPERSEDED: usize = 1000;

#[derive(Serialize, Deserialize)]
struct Record {
    stamp: Stamp,
    hard: bool,
    scopes: Vec<Scope>,
}

/// The log of purges, of which this keeps the number of records.
#[derive(Debug, Default)]
pub(crate) struct PurgeLog(Mutex<usize>);

/// What the records at start amount to.
#[derive(Debug, Default)]
pub(crate) struct PurgeHistory {
    pub(crate) log: PurgeLog,
    pub(crate) times: PurgeTimes,
    pub(crate) last: Stamp,
}

/// Reads the records of a store. `now` is the stamp of the start.
pub(crate) fn replay(records: &[Bytes], now: Stamp) -> PurgeHistory {
    let mut history =
        PurgeHistory { log: PurgeLog(Mutex::new(records.len())), ..PurgeHistory::default() };
    let (mut damaged, mut is_last_damaged) = (0, false);
    for record in records {
        let Some(record) = read(record) else {
            damaged += 1;
            is_last_damaged = true;
            continue;
        };
        history.last = history.last.max(record.stamp);
        is_last_damaged = false;
        for scope in record.scopes {
            history.times.note(scope, kind(record.hard), record.stamp);
        }
    }
    if damaged > 0 {
        warn!(damaged, "purge records are damaged: all stored pages count as purged");
        // A damaged record came before the next one, or, if there is none, at any time until now.
        if is_last_damaged {
            history.last = history.last.max(now);
        }
        history.times.note(Scope::everything(), PurgeKind::Soft, history.last.max(1));
    }
    history
}

impl PurgeLog {
    /// Keeps a purge that is noted in `purges`, and returns once no crash can lose it. Rewrites the
    /// log from `purges` when most of it is superseded.
    ///
    /// # Errors
    ///
    /// Passes on the error of the store: a restart may forget the purge.
    pub(crate) async fn append(
        &self,
        store: &Guarded,
        scopes: &[Scope],
        kind: PurgeKind,
        stamp: Stamp,
        purges: &Purges,
    ) -> Result<(), StoreError> {
        let mut len = self.0.lock().await;
        store.append_purge(write(scopes, kind, stamp)).await?;
        *len += 1;
        if len.is_multiple_of(SUPERSEDED) {
            let records = purges.read(records);
            let new_len = records.len();
            if *len >= 2 * new_len + SUPERSEDED {
                match store.replace_purges(records).await {
                    Ok(true) => *len = new_len,
                    Ok(false) => {}
                    Err(error) => warn!(error, "cannot rewrite the purge log, it grows"),
                }
            }
        }
        Ok(())
    }
}

/// The records of `times`, one for each scope and kind.
fn records(times: &PurgeTimes) -> Vec<Bytes> {
    times
        .records()
        .map(|(scope, kind, stamp)| write(std::slice::from_ref(scope), kind, stamp))
        .collect()
}

fn write(scopes: &[Scope], hard: PurgeKind, stamp: Stamp) -> Bytes {
    let record = Record { stamp, hard: hard == PurgeKind::Hard, scopes: scopes.to_vec() };
    let json = serde_json::to_string(&record).expect("numbers and texts can be written as JSON");
    seal(&json)
}

fn read(record: &[u8]) -> Option<Record> {
    serde_json::from_slice(unseal(record)?).ok()
}

fn kind(hard: bool) -> PurgeKind {
    if hard { PurgeKind::Hard } else { PurgeKind::Soft }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::tag::Tag;

    fn tag(text: &str) -> Scope {
        Scope::Tag(Tag::new(text))
    }

    #[test]
    fn records_are_read_again() {
        let log = [
            write(&[tag("a"), Scope::Path("/x".into())], PurgeKind::Soft, 7),
            write(&[tag("a")], PurgeKind::Hard, 9),
        ];
        let PurgeHistory { times, last, .. } = replay(&log, 20);
        assert_eq!((times.len(), last), (2, 9));
        let mut found: Vec<_> = times.records().map(|(_, kind, stamp)| (stamp, kind)).collect();
        found.sort_by_key(|(stamp, _)| *stamp);
        assert_eq!(found, [(7, PurgeKind::Soft), (7, PurgeKind::Soft), (9, PurgeKind::Hard)]);
        assert_eq!(replay(&records(&times), 20).times, times);
    }

    #[test]
    fn every_flipped_bit_makes_all_pages_stale() {
        let log = [write(&[tag("a")], PurgeKind::Soft, 7), write(&[tag("b")], PurgeKind::Soft, 9)];
        for bit in 0..log[0].len() * 8 {
            let mut flipped = log[0].to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let PurgeHistory { times, .. } = replay(&[flipped.into(), log[1].clone()], 20);
            let everything = times.records().find(|(scope, ..)| **scope == Scope::everything());
            assert_eq!(
                everything.map(|(_, kind, stamp)| (kind, stamp)),
                Some((PurgeKind::Soft, 9))
            );
        }
        assert!(replay(&log, 20).times.records().all(|(scope, ..)| *scope != Scope::everything()));
    }

    #[test]
    fn damaged_last_record_may_have_come_at_any_time_until_the_start() {
        let log = [write(&[tag("a")], PurgeKind::Soft, 7), "damaged".into()];
        let PurgeHistory { times, last, .. } = replay(&log, 20);
        let latest = times.records().map(|(_, _, stamp)| stamp).max();
        assert_eq!((latest, last), (Some(20), 20));
    }
}
