//! A store that takes its time, and what visitors see meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{Router, http::Uri, routing::get};
use bytes::Bytes;
use leptos_isr::{
    Engine, Isr,
    data::data,
    purge::Purge,
    route::RouteTable,
    store::{Key, Store, StoreError},
    testing::{TestClock, TestSite},
};
use tokio::sync::{RwLock, Semaphore};

use crate::support::{Site, routes};

/// Pages in a map; while `is_closed`, writing `/a/1` and keeping a purge wait for `gate`.
#[derive(Clone, Debug)]
struct SlowStore {
    pages: Arc<Mutex<HashMap<Key, Bytes>>>,
    is_closed: Arc<RwLock<bool>>,
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl SlowStore {
    fn new() -> Self {
        Self {
            pages: Arc::default(),
            is_closed: Arc::default(),
            begun: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    async fn wait(&self) {
        if *self.is_closed.read().await {
            self.begun.add_permits(1);
            self.gate.acquire().await.unwrap().forget();
        }
    }
}

#[async_trait::async_trait]
impl Store for SlowStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(self.pages.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        if key.as_str() == "/a/1" {
            self.wait().await;
        }
        self.pages.lock().unwrap().insert(key.clone(), page);
        Ok(())
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.pages.lock().unwrap().remove(key);
        Ok(())
    }

    async fn put_value(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn value(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    fn purges(&self) -> Result<Vec<Bytes>, StoreError> {
        Ok(Vec::new())
    }

    async fn append_purge(&self, _: Bytes) -> Result<(), StoreError> {
        self.wait().await;
        Ok(())
    }

    async fn replace_purges(&self, _: Vec<Bytes>) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[tokio::test]
async fn regenerated_page_that_memory_drops_while_it_is_written_is_served_afterwards() {
    let store = SlowStore::new();
    let site = Site::build(routes(), |builder| builder.memory(8 << 10).store(store.clone()));
    site.get("/a/1").await.assert_body("/a/1 #1");
    *store.is_closed.write().await = true;
    let regenerating = {
        let engine = site.engine.clone();
        tokio::spawn(async move { engine.regenerate(&["/a/1"]).await.unwrap() })
    };
    store.begun.acquire().await.unwrap().forget();
    for other in 100..200 {
        site.get(&format!("/a/{other}")).await;
    }
    site.get("/a/1").await.assert_body("/a/1 #1");
    store.gate.add_permits(1);
    assert!(regenerating.await.unwrap()[0].result.is_ok());
    site.get("/a/1").await.assert_body("/a/1 #2");
}

#[tokio::test]
async fn page_rendered_while_its_purge_is_being_kept_shows_no_data_from_before_it() {
    let store = SlowStore::new();
    let version = Arc::new(Mutex::new(1));
    let read = {
        let version = Arc::clone(&version);
        move |uri: Uri| {
            let version = Arc::clone(&version);
            let read = data("version").tags(["version"]);
            let read =
                read.load(move || async move { Ok::<_, StoreError>(*version.lock().unwrap()) });
            async move { format!("{uri} v{}", read.await.unwrap()) }
        }
    };
    let routes = RouteTable::new().add("/:page", Isr::forever()).unwrap();
    let clock = TestClock::new();
    let engine = Engine::builder(routes).clock(clock.clone()).store(store.clone()).build().unwrap();
    let app = engine.wrap(Router::new().route("/{page}", get(read)));
    let site = TestSite::new(&engine, app, clock);
    site.get("/before").await.assert_body("/before v1");

    *store.is_closed.write().await = true;
    *version.lock().unwrap() = 2;
    let purging = {
        let engine = engine.clone();
        let purge = Purge { tags: vec!["version".to_owned()], ..Purge::default() };
        tokio::spawn(async move { engine.purge(&purge).await })
    };
    store.begun.acquire().await.unwrap().forget();
    site.get("/meanwhile").await.assert_body("/meanwhile v2");
    store.gate.add_permits(1);
    purging.await.unwrap().unwrap();
    site.get("/meanwhile").await.assert_fresh().assert_body("/meanwhile v2");
}
