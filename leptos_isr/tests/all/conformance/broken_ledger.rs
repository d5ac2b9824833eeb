//! A ledger in memory, right in every respect but one.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use leptos_isr::store::{Lease, Ledger, LedgerRecord, StoreError};
use tokio::task::yield_now;

/// A time in microseconds, of 2026.
const FIRST: u64 = 1_780_000_000_000_000;

/// What the ledger does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    Prepends,
    Sorts,
    KeepsEqualRecordsOnce,
    Trims,
    CutsLongRecords,
    GivesOnePositionTwice,
    SaysAnotherPosition,
    WritesWhenDropped,
    HearsOnlyItsOwn,
    HearsTheLastOnceMore,
    HearsByNumber,
    LosesRecordsAppendedAtOnce,
    AppendsInPlace,
    AppendsInsteadOfReplacing,
    SaysItReplaced,
    ReplacesAndDeniesIt,
    WritesOldRecordsAfterReplacing,
    ReplacesWhatItHasNotHeard,
    StartsAnewAfterReplacing,
    CountsFromOne,
    IsSilentAboutLosses,
    KnowsOnlyItsOwnPositions,
    LeasesToAll,
    KeepsLeases,
    GivesTheVersionAskedFor,
    Panics,
    FailsAlways,
}

/// What all ledgers on it share, as a file or a database would be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backing(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    records: Vec<Kept>,
    replaced: Option<Vec<Kept>>,
    leases: BTreeSet<String>,
    version: u64,
    opened: usize,
}

#[derive(Clone, Debug)]
struct Kept {
    record: LedgerRecord,
    /// The number of the handle that appended it.
    by: usize,
}

#[derive(Debug)]
pub(crate) struct BrokenLedger {
    bug: Bug,
    number: usize,
    content: Arc<Mutex<Content>>,
    /// What this handle did not write yet.
    unwritten: Mutex<Vec<Kept>>,
}

impl Backing {
    pub(crate) fn open(&self, bug: Bug) -> BrokenLedger {
        let content = Arc::clone(&self.0);
        let mut opened = content.lock().unwrap();
        opened.opened += 1;
        let number = opened.opened;
        drop(opened);
        BrokenLedger { bug, number, content, unwritten: Mutex::default() }
    }
}

impl Drop for BrokenLedger {
    fn drop(&mut self) {
        self.content.lock().unwrap().records.append(&mut self.unwritten.lock().unwrap());
    }
}

/// Ends when it is dropped.
struct Right(String, Arc<Mutex<Content>>);

impl Drop for Right {
    fn drop(&mut self) {
        self.1.lock().unwrap().leases.remove(&self.0);
    }
}

impl BrokenLedger {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    fn all(&self) -> Result<Vec<Kept>, StoreError> {
        match self.bug {
            Bug::Panics => panic!("the ledger panics"),
            Bug::FailsAlways => return Err("the ledger is down".into()),
            _ => {}
        }
        let mut all = self.content().records.clone();
        all.extend(self.unwritten.lock().unwrap().iter().cloned());
        match self.bug {
            Bug::Sorts => all.sort_by(|a, b| a.record.record.cmp(&b.record.record)),
            Bug::KeepsEqualRecordsOnce => {
                all.dedup_by(|a, b| a.record.record == b.record.record);
            }
            _ => {}
        }
        Ok(all)
    }

    fn next(&self, records: &[Kept], after: u64) -> u64 {
        let last = records.last().map_or(0, |last| last.record.position);
        match self.bug {
            Bug::GivesOnePositionTwice => last.max(FIRST),
            Bug::CountsFromOne => last + 1,
            Bug::KnowsOnlyItsOwnPositions => (last + 1).max(FIRST),
            _ => (last.max(after) + 1).max(FIRST),
        }
    }
}

#[async_trait]
impl Ledger for BrokenLedger {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        Ok(self.all()?.into_iter().map(|kept| kept.record).collect())
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.all()?;
        let record = match self.bug {
            Bug::Trims => Bytes::copy_from_slice(record.trim_ascii()),
            Bug::CutsLongRecords => record.slice(..record.len().min(65_536)),
            _ => record,
        };
        let kept =
            |position, record| Kept { record: LedgerRecord { position, record }, by: self.number };
        if self.bug == Bug::LosesRecordsAppendedAtOnce {
            let mut all = self.content().records.clone();
            yield_now().await;
            let position = self.next(&all, after);
            all.push(kept(position, record));
            self.content().records = all;
            return Ok(position);
        }
        if self.bug == Bug::AppendsInPlace {
            let position = {
                let mut content = self.content();
                let position = self.next(&content.records, after);
                content.records.push(kept(position, record.slice(..record.len() / 2)));
                position
            };
            yield_now().await;
            let mut content = self.content();
            let written = content.records.iter_mut().find(|k| k.record.position == position);
            written.expect("it is there").record.record = record;
            return Ok(position);
        }
        let mut content = self.content();
        if self.bug == Bug::WritesOldRecordsAfterReplacing
            && let Some(old) = content.replaced.take()
        {
            content.records = old;
        }
        let position = self.next(&content.records, after);
        let kept = kept(position, record);
        match self.bug {
            Bug::Prepends => content.records.insert(0, kept),
            Bug::WritesWhenDropped => self.unwritten.lock().unwrap().push(kept),
            _ => content.records.push(kept),
        }
        Ok(position + u64::from(self.bug == Bug::SaysAnotherPosition))
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let all = self.all()?;
        let last = all.last().map_or(0, |last| last.record.position);
        if last < position && self.bug != Bug::IsSilentAboutLosses {
            return Ok(None);
        }
        let later = all.into_iter().enumerate().filter(|(number, kept)| match self.bug {
            Bug::HearsOnlyItsOwn => kept.record.position > position && kept.by == self.number,
            Bug::HearsTheLastOnceMore => kept.record.position >= position,
            Bug::HearsByNumber => FIRST + *number as u64 > position + 1,
            _ => kept.record.position > position,
        });
        Ok(Some(later.map(|(_, kept)| kept.record).collect()))
    }

    async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        self.all()?;
        let is_free = self.content().leases.insert(name.to_owned());
        let version = match self.bug {
            Bug::GivesTheVersionAskedFor => Some(version),
            _ => {
                let mut content = self.content();
                content.version = version.max(content.version + 1);
                Some(content.version)
            }
        };
        let right = Right(name.to_owned(), Arc::clone(&self.content));
        match self.bug {
            Bug::LeasesToAll => Ok(Lease::Granted { right: Box::new(right), version }),
            Bug::KeepsLeases => {
                std::mem::forget(right);
                match is_free {
                    true => Ok(Lease::Granted { right: Box::new(()), version }),
                    false => Ok(Lease::Held),
                }
            }
            _ if is_free => Ok(Lease::Granted { right: Box::new(right), version }),
            _ => {
                std::mem::forget(right);
                Ok(Lease::Held)
            }
        }
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.all()?;
        let mut content = self.content();
        let last = content.records.last().map_or(0, |last| last.record.position);
        let is_current = records.last().map_or(0, |record| record.position) == last;
        if !is_current && self.bug != Bug::ReplacesWhatItHasNotHeard {
            return Ok(false);
        }
        let records = records.into_iter().map(|record| Kept { record, by: self.number });
        match self.bug {
            Bug::SaysItReplaced => return Ok(true),
            Bug::AppendsInsteadOfReplacing => content.records.extend(records),
            Bug::StartsAnewAfterReplacing => {
                let anew = |(n, kept): (usize, Kept)| Kept {
                    record: LedgerRecord { position: FIRST + n as u64, ..kept.record },
                    ..kept
                };
                content.records = records.enumerate().map(anew).collect();
            }
            _ => {
                let old = std::mem::replace(&mut content.records, records.collect());
                content.replaced = Some(old);
            }
        }
        Ok(self.bug != Bug::ReplacesAndDeniesIt)
    }
}
