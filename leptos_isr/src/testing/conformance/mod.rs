//! What stores and ledgers guarantee, checked on any of them.

mod bytes;
mod kept;
mod keys;
mod ledger;
mod listing;
mod pages;
mod values;
mod wait;

use std::{fmt, future::Future, time::Duration};

use tokio::runtime::{Handle, RuntimeFlavor};

use self::wait::to_its_end;
use crate::store::{Ledger, Store, StoreError};

/// How long one check may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The outcome of one check. The error says what the store did.
type Check = Result<(), StoreError>;

/// Opens stores on the data under test.
struct Data<O>(O);

impl<S: Store, O: AsyncFn(String) -> S> Data<O> {
    /// Opens a store for a build that is named after a check.
    async fn open(&self, build: &str) -> S {
        (self.0)(format!("conformance-{build}")).await
    }
}

/// Checks every guarantee in the documentation of [`Store`], and panics with a list of those that
/// do not hold, each with the name of its check.
///
/// `open` opens a store for the build id that it is given, each time on the same data: that is how
/// restarts, two builds and two processes are checked. The data must be empty at first, and the
/// suite leaves pages in it. A store that bounds its pages needs room for 16 MiB. One check puts
/// some 20 MiB, of which the store may evict what it likes.
///
/// A store that lists its pages ([`Store::pages`]) is checked for that too. A check that takes
/// longer than 30 seconds fails. What cannot be checked from inside a process, such as a power
/// failure, is not checked.
///
/// # Panics
///
/// Panics if a guarantee does not hold. Also panics on a runtime with a single thread, where calls
/// would not run at the same time.
///
/// # Examples
///
/// A store of your own, over maps in memory. On a database the maps become two tables, each with a
/// key of two columns.
///
/// ```
/// use std::{collections::HashMap, sync::{Arc, Mutex}};
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use leptos_isr::{store::{Key, Store, StoreError}, testing::store_conformance};
///
/// type Of<T> = Mutex<HashMap<(String, T), Bytes>>;
///
/// /// What all builds and processes share.
/// #[derive(Debug, Default)]
/// struct Tables {
///     pages: Of<Key>,
///     values: Of<String>,
/// }
///
/// /// The store of one build.
/// #[derive(Debug)]
/// struct OwnStore {
///     build: String,
///     tables: Arc<Tables>,
/// }
///
/// impl OwnStore {
///     fn of<T>(&self, name: T) -> (String, T) {
///         (self.build.clone(), name)
///     }
/// }
///
/// #[async_trait]
/// impl Store for OwnStore {
///     async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
///         Ok(self.tables.pages.lock().unwrap().get(&self.of(key.clone())).cloned())
///     }
///     async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
///         self.tables.pages.lock().unwrap().insert(self.of(key.clone()), page);
///         Ok(())
///     }
///     async fn remove(&self, key: &Key) -> Result<(), StoreError> {
///         self.tables.pages.lock().unwrap().remove(&self.of(key.clone()));
///         Ok(())
///     }
///     async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError> {
///         self.tables.values.lock().unwrap().insert(self.of(name.to_owned()), value);
///         Ok(())
///     }
///     async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
///         Ok(self.tables.values.lock().unwrap().get(&self.of(name.to_owned())).cloned())
///     }
/// }
///
/// # #[tokio::main(flavor = "multi_thread")] async fn main() {
/// let tables = Arc::new(Tables::default());
/// store_conformance(async |build| OwnStore { build, tables: Arc::clone(&tables) }).await;
/// # }
/// ```
pub async fn store_conformance<S: Store>(open: impl AsyncFn(String) -> S) {
    let broken = broken_guarantees(open).await;
    let list: Vec<_> = broken.iter().map(|broken| format!("\n  {broken}")).collect();
    assert!(broken.is_empty(), "the store does not keep these guarantees:{}", list.concat());
}

/// Checks what [`store_conformance`] checks, and returns the guarantees that do not hold: empty if
/// all do.
///
/// # Panics
///
/// Panics on a runtime with a single thread.
pub async fn broken_guarantees<S: Store>(open: impl AsyncFn(String) -> S) -> Vec<BrokenGuarantee> {
    assert_many_threads();
    let data = Data(open);
    let mut report = Report::default();
    report.check("page_is_read_as_it_was_written", pages::read_as_written(&data)).await;
    report.check("later_page_takes_the_place", pages::later_takes_the_place(&data)).await;
    report.check("absent_page_is_none", pages::absent_is_none(&data)).await;
    report.check("removed_page_is_gone_and_no_other", pages::removed_is_gone(&data)).await;
    report.check("contains_agrees_with_get", pages::contains_agrees(&data)).await;
    report.check("keys_that_look_alike_are_apart", pages::keys_are_apart(&data)).await;
    report.check("builds_are_apart", pages::builds_are_apart(&data)).await;
    report.check("pages_survive_reopening", pages::survive_reopening(&data)).await;
    report.check("concurrent_puts_leave_one_whole_page", pages::concurrent_puts(&data)).await;
    report.check("reader_never_sees_a_torn_page", pages::no_torn_page(&data)).await;
    report.check("cancelled_put_leaves_a_whole_page", pages::cancelled_put(&data)).await;
    report.check("dropped_page_is_none_and_no_other", pages::dropped_is_none(&data)).await;
    report.check("each_page_is_listed_once", listing::each_once(&data)).await;
    report.check("listed_page_is_whole", listing::whole(&data)).await;
    report.check("value_is_read_as_it_was_written", values::read_as_written(&data)).await;
    report.check("names_that_look_alike_are_apart", values::names_are_apart(&data)).await;
    report.check("values_and_pages_are_apart", values::apart_from_pages(&data)).await;
    report.check("values_of_builds_are_apart", values::builds_are_apart(&data)).await;
    report.check("values_survive_reopening_and_many_pages", values::survive(&data)).await;
    report.check("removing_old_builds_keeps_this_one", pages::old_builds_go(&data)).await;
    report.0
}

/// Checks every guarantee in the documentation of [`Ledger`], and panics with a list of those that do
/// not hold, each with the name of its check.
///
/// `open` opens a ledger, each time on the same data: that is how restarts and several processes are
/// checked. The suite leaves records in it. Otherwise this is as [`store_conformance`].
///
/// # Panics
///
/// Panics if a guarantee does not hold, and on a runtime with a single thread.
///
/// # Examples
///
/// A ledger of your own, over a list in memory. On a database the list becomes a table, and the
/// position its key.
///
/// ```
/// use std::{sync::{Arc, Mutex}, time::{SystemTime, UNIX_EPOCH}};
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use leptos_isr::{store::{Ledger, LedgerRecord, StoreError}, testing::ledger_conformance};
///
/// #[derive(Clone, Debug, Default)]
/// struct OwnLedger(Arc<Mutex<Vec<LedgerRecord>>>);
///
/// #[async_trait]
/// impl Ledger for OwnLedger {
///     fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
///         Ok(self.0.lock().unwrap().clone())
///     }
///     async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
///         let mut records = self.0.lock().unwrap();
///         let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
///         let last = records.last().map_or(after, |last| last.position.max(after));
///         let position = now.max(last + 1);
///         records.push(LedgerRecord { position, record });
///         Ok(position)
///     }
///     async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
///         let records = self.0.lock().unwrap();
///         if records.last().map_or(0, |last| last.position) < position {
///             return Ok(None);
///         }
///         let later = records.iter().filter(|record| record.position > position);
///         Ok(Some(later.cloned().collect()))
///     }
///     async fn replace(&self, _: Vec<LedgerRecord>) -> Result<bool, StoreError> {
///         // The records are few, so they stay.
///         Ok(false)
///     }
/// }
///
/// # #[tokio::main(flavor = "multi_thread")] async fn main() {
/// let ledger = OwnLedger::default();
/// ledger_conformance(async || ledger.clone()).await;
/// # }
/// ```
pub async fn ledger_conformance<L: Ledger>(open: impl AsyncFn() -> L) {
    let broken = broken_ledger_guarantees(open).await;
    let list: Vec<_> = broken.iter().map(|broken| format!("\n  {broken}")).collect();
    assert!(broken.is_empty(), "the ledger does not keep these guarantees:{}", list.concat());
}

/// Checks what [`ledger_conformance`] checks, and returns the guarantees that do not hold: empty if
/// all do.
///
/// # Panics
///
/// Panics on a runtime with a single thread.
pub async fn broken_ledger_guarantees<L: Ledger>(
    open: impl AsyncFn() -> L,
) -> Vec<BrokenGuarantee> {
    assert_many_threads();
    let data = ledger::Data(open);
    let mut report = Report::default();
    report.check("records_are_read_in_their_order", ledger::in_order(&data)).await;
    report.check("records_survive_reopening", ledger::survive_reopening(&data)).await;
    report.check("records_are_heard_by_all", ledger::heard_by_all(&data)).await;
    report.check("positions_are_times", ledger::positions_are_times(&data)).await;
    report.check("lost_records_are_noticed", ledger::ahead(&data)).await;
    report.check("lease_has_one_holder", ledger::one_has_a_lease(&data)).await;
    report.check("lease_that_passes_on_has_a_higher_version", ledger::versions_grow(&data)).await;
    report.check("concurrent_records_are_all_kept", ledger::concurrent(&data)).await;
    report.check("cancelled_record_harms_no_other", ledger::cancelled(&data)).await;
    report.check("records_are_replaced_as_one_or_not_at_all", ledger::replaced(&data)).await;
    report.check("record_after_replacing_is_kept", ledger::after_replacing(&data)).await;
    report.check("replacing_loses_no_record_of_others", ledger::others_are_kept(&data)).await;
    report.0
}

fn assert_many_threads() {
    assert!(
        Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread,
        "calls must run at the same time: use `#[tokio::test(flavor = \"multi_thread\")]`"
    );
}

/// A guarantee that a store or a ledger does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenGuarantee {
    /// The name of the check, which says what should hold.
    pub check: &'static str,
    /// What it did instead.
    pub problem: String,
}

impl fmt::Display for BrokenGuarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.problem)
    }
}

/// The checks that failed.
#[derive(Default)]
struct Report(Vec<BrokenGuarantee>);

impl Report {
    async fn check(&mut self, check: &'static str, ran: impl Future<Output = Check>) {
        if let Err(problem) = to_its_end(LIMIT, ran).await {
            self.0.push(BrokenGuarantee { check, problem: problem.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SystemClock,
        store::{DiskStore, disk::Settings},
    };
    use std::sync::Arc;

    #[tokio::test(flavor = "multi_thread")]
    async fn store_that_drops_pages_keeps_its_guarantees() {
        let folder = tempfile::tempdir().unwrap();
        let open = async |build| {
            let mut settings = Settings::new(folder.path().to_owned(), build);
            settings.limit = 16 << 20;
            DiskStore::with_settings(settings, Arc::new(SystemClock)).unwrap()
        };
        store_conformance(open).await;
        let dropped = open("conformance-dropped".to_owned()).await;
        assert_eq!(dropped.get(&keys::key("/1")).await.unwrap(), None, "it did drop pages");
    }

    #[tokio::test]
    #[should_panic(expected = "flavor = \"multi_thread\"")]
    async fn runtime_with_one_thread_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        store_conformance(async |build| DiskStore::open(folder.path(), build).unwrap()).await;
    }
}
