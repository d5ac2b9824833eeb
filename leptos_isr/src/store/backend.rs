//! What a store must do.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{address::key::Key, error::StoreError};

/// Tells a store whether a page is being served from memory just now.
///
/// A bounded store evicts other pages first: what memory serves is never asked of the store, and so
/// would look unused.
pub type InUse = Arc<dyn Fn(&Key) -> bool + Send + Sync>;

/// The pages of a store, one after the other; see [`Store::pages`].
pub type PageStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// A build whose pages a store keeps apart from those of its own; see [`Store::other_builds`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherBuild {
    /// The id of the build.
    pub id: String,
    /// Whether a process has the build open.
    pub is_in_use: bool,
}

/// Keeps the pages of one build, so that they survive a restart. Purges are kept by a
/// [`Ledger`](crate::store::Ledger).
///
/// A store only moves bytes: the engine checks what is in them, and whether they are intact. It is
/// asked only for what is not in memory. Each method may be called from many tasks at once.
///
/// What a store guarantees:
///
/// - **Complete or absent.** What a [`put`](Store::put) wrote before it returned is read back
///   unchanged. A `put` that failed, or that a crash cut short, leaves the old page or the new one.
/// - **Apart.** Two keys never share a page, and no part of a key is taken as a file name or a
///   pattern. The stores of two builds never see each other's pages.
/// - **Free to forget pages.** [`get`](Store::get) may return `None` for any page, for example to
///   stay within a size.
///
/// The feature `testing` has a suite that checks this for any store.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The page of `key`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the page cannot be read. It counts as absent then.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Keeps `page`, in the place of what was kept for `key`.
    ///
    /// The engine writes one page of a key at a time. If a call takes too long, the engine drops
    /// its future and tries again: from then on it must not take effect any more.
    ///
    /// # Errors
    ///
    /// Fails if the page cannot be kept. The old page is still there then, and the engine keeps the
    /// new one in memory only.
    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError>;

    /// Keeps `page`, unless a page of a higher version is there. Returns `false` if one is. Version 0
    /// is that of a page of which no order is known: it is kept only if there is none, and the
    /// answer is `true` in both cases.
    ///
    /// Otherwise as [`put`](Store::put), which this does by default: for a store that one machine
    /// has for itself that is enough, since the engine looks before it writes. A store that several
    /// machines share must compare and write in one step.
    ///
    /// # Errors
    ///
    /// The same as those of [`put`](Store::put).
    async fn put_unless_newer(
        &self,
        key: &Key,
        page: Bytes,
        version: u64,
    ) -> Result<bool, StoreError> {
        let _ = version;
        self.put(key, page).await?;
        Ok(true)
    }

    /// The newest page of `key` that the processes of a site have stored. The same as
    /// [`get`](Store::get) by default; only a store that has copies of another one's pages tells
    /// them apart.
    ///
    /// # Errors
    ///
    /// The same as those of [`get`](Store::get).
    async fn newest(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.get(key).await
    }

    /// Whether there is a page of `key`. By default this reads the page; a store that can tell
    /// without reading it should do so.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot tell. The page counts as absent then.
    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.get(key).await?.is_some())
    }

    /// Removes the page of `key`. Nothing happens if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the page cannot be removed. It may still be there then.
    async fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// Keeps a small value of this build: the paths that a route lists. Values are never evicted.
    /// `name` is any text.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be kept. The build fails then.
    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError>;

    /// The value that was kept under `name`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be read. It counts as absent then.
    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// Every page of this build, each once, as it was put, in any order. Defaults to `None`, for a
    /// store that cannot list its pages.
    ///
    /// The engine reads all pages for a dry run of a purge, which is rare. The stream reads a page
    /// when it is asked for the next one, on threads that may block, and ends when it is dropped. A
    /// page that is put or removed in the meantime may or may not be in it. Reading a page in this
    /// way does not count as a use. An error stands for a page that could not be read; the next one
    /// follows.
    fn pages(&self) -> Option<PageStream> {
        None
    }

    /// Notes how often pages were asked for in the last minute or so, so that a server of another build
    /// can begin with those that are asked for most. Does nothing by default.
    ///
    /// # Errors
    ///
    /// Fails if that cannot be noted. The engine does not try again.
    async fn note_requests(&self, counts: &[(Key, u64)]) -> Result<(), StoreError> {
        let _ = counts;
        Ok(())
    }

    /// The pages that were asked for most lately, whatever the build, up to `count` of them, the most
    /// popular first. None by default.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read. A server begins without them then.
    async fn most_requested(&self, count: usize) -> Result<Vec<Key>, StoreError> {
        let _ = count;
        Ok(Vec::new())
    }

    /// Keeps a file that pages of this build name, such as a script, for servers of other builds: shared
    /// caches and open tabs still have those pages. `path` is that of its address, and tells it from
    /// other files, of all builds. It stays for a day after this call. Keeps none by default.
    ///
    /// The engine calls this when it begins to serve, and once an hour from then on, where there is a
    /// disk between memory and the store.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be kept. The engine logs this.
    async fn put_file(&self, path: &str, content: Bytes) -> Result<(), StoreError> {
        let _ = (path, content);
        Ok(())
    }

    /// The file that a build has kept at `path`. None by default.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read. The request for it is answered as if there were none.
    async fn file(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        let _ = path;
        Ok(None)
    }

    /// Notes that this build is in service, instead of the one that was. A build is not in service
    /// because its pages were rendered. Does nothing by default.
    ///
    /// # Errors
    ///
    /// Fails if that cannot be noted. The engine logs this.
    async fn begin_service(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The other builds that were in service and of which something is left, so that CDNs can be
    /// told to drop their pages. None by default.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be listed. CDNs are not told then.
    async fn other_builds(&self) -> Result<Vec<OtherBuild>, StoreError> {
        Ok(Vec::new())
    }

    /// Removes the pages of builds that are not needed any more. Those of the build that is in
    /// service stay, those of the one before it until its grace period is over, and those of a
    /// build that a process has open. Does nothing by default.
    ///
    /// The engine calls this when it begins to serve, once an hour from then on, and after a build.
    ///
    /// # Errors
    ///
    /// Fails if something cannot be removed. The engine logs this and tries again next time.
    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Tells the store that the page was served from memory until now. A bounded store counts this
    /// as a use. Does nothing by default.
    fn used(&self, key: &Key) {
        let _ = key;
    }

    /// Gives the store a way to ask which pages are in use. The engine calls this once. Does
    /// nothing by default.
    fn set_in_use(&self, in_use: InUse) {
        drop(in_use);
    }
}
