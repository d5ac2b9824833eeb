//! What a ledger must do.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;

/// A record of a ledger, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Higher than that of every record before it.
    pub position: u64,
    /// One line of UTF-8 text, without the line break.
    pub record: Bytes,
}

/// Keeps the purges of a site, in one order for all of its processes and builds.
///
/// A ledger only moves bytes: the engine checks what is in them, and whether they are intact. Each
/// method may be called from many tasks, and by many processes, at once.
///
/// What a ledger guarantees:
///
/// - **One order.** A record's position is higher than those of all records that any process has
///   appended before it, and at least the time in microseconds since 1970, by a clock of the
///   ledger's choice. All processes find the same records at the same positions.
/// - **Never forgetting.** Once [`append`](Ledger::append) has returned, the record and all before
///   it are kept until [`replace`](Ledger::replace).
/// - **Heard by all.** A record that was appended is in what [`since`](Ledger::since) returns to any
///   process from then on.
///
/// The feature `testing` has a suite that checks this for any ledger.
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// Every record, in the order of their positions.
    ///
    /// The engine calls this once, when it is built; the call may block. The last record may be
    /// left out if it was cut short.
    ///
    /// # Errors
    ///
    /// Fails if the records cannot be read. The engine is not built then.
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError>;

    /// Appends a record: one line of UTF-8 text, without the line break. Returns its position, once
    /// no crash can lose it.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be kept. The purge is not acknowledged then, and counts only in
    /// the process that it was sent to.
    async fn append(&self, record: Bytes) -> Result<u64, StoreError>;

    /// The records after `position`, in their order. The engine asks several times a second, so
    /// this should cost little when there are none.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read. The engine logs this, and tries again.
    async fn since(&self, position: u64) -> Result<Vec<LedgerRecord>, StoreError>;

    /// Puts `records` in the place of all records, all at once or not at all. They are in the order
    /// of their positions, of which several may be equal.
    ///
    /// Returns `false` and changes nothing if the last record has another position than the last of
    /// `records`: the caller has not heard of everything.
    ///
    /// # Errors
    ///
    /// Fails if the records cannot be replaced. They are as they were then.
    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError>;
}
