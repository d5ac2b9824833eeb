//! The connection to a Redis, and whether the server will do.

use std::{
    collections::HashMap,
    sync::{Mutex, Once},
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, FromRedisValue, RedisError, Script, ScriptInvocation,
    ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
};
use tracing::warn;

use crate::{error::StoreError, tls};

/// How long opening waits for the server, and each attempt to connect later.
const CONNECTING: Duration = Duration::from_secs(5);

/// When a connection counts as broken that answers nothing. The engine waits less for what visitors
/// wait for.
const SILENT: Duration = Duration::from_secs(30);

/// The least version that has what the scripts ask for.
const NEEDED: (u32, u32) = (6, 2);

const FORMS: &str =
    "`redis://host:6379/0`, `rediss://host:6379/0` for TLS, or `redis+unix:///path`";

/// What all clones of a store share.
pub(super) struct Shared {
    client: Client,
    /// For all but what holds up a connection.
    connection: ConnectionManager,
    /// For records whose replicas are waited for.
    waiting: ConnectionManager,
    /// The server's, without user and password.
    pub(super) address: String,
    /// What all keys of the site begin with.
    prefix: String,
    pub(super) build: String,
    /// When this process last said that it has the build open.
    pub(super) said_running: Mutex<Option<Instant>>,
    /// That this machine's clock is another.
    pub(super) skew_warning: Once,
}

impl Shared {
    pub(super) fn new(url: &str, site: &str, build: String) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(|error| {
            format!("the address of the Redis is malformed ({error}): use {FORMS}")
        })?;
        tls::choose_provider();
        let address = client.get_connection_info().addr().to_string();
        let manager = || ConnectionManager::new_lazy_with_config(client.clone(), manager_config());
        Ok(Self {
            connection: manager()?,
            waiting: manager()?,
            client,
            address,
            prefix: format!("isr1:{site}:"),
            build,
            said_running: Mutex::default(),
            skew_warning: Once::new(),
        })
    }

    /// Looks whether the server will do, if it can be reached.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        let info = async { redis::cmd("INFO").query_async(&mut self.dial().await?).await };
        let info: String = match tokio::time::timeout(CONNECTING, info).await {
            Ok(Ok(info)) => info,
            Ok(Err(error)) if !is_unreachable(&error) => return Err(self.error(error)),
            Ok(Err(error)) => {
                self.warn_of_absence(&error);
                return Ok(());
            }
            Err(_) => {
                self.warn_of_absence("it does not answer");
                return Ok(());
            }
        };
        check(&info).map_err(|problem| format!("the Redis at `{}` {problem}", self.address))?;
        if info_lines(&info).get("aof_enabled") == Some(&"0") {
            warn!(
                redis = self.address,
                "the Redis keeps no log of its own, so it forgets purges when it is killed; every \
                 page counts as purged then: set `appendonly yes`"
            );
        }
        Ok(())
    }

    fn warn_of_absence(&self, why: impl std::fmt::Display) {
        warn!(redis = self.address, %why,
            "the Redis cannot be reached: pages of others and purges are unknown until it can");
    }

    /// A connection of its own, for the runtime that asks.
    pub(super) async fn dial(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(SILENT));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    pub(super) fn connection(&self) -> ConnectionManager {
        self.connection.clone()
    }

    pub(super) fn waiting_connection(&self) -> ConnectionManager {
        self.waiting.clone()
    }

    /// The name of a key.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        invocation: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        invocation.invoke_async(&mut self.connection()).await.map_err(|error| self.error(error))
    }

    pub(super) fn error(&self, error: RedisError) -> StoreError {
        const PASSWORD: &str = ": look at user and password in its address";
        let hint = match (error.kind(), error.code()) {
            (redis::ErrorKind::AuthenticationFailed, _) => PASSWORD,
            (_, Some("NOAUTH" | "WRONGPASS")) => PASSWORD,
            (_, Some("NOPERM")) => {
                ": its user needs all commands for keys that begin with `isr1:`, and INFO"
            }
            _ => "",
        };
        format!("the Redis at `{}`: {error}{hint}", self.address).into()
    }
}

/// The script of a file.
pub(super) fn script(text: &str) -> Script {
    Script::new(text)
}

fn manager_config() -> ConnectionManagerConfig {
    // The next call tries again, and there is one every 250 ms.
    ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECTING))
        .set_response_timeout(Some(SILENT))
}

/// Whether the server may be there later.
pub(super) fn is_unreachable(error: &RedisError) -> bool {
    error.is_io_error()
        || matches!(
            error.kind(),
            redis::ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown)
        )
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
    if policy.starts_with("allkeys") && !matches!(line("maxmemory"), "" | "0") {
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
