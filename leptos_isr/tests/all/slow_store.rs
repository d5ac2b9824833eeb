//! A store that takes its time, and what visitors see meanwhile.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::Uri, routing::get};
use bytes::Bytes;
use http::StatusCode;
use leptos_isr::{
    Engine, Isr,
    data::data,
    minutes,
    purge::{Purge, Regeneration},
    route::RouteTable,
    seconds,
    store::{Key, Ledger, LedgerRecord, Store, StoreError},
    testing::{TestClock, TestSite},
};
use tokio::{
    sync::{RwLock, Semaphore},
    task::JoinHandle,
    time::timeout,
};

use crate::support::{Site, ledger::MemoryLedger, routes};

/// Pages in a map; while `is_closed`, writing `/a/1` and keeping a purge wait for `gate`, and so does
/// what is read while `is_read_slowly`, after it was read.
#[derive(Clone, Debug)]
struct SlowStore {
    pages: Arc<Mutex<HashMap<Key, Bytes>>>,
    purges: MemoryLedger,
    is_read_slowly: Arc<Mutex<bool>>,
    is_closed: Arc<RwLock<bool>>,
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl SlowStore {
    fn new() -> Self {
        Self {
            pages: Arc::default(),
            purges: MemoryLedger::default(),
            is_read_slowly: Arc::default(),
            is_closed: Arc::default(),
            begun: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    async fn wait(&self) {
        if *self.is_closed.read().await {
            self.pass().await;
        }
    }

    async fn pass(&self) {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
    }
}

#[async_trait::async_trait]
impl Store for SlowStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let page = self.pages.lock().unwrap().get(key).cloned();
        if *self.is_read_slowly.lock().unwrap() {
            self.pass().await;
        }
        Ok(page)
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
}

#[async_trait::async_trait]
impl Ledger for SlowStore {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        self.purges.records()
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.wait().await;
        self.purges.append(record, after).await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        self.purges.since(position).await
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.purges.replace(records).await
    }
}

/// The result, which is there long before the store's time limit.
async fn soon<T>(result: impl Future<Output = T>) -> T {
    timeout(seconds(20), result).await.expect("it waits for the store")
}

fn regenerate(site: &Site, path: &'static str) -> JoinHandle<Regeneration> {
    let site = site.clone();
    tokio::spawn(async move { site.regenerate(path).await })
}

/// Has memory drop all pages but these, of a site that keeps few there.
async fn evict(site: &Site) {
    for other in 100..200 {
        site.get(&format!("/a/{other}")).await;
    }
}

fn site_on(store: &SlowStore) -> Site {
    let store = store.clone();
    Site::build(routes(), |builder| {
        builder.store(store.clone()).ledger(store).render_timeout(minutes(60))
    })
}

#[tokio::test]
async fn page_is_answered_and_served_before_the_store_has_it() {
    let store = SlowStore::new();
    let site = site_on(&store);
    *store.is_closed.write().await = true;
    soon(site.get("/a/1")).await.assert_miss_stored();
    store.begun.acquire().await.unwrap().forget();
    soon(site.get("/a/1")).await.assert_fresh();
    for _ in 0..2 {
        soon(site.get("/a/2")).await.assert_status(200);
    }
    assert!(store.pages.lock().unwrap().keys().all(|key| key.as_str() == "/a/2"));
    store.gate.add_permits(1);
    site.idle().await;
    site_on(&store).get("/a/1").await.assert_fresh().assert_body("/a/1 #1");
}

#[tokio::test]
async fn page_that_memory_evicts_before_it_is_written_does_not_come_back_old() {
    let store = SlowStore::new();
    let site = Site::build(routes(), |builder| {
        builder.memory(8 << 10).store(store.clone()).ledger(store.clone())
    });
    site.get_kept("/a/1").await.assert_body("/a/1 #1");
    *store.is_closed.write().await = true;
    let regenerating = regenerate(&site, "/a/1");
    store.begun.acquire().await.unwrap().forget();
    evict(&site).await;
    site.get("/a/1").await.assert_fresh().assert_body("/a/1 #2");
    store.gate.add_permits(1);
    assert_eq!(regenerating.await.unwrap().result, Ok((StatusCode::OK, true)));
    evict(&site).await;
    site.get("/a/1").await.assert_fresh().assert_body("/a/1 #2");
}

#[tokio::test]
async fn regeneration_is_answered_when_the_store_has_the_page() {
    let store = SlowStore::new();
    let site = site_on(&store);
    site.get_kept("/a/1").await;
    *store.is_closed.write().await = true;
    let regenerating = regenerate(&site, "/a/1");
    store.begun.acquire().await.unwrap().forget();
    soon(site.get("/a/1")).await.assert_fresh().assert_body("/a/1 #2");
    assert!(!regenerating.is_finished());
    store.gate.add_permits(1);
    assert_eq!(regenerating.await.unwrap().result, Ok((StatusCode::OK, true)));
    site_on(&store).get("/a/1").await.assert_body("/a/1 #2");
}

#[tokio::test]
async fn writes_of_one_page_never_overtake_each_other() {
    let store = SlowStore::new();
    let site = site_on(&store);
    *store.is_closed.write().await = true;
    let mut regenerating = Vec::new();
    for renders in 1..=4 {
        regenerating.push(regenerate(&site, "/a/1"));
        site.renders_begun(renders).await;
        while site.get("/a/1").await.body != format!("/a/1 #{renders}") {
            tokio::task::yield_now().await;
        }
    }
    store.begun.acquire().await.unwrap().forget();
    assert_eq!(store.begun.available_permits(), 0, "one write of a page at a time");
    store.gate.add_permits(1);
    store.begun.acquire().await.unwrap().forget();
    let early = regenerating[1..].iter().filter(|page| page.is_finished()).count();
    assert_eq!(early, 0, "only what was written is answered");
    store.gate.add_permits(1);
    for page in regenerating {
        assert_eq!(soon(page).await.unwrap().result, Ok((StatusCode::OK, true)));
    }
    site.idle().await;
    assert_eq!(store.begun.available_permits(), 0, "the pages between were not written");
    site_on(&store).get("/a/1").await.assert_body("/a/1 #4");
}

#[tokio::test]
async fn shutting_down_writes_what_the_store_does_not_have_yet() {
    let store = SlowStore::new();
    let site = site_on(&store);
    *store.is_closed.write().await = true;
    soon(site.get("/a/1")).await.assert_miss_stored();
    assert!(!site.engine.shut_down(Duration::from_millis(10)).await);
    store.gate.add_permits(1);
    assert!(site.engine.shut_down(seconds(20)).await);
    site_on(&store).get("/a/1").await.assert_fresh();
}

#[tokio::test]
async fn page_that_is_put_while_the_store_is_read_is_served() {
    let store = SlowStore::new();
    site_on(&store).get_kept("/a/1").await;
    let site = Site::build(routes(), |builder| {
        builder.memory(8 << 10).store(store.clone()).ledger(store.clone())
    });
    *store.is_read_slowly.lock().unwrap() = true;
    let early = site.start("/a/1");
    store.begun.acquire().await.unwrap().forget();
    *store.is_read_slowly.lock().unwrap() = false;
    site.purge_path("/a/1").await;
    site.regenerate("/a/1").await.result.unwrap();
    evict(&site).await;
    store.gate.add_permits(1);
    early.await.unwrap().assert_fresh();
    assert_eq!(site.renders_of("/a/1"), 1);
    site.get("/a/1").await.assert_fresh();
}

#[tokio::test]
async fn page_rendered_while_its_purge_is_being_kept_is_purged_by_it() {
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
    let engine = Engine::builder(routes)
        .clock(clock.clone())
        .store(store.clone())
        .ledger(store.clone())
        .build()
        .unwrap();
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
    site.get("/meanwhile").await.assert_body("/meanwhile v1");
    store.gate.add_permits(1);
    purging.await.unwrap().unwrap();
    site.get("/meanwhile").await.assert_stale().assert_body("/meanwhile v1");
    site.idle().await;
    site.get("/meanwhile").await.assert_fresh().assert_body("/meanwhile v2");
}
