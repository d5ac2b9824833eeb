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
    Engine, Isr, LeptosPages,
    store::{Key, Store, StoreError},
};
use leptos_router::{
    components::{Route, Router as AppRouter, Routes},
    path,
};
use tower::ServiceExt;

use crate::support::ledger::MemoryLedger;

/// A store that machines share, of which only the files are looked at.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<HashMap<String, Bytes>>>);

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
        self.0.lock().unwrap().insert(path.to_owned(), content);
        Ok(())
    }

    async fn file(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.lock().unwrap().get(path).cloned())
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
    let root = machine.join("site");
    std::fs::create_dir_all(root.join("pkg/split")).unwrap();
    for file in files {
        std::fs::write(root.join("pkg").join(file), file).unwrap();
    }
    let site_root = root.to_str().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root(site_root);
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone())
        .store(shared.clone())
        .ledger(MemoryLedger::default())
        .disk(machine.join("isr"), build)
        .build()
        .unwrap();
    let router = pages.router(&engine, options.hash_files(true).build(), |_| view! { <App/> });
    let app = engine.wrap(router);
    (engine, app)
}

async fn get(app: &Router, path: &str) -> (StatusCode, Bytes) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
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
    shared.0.lock().unwrap().clear();
    assert_eq!(get(&app, "/pkg/app.1.js").await.1, "app.1.js", "it is kept here");
}
