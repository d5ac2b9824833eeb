//! Purges as records in a store. Each is written before its purge is answered, and all are read at
//! start.
//!
//! A purge that is to be done once more says so in its own record. It is done if a later record
//! purges the same late enough.
//!
//! What a damaged record purged is unknown, so it counts as a purge of everything.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    clock::{CLOCK_SKEW, Stamp},
    error::StoreError,
    order::{
        Order,
        later::Later,
        purge::{LONGEST_WAIT, Scope},
        times::PurgeTimes,
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
    /// It is to be done once more, by a purge whose stamp is not earlier than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<Stamp>,
}

/// A purge to be kept.
#[derive(Debug)]
pub(crate) struct NewPurge<'a> {
    pub(crate) scopes: &'a [Scope],
    pub(crate) kind: PurgeKind,
    pub(crate) stamp: Stamp,
    /// It is to be done once more, by a purge whose stamp is not earlier than this.
    pub(crate) again: Option<Stamp>,
}

/// The log of purges, of which this keeps the number of records.
#[derive(Debug, Default)]
pub(crate) struct PurgeLog(Mutex<usize>);

/// What the records at start amount to.
#[derive(Debug, Default)]
pub(crate) struct PurgeHistory {
    pub(crate) log: PurgeLog,
    pub(crate) times: PurgeTimes,
    pub(crate) later: Later,
    pub(crate) last: Stamp,
}

/// Reads the records of a store. `now` is the stamp of the start.
pub(crate) fn replay(records: &[Bytes], now: Stamp) -> PurgeHistory {
    let mut history =
        PurgeHistory { log: PurgeLog(Mutex::new(records.len())), ..PurgeHistory::default() };
    let latest = (LONGEST_WAIT + CLOCK_SKEW).as_micros() as Stamp;
    let (mut damaged, mut is_last_damaged) = (0, false);
    for record in records {
        let Some(record) = read(record) else {
            damaged += 1;
            is_last_damaged = true;
            continue;
        };
        history.last = history.last.max(record.stamp);
        is_last_damaged = false;
        let kind = kind(record.hard);
        history.later.purged(&record.scopes, kind, record.stamp);
        if let Some(due) = record.again {
            // Later than that if the clock was set back.
            history.later.note(&record.scopes, kind, due.min(now.saturating_add(latest)));
        }
        for scope in record.scopes {
            history.times.note(scope, kind, record.stamp);
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
    /// Keeps a purge that is noted in `order`, and returns once no crash can lose it. Rewrites the
    /// log from `order` when most of it is superseded.
    ///
    /// # Errors
    ///
    /// Passes on the error of the store: a restart may forget the purge.
    pub(crate) async fn append(
        &self,
        store: &Guarded,
        purge: NewPurge<'_>,
        order: &Order,
    ) -> Result<(), StoreError> {
        let mut len = self.0.lock().await;
        store.append_purge(write(&purge)).await?;
        *len += 1;
        if len.is_multiple_of(SUPERSEDED) {
            let records = records(order);
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

/// The records of all purges and of those to be done once more, one for each scope and kind.
fn records(order: &Order) -> Vec<Bytes> {
    // These first: what is done while they are read is then seen to be done.
    let later = order.later().all().into_iter().map(|(scope, kind, due)| {
        write(&NewPurge { scopes: &[scope], kind, stamp: 0, again: Some(due) })
    });
    let mut records: Vec<_> = later.collect();
    order.purges().read(|times| {
        records.extend(times.records().map(|(scope, kind, stamp)| {
            write(&NewPurge { scopes: std::slice::from_ref(scope), kind, stamp, again: None })
        }));
    });
    records
}

fn write(purge: &NewPurge<'_>) -> Bytes {
    let NewPurge { scopes, kind, stamp, again } = *purge;
    let hard = kind == PurgeKind::Hard;
    let record = Record { stamp, hard, scopes: scopes.to_vec(), again };
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
    use crate::{address::tag::Tag, clock::SystemClock};
    use std::sync::Arc;

    fn purge(scopes: &[Scope], kind: PurgeKind, stamp: Stamp) -> NewPurge<'_> {
        NewPurge { scopes, kind, stamp, again: None }
    }

    fn tag(text: &str) -> Scope {
        Scope::Tag(Tag::new(text))
    }

    #[test]
    fn records_are_read_again() {
        let log = [
            write(&purge(&[tag("a"), Scope::Path("/x".into())], PurgeKind::Soft, 7)),
            write(&purge(&[tag("a")], PurgeKind::Hard, 9)),
        ];
        let PurgeHistory { times, last, .. } = replay(&log, 20);
        assert_eq!((times.len(), last), (2, 9));
        let mut found: Vec<_> = times.records().map(|(_, kind, stamp)| (stamp, kind)).collect();
        found.sort_by_key(|(stamp, _)| *stamp);
        assert_eq!(found, [(7, PurgeKind::Soft), (7, PurgeKind::Soft), (9, PurgeKind::Hard)]);
        let order = Order::after(Arc::new(SystemClock), last, times.clone(), Later::default());
        assert_eq!(replay(&records(&order), 20).times, times);
    }

    #[test]
    fn what_is_to_be_done_once_more_waits_until_a_later_record_has_done_it() {
        let first = |stamp, due| {
            write(&NewPurge { again: Some(due), ..purge(&[tag("a")], PurgeKind::Soft, stamp) })
        };
        let done = |stamp| write(&purge(&[tag("a"), tag("b")], PurgeKind::Soft, stamp));
        let due = |log: &[Bytes]| replay(log, 100).later.next();
        assert_eq!(due(&[first(7, 17)]), Some(17));
        assert_eq!(due(&[first(7, 17), done(16)]), Some(17));
        assert_eq!(due(&[first(7, 17), first(9, 19), done(17)]), Some(19));
        assert_eq!(due(&[first(7, 17), done(17)]), None);
        let hour_and_skew = 3_605_000_000;
        assert_eq!(due(&[first(7, Stamp::MAX)]), Some(100 + hour_and_skew), "a clock set back");

        let PurgeHistory { times, later, last, .. } = replay(&[first(7, 17)], 100);
        let order = Order::after(Arc::new(SystemClock), last, times.clone(), later);
        let rewritten = replay(&records(&order), 100);
        assert_eq!((rewritten.later.next(), rewritten.last), (Some(17), 7));
    }

    #[test]
    fn every_flipped_bit_makes_all_pages_stale() {
        let log = [
            write(&purge(&[tag("a")], PurgeKind::Soft, 7)),
            write(&purge(&[tag("b")], PurgeKind::Soft, 9)),
        ];
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
        let log = [write(&purge(&[tag("a")], PurgeKind::Soft, 7)), "damaged".into()];
        let PurgeHistory { times, last, .. } = replay(&log, 20);
        let latest = times.records().map(|(_, _, stamp)| stamp).max();
        assert_eq!((latest, last), (Some(20), 20));
    }
}
