//! What a ledger must do.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{error::StoreError, stats::LedgerMemory};

/// A record of a ledger, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Higher than that of every record before it.
    pub position: u64,
    /// One line of UTF-8 text, without the line break.
    pub record: Bytes,
}

/// Whether a process may render a page, or do what else one of them does; see [`Ledger::lease`].
pub enum Lease {
    /// It may, and no other process may until the right is dropped, or its process ends.
    Granted {
        /// What to drop once the page is in the store.
        right: Box<dyn Send + Sync>,
        /// The version of the page to be rendered: at least what was asked for, and higher than any
        /// that the ledger has given for this name. `None` where all processes are on one machine,
        /// so that its clock tells which render is newer.
        version: Option<u64>,
    },
    /// Another process renders it.
    Held,
    /// The ledger does not know who renders what.
    Unknown,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted { .. } => "Granted",
            Self::Held => "Held",
            Self::Unknown => "Unknown",
        })
    }
}

/// Keeps the purges of a site, in one order for all of its processes and builds, and what CDNs have been
/// told of them, and knows which process renders a page.
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
/// - **Never forgetting unnoticed.** A ledger that has lost records all the same, as one may that
///   is restored or whose replica takes over, says so ([`since`](Ledger::since)).
/// - **Heard by all.** A record that was appended is in what [`since`](Ledger::since) returns to any
///   process from then on.
///
/// The feature `testing` has a suite that checks this for any ledger.
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync + 'static {
    /// Every record, in the order of their positions.
    ///
    /// The engine calls this once, when it is built; the call may block. The last record may be
    /// left out if it was cut short. A ledger that cannot be reached for the moment gives those that
    /// it knows, or none: the engine asks for the others.
    ///
    /// # Errors
    ///
    /// Fails if the records cannot be read. The engine is not built then.
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError>;

    /// Appends a record: one line of UTF-8 text, without the line break. Returns its position, once
    /// no crash can lose it. It is higher than `after`, the last position that the caller knows.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be kept. The purge is not acknowledged then, and counts only in
    /// the process that it was sent to.
    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError>;

    /// The records after `position`, in their order. The engine asks several times a second, so
    /// this should cost little when there are none.
    ///
    /// `None` if `position` is not 0 and the ledger cannot tell that it still has all records up to
    /// there, for example because its last position is a lower one. The engine then counts all pages
    /// as purged, for every process.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read. The engine logs this, and tries again.
    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError>;

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

    /// Whether processes on other machines share it. Then one that cannot read it says so to visitors
    /// and shared caches, since it does not know what others purge. Defaults to `true`.
    fn is_shared(&self) -> bool {
        true
    }

    /// What is known of the memory of the server that keeps the ledger, if it is in one whose memory may
    /// be full. The engine calls this whenever its numbers are asked for, so it should answer with what
    /// it was told some seconds ago. Defaults to `None`.
    fn memory(&self) -> Option<LedgerMemory> {
        None
    }

    /// Asks for the right to do what `name` stands for, so that one process does it: to render a page that
    /// has expired, to tell a CDN of purges. The right of a process that is killed must end. If another
    /// process holds that of a page for more than ten seconds, or than a render may take, the engine
    /// renders the page all the same.
    ///
    /// Names are any text. Two of them may share a right. `version` is the lowest that the page may
    /// get. By default the ledger does not know who renders what, and each process renders for
    /// itself.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot tell. The engine renders the page then, for this process only.
    async fn lease(&self, name: &str, version: u64) -> Result<Lease, StoreError> {
        let _ = (name, version);
        Ok(Lease::Unknown)
    }
}
