//! Pages and purges in a Redis that several machines share.
//!
//! - `link` is the connection, `server` looks whether the server will do, `connection` has what all
//!   clones of a store share.
//! - `log` is the ledger: a stream of purge records.
//! - `lease` gives the right to render a page.
//! - `pages` keeps pages and the builds that they are of.
//!
//! What must happen in one step is a script in `scripts/`. Redis runs one script at a time, and its
//! clock is the only one that they ask.
//!
//! | key, behind `isr1:<site>:` | type | content |
//! |---|---|---|
//! | `log` | stream | the purge records; an entry's id is its position and `-0` |
//! | `positions` | stream | the last 10,000 positions of the log, also of records that a later one made needless |
//! | `lease:<name>` | hash | who has the right to render, until when, and the last version given |
//! | `page:<build>:<key>` | hash | a page and its version |
//! | `values:<build>` | hash | what a build keeps under names |
//! | `builds` | sorted set | the builds that were in service, by the time at which that began |
//! | `running` | sorted set | the builds that a process has open, by the time at which it last said so |
//!
//! Pages and leases have a time to live, the others have none: with the policy `volatile-lru` only
//! the former are evicted. The number behind `isr` stands for this layout, so that another version
//! never misreads it.

mod connection;
mod lease;
mod link;
mod log;
mod pages;
mod server;

use std::{fmt, sync::Arc, time::Duration};

use self::connection::Shared;
use crate::{address::build, error::StoreError, period};

/// How long a page is kept.
const KEPT: Duration = period::days(30);

/// Keeps the pages of one build, and the purges of a site, in a Redis that all its servers share.
///
/// It is a [`Store`](crate::store::Store) and a [`Ledger`](crate::store::Ledger): give it to both
/// [`Builder::store`](crate::Builder::store) and [`Builder::ledger`](crate::Builder::ledger). Clones
/// share everything.
///
/// A page is kept for 30 days, and is at most 8 MiB large with its encodings. Redis evicts pages
/// before that if its policy is `volatile-lru` or another `volatile-*`; purges are never evicted then.
///
/// # Examples
///
/// ```no_run
/// use leptos_isr::{Engine, route::RouteTable, store::RedisStore};
///
/// # async fn start(routes: RouteTable) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let redis = RedisStore::open("redis://127.0.0.1:6379/0", "news", "build-1").await?;
/// let isr = Engine::builder(routes)
///     .store(redis.clone())
///     .ledger(redis)
///     .build_id("build-1")
///     .build()?;
/// # drop(isr); Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
    replica_acks: u32,
}

impl RedisStore {
    /// Opens the Redis at `url` for the site `site` and its build `build_id`. Several sites may share
    /// a Redis: each has its keys behind its name.
    ///
    /// `url` is `redis://[user[:password]@]host[:port][/database]`, `rediss://…` for TLS, or
    /// `redis+unix:///path`. It names one server, Redis 6.2 or later, that takes writes. A cluster and
    /// a sentinel are refused. For TLS the feature `tls` must be on, and the system's certificates
    /// count.
    ///
    /// A server that cannot be reached within five seconds is no error: a warning is logged, and the
    /// engine begins without it.
    ///
    /// # Errors
    ///
    /// Fails if `url`, `site` or `build_id` is malformed, and if the server refuses the password, is
    /// not of the kind above, or would evict purges (`maxmemory` with a policy `allkeys-*`).
    pub async fn open(
        url: &str,
        site: &str,
        build_id: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let build = build_id.into();
        build::check(&build)?;
        build::check(site).map_err(|_| {
            format!(
                "`{site}` is no name of a site: use up to 64 letters, digits, `.`, `-` and `_`, of \
                 which the first is a letter or digit"
            )
        })?;
        let shared = Shared::new(url, site, build)?;
        shared.open().await?;
        Ok(Self { shared: Arc::new(shared), replica_acks: 0 })
    }

    /// Answers a purge only once this many replicas of the Redis have it, besides itself. Defaults to
    /// 0. If they do not within a second, the purge fails, though it may have come to pass.
    ///
    /// A replica that takes over may still lack the last purges, if others than those take over.
    #[must_use]
    pub fn replica_acks(mut self, replicas: u32) -> Self {
        self.replica_acks = replicas;
        self
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.shared.address).finish()
    }
}
