//! An object store in which something else happens just before an object is written.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::{future::BoxFuture, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};

pub(super) struct Meanwhile {
    store: Arc<dyn ObjectStore>,
    act: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Meanwhile {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { store, act: Mutex::default() })
    }

    /// Lets `act` happen before the next object is written.
    pub(super) fn next(&self, act: BoxFuture<'static, ()>) {
        *self.act.lock().unwrap() = Some(act);
    }
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meanwhile")
    }
}

impl fmt::Display for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meanwhile")
    }
}

#[async_trait]
impl ObjectStore for Meanwhile {
    async fn put_opts(&self, at: &Path, object: PutPayload, how: PutOptions) -> Result<PutResult> {
        let act = self.act.lock().unwrap().take();
        if let Some(act) = act {
            act.await;
        }
        self.store.put_opts(at, object, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        self.store.get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        objects: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(objects)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, how).await
    }
}
