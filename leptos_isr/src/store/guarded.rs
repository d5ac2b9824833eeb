//! A store as the engine uses it: with pages instead of bytes, and with time limits. A failure may
//! cost a page its place in the store, but never a visitor the page.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, future::ready};
use tokio::time::timeout;
use tracing::warn;

use crate::{
    address::key::Key,
    entry::ServedEntry,
    error::StoreError,
    store::{
        backend::{OtherBuild, Store},
        format::{DecodeError, decode, encode},
    },
};

/// The longest that a visitor waits for a store that does not answer. If a render may take less
/// time, that limit applies.
const READ_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Guarded {
    store: Box<dyn Store>,
    is_failing: AtomicBool,
    /// Whether pages in another format have been logged.
    said_other_format: AtomicBool,
    read_limit: Duration,
    write_limit: Duration,
}

/// Why a page of the store is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFailure {
    /// Its bytes are not a page. It counts as absent.
    Damaged,
    /// The store could not read it.
    Failed,
}

impl Guarded {
    pub(crate) fn new(store: Box<dyn Store>, write_limit: Duration) -> Self {
        let read_limit = READ_LIMIT.min(write_limit);
        Self {
            store,
            is_failing: AtomicBool::new(false),
            said_other_format: AtomicBool::new(false),
            read_limit,
            write_limit,
        }
    }

    /// The page of `key`; `None` if there is none, or if it is damaged or cannot be read.
    pub(crate) async fn get(&self, key: &Key) -> Option<ServedEntry> {
        let bytes = match within(self.read_limit, self.store.get(key)).await {
            Ok(bytes) => bytes?,
            Err(error) => {
                warn!(isr.key = %key, error, "cannot read the stored page, it counts as absent");
                return None;
            }
        };
        match decode(&bytes) {
            Ok(entry) if entry.key == *key => Some(entry),
            Ok(_) => None,
            // In both cases the next render replaces the page.
            Err(DecodeError::OtherFormat) => {
                if !self.said_other_format.swap(true, Ordering::Relaxed) {
                    warn!(isr.key = %key,
                        "the store has pages in the format of another version of leptos_isr, \
                         they count as absent");
                }
                None
            }
            Err(DecodeError::Damaged(problem)) => {
                warn!(isr.key = %key, problem, "the stored page is damaged, it counts as absent");
                None
            }
        }
    }

    /// Every page, if the store can list them. There is no time limit.
    pub(crate) fn pages(
        &self,
    ) -> Option<impl Stream<Item = Result<ServedEntry, ReadFailure>> + Unpin + use<>> {
        let pages = self.store.pages()?;
        let page = |page: Result<Bytes, StoreError>| {
            ready(match page.map(|bytes| decode(&bytes)) {
                Ok(Ok(entry)) => Some(Ok(entry)),
                // It counts as absent, as in `get`.
                Ok(Err(DecodeError::OtherFormat)) => None,
                Ok(Err(DecodeError::Damaged(_))) => Some(Err(ReadFailure::Damaged)),
                Err(_) => Some(Err(ReadFailure::Failed)),
            })
        };
        Some(pages.filter_map(page))
    }

    /// Keeps `entry`.
    ///
    /// # Errors
    ///
    /// Passes on the error of the store.
    pub(crate) async fn put(&self, entry: &ServedEntry) -> Result<(), StoreError> {
        within(self.write_limit, self.store.put(&entry.key, encode(entry)?)).await
    }

    /// Keeps `entry` if possible; otherwise it stays in memory only. There is one warning until
    /// writing works again.
    pub(crate) async fn put_or_warn(&self, entry: &ServedEntry) {
        match self.put(entry).await {
            Ok(()) => self.is_failing.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    warn!(isr.key = %entry.key, error,
                        "cannot write to the store, new pages are kept in memory only");
                }
            }
        }
    }

    /// Tells the store that these pages were in use until now.
    pub(crate) fn used(&self, keys: &[Key]) {
        keys.iter().for_each(|key| self.store.used(key));
    }

    /// Whether there is a page of `key`, damaged or not.
    pub(crate) async fn contains(&self, key: &Key) -> bool {
        within(self.read_limit, self.store.contains(key)).await.unwrap_or(false)
    }

    /// Keeps the paths that a route lists.
    ///
    /// # Errors
    ///
    /// Passes on the error of the store.
    pub(crate) async fn put_listed(&self, route: &str, paths: &[String]) -> Result<(), StoreError> {
        self.store.put_value(&listed_name(route), serde_json::to_vec(paths)?.into()).await
    }

    /// The paths that the build listed for a route; `None` if the store has none.
    pub(crate) async fn listed<T: FromIterator<String>>(&self, route: &str) -> Option<T> {
        let name = listed_name(route);
        let value = within(self.read_limit, self.store.value(&name)).await.ok()??;
        let paths: Vec<String> = serde_json::from_slice(&value).ok()?;
        Some(paths.into_iter().collect())
    }

    pub(crate) async fn append_purge(&self, record: Bytes) -> Result<(), StoreError> {
        within(self.write_limit, self.store.append_purge(record)).await
    }

    pub(crate) async fn replace_purges(&self, records: Vec<Bytes>) -> Result<bool, StoreError> {
        self.store.replace_purges(records).await
    }

    pub(crate) async fn begin_service(&self) {
        if let Err(error) = self.store.begin_service().await {
            warn!(error, "cannot note that this build is in service");
        }
    }

    /// The other builds that were in service.
    pub(crate) async fn other_builds(&self) -> Vec<OtherBuild> {
        within(self.read_limit, self.store.other_builds()).await.unwrap_or_else(|error| {
            warn!(error, "cannot tell which builds were in service before");
            Vec::new()
        })
    }

    pub(crate) async fn remove_old_builds(&self) {
        if let Err(error) = self.store.remove_old_builds().await {
            warn!(error, "cannot remove the pages of old builds");
        }
    }
}

fn listed_name(route: &str) -> String {
    format!("paths of {route}")
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => {
            Err(format!("the store did not answer within {}", humantime::format_duration(limit))
                .into())
        }
    }
}
