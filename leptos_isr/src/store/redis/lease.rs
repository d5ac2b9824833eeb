//! The right to render a page.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::Script;
use tokio::{sync::oneshot, time::timeout};

use super::connection::{Shared, script};
use crate::{error::StoreError, period, store::ledger::Lease};

/// For how long a right goes on when its process says nothing more.
const LASTS: Duration = period::seconds(10);

/// How often a process says that it goes on.
const EXTENDED: Duration = period::seconds(3);

/// For how long the last version of a page is remembered if a process has not given its right back: if
/// it is stopped for longer, it could put an older page over a newer one.
const REMEMBERED: Duration = period::hours(24);

/// The same otherwise. Visitors can ask for any path, so this is short.
const RELEASED: Duration = period::seconds(30);

static LEASE: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/lease.lua")));
static EXTEND: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/extend.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| script(include_str!("scripts/release.lua")));

/// Ends the right when it is dropped.
struct Right {
    _held: oneshot::Sender<()>,
}

/// Asks in a task, so that a right is given back though the caller gives up meanwhile.
pub(super) async fn take(
    shared: &Arc<Shared>,
    name: &str,
    version: u64,
) -> Result<Lease, StoreError> {
    let (shared, key) = (Arc::clone(shared), shared.key(&format!("lease:{name}")));
    let (answer, answered) = oneshot::channel();
    tokio::spawn(async move {
        let owner = owner();
        let mut ask = LEASE.prepare_invoke();
        ask.key(&key).arg(&owner).arg(millis(LASTS)).arg(version).arg(millis(REMEMBERED));
        let version = match shared.run::<Option<u64>>(&ask).await {
            Ok(Some(version)) => version,
            other => {
                let _ = answer.send(other.map(|_| Lease::Held));
                return;
            }
        };
        let (held, end) = oneshot::channel();
        let right = Box::new(Right { _held: held });
        // If nobody takes it, it is dropped, which ends it.
        let _ = answer.send(Ok(Lease::Granted { right, version: Some(version) }));
        keep(shared, key, owner, end).await;
    });
    answered.await?
}

/// Extends a right until it ends, or has passed on.
async fn keep(shared: Arc<Shared>, key: String, owner: String, mut end: oneshot::Receiver<()>) {
    while timeout(EXTENDED, &mut end).await.is_err() {
        let mut extend = EXTEND.prepare_invoke();
        extend.key(&key).arg(&owner).arg(millis(LASTS));
        // Without an answer it is tried again, or ends by itself.
        if let Ok(Ok(0)) = timeout(EXTENDED, shared.run::<u64>(&extend)).await {
            return;
        }
    }
    let mut release = RELEASE.prepare_invoke();
    release.key(&key).arg(&owner).arg(millis(RELEASED));
    let _ = shared.run::<u64>(&release).await;
}

/// A name that nobody else has.
pub(super) fn owner() -> String {
    static PROCESS: LazyLock<u64> =
        LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{}", *PROCESS, NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
