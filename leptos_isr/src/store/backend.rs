//! What a store has to do.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{address::key::Key, error::StoreError};

/// Tells a store whether a page is being served from memory just now.
///
/// A store that is bounded drops other pages first: what memory serves is never
/// asked of the store, and so would look unused.
pub type InUse = Arc<dyn Fn(&Key) -> bool + Send + Sync>;

/// The pages of a store, one after the other; see [`Store::pages`].
pub type PageStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// Keeps the pages and purges of one build, so that they survive a restart.
///
/// A store moves bytes: what is in them, and whether they are whole, is checked
/// by the engine. It is asked only for what is not in memory. Each method may
/// be called from many tasks at once.
///
/// What a store guarantees:
///
/// - **Complete or absent.** A [`put`](Store::put) that returned is read as it
///   was written. One that failed, or was cut short by a crash, left the old
///   page or the new one.
/// - **Apart.** Two keys never share a page, and nothing of a key is taken as a
///   file name or a pattern. Stores of two builds never see each other's pages.
/// - **Free to forget pages.** [`get`](Store::get) may answer `None` for any
///   page, for example to stay within a size.
/// - **Never forgetting purges.** A record is kept, with all before it, once
///   [`append_purge`](Store::append_purge) returned, until
///   [`replace_purges`](Store::replace_purges). Purges are shared by all builds.
///
/// The feature `testing` has a suite that checks this for any store.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The page of `key`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The page counts as absent then.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Keeps `page` in the place of what was kept for `key`.
    ///
    /// # Errors
    ///
    /// The old page is still there then, and the engine keeps the new one in
    /// memory only.
    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError>;

    /// Whether there is a page of `key`, without reading it.
    ///
    /// # Errors
    ///
    /// The page counts as absent then.
    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.get(key).await?.is_some())
    }

    /// Forgets the page of `key`; nothing happens if there is none.
    ///
    /// # Errors
    ///
    /// The page may still be there then.
    async fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// Keeps a small value of this build, which is never dropped for space:
    /// the paths that a route lists. `name` is any text.
    ///
    /// # Errors
    ///
    /// The build fails then.
    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError>;

    /// The value that was kept under `name`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The value counts as absent then.
    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// Every purge record, in the order in which they were appended.
    ///
    /// Called once, when the engine is built; it may block. A record that was
    /// cut short may be left out if it was the last one.
    ///
    /// # Errors
    ///
    /// The engine is not built then.
    fn purges(&self) -> Result<Vec<Bytes>, StoreError>;

    /// Appends a purge record: one line of UTF-8 text without its end. Returns
    /// when no crash can lose it.
    ///
    /// # Errors
    ///
    /// The purge is not acknowledged then.
    async fn append_purge(&self, record: Bytes) -> Result<(), StoreError>;

    /// Puts `records` in the place of all purge records, at once or not at all.
    /// Returns `false`, with nothing changed, if other processes may be
    /// appending.
    ///
    /// # Errors
    ///
    /// The records are as they were then.
    async fn replace_purges(&self, records: Vec<Bytes>) -> Result<bool, StoreError>;

    /// Every page of this build, in any order, each once, as it was put: for a
    /// dry run of a purge, which wants all of them one time, not often. `None`,
    /// the default, if the store cannot tell.
    ///
    /// The stream reads a page when it is asked for the next one, on threads that
    /// may block, and ends when it is dropped. A page that is put or removed
    /// meanwhile is there or not. Reading a page in this way is no use of it. An
    /// error stands for a page that could not be read; the next one follows.
    fn pages(&self) -> Option<PageStream> {
        None
    }

    /// This build is in service, so others may go: all but the latest before
    /// it, and that one too once its grace period is over.
    ///
    /// # Errors
    ///
    /// Logged; what could not be removed is tried again next time.
    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The page was served from memory until now. A bounded store counts it as
    /// used.
    fn used(&self, key: &Key) {
        let _ = key;
    }

    /// Is given, once, a way to ask which pages are in use.
    fn set_in_use(&self, in_use: InUse) {
        drop(in_use);
    }
}
