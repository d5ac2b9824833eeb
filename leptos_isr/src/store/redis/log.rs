//! The ledger: a stream of purge records.
//!
//! Beside it stand the last positions that it gave, of records too that a later one made needless.
//! A process that has heard of a position which is not there knows that the log has lost records: a
//! replica that took over lacks the end of the log, and whoever empties a Redis takes all of it.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    sync::LazyLock,
    thread,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use redis::{AsyncCommands, RedisError, Script, Value, aio::ConnectionLike, from_redis_value};
use tokio::time::timeout;
use tracing::warn;

use super::{
    RedisStore,
    connection::{Shared, is_unreachable, script},
    lease, link,
};
use crate::{
    error::StoreError,
    stats::LedgerMemory,
    store::ledger::{Lease, Ledger, LedgerRecord},
};

/// How many positions are remembered, about. A process that was away for more purges than that counts
/// all its pages as purged.
const POSITIONS: usize = 10_000;

/// A position is at least 1 and less than this above the last one, if the clock is not: it was set
/// back, or another server took over. A Redis that has lost the last positions and gave the next ones
/// in turn would give some of them again, to other records, and nobody would notice the loss.
const STEP: u64 = 1 << 16;

/// How many records are read or written at once.
const AT_ONCE: usize = 1000;

/// How long reading all records may take.
const READING: Duration = Duration::from_secs(20);

/// How long a purge waits for replicas.
const REPLICAS: Duration = Duration::from_secs(1);

static APPEND: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/append.lua")));
static SINCE: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/since.lua")));
static REPLACE: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/replace.lua")));

/// An entry of a stream: its id, and its fields with their values.
type Entry = (String, Vec<Vec<u8>>);

#[async_trait]
impl Ledger for RedisStore {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        let shared = &self.shared;
        // On a runtime of its own: the caller's may have one thread only.
        let read = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let read = async {
                    let mut connection = link::dial(&shared.server).await?;
                    entries(shared, &mut connection, Vec::new(), "-".to_owned()).await
                };
                let silent = || RedisError::from(io::Error::from(io::ErrorKind::TimedOut));
                timeout(READING, read).await.unwrap_or_else(|_| Err(silent()))
            })
        };
        let read = thread::scope(|scope| scope.spawn(read).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match read {
            Ok(entries) => records(entries),
            Err(error) if is_unreachable(&error) => {
                warn!(redis = shared.address, %error, "the Redis cannot be reached, its purges are not known yet");
                Ok(Vec::new())
            }
            Err(error) => Err(shared.error(error)),
        }
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        let shared = &self.shared;
        let mut append = APPEND.prepare_invoke();
        append.key(shared.key("log")).key(shared.key("positions"));
        append.arg(&record[..]).arg(after).arg(POSITIONS).arg(step());
        if self.replica_acks == 0 {
            return shared.run(&append).await;
        }
        let mut connection = shared.waiting_connection();
        let position = append.invoke_async(&mut connection).await.map_err(|e| shared.error(e))?;
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.replica_acks).arg(lease::millis(REPLICAS));
        let acks: u32 = wait.query_async(&mut connection).await.map_err(|e| shared.error(e))?;
        if acks < self.replica_acks {
            return Err(format!(
                "the Redis at `{}` has the purge, but {acks} of its replicas, not {}, within {REPLICAS:?}",
                shared.address, self.replica_acks
            )
            .into());
        }
        Ok(position)
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        let shared = &self.shared;
        shared.say_running().await;
        let mut since = SINCE.prepare_invoke();
        since.key(shared.key("log")).key(shared.key("positions"));
        since.arg(position).arg(AT_ONCE).arg(POSITIONS);
        let first: Vec<Entry> = match shared.run(&since).await? {
            Value::Int(0) => return self.since_long_ago(position).await.map(Some),
            Value::Int(_) => return Ok(None),
            entries => from_redis_value(entries)?,
        };
        let all = match first.last() {
            Some((last, _)) if first.len() == AT_ONCE => {
                let from = format!("({last}");
                let rest = entries(shared, &mut shared.connection(), first, from).await;
                rest.map_err(|error| shared.error(error))?
            }
            _ => first,
        };
        records(all).map(Some)
    }

    async fn replace(&self, new: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let mut connection = shared.connection();
        let Some(last) = new.last().map(|record| record.position) else {
            let len: usize =
                connection.xlen(shared.key("log")).await.map_err(|e| shared.error(e))?;
            return Ok(len == 0);
        };
        let written = shared.key(&format!("log:{}", lease::owner()));
        let mut number = 0;
        let mut before = 0;
        for records in new.chunks(AT_ONCE) {
            let mut pipeline = redis::pipe();
            for LedgerRecord { position, record } in records {
                number = if *position == before { number + 1 } else { 0 };
                before = *position;
                let id = format!("{position}-{number}");
                pipeline.xadd(&written, id, &[("r", &record[..])]).ignore();
            }
            // What is left behind by a process that is killed goes by itself.
            pipeline.expire(&written, 600).ignore();
            pipeline.query_async::<()>(&mut connection).await.map_err(|e| shared.error(e))?;
        }
        let mut replace = REPLACE.prepare_invoke();
        replace.key(shared.key("log")).key(written).arg(last).arg(new.len());
        shared.run(&replace).await
    }

    fn memory(&self) -> Option<LedgerMemory> {
        self.shared.server.memory()
    }

    async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        lease::take(&self.shared, name, version).await
    }
}

impl RedisStore {
    /// The records after a position that is no longer remembered. Whether one before it was lost cannot
    /// be told, so the first one is damaged: it counts as a purge of everything, for this process.
    async fn since_long_ago(&self, position: u64) -> Result<Vec<LedgerRecord>, StoreError> {
        let shared = &self.shared;
        let from = format!("({position}-{}", u64::MAX);
        let later = entries(shared, &mut shared.connection(), Vec::new(), from).await;
        let later = records(later.map_err(|error| shared.error(error))?)?;
        let unknown = LedgerRecord { position: position + 1, record: Bytes::new() };
        Ok([unknown].into_iter().chain(later).collect())
    }
}

/// A random number below [`STEP`].
fn step() -> u64 {
    RandomState::new().hash_one(STEP) % (STEP - 1) + 1
}

/// Adds the entries of the log from the id `from` on, which may be exclusive.
async fn entries(
    shared: &Shared,
    connection: &mut impl ConnectionLike,
    mut all: Vec<Entry>,
    mut from: String,
) -> Result<Vec<Entry>, RedisError> {
    loop {
        let mut range = redis::cmd("XRANGE");
        range.arg(shared.key("log")).arg(from).arg("+").arg("COUNT").arg(AT_ONCE);
        let found: Vec<Entry> = range.query_async(connection).await?;
        let is_end = found.len() < AT_ONCE;
        all.extend(found);
        match all.last() {
            Some((last, _)) if !is_end => from = format!("({last}"),
            _ => return Ok(all),
        }
    }
}

fn records(entries: Vec<Entry>) -> Result<Vec<LedgerRecord>, StoreError> {
    entries.into_iter().map(record).collect()
}

/// A foreign entry is a damaged record: what it purged is unknown.
fn record((id, mut fields): Entry) -> Result<LedgerRecord, StoreError> {
    let position = id.split('-').next().and_then(|position| position.parse().ok());
    let position =
        position.ok_or_else(|| format!("an entry of the purge log has the id `{id}`"))?;
    Ok(LedgerRecord { position, record: fields.pop().unwrap_or_default().into() })
}
