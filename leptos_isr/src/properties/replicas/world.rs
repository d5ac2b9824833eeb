//! What all replicas of a simulation share: the Redis, the ways to it, and what is known of purges.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    Broken,
    dice::Dice,
    redis::{Loss, Redis, purges_in},
};
use crate::store::LedgerRecord;

/// How many pages the site has.
pub(super) const PAGES: usize = 3;

/// The way between a replica and the Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Up,
    Refused,
    /// Nothing passes, and nobody is told so.
    Silent,
    /// Some commands get lost, and some answers.
    Lossy,
}

/// A process, as the world sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) line: Line,
    /// As by SIGSTOP.
    pub(super) is_stopped: bool,
    /// For how long it is stopped when it next has a page to put, if it is to be.
    pub(super) stops_at_put: Option<Duration>,
    /// The number of the process that runs; 0 if none does.
    pub(super) process: u64,
}

/// What a replica finds on its disk when it is started again.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) pages: BTreeMap<String, Bytes>,
    pub(super) records: Vec<LedgerRecord>,
}

/// A purge of an editor, after they have changed a page.
#[derive(Debug)]
pub(super) struct EditorsPurge {
    pub(super) page: usize,
    /// The first content that it does not reach.
    pub(super) content: u64,
    pub(super) is_hard: bool,
    pub(super) is_answered: bool,
    /// Whether it failed. It may have come to pass all the same.
    pub(super) is_unkept: bool,
    /// Whether the only ones that knew of it are gone: the Redis, and each replica that had heard.
    pub(super) is_forgotten: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) redis: Redis,
    pub(super) disks: Vec<Option<Disk>>,
    /// When each content of each page came.
    contents: Vec<Vec<Instant>>,
    pub(super) purges: Vec<EditorsPurge>,
    /// The purges that the process of each replica has applied.
    pub(super) known: Vec<BTreeSet<usize>>,
    /// The purges that are known to processes that the Redis has told since its last loss that it has
    /// all: whoever hears from it later knows them too.
    pub(super) told: BTreeSet<usize>,
    /// The purges that the ledger did not keep: they count in this process only.
    pub(super) unkept: Vec<BTreeSet<usize>>,
    /// Of how many losses each replica has heard.
    pub(super) heard_losses: Vec<usize>,
    /// How often the Redis had lost something when each lease was asked for.
    pub(super) asked: Vec<usize>,
    /// Which of these each process got last for each page.
    pub(super) leases: BTreeMap<(u64, String), usize>,
    pub(super) renders: Vec<usize>,
    /// Whether renders are quick and succeed.
    pub(super) is_calm: bool,
    /// What was found first.
    pub(super) fault: Option<String>,
    pub(super) trace: Option<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) began: Instant,
    pub(super) broken: Option<Broken>,
    /// Told of each record that the Redis appends.
    pub(super) appended: Notify,
    ports: Vec<(Mutex<Port>, Notify)>,
    state: Mutex<State>,
}

impl World {
    pub(super) fn new(
        mut dice: Dice,
        disks: Vec<bool>,
        broken: Option<Broken>,
        is_traced: bool,
    ) -> Arc<Self> {
        let began = Instant::now();
        let port = Port { line: Line::Up, is_stopped: false, stops_at_put: None, process: 0 };
        let ahead = dice.in_range(0..240_000_000) as i64 - 120_000_000;
        let state = State {
            redis: Redis::new(ahead, broken),
            dice,
            contents: vec![vec![began]; PAGES],
            purges: Vec::new(),
            known: vec![BTreeSet::new(); disks.len()],
            told: BTreeSet::new(),
            unkept: vec![BTreeSet::new(); disks.len()],
            heard_losses: vec![0; disks.len()],
            asked: Vec::new(),
            leases: BTreeMap::new(),
            renders: vec![0; PAGES],
            is_calm: false,
            fault: None,
            trace: is_traced.then(Vec::new),
            disks: disks.iter().map(|has_disk| has_disk.then(Disk::default)).collect(),
        };
        let ports = disks.iter().map(|_| (Mutex::new(port), Notify::new())).collect();
        let (appended, state) = (Notify::new(), Mutex::new(state));
        Arc::new(Self { began, broken, appended, ports, state })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, event: impl FnOnce() -> String) {
        let mut state = self.state();
        let at = self.began.elapsed().as_millis();
        if let Some(trace) = &mut state.trace {
            trace.push(format!("{at:>7} {}", event()));
        }
    }

    /// Notes that something does not hold.
    pub(super) fn fail(&self, fault: String) {
        self.note(|| format!("FAULT {fault}"));
        self.state().fault.get_or_insert(fault);
    }

    pub(super) fn is_broken(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    pub(super) fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        self.state().dice.millis(range)
    }

    pub(super) fn port(&self, replica: usize) -> Port {
        *self.ports[replica].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, replica: usize, change: impl FnOnce(&mut Port)) {
        let (port, changed) = &self.ports[replica];
        change(&mut port.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_waiters();
    }

    /// Waits until a port is as `is_so` says. Who came first goes on first, as a `watch` would not
    /// have it.
    pub(super) async fn until(&self, replica: usize, is_so: impl Fn(Port) -> bool) {
        loop {
            let changed = self.ports[replica].1.notified();
            if is_so(self.port(replica)) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn set_line(&self, replica: usize, line: Line) {
        self.note(|| format!("{replica} line {line:?}"));
        self.change(replica, |port| port.line = line);
    }

    pub(super) fn set_stopped(&self, replica: usize, is_stopped: bool) {
        self.note(|| format!("{replica} stopped: {is_stopped}"));
        self.change(replica, |port| port.is_stopped = is_stopped);
    }

    /// Stops the process of a replica for some time.
    pub(super) fn stop(self: &Arc<Self>, replica: usize, lasts: Duration) {
        self.set_stopped(replica, true);
        let world = Arc::clone(self);
        tokio::spawn(async move {
            sleep(lasts).await;
            world.set_stopped(replica, false);
        });
    }

    /// Whether all replicas have a process that reaches the Redis, and goes on to.
    pub(super) fn is_reached_by_all(&self) -> bool {
        let reaches = |port: Port| {
            let is_running = port.process != 0 && !port.is_stopped && port.stops_at_put.is_none();
            is_running && port.line == Line::Up
        };
        !self.state().redis.is_down && (0..self.ports.len()).all(|port| reaches(self.port(port)))
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.note(|| format!("redis is down: {is_down}"));
        self.state().redis.is_down = is_down;
    }

    pub(super) fn lose(&self, loss: Loss) {
        let forgotten = self.state().lose(loss);
        self.note(|| format!("redis loses {loss:?}; nobody knows of {forgotten:?}"));
    }
}

impl State {
    /// Changes a page. Returns its content.
    pub(super) fn publish(&mut self, page: usize) -> u64 {
        self.contents[page].push(Instant::now());
        self.content(page)
    }

    pub(super) fn content(&self, page: usize) -> u64 {
        self.contents[page].len() as u64 - 1
    }

    /// The content that a page had at a time.
    pub(super) fn content_at(&self, page: usize, at: Instant) -> u64 {
        (self.contents[page].partition_point(|came| *came <= at) as u64).saturating_sub(1)
    }

    /// The least content that a replica may serve as fresh, or at all: of any page, and of those that
    /// it has rendered itself.
    pub(super) fn least(&self, replica: usize, page: usize, at_all: bool) -> (u64, u64) {
        let least = |purges: &BTreeSet<usize>, is_unkept| {
            let purges = purges.iter().map(|id| &self.purges[*id]);
            let purges = purges.filter(|purge| purge.is_unkept == is_unkept);
            let purges = purges.filter(|purge| purge.page == page && (purge.is_hard || !at_all));
            purges.map(|purge| purge.content).max().unwrap_or_default()
        };
        (least(&self.known[replica], false), least(&self.unkept[replica], true))
    }

    /// The same, once all replicas have heard of everything.
    pub(super) fn least_for_all(&self, page: usize, at_all: bool) -> u64 {
        let purges = self.purges.iter().filter(|purge| purge.is_answered && !purge.is_forgotten);
        let purges = purges.filter(|purge| purge.page == page && (purge.is_hard || !at_all));
        purges.map(|purge| purge.content).max().unwrap_or_default()
    }

    /// Returns the purges that nobody knows of any more.
    fn lose(&mut self, loss: Loss) -> Vec<usize> {
        self.redis.lose(loss);
        self.told.clear();
        let kept: BTreeSet<_> = ids(self.redis.log()).collect();
        let mut forgotten = Vec::new();
        for id in 0..self.purges.len() {
            let is_carried = kept.contains(&id)
                || self.known.iter().any(|known| known.contains(&id))
                || self.disks.iter().flatten().any(|disk| ids(&disk.records).any(|it| it == id));
            if self.purges[id].is_answered && !is_carried && !self.purges[id].is_forgotten {
                self.purges[id].is_forgotten = true;
                forgotten.push(id);
            }
        }
        forgotten
    }

    /// Whether a replica may be killed without its disk: it is not the only one that knows what the
    /// Redis has lost.
    pub(super) fn all_have_heard_of_losses(&self) -> bool {
        self.heard_losses.iter().all(|heard| *heard >= self.redis.losses)
    }
}

pub(super) fn ids(records: &[LedgerRecord]) -> impl Iterator<Item = usize> {
    records.iter().flat_map(|record| purges_in(&record.record))
}
