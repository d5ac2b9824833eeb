//! Files of the build before, on a machine that never had them.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use leptos::prelude::*;
use leptos_isr::{
    Engine, Isr, LeptosPages, minutes, seconds,
    store::{Key, Ledger, LedgerRecord, Store, StoreError},
    testing::TestClock,
};
use leptos_router::{
    components::{Route, Router as AppRouter, Routes},
    path,
};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::support::ledger::MemoryLedger;

/// A store that machines share, of which only the files are looked at.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Files>);

#[derive(Debug, Default)]
struct Files {
    kept: Mutex<HashMap<String, Bytes>>,
    /// What was asked for, in this order.
    asked: Mutex<Vec<String>>,
    /// Calls at this moment, and the most at any.
    at_once: Mutex<(usize, usize)>,
}

impl Shared {
    /// The names that were asked for since this was last called.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.kept.lock().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    }
}

/// A ledger of one machine.
#[derive(Debug, Default)]
struct OwnLedger(MemoryLedger);

#[async_trait]
impl Ledger for OwnLedger {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        self.0.records()
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.0.append(record, after).await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        self.0.since(position).await
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.0.replace(records).await
    }

    fn is_shared(&self) -> bool {
        false
    }
}

#[async_trait]
impl Store for Shared {
    async fn get(&self, _: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    async fn put(&self, _: &Key, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn remove(&self, _: &Key) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put_value(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn value(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    async fn put_file(&self, path: &str, content: Bytes) -> Result<(), StoreError> {
        self.0.kept.lock().unwrap().insert(path.to_owned(), content);
        Ok(())
    }

    async fn file(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.0.asked.lock().unwrap().push(path.to_owned());
        let count = |change: isize| {
            let mut at_once = self.0.at_once.lock().unwrap();
            let now = at_once.0.saturating_add_signed(change);
            *at_once = (now, at_once.1.max(now));
        };
        count(1);
        // Others may ask meanwhile.
        tokio::task::yield_now().await;
        count(-1);
        Ok(self.0.kept.lock().unwrap().get(path).cloned())
    }
}

#[component]
fn App() -> impl IntoView {
    view! {
        <AppRouter>
            <Routes fallback=leptos_isr::fallback(|| "Not found")>
                <Route path=path!("/") view=|| "Home" ssr=Isr::forever().into()/>
            </Routes>
        </AppRouter>
    }
}

fn deploy(machine: &Path, build: &str, shared: &Shared, files: &[&str]) -> (Engine, Router) {
    deploy_at(TestClock::new(), MemoryLedger::default(), machine, build, shared, files)
}

fn deploy_at(
    clock: TestClock,
    ledger: impl Ledger,
    machine: &Path,
    build: &str,
    shared: &Shared,
    files: &[&str],
) -> (Engine, Router) {
    let root = machine.join("site");
    std::fs::create_dir_all(root.join("pkg/split")).unwrap();
    for file in files {
        std::fs::write(root.join("pkg").join(file), file).unwrap();
    }
    let site_root = root.to_str().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root(site_root);
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone())
        .clock(clock)
        .store(shared.clone())
        .ledger(ledger)
        .disk(machine.join("isr"), build)
        .build()
        .unwrap();
    let router = pages.router(&engine, options.hash_files(true).build(), |_| view! { <App/> });
    let app = engine.wrap(router);
    (engine, app)
}

async fn get(app: &Router, path: &str) -> (StatusCode, Bytes) {
    let (status, _, body) = get_in(app, path, "identity").await;
    (status, body)
}

/// The same in one of these encodings; returns also in which.
async fn get_in(app: &Router, path: &str, encodings: &str) -> (StatusCode, String, Bytes) {
    let request = Request::get(path).header("accept-encoding", encodings);
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let encoding = answer.headers().get("content-encoding");
    let encoding = encoding.map_or("", |encoding| encoding.to_str().unwrap()).to_owned();
    (answer.status(), encoding, answer.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn machine_of_a_new_build_answers_with_files_that_another_machine_had() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shared = Shared::default();
    let (old, _app) = deploy(one.path(), "b1", &shared, &["app.1.js", "split/a.1.wasm"]);
    old.begin_service().await;
    drop(old);
    let (_new, app) = deploy(other.path(), "b2", &shared, &["app.2.js"]);
    for path in ["app.1.js", "split/a.1.wasm", "app.2.js"] {
        let address = format!("/pkg/{path}");
        assert_eq!(get(&app, &address).await, (StatusCode::OK, path.into()), "{path}");
    }
    for path in ["/pkg/app.3.js", "/pkg/../app.1.js", "/app.1.js"] {
        assert_eq!(get(&app, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    shared.0.kept.lock().unwrap().clear();
    assert_eq!(get(&app, "/pkg/app.1.js").await.1, "app.1.js", "it is kept here");
}

#[tokio::test]
async fn file_of_another_machine_comes_with_its_compressed_forms() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shared = Shared::default();
    let files = ["app.1.js", "app.1.js.br", "app.1.js.gz", "b.1.js", "b.1.js.gz"];
    deploy(one.path(), "b1", &shared, &files).0.begin_service().await;
    let (_new, app) = deploy(other.path(), "b2", &shared, &["app.2.js"]);
    for (path, encodings, encoding) in [
        ("app.1.js", "br, gzip", "br"),
        ("app.1.js", "gzip", "gzip"),
        ("app.1.js", "identity", ""),
        ("b.1.js", "br, gzip", "gzip"),
    ] {
        let answer = get_in(&app, &format!("/pkg/{path}"), encodings).await;
        let name = match encoding {
            "br" => format!("{path}.br"),
            "gzip" => format!("{path}.gz"),
            _ => path.to_owned(),
        };
        assert_eq!(answer, (StatusCode::OK, encoding.to_owned(), name.into()), "{path}");
    }
}

#[tokio::test]
async fn other_machines_are_asked_for_files_that_the_site_lacks_and_two_at_a_time() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shared = Shared::default();
    deploy(one.path(), "b1", &shared, &["app.1.js"]).0.begin_service().await;
    let (_new, app) = deploy(other.path(), "b2", &shared, &["app.2.js"]);
    for path in ["/pkg/app.2.js", "/pkg/../app.1.js", "/app.1.js"] {
        get(&app, path).await;
    }
    assert!(shared.asked().is_empty());
    let visitors = (0..5).map(|_| get(&app, "/pkg/app.1.js"));
    for (status, _) in futures::future::join_all(visitors).await {
        assert_eq!(status, StatusCode::OK);
    }
    let forms = ["/pkg/app.1.js", "/pkg/app.1.js.br", "/pkg/app.1.js.gz"];
    let times = shared.asked().len();
    assert!(times <= 2 * forms.len(), "each was fetched by two of five visitors at most");
    let unknown: Vec<_> = (0..20).map(|n| format!("/pkg/app.{n}.css")).collect();
    let visitors = unknown.iter().map(|path| get(&app, path));
    for (status, _) in futures::future::join_all(visitors).await {
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    assert_eq!(shared.asked().len(), 20, "without the file nobody asks for its forms");
    assert!(shared.0.at_once.lock().unwrap().1 <= 2);
}

#[tokio::test(start_paused = true)]
async fn files_are_given_to_other_machines_once_more_each_hour() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::default());
    let clock = TestClock::new();
    let ledger = MemoryLedger::default();
    let (engine, _app) =
        deploy_at(clock.clone(), ledger, folder.path(), "b1", &shared, &["app.1.js"]);
    engine.begin_service().await;
    assert_eq!(shared.names(), ["/pkg/app.1.js"]);
    shared.0.kept.lock().unwrap().clear();
    clock.advance(minutes(60));
    // By a timer; then on a thread that may block.
    tokio::time::sleep(minutes(60)).await;
    let given = async {
        while shared.names().is_empty() {
            tokio::time::sleep(seconds(1)).await;
        }
    };
    timeout(minutes(60), given).await.expect("it is not given");
    assert_eq!(shared.names(), ["/pkg/app.1.js"]);
}

#[tokio::test]
async fn store_that_no_other_machine_shares_gets_no_files_and_is_asked_for_none() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::default());
    let ledger = OwnLedger::default();
    let (engine, app) =
        deploy_at(TestClock::new(), ledger, folder.path(), "b1", &shared, &["app.1.js"]);
    engine.begin_service().await;
    assert_eq!(get(&app, "/pkg/app.0.js").await.0, StatusCode::NOT_FOUND);
    assert!(shared.names().is_empty() && shared.asked().is_empty());
}
