//! Whether a server will do, and how full its memory is.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use redis::{Client, ErrorKind, RedisError, aio::MultiplexedConnection};
use tracing::warn;

use crate::stats::{Eviction, LedgerMemory};

/// The least version that has what the scripts ask for.
const NEEDED: (u32, u32) = (6, 2);

/// The forms of an address.
pub(super) const FORMS: &str =
    "`redis://host:6379/0`, `rediss://host:6379/0` for TLS, or `redis+unix:///path`";

/// The server at an address, which may be another one later.
pub(super) struct Server {
    pub(super) client: Client,
    /// As it was last told.
    memory: Mutex<Option<LedgerMemory>>,
}

impl Server {
    pub(super) fn new(client: Client) -> Self {
        Self { client, memory: Mutex::default() }
    }

    /// Looks whether the server will do.
    pub(super) async fn look(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), RedisError> {
        static WARNING: Once = Once::new();
        let info: String = redis::cmd("INFO").query_async(connection).await?;
        if let Err(problem) = check(&info) {
            // The error says what is wrong with it.
            *self.lock() = memory(&info);
            return Err((ErrorKind::InvalidClientConfig, "it will not do", problem).into());
        }
        self.note_memory(&info);
        if info_lines(&info).get("aof_enabled") == Some(&"0") {
            WARNING.call_once(|| {
                warn!(
                    "the Redis keeps no log of its own, so it forgets purges when it is killed; every \
                     page counts as purged then: set `appendonly yes`"
                );
            });
        }
        Ok(())
    }

    /// Notes what `INFO` says of the memory, and warns if purges are in danger from now on.
    pub(super) fn note_memory(&self, info: &str) {
        let new = memory(info);
        let old = mem::replace(&mut *self.lock(), new);
        if let Some(what) = danger(new).filter(|what| danger(old) != Some(what)) {
            warn!(
                "{what}: set `maxmemory-policy volatile-lru`, which evicts pages and never purges"
            );
        }
    }

    pub(super) fn memory(&self) -> Option<LedgerMemory> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<LedgerMemory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of purges once the memory is full.
fn danger(memory: Option<LedgerMemory>) -> Option<&'static str> {
    let LedgerMemory { limit: Some(_), eviction, .. } = memory? else { return None };
    match eviction {
        Eviction::Pages => None,
        Eviction::Anything => Some("the Redis evicts purges too once its memory is full"),
        Eviction::Nothing => Some("the Redis refuses purges once pages have filled its memory"),
    }
}

/// The memory of a server; `None` if it does not say, or has a policy that is not known.
fn memory(info: &str) -> Option<LedgerMemory> {
    let lines = info_lines(info);
    let eviction = match *lines.get("maxmemory_policy")? {
        "noeviction" => Eviction::Nothing,
        policy if policy.starts_with("volatile-") => Eviction::Pages,
        policy if policy.starts_with("allkeys-") => Eviction::Anything,
        _ => return None,
    };
    let bytes = lines.get("used_memory")?.parse().ok()?;
    Some(LedgerMemory { bytes, limit: limit(&lines), eviction })
}

/// How many bytes the memory may have, if it has a limit.
fn limit(lines: &HashMap<&str, &str>) -> Option<u64> {
    lines.get("maxmemory")?.parse().ok().filter(|limit| *limit > 0)
}

fn info_lines(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.split_once(':')).collect()
}

/// Says why a server will not do.
fn check(info: &str) -> Result<(), String> {
    let lines = info_lines(info);
    let line = |name| lines.get(name).copied().unwrap_or_default();
    let version = line("redis_version");
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < NEEDED {
        let (major, minor) = NEEDED;
        return Err(format!("has version `{version}`: it needs {major}.{minor} or later"));
    }
    match line("redis_mode") {
        "" | "standalone" => {}
        "cluster" => {
            return Err(format!(
                "is part of a cluster, which is not supported: name one server, as {FORMS}"
            ));
        }
        mode => {
            return Err(format!(
                "is a {mode}: name the server that it watches, or an address that follows it, as {FORMS}"
            ));
        }
    }
    if line("role") == "slave" {
        return Err("is a replica, which takes no writes: name its primary".to_owned());
    }
    let policy = line("maxmemory_policy");
    if policy.starts_with("allkeys-") && limit(&lines).is_some() {
        return Err(format!(
            "evicts any key when its memory is full (`maxmemory-policy {policy}`), purges too: set \
             `maxmemory-policy volatile-lru`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("redis_version", "7.0.15"),
        ("redis_mode", "standalone"),
        ("role", "master"),
        ("maxmemory", "0"),
        ("maxmemory_policy", "noeviction"),
    ];

    fn with(changed: &[(&str, &str)]) -> Result<(), String> {
        let lines: HashMap<_, _> = GOOD.iter().chain(changed).copied().collect();
        let lines: Vec<_> =
            lines.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
        check(&lines.concat())
    }

    #[test]
    fn memory_is_known_with_its_limit_and_what_it_evicts() {
        let of = |limit: &str, policy: &str| {
            memory(&format!(
                "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:{limit}\r\n\
                 maxmemory_human:x\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        let in_danger = ["evicts purges", "refuses purges"];
        for (limit, policy, eviction, says) in [
            ("0", "noeviction", Eviction::Nothing, None),
            ("0", "allkeys-lru", Eviction::Anything, None),
            ("2097152", "volatile-ttl", Eviction::Pages, None),
            ("2097152", "allkeys-random", Eviction::Anything, Some(in_danger[0])),
            ("2097152", "noeviction", Eviction::Nothing, Some(in_danger[1])),
        ] {
            let known = of(limit, policy);
            let limit = (limit != "0").then_some(2 << 20);
            assert_eq!(known, Some(LedgerMemory { bytes: 1 << 20, limit, eviction }), "{policy}");
            let danger = danger(known);
            assert_eq!(danger.is_some(), says.is_some(), "{policy}");
            assert!(danger.unwrap_or_default().contains(says.unwrap_or_default()), "{danger:?}");
        }
        for unknown in [of("0", "least-loved"), memory(""), memory("maxmemory_policy:noeviction")] {
            assert_eq!(unknown, None);
        }
    }

    #[test]
    fn server_that_would_lose_purges_is_refused_with_the_remedy() {
        assert_eq!(with(&[]), Ok(()));
        assert_eq!(with(&[("maxmemory", "100"), ("maxmemory_policy", "volatile-lru")]), Ok(()));
        assert_eq!(with(&[("maxmemory_policy", "allkeys-lru")]), Ok(()), "without a limit");
        assert_eq!(with(&[("redis_version", "6.2.0")]), Ok(()));
        for (changed, says) in [
            (&[("maxmemory", "100"), ("maxmemory_policy", "allkeys-lfu")][..], "volatile-lru"),
            (&[("redis_version", "6.0.16")], "6.2"),
            (&[("redis_version", "")], "6.2"),
            (&[("redis_mode", "cluster")], "one server"),
            (&[("redis_mode", "sentinel")], "the server that it watches"),
            (&[("role", "slave")], "primary"),
        ] {
            let problem = with(changed).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}
