//! The gate to a store or a ledger: how many calls it has at once, and what happens when it hangs.
//!
//! A call that was not answered in time shuts the gate. From then on the store gets one call at a
//! time, as a trial, and its first answer opens the gate. So a store that hangs collects no calls,
//! and nobody but the first visitors waits for it.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex, OwnedMutexGuard, Semaphore},
    time::timeout,
};
use tracing::{info, warn};

use crate::error::StoreError;

/// How many reads a store has at once. A disk has its best throughput at about this depth.
const READS: usize = 16;

/// How many pages are written at once: a few, so that flushing them is shared.
const WRITES: usize = 8;

#[derive(Debug)]
pub(super) struct Gate {
    reads: Semaphore,
    writes: Semaphore,
    is_shut: AtomicBool,
    trial: Arc<Mutex<()>>,
}

/// The store did not answer in time, or was not asked because it has not answered before.
#[derive(Debug, thiserror::Error)]
#[error("the store did not answer within {}", humantime::format_duration(*.0))]
pub(super) struct NoAnswer(Duration);

impl NoAnswer {
    pub(super) fn new(limit: Duration) -> Self {
        Self(limit)
    }
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            reads: Semaphore::new(READS),
            writes: Semaphore::new(WRITES),
            is_shut: AtomicBool::new(false),
            trial: Arc::default(),
        }
    }

    /// Whether the last call to end was not answered.
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Relaxed)
    }

    /// The right to try a store that does not answer; `None` while somebody else does.
    pub(super) fn trial(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.trial).try_lock_owned().ok()
    }

    /// Makes a call behind the caller, as a trial, unless there is one just now.
    pub(super) fn try_again(
        self: &Arc<Self>,
        limit: Duration,
        call: impl Future<Output = Result<(), StoreError>> + Send + 'static,
    ) {
        let Some(trial) = self.trial() else { return };
        let gate = Arc::clone(self);
        tokio::spawn(async move {
            let _trial = trial;
            // Whatever it is: an answer opens the gate.
            let _ = gate.call(limit, call).await;
        });
    }

    /// Makes a call at once, as a trial or because it cannot wait.
    ///
    /// # Errors
    ///
    /// Returns [`NoAnswer`] after `limit`, as the others do, or passes on the store's error.
    pub(super) async fn call<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Ok(answer) = timeout(limit, call).await else {
            if !self.is_shut.swap(true, Ordering::Relaxed) {
                let limit = humantime::format_duration(limit);
                warn!(%limit, "the store does not answer, it is asked once at a time until it does");
            }
            return Err(NoAnswer(limit).into());
        };
        if self.is_shut.swap(false, Ordering::Relaxed) {
            info!("the store answers again");
        }
        answer
    }

    /// Makes a call that somebody waits for: not at all while the gate is shut.
    pub(super) async fn read<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let turn = timeout(limit, self.reads.acquire()).await;
        if turn.is_err() || self.is_shut() {
            return Err(NoAnswer(limit).into());
        }
        self.call(limit, call).await
    }

    /// Makes a call that may wait for its turn, also for that to try a store that does not answer.
    pub(super) async fn write<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _turn = self.writes.acquire().await;
        let trial = match self.is_shut() {
            true => Some(self.trial.lock().await),
            false => None,
        };
        // If it was opened in the meantime, the next ones need not wait for this one.
        let _trial = trial.filter(|_| self.is_shut());
        self.call(limit, call).await
    }
}
