//! Pages in an object store: one object per page, complete or absent.
//!
//! An object's name is a 128-bit hash of the key: no part of a URL is part of a name. Below the prefix
//! of the site there are:
//!
//! - `pages/<build>/<hash>`: a page behind its version;
//! - `values/<build>/<hash>`: a value;
//! - `builds/<build>/`: when the build was opened, and since when it is in service.

mod address;
mod builds;
mod object;

use std::{
    fmt,
    sync::{Arc, Once},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, future::ready};
use object_store::{
    Error::{AlreadyExists, NotFound, NotImplemented, Precondition},
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion,
    path::Path,
};
use tokio::sync::OnceCell;
use tracing::warn;

use self::{
    address::Address,
    builds::Builds,
    object::{HEADER_LEN, named},
};
use crate::{
    address::{build, key::Key},
    clock::{Clock, SystemClock},
    error::StoreError,
    store::backend::{OtherBuild, PageStream, Store},
};

/// How often a page is written again because another process has just written one.
const TRIES: usize = 10;

/// How many pages are read at once where all are.
const READS: usize = 8;

/// Keeps the pages of one build in an object store: S3 and what speaks like it, Google Cloud Storage,
/// Azure Blob Storage, or a folder.
///
/// Purges are not kept in it: give the engine a [`Ledger`](crate::store::Ledger) beside it. Many
/// servers may share it. Of two renders of a page the newer one stays
/// ([`put_unless_newer`](Store::put_unless_newer)): a page is replaced only if it is still the one
/// that was compared. An object store that cannot do that, which a folder is, looks first and then
/// writes: two servers that write the same page in the same moment may leave the older one, and a call
/// that was given up may take effect later.
///
/// The pages of the previous build stay for a day, and so do those of a build that was rendered but
/// never in service; the last one of these stays until another comes into service. Whether a
/// process has a build open cannot be told: [`OtherBuild::is_in_use`] is `false`.
///
/// There is no limit of the size. The engine limits how long it waits for an answer.
pub struct BucketStore {
    store: Arc<dyn ObjectStore>,
    pages: Path,
    values: Path,
    build: String,
    builds: Builds,
    /// Set once the build is marked as opened by this process.
    opened: OnceCell<()>,
    format_warning: Arc<Once>,
}

/// What stands at a page's place.
struct Found {
    /// The page's version; `None` if it is no page.
    version: Option<u64>,
    state: UpdateVersion,
}

impl fmt::Debug for BucketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketStore").field("pages", &self.pages.as_ref()).finish_non_exhaustive()
    }
}

impl BucketStore {
    /// The store of the build `build_id` in `store`, below `prefix`, where nothing else may be. An empty
    /// prefix stands for all of it. Nothing is read or written yet.
    ///
    /// How often and for how long a failed request is tried again is a matter of `store`. The engine
    /// gives up a read after five seconds, so `object_store`'s own three minutes are of no use:
    /// [`from_url`](Self::from_url) sets less. A client that `object_store` builds needs a crypto provider,
    /// which [`client_builder`](crate::data::client_builder) chooses: call that first.
    ///
    /// # Errors
    ///
    /// Fails if `build_id` is not an id as [`Builder::build_id`](crate::Builder::build_id) takes, and
    /// if `prefix` is not the path of an object.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        prefix: impl AsRef<str>,
        build_id: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let prefix = Path::parse(prefix.as_ref()).map_err(|error| {
            format!("prefix `{}`: {error}; give it as in `site/pages`", prefix.as_ref())
        })?;
        Self::at(store, &prefix, build_id.into())
    }

    /// The store of the build `build_id` at an address. Nothing is read or written yet.
    ///
    /// | address | is |
    /// |---|---|
    /// | `s3://bucket/prefix` | S3, or by `AWS_ENDPOINT_URL` what speaks like it |
    /// | `gs://bucket/prefix` | Google Cloud Storage |
    /// | `az://container/prefix` | Azure Blob Storage, of the account `AZURE_STORAGE_ACCOUNT_NAME` |
    /// | `file:///folder` | a folder, such as one on a network's file system |
    ///
    /// Keys and other settings are read from variables of the environment that begin with `AWS_`,
    /// `GOOGLE_` or `AZURE_`, under the names that `object_store` gives them; without keys those of the
    /// machine's role are asked for. An endpoint of `http` needs `AWS_ALLOW_HTTP=true`.
    ///
    /// A failed request is tried again for at most four seconds.
    ///
    /// # Errors
    ///
    /// Fails if `build_id` is not an id as [`Builder::build_id`](crate::Builder::build_id) takes, if
    /// the address is none of these, and if the environment lacks a setting or has a wrong one.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::store::BucketStore;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let address = format!("file://{}/news", folder.path().display());
    /// // Such as `s3://pages/news`.
    /// let store = BucketStore::from_url(&address, "b1")?;
    ///
    /// let error = BucketStore::from_url("pages/news", "b1").unwrap_err();
    /// assert!(error.to_string().contains("`s3://bucket/prefix`"));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn from_url(url: &str, build_id: impl Into<String>) -> Result<Self, StoreError> {
        let Address { store, prefix } = Address::open(url)?;
        Self::at(store, &prefix, build_id.into())
    }

    fn at(store: Arc<dyn ObjectStore>, prefix: &Path, build: String) -> Result<Self, StoreError> {
        build::check(&build)?;
        let builds = Builds::new(Arc::clone(&store), prefix);
        Ok(Self {
            pages: builds.pages_of(&build),
            values: builds.values_of(&build),
            store,
            build,
            builds,
            opened: OnceCell::new(),
            format_warning: Arc::new(Once::new()),
        })
    }

    fn page(&self, key: &Key) -> Path {
        named(&self.pages, key.as_str())
    }

    /// Before the first write: a build without marks is removed by the servers of others.
    async fn mark_opened(&self) -> Result<(), StoreError> {
        let mark = || self.builds.mark_opened(&self.build, SystemClock.now());
        self.opened.get_or_try_init(mark).await.map(drop)
    }

    /// What stands at `location`.
    async fn found(&self, location: &Path) -> Result<Option<Found>, StoreError> {
        let range = GetRange::Bounded(0..HEADER_LEN as u64);
        let found =
            match self.store.get_opts(location, GetOptions::new().with_range(Some(range))).await {
                Ok(found) => found,
                Err(NotFound { .. }) => return Ok(None),
                Err(error) => return self.found_empty(location, error).await,
            };
        let state = state(&found.meta);
        let version = object::version(&found.bytes().await?);
        Ok(Some(Found { version, state }))
    }

    /// An empty object has no range.
    async fn found_empty(
        &self,
        location: &Path,
        error: object_store::Error,
    ) -> Result<Option<Found>, StoreError> {
        match self.store.head(location).await {
            Ok(meta) if meta.size == 0 => Ok(Some(Found { version: None, state: state(&meta) })),
            _ => Err(error.into()),
        }
    }
}

fn state(object: &ObjectMeta) -> UpdateVersion {
    UpdateVersion { e_tag: object.e_tag.clone(), version: object.version.clone() }
}

/// The page at `location`. Objects that are none are named once.
async fn read(
    store: &dyn ObjectStore,
    location: &Path,
    warning: &Once,
) -> Result<Option<Bytes>, StoreError> {
    let Some(object) = object::read(store, location).await? else { return Ok(None) };
    let page = object::page(object);
    if page.is_none() {
        warning.call_once(|| {
            warn!(object = %location,
                "the object store has objects that are no pages in the format of this version of \
                 leptos_isr, they count as absent");
        });
    }
    Ok(page)
}

#[async_trait]
impl Store for BucketStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        read(&*self.store, &self.page(key), &self.format_warning).await
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        self.mark_opened().await?;
        self.store.put(&self.page(key), object::encode(page, 0)).await?;
        Ok(())
    }

    async fn put_unless_newer(
        &self,
        key: &Key,
        page: Bytes,
        version: u64,
    ) -> Result<bool, StoreError> {
        self.mark_opened().await?;
        let location = self.page(key);
        let object = object::encode(page, version);
        for _ in 0..TRIES {
            let mode = match self.found(&location).await? {
                None => PutMode::Create,
                Some(Found { version: Some(_), .. }) if version == 0 => return Ok(true),
                Some(Found { version: Some(newer), .. }) if newer > version => return Ok(false),
                Some(Found { state, .. }) => PutMode::Update(state),
            };
            match self.store.put_opts(&location, object.clone(), mode.into()).await {
                Ok(_) => return Ok(true),
                Err(Precondition { .. } | AlreadyExists { .. } | NotFound { .. }) => {}
                Err(NotImplemented { .. }) => {
                    self.store.put(&location, object).await?;
                    return Ok(true);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(format!("other processes wrote the page {TRIES} times meanwhile").into())
    }

    /// By a request for the head alone. What is no page counts too.
    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.store.head(&self.page(key)).await {
            Ok(_) => Ok(true),
            Err(NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        match self.store.delete(&self.page(key)).await {
            Ok(()) | Err(NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError> {
        self.mark_opened().await?;
        self.store.put(&named(&self.values, name), value.into()).await?;
        Ok(())
    }

    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        object::read(&*self.store, &named(&self.values, name)).await
    }

    fn pages(&self) -> Option<PageStream> {
        let (store, warning) = (Arc::clone(&self.store), Arc::clone(&self.format_warning));
        let page = move |found: object_store::Result<ObjectMeta>| {
            let (store, warning) = (Arc::clone(&store), Arc::clone(&warning));
            async move { read(&*store, &found?.location, &warning).await }
        };
        let pages = self.store.list(Some(&self.pages)).map(page).buffer_unordered(READS);
        Some(pages.filter_map(|page| ready(page.transpose())).boxed())
    }

    async fn begin_service(&self) -> Result<(), StoreError> {
        self.builds.begin_service(&self.build, SystemClock.now()).await
    }

    async fn other_builds(&self) -> Result<Vec<OtherBuild>, StoreError> {
        let mut builds = self.builds.marked().await?;
        builds.remove(&self.build);
        let served = builds.into_iter().filter(|(_, build)| build.served.is_some());
        Ok(served.map(|(id, _)| OtherBuild { id, is_in_use: false }).collect())
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        self.builds.remove_old(&self.build, SystemClock.now()).await
    }
}
