//! One process's connection to the Redis: its [`Store`] and its [`Ledger`].
//!
//! A command that was sent is made though its caller gives up, as with the real client. Commands of a
//! process arrive in their order.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Broken,
    redis::{is_hard, is_of_everything, lease_in, show},
    world::{Line, Port, State, World, ids},
};
use crate::{
    address::key::Key,
    error::StoreError,
    store::{Lease, Ledger, LedgerRecord, Store},
};

/// For how long a lease goes on, and how often that is said, as in `store/redis/lease.rs`.
const LASTS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3));

/// By how much a position is above the last one, if the clock is not, as in `store/redis/log.rs`.
const STEPS: Range<u64> = 1..1 << 16;

#[derive(Clone)]
pub(super) struct Link {
    pub(super) world: Arc<World>,
    pub(super) replica: usize,
    /// The process's number.
    pub(super) process: u64,
    connection: Arc<Mutex<Connection>>,
}

struct Connection {
    /// When the last command arrives.
    last: Instant,
    /// What was read of the whole log: it is applied before the process asks for what comes after it.
    read: Option<Heard>,
    /// What the process believes to have appended, where a rule is broken.
    skipped: Vec<LedgerRecord>,
    /// The last position that it believes in for that reason, and the one that there is.
    believed: Option<(u64, u64)>,
    /// Whether the process makes up for a loss.
    recovers: bool,
}

/// What a process has heard of purges.
#[derive(Debug)]
struct Heard {
    /// The last position.
    last: Option<u64>,
    /// The editors' purges, in the log or made up for.
    purges: BTreeSet<usize>,
    /// Of how many losses the Redis has told by this.
    losses: usize,
}

impl Connection {
    /// Adds what was not really appended.
    fn believe(&mut self, records: &mut Vec<LedgerRecord>) {
        let last = records.last().map_or(0, |record| record.position);
        records.append(&mut self.skipped);
        records.sort_by_key(|record| record.position);
        let believed = records.last().map_or(0, |record| record.position);
        self.believed = (believed != last).then_some((believed, last));
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.replica)
    }
}

impl Link {
    pub(super) fn new(world: &Arc<World>, replica: usize, process: u64) -> Self {
        let connection = Connection {
            last: Instant::now(),
            read: None,
            skipped: Vec::new(),
            believed: None,
            recovers: false,
        };
        let connection = Arc::new(Mutex::new(connection));
        Self { world: Arc::clone(world), replica, process, connection }
    }

    pub(super) fn line(&self) -> Line {
        self.world.port(self.replica).line
    }

    /// Waits while the process is stopped; for ever once it was killed.
    pub(super) async fn awake(&self) {
        let runs = |port: Port| port.process == self.process && !port.is_stopped;
        self.world.until(self.replica, runs).await;
    }

    /// Waits while nothing passes.
    async fn heard(&self) -> bool {
        let was_silent = self.line() == Line::Silent;
        self.world.until(self.replica, |port| port.line != Line::Silent).await;
        was_silent
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.connection.lock().unwrap()
    }

    /// Has the Redis do something.
    async fn call<T: Send + 'static>(
        &self,
        script: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let link = self.clone();
        tokio::spawn(async move {
            let result = link.pass(script).await;
            link.awake().await;
            let _ = answer.send(result);
        });
        answered.await?
    }

    async fn pass<T>(&self, script: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        self.awake().await;
        if self.heard().await && self.roll(2) {
            return Err("the connection was reset".into());
        }
        self.travel().await;
        let line = self.line();
        if line == Line::Refused || line == Line::Lossy && self.roll(3) {
            return Err("the connection was refused".into());
        }
        let result = {
            let mut state = self.world.state();
            if state.redis.is_down {
                return Err("the Redis is down".into());
            }
            let State { redis, dice, .. } = &mut *state;
            redis.tick(self.world.began.elapsed().as_micros() as u64, dice);
            script(&mut state)
        };
        sleep(self.world.millis(0..4)).await;
        if self.heard().await || self.line() == Line::Lossy && self.roll(3) {
            return Err("the answer was lost".into());
        }
        Ok(result)
    }

    async fn travel(&self) {
        let arrives = {
            let mut connection = self.connection();
            connection.last = connection.last.max(Instant::now() + self.world.millis(0..4));
            connection.last
        };
        sleep_until(arrives).await;
    }

    fn roll(&self, n: u64) -> bool {
        self.world.state().dice.one_in(n)
    }

    fn learn(&self, heard: Heard) {
        // What is left of a process that was killed has no say.
        if self.world.port(self.replica).process != self.process {
            return;
        }
        let mut state = self.world.state();
        state.known[self.replica].extend(heard.purges);
        state.heard_losses[self.replica] = heard.losses;
    }

    /// Keeps a lease until it is dropped, or has passed on.
    async fn keep(self, name: String, owner: u64, mut end: oneshot::Receiver<()>) {
        while timeout(LASTS.1, &mut end).await.is_err() {
            let (name, lasts) = (name.clone(), LASTS.0.as_micros() as u64);
            let extend = self.call(move |state| state.redis.extend(&name, owner, lasts));
            if let Ok(Ok(false)) = timeout(LASTS.1, extend).await {
                return;
            }
        }
        let released = name.clone();
        let ended = self.call(move |state| state.redis.release(&released, owner)).await;
        self.world.note(|| format!("{} gives {name} back: {ended:?}", self.replica));
    }
}

#[async_trait]
impl Store for Link {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let key = key.to_string();
        self.call(move |state| state.redis.page(&key)).await
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        self.put_unless_newer(key, page, 0).await.map(drop)
    }

    async fn put_unless_newer(
        &self,
        key: &Key,
        page: Bytes,
        version: u64,
    ) -> Result<bool, StoreError> {
        let key = key.to_string();
        if let Some(lasts) = self.world.port(self.replica).stops_at_put {
            self.world.change(self.replica, |port| port.stops_at_put = None);
            self.world.stop(self.replica, lasts);
        }
        let (is_kept, fault) = self
            .call(move |state| {
                // Of the others nothing is known but that they replace none and may be replaced.
                let there = state.redis.ordered_page(&key).filter(|_| version != 0);
                let is_kept = state.redis.put(&key, version, page.clone());
                let replaced = there.filter(|_| is_kept);
                (is_kept, replaced.and_then(|replaced| state.is_older(&page, &replaced)))
            })
            .await?;
        fault.into_iter().for_each(|fault| self.world.fail(fault));
        Ok(is_kept)
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let key = key.to_string();
        self.call(move |state| state.redis.remove(&key)).await
    }

    async fn put_value(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn value(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Ledger for Link {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        let (records, losses) = {
            let state = self.world.state();
            let is_reached = !state.redis.is_down && self.line() == Line::Up;
            let records = if is_reached { state.redis.log().to_vec() } else { Vec::new() };
            (records, state.redis.losses)
        };
        self.learn(Heard { last: None, purges: ids(&records).collect(), losses });
        Ok(records)
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        let recovers = self.connection().recovers;
        let is_skipped = match self.world.broken {
            Some(Broken::NoBarrier) => recovers && is_of_everything(&record),
            Some(Broken::HardNotResent) => recovers && is_hard(&record),
            _ => false,
        };
        if is_skipped {
            self.connection().skipped.push(LedgerRecord { position: after + 1, record });
            return Ok(after + 1);
        }
        let world = Arc::clone(&self.world);
        self.call(move |state| {
            let step = state.dice.in_range(STEPS);
            world.appended.notify_waiters();
            let position = state.redis.append(record, after, step);
            state.check_barriers();
            position
        })
        .await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let is_applied = |read: &mut Heard| read.last == Some(position);
        let read = self.connection().read.take_if(is_applied);
        read.into_iter().for_each(|heard| self.learn(heard));
        if self.world.is_broken(Broken::PurgesUnheard) {
            return Ok(Some(Vec::new()));
        }
        let believed = self.connection().believed.filter(|(skipped, _)| *skipped == position);
        let after = believed.map_or(position, |(_, last)| last);
        let known = self.world.state().known[self.replica].clone();
        let call = self.call(move |state| {
            let records = state.redis.since(after);
            if position != 0 && records.is_some() {
                state.told.extend(known);
            }
            (records, state.told.clone(), state.redis.losses)
        });
        let (mut records, mut purges, losses) = call.await?;
        if let Some(records) = records.as_mut().filter(|_| position == 0) {
            self.connection().believe(records);
        }
        if records.as_ref().is_none_or(|records| !records.is_empty()) {
            let shown =
                records.as_ref().map(|records| records.iter().map(show).collect::<Vec<_>>());
            self.world.note(|| format!("{} hears since {position}: {shown:?}", self.replica));
        }
        let mut connection = self.connection();
        connection.recovers = records.is_none() || connection.recovers && position == 0;
        drop(connection);
        if let Some(records) = &records {
            purges.extend(ids(records));
            let last = records.last().map(|record| record.position);
            let heard = Heard { last, purges, losses };
            match position {
                0 => self.connection().read = Some(heard),
                _ => self.learn(heard),
            }
        }
        Ok(records)
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.call(move |state| state.redis.replace(records)).await
    }

    async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        let (link, name) = (self.clone(), name.to_owned());
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let (process, asked) = (link.process, name.clone());
            let given = link.call(move |state| state.lease(process, &asked, version)).await;
            link.world.note(|| format!("{} asks to render {name}: {given:?}", link.replica));
            let (owner, version) = match given {
                Ok(Some(given)) => given,
                other => {
                    let _ = answer.send(other.map(|_| Lease::Held));
                    return;
                }
            };
            let (held, end) = oneshot::channel::<()>();
            let version = (!link.world.is_broken(Broken::VersionUnused)).then_some(version);
            let _ = answer.send(Ok(Lease::Granted { right: Box::new(held), version }));
            link.keep(name, owner, end).await;
        });
        answered.await?
    }
}

impl State {
    /// Returns who has the lease, and the version.
    fn lease(&mut self, process: u64, name: &str, version: u64) -> Option<(u64, u64)> {
        let number = self.asked.len();
        self.asked.push(self.redis.losses);
        let owner = number as u64;
        let version = self.redis.lease(name, owner, LASTS.0.as_micros() as u64, version)?;
        let page = name.rsplit(' ').next().unwrap_or_default().to_owned();
        self.leases.insert((process, page), number);
        Some((owner, version))
    }

    /// That each process purges everything once at most for each loss.
    fn check_barriers(&mut self) {
        let (barriers, losses) = (self.redis.barriers, self.redis.losses);
        if barriers > losses * self.disks.len() {
            let fault = format!("{barriers} purges of everything after {losses} losses");
            self.fault.get_or_insert(fault);
        }
    }

    /// What is wrong with a page that has replaced another one.
    fn is_older(&self, page: &[u8], replaced: &[u8]) -> Option<String> {
        let (lease, before) = (lease_in(page)?, lease_in(replaced)?);
        let is_older = lease < before && self.asked[lease] == self.asked[before];
        is_older.then(|| format!("the page of lease {lease} takes the place of that of {before}"))
    }
}
