//! Pages, and the builds that they are of.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use redis::{AsyncCommands, RedisError, Script};
use tracing::warn;

use super::{
    KEPT, RedisStore,
    connection::{Shared, script},
    lease::millis,
};
use crate::{
    address::key::Key,
    error::StoreError,
    period,
    store::backend::{OtherBuild, PageStream, Store},
};

/// The largest page. A larger one would hold up everybody else's commands.
const LARGEST: usize = 8 << 20;

/// How long the pages of the build stay that was in service before.
const GRACE: Duration = period::hours(24);

/// How long a file stays that no server has put again, as each does once an hour.
const FILES_KEPT: Duration = period::hours(26);

/// How often a process says that it has its build open, and when that is no longer believed.
const SAID: (Duration, Duration) = (period::seconds(10), period::seconds(30));

/// Of how many pages it is known how often they were asked for, in each hour.
const COUNTED: usize = 1000;

/// By how much clocks may differ.
const SKEW: Duration = period::seconds(2);

/// How many keys are looked at in one step.
const AT_ONCE: usize = 500;

static PUT: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/put.lua")));
static BUILDS: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/builds.lua")));
static REQUESTS: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/requests.lua")));
static MOST_REQUESTED: LazyLock<Script> =
    LazyLock::new(|| script(include_str!("scripts/most_requested.lua")));
static SERVE: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/serve.lua")));
static NOTE: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/note.lua")));

#[async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let shared = &self.shared;
        let page: Result<Option<Vec<u8>>, _> =
            shared.connection().hget(shared.page(key), "page").await;
        Ok(page.map_err(|error| shared.error(error))?.map(Bytes::from))
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        check_size(&page)?;
        let (shared, key) = (&self.shared, self.shared.page(key));
        let mut pipeline = redis::pipe();
        pipeline.atomic().hset(&key, "page", &page[..]).ignore();
        pipeline.pexpire(&key, millis(KEPT) as i64).ignore();
        let put = pipeline.query_async(&mut shared.connection()).await;
        put.map_err(|error| shared.error(error))
    }

    async fn put_unless_newer(
        &self,
        key: &Key,
        page: Bytes,
        version: u64,
    ) -> Result<bool, StoreError> {
        check_size(&page)?;
        let mut put = PUT.prepare_invoke();
        put.key(self.shared.page(key)).arg(version).arg(&page[..]).arg(millis(KEPT));
        self.shared.run(&put).await
    }

    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let there = shared.connection().hexists(shared.page(key), "page").await;
        there.map_err(|error| shared.error(error))
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let shared = &self.shared;
        let removed = shared.connection().unlink(shared.page(key)).await;
        removed.map_err(|error| shared.error(error))
    }

    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError> {
        let shared = &self.shared;
        let values = shared.values(&shared.build);
        let mut pipeline = redis::pipe();
        pipeline.atomic().hset(&values, name, &value[..]).ignore();
        pipeline.pexpire(&values, millis(KEPT) as i64).ignore();
        let put = pipeline.query_async(&mut shared.connection()).await;
        put.map_err(|error| shared.error(error))
    }

    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let shared = &self.shared;
        let value: Result<Option<Vec<u8>>, _> =
            shared.connection().hget(shared.values(&shared.build), name).await;
        Ok(value.map_err(|error| shared.error(error))?.map(Bytes::from))
    }

    fn pages(&self) -> Option<PageStream> {
        let keys = Keys::new(Arc::clone(&self.shared), &self.shared.build);
        Some(Box::pin(stream::unfold(keys, |mut keys| async {
            loop {
                let page: Result<Option<Vec<u8>>, _> = match keys.next().await {
                    Ok(Some(key)) => keys.shared.connection().hget(key, "page").await,
                    Ok(None) => return None,
                    Err(error) => Err(error),
                };
                match page {
                    Ok(Some(page)) => return Some((Ok(Bytes::from(page)), keys)),
                    // It was removed meanwhile.
                    Ok(None) => {}
                    Err(error) => return Some((Err(keys.shared.error(error)), keys)),
                }
            }
        })))
    }

    async fn put_file(&self, path: &str, content: Bytes) -> Result<(), StoreError> {
        check_size(&content)?;
        let (shared, key) = (&self.shared, self.shared.key(&format!("file:{path}")));
        let lasts = millis(FILES_KEPT);
        let is_there = shared.connection().pexpire(&key, lasts as i64).await;
        if is_there.map_err(|error| shared.error(error))? {
            return Ok(());
        }
        let put = shared.connection().pset_ex(&key, &content[..], lasts).await;
        put.map_err(|error| shared.error(error))
    }

    async fn file(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        let shared = &self.shared;
        let file: Result<Option<Vec<u8>>, _> =
            shared.connection().get(shared.key(&format!("file:{path}"))).await;
        Ok(file.map_err(|error| shared.error(error))?.map(Bytes::from))
    }

    async fn note_requests(&self, counts: &[(Key, u64)]) -> Result<(), StoreError> {
        let mut noted = REQUESTS.prepare_invoke();
        noted.key(self.shared.key("requests")).arg(COUNTED);
        for (key, count) in counts {
            noted.arg(key.as_str()).arg(count);
        }
        self.shared.run::<u64>(&noted).await.map(drop)
    }

    async fn most_requested(&self, count: usize) -> Result<Vec<Key>, StoreError> {
        let mut most = MOST_REQUESTED.prepare_invoke();
        most.key(self.shared.key("requests")).arg(count);
        let keys: Vec<String> = self.shared.run(&most).await?;
        Ok(keys.iter().map(|key| Key::of_canonical(key)).collect())
    }

    async fn begin_service(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        shared.run::<u64>(SERVE.key(shared.key("builds")).arg(&shared.build)).await.map(drop)
    }

    async fn other_builds(&self) -> Result<Vec<OtherBuild>, StoreError> {
        let builds = self.shared.builds().await?;
        let others = builds.served.into_iter().filter(|(id, _)| *id != self.shared.build);
        let running = &builds.running;
        Ok(others.map(|(id, _)| OtherBuild { is_in_use: running.contains(&id), id }).collect())
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        let builds = self.shared.builds().await?;
        for build in builds.not_needed(&self.shared.build) {
            self.shared.remove_build(&build).await.map_err(|error| self.shared.error(error))?;
        }
        Ok(())
    }
}

fn check_size(page: &Bytes) -> Result<(), StoreError> {
    match page.len() {
        0..=LARGEST => Ok(()),
        len => Err(format!("{len} bytes of page and encodings are too many for Redis").into()),
    }
}

impl Shared {
    fn page(&self, key: &Key) -> String {
        self.key(&format!("page:{}:{key}", self.build))
    }

    fn values(&self, build: &str) -> String {
        self.key(&format!("values:{build}"))
    }

    /// Says that this process has its build open, if that is due, and notes how full the Redis is.
    pub(super) async fn say_running(&self) {
        let now = Instant::now();
        {
            let mut said = self.said_running.lock().unwrap_or_else(PoisonError::into_inner);
            if said.is_some_and(|said| now.duration_since(said) < SAID.0) {
                return;
            }
            *said = Some(now);
        }
        // If it fails it is said next time: it is believed for longer.
        let values = self.values(&self.build);
        let mut pipeline = redis::pipe();
        pipeline.pexpire(values, millis(KEPT) as i64).ignore().cmd("INFO").arg("memory");
        if let Ok((info,)) = pipeline.query_async::<(String,)>(&mut self.connection()).await {
            self.server.note_memory(&info);
        }
        if let Ok(time) = self.run(NOTE.key(self.key("running")).arg(&self.build)).await {
            self.compare_clocks(Duration::from_millis(time), SystemTime::now());
        }
    }

    /// Warns once if the ages of others' pages would be wrong here.
    fn compare_clocks(&self, redis: Duration, now: SystemTime) {
        if let Some(differs_by) = skew(redis, now) {
            self.skew_warning.call_once(|| {
                warn!(?differs_by, redis = self.address,
                    "this machine's clock differs from the Redis's, so the ages of pages that other \
                     servers have rendered are wrong: set both by NTP");
            });
        }
    }

    async fn builds(&self) -> Result<Builds, StoreError> {
        let mut builds = BUILDS.prepare_invoke();
        builds.key(self.key("builds")).key(self.key("running")).arg(SAID.1.as_secs());
        let (now, served, running) = self.run(&builds).await?;
        Ok(Builds { now, served, running })
    }

    async fn remove_build(self: &Arc<Self>, build: &str) -> Result<(), RedisError> {
        let mut keys = Keys::new(Arc::clone(self), build);
        while keys.scan().await? {
            let found = std::mem::take(&mut keys.found);
            if !found.is_empty() {
                self.connection().unlink::<_, ()>(found).await?;
            }
        }
        let mut pipeline = redis::pipe();
        pipeline.unlink(self.values(build)).ignore();
        pipeline.zrem(self.key("running"), build).ignore();
        // Last: until then it is known that something is left.
        pipeline.zrem(self.key("builds"), build).ignore();
        pipeline.query_async(&mut self.connection()).await
    }
}

/// By how much the clocks differ, if it is too much.
fn skew(redis: Duration, now: SystemTime) -> Option<Duration> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(now.abs_diff(redis)).filter(|differs_by| *differs_by > SKEW)
}

/// The builds of a site.
struct Builds {
    /// By the Redis's clock, in seconds.
    now: u64,
    /// Each with the time at which it came into service, the last one at the end.
    served: Vec<(String, u64)>,
    running: HashSet<String>,
}

impl Builds {
    /// Those but `own` that may go.
    fn not_needed(&self, own: &str) -> Vec<String> {
        let Some(((current, since), before)) = self.served.split_last() else { return Vec::new() };
        let is_over = self.now.saturating_sub(*since) >= GRACE.as_secs();
        let kept = if is_over { None } else { before.last() };
        let stays = |id: &String| {
            id == own
                || id == current
                || self.running.contains(id)
                || kept.is_some_and(|(kept, _)| kept == id)
        };
        before.iter().map(|(id, _)| id).filter(|id| !stays(id)).cloned().collect()
    }
}

/// The keys of a build's pages, each once.
struct Keys {
    shared: Arc<Shared>,
    pattern: String,
    cursor: Option<u64>,
    found: Vec<Vec<u8>>,
    /// Redis may name a key twice.
    known: HashSet<Vec<u8>>,
}

impl Keys {
    fn new(shared: Arc<Shared>, build: &str) -> Self {
        // Neither the site's name nor an id has anything that means something in a pattern.
        let pattern = shared.key(&format!("page:{build}:*"));
        Self { shared, pattern, cursor: Some(0), found: Vec::new(), known: HashSet::new() }
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, RedisError> {
        while self.found.is_empty() && self.scan().await? {}
        Ok(self.found.pop())
    }

    /// Looks for more. Returns `false` at the end.
    async fn scan(&mut self) -> Result<bool, RedisError> {
        let Some(cursor) = self.cursor else { return Ok(false) };
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(AT_ONCE);
        // If it fails there is no way to go on.
        self.cursor = None;
        let (next, found): (u64, Vec<Vec<u8>>) =
            scan.query_async(&mut self.shared.connection()).await?;
        self.cursor = (next != 0).then_some(next);
        self.found.extend(found.into_iter().filter(|key| self.known.insert(key.clone())));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_needed(now: u64, served: &[(&str, u64)], running: &[&str], own: &str) -> Vec<String> {
        let served = served.iter().map(|(id, since)| ((*id).to_owned(), *since)).collect();
        let running = running.iter().map(|id| (*id).to_owned()).collect();
        Builds { now, served, running }.not_needed(own)
    }

    #[test]
    fn clocks_that_differ_by_more_than_two_seconds_are_noticed_in_both_directions() {
        let redis = period::seconds(100);
        for (now, differs_by) in
            [(97, Some(3)), (98, None), (100, None), (102, None), (103, Some(3))]
        {
            let found = skew(redis, UNIX_EPOCH + period::seconds(now));
            assert_eq!(found, differs_by.map(period::seconds), "{now}");
        }
    }

    #[test]
    fn builds_in_service_before_go_when_their_grace_is_over_and_no_process_has_them() {
        let (hour, served) = (3600, [("a", 10), ("b", 20), ("c", 30)]);
        assert_eq!(not_needed(31, &served, &[], "c"), ["a"]);
        assert_eq!(not_needed(30 + 24 * hour, &served, &[], "c"), ["a", "b"]);
        assert_eq!(not_needed(30 + 24 * hour, &served, &["a"], "c"), ["b"]);
        assert_eq!(not_needed(30 + 24 * hour, &served, &[], "b"), ["a"], "an old server");
        assert_eq!(not_needed(31, &served[..1], &[], "a"), Vec::<String>::new());
        assert_eq!(not_needed(31, &[], &[], "a"), Vec::<String>::new());
    }
}
