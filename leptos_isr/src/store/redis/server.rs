//! Whether a server will do.

use std::{collections::HashMap, sync::Once};

use redis::{ErrorKind, RedisError, aio::MultiplexedConnection};
use tracing::warn;

/// The least version that has what the scripts ask for.
const NEEDED: (u32, u32) = (6, 2);

/// The forms of an address.
pub(super) const FORMS: &str =
    "`redis://host:6379/0`, `rediss://host:6379/0` for TLS, or `redis+unix:///path`";

/// Looks whether a server will do.
pub(super) async fn look(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    static WARNING: Once = Once::new();
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    check(&info).map_err(|problem| (ErrorKind::InvalidClientConfig, "it will not do", problem))?;
    let lines = info_lines(&info);
    let line = |name| lines.get(name).copied().unwrap_or_default();
    WARNING.call_once(|| {
        if line("aof_enabled") == "0" {
            warn!(
                "the Redis keeps no log of its own, so it forgets purges when it is killed; every \
                 page counts as purged then: set `appendonly yes`"
            );
        }
        if has_limit(&lines) && line("maxmemory_policy") == "noeviction" {
            warn!(
                "the Redis refuses purges once pages have filled its memory: set `maxmemory-policy \
                 volatile-lru`, which evicts pages and never purges"
            );
        }
    });
    Ok(())
}

fn has_limit(lines: &HashMap<&str, &str>) -> bool {
    !matches!(lines.get("maxmemory"), None | Some(&"" | &"0"))
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
    if policy.starts_with("allkeys") && has_limit(&lines) {
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
