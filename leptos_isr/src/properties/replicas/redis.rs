//! What the scripts of `store/redis/scripts` do, on maps; and what a Redis may lose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::{Broken, dice::Dice};
use crate::store::LedgerRecord;

/// As many states are kept for a replica that takes over.
const LAG: usize = 8;

/// For how long the version of a page is remembered, and once its lease was given back, in
/// microseconds, as in `store/redis/lease.rs`.
const REMEMBERED: u64 = 24 * 3600 * 1_000_000;
const RELEASED: u64 = 30 * 1_000_000;

/// What stands in a page before the number of its lease.
pub(super) const LEASE: &str = "lease:";

/// 2026-01-01 00:00:00 UTC, in microseconds.
pub(super) const START: u64 = 1_767_225_600_000_000;

/// The keys of a site.
#[derive(Clone, Debug, Default)]
struct Keys {
    log: Option<Vec<LedgerRecord>>,
    positions: BTreeSet<u64>,
    leases: BTreeMap<String, Lease>,
    pages: BTreeMap<String, (u64, Bytes)>,
}

#[derive(Clone, Debug)]
struct Lease {
    owner: u64,
    /// 0 once it was given back.
    end: u64,
    version: u64,
    /// Whether somebody lost it who may go on.
    is_lost: bool,
    /// When the Redis forgets it.
    forgotten: u64,
}

/// What a Redis loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// A replica takes over that lacks the last writes, or a crash lost them.
    Writes(usize),
    Everything,
    Log,
    Positions,
}

#[derive(Debug)]
pub(super) struct Redis {
    keys: Keys,
    /// The keys before each of the last writes.
    before: VecDeque<Keys>,
    /// Microseconds since the simulation began; grows with each command.
    ticks: u64,
    /// By how much its clock is ahead, in microseconds.
    pub(super) ahead: i64,
    pub(super) is_down: bool,
    /// How often it has lost something.
    pub(super) losses: usize,
    /// How many purges of everything were appended.
    pub(super) barriers: usize,
    broken: Option<Broken>,
}

impl Redis {
    pub(super) fn new(ahead: i64, broken: Option<Broken>) -> Self {
        Self {
            keys: Keys::default(),
            before: VecDeque::new(),
            ticks: 0,
            ahead,
            is_down: false,
            losses: 0,
            barriers: 0,
            broken,
        }
    }

    fn has(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// Lets the time come to `elapsed` microseconds since the simulation began, and some more.
    pub(super) fn tick(&mut self, elapsed: u64, dice: &mut Dice) {
        self.ticks = elapsed.max(self.ticks + dice.in_range(1..50));
    }

    fn time(&self) -> u64 {
        (START + self.ticks).saturating_add_signed(self.ahead)
    }

    fn write(&mut self) -> &mut Keys {
        if self.before.len() == LAG {
            self.before.pop_front();
        }
        self.before.push_back(self.keys.clone());
        &mut self.keys
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses += 1;
        match loss {
            Loss::Writes(count) => {
                for _ in 0..count {
                    self.keys = self.before.pop_back().unwrap_or_else(|| self.keys.clone());
                }
            }
            Loss::Everything => self.keys = Keys::default(),
            Loss::Log => self.keys.log = None,
            Loss::Positions => self.keys.positions.clear(),
        }
        self.before.clear();
    }

    /// `append.lua`.
    pub(super) fn append(&mut self, record: Bytes, after: u64, step: u64) -> u64 {
        let last_given = self.keys.positions.last().copied().unwrap_or_default();
        let (time, last) = (self.time(), self.last().max(last_given));
        let is_broken = self.has(Broken::PositionBelowSeen);
        let keeps_positions = self.has(Broken::PositionsOfAnotherLog);
        self.barriers += usize::from(is_of_everything(&record));
        let keys = self.write();
        if keys.log.is_none() && !keeps_positions {
            keys.positions.clear();
        }
        let after = if is_broken { last } else { after.max(last) };
        let position = time.max(after + step);
        keys.log.get_or_insert_default().push(LedgerRecord { position, record });
        keys.positions.insert(position);
        position
    }

    /// `since.lua`.
    pub(super) fn since(&self, position: u64) -> Option<Vec<LedgerRecord>> {
        let has_it = self.keys.log.is_some() && self.keys.positions.contains(&position);
        if position != 0 && !has_it && !self.has(Broken::LossUnnoticed) {
            return None;
        }
        let counts_again = self.has(Broken::PurgeCountsAgain);
        let is_later = |record: &&LedgerRecord| {
            record.position > position || counts_again && record.position == position
        };
        Some(self.log().iter().filter(is_later).cloned().collect())
    }

    /// `replace.lua`.
    pub(super) fn replace(&mut self, records: Vec<LedgerRecord>) -> bool {
        let is_known = records.last().is_some_and(|record| record.position == self.last());
        if is_known {
            self.write().log = Some(records);
        }
        is_known
    }

    /// `lease.lua`. Returns the version.
    pub(super) fn lease(
        &mut self,
        name: &str,
        owner: u64,
        lasts: u64,
        version: u64,
    ) -> Option<u64> {
        let now = self.time();
        let held = self.lease_of(name);
        let is_held = held
            .is_some_and(|held| held.owner != owner && held.end > now && held.end <= now + lasts);
        if is_held && !self.has(Broken::LeaseForAll) {
            return None;
        }
        let next = held.map_or(0, |held| held.version) + 1;
        let version = match self.has(Broken::VersionByOwnClock) {
            true => version,
            false => now.max(version).max(next),
        };
        let is_lost = held.is_some_and(|held| held.is_lost || held.end != 0);
        let lease =
            Lease { owner, end: now + lasts, version, is_lost, forgotten: now + REMEMBERED };
        self.write().leases.insert(name.to_owned(), lease);
        Some(version)
    }

    /// `extend.lua`.
    pub(super) fn extend(&mut self, name: &str, owner: u64, lasts: u64) -> bool {
        let end = self.time() + lasts;
        self.change_lease(name, owner, |lease| lease.end = end)
    }

    /// `release.lua`.
    pub(super) fn release(&mut self, name: &str, owner: u64) -> bool {
        let forgotten = self.time() + RELEASED;
        self.change_lease(name, owner, |lease| {
            lease.end = 0;
            if !lease.is_lost {
                lease.forgotten = forgotten;
            }
        })
    }

    /// A lease that is not forgotten yet.
    fn lease_of(&self, name: &str) -> Option<&Lease> {
        self.keys.leases.get(name).filter(|lease| lease.forgotten > self.time())
    }

    /// Changes a lease, unless it has passed on.
    fn change_lease(&mut self, name: &str, owner: u64, change: impl FnOnce(&mut Lease)) -> bool {
        let is_held = self.lease_of(name).is_some_and(|lease| lease.owner == owner);
        if is_held && let Some(lease) = self.write().leases.get_mut(name) {
            change(lease);
        }
        is_held
    }

    /// `put.lua`. Returns whether no newer page is there.
    pub(super) fn put(&mut self, key: &str, version: u64, page: Bytes) -> bool {
        let there = self.keys.pages.get(key).map(|(version, _)| *version);
        if there.is_some() && version == 0 {
            return true;
        }
        if there.is_some_and(|there| there > version) && !self.has(Broken::PutOverNewer) {
            return false;
        }
        self.write().pages.insert(key.to_owned(), (version, page));
        true
    }

    pub(super) fn page(&self, key: &str) -> Option<Bytes> {
        self.keys.pages.get(key).map(|(_, page)| page.clone())
    }

    /// The page of a key, if its order is known.
    pub(super) fn ordered_page(&self, key: &str) -> Option<Bytes> {
        let page = self.keys.pages.get(key).filter(|(version, _)| *version != 0);
        page.map(|(_, page)| page.clone())
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.write().pages.remove(key);
    }

    /// Every record.
    pub(super) fn log(&self) -> &[LedgerRecord] {
        self.keys.log.as_deref().unwrap_or_default()
    }

    fn last(&self) -> u64 {
        self.log().last().map_or(0, |record| record.position)
    }
}

/// Whether a record purges everything. The editors of the simulation never do.
pub(super) fn is_of_everything(record: &[u8]) -> bool {
    text(record).contains("\"prefix\"")
}

pub(super) fn is_hard(record: &[u8]) -> bool {
    text(record).contains("\"hard\":true")
}

/// The numbers of the editors' purges in a record: each has a tag of its own.
pub(super) fn purges_in(record: &[u8]) -> Vec<usize> {
    let after = text(record).split("purge:").skip(1);
    after.filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

/// The number of the lease with which a stored page was rendered.
pub(super) fn lease_in(page: &[u8]) -> Option<usize> {
    let page = String::from_utf8_lossy(page);
    page.split_once(LEASE)?.1.split(';').next()?.parse().ok()
}

pub(super) fn show(LedgerRecord { position, record }: &LedgerRecord) -> String {
    let kind = if is_hard(record) { "hard" } else { "soft" };
    let of = if is_of_everything(record) { " of everything" } else { "" };
    let mut purges = purges_in(record);
    purges.sort_unstable();
    format!("{position}: {kind}{of} {purges:?}")
}

fn text(record: &[u8]) -> &str {
    std::str::from_utf8(record).unwrap_or_default()
}
