//! What is left of an engine once its handles and its router are dropped.

use std::{
    cell::RefCell,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, Weak},
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, extract::Request, routing::get};
use http::StatusCode;
use http_body_util::BodyExt;
use leptos::prelude::*;
use leptos_isr::{
    Engine, Isr, LeptosPages, RenderError, minutes, purge::Purge, route::RouteTable, seconds,
};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tokio::{
    sync::{Semaphore, oneshot},
    task::yield_now,
    time::timeout,
};
use tower::ServiceExt;

/// Tells its receiver when the thread that has it ends.
type Ending = oneshot::Sender<()>;

thread_local! {
    static ENDING: RefCell<Option<Ending>> = const { RefCell::new(None) };
}

/// Given to the thread that renders the page, if it is one for the background.
#[derive(Clone, Default)]
struct ForBackground(Arc<Mutex<Option<Ending>>>);

#[component]
fn App() -> impl IntoView {
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/") view=Page ssr=Isr::forever().into()/>
                <Route path=path!("/dynamic") view=|| "Dynamic"/>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Page() -> impl IntoView {
    expect_context::<Engine>();
    let ending = expect_context::<ForBackground>().0;
    if std::thread::current().name() == Some("isr-background") {
        ENDING.set(ending.lock().unwrap().take());
    }
    "A page"
}

struct Site {
    engine: Engine,
    app: Router,
    /// Gone when the engine's state is.
    state: Weak<()>,
    /// Gone when the background thread that has rendered the page is.
    thread: oneshot::Receiver<()>,
}

fn site(folder: &Path) -> Site {
    let (ending, thread) = oneshot::channel();
    let ending = ForBackground(Arc::new(Mutex::new(Some(ending))));
    let pages = LeptosPages::discover(App, move || provide_context(ending.clone())).unwrap();
    let held = Arc::new(());
    let state = Arc::downgrade(&held);
    let clock = move || {
        let _ = &held;
        SystemTime::now()
    };
    let builder = Engine::builder(pages.routes().clone()).clock(clock).disk(folder, "build-1");
    let engine = builder.token("a token of 16 bytes").build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let own = engine.clone();
    let idle = move || async move { own.idle(seconds(1)).await.to_string() };
    let router = pages.router(&engine, options, |_| App()).route("/idle", get(idle));
    let app = engine.wrap(router);
    Site { engine, app, state, thread }
}

async fn ask(app: &Router, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let body = app.clone().oneshot(request).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Waits until nobody has the file locked.
async fn unlocked(file: &Path) {
    let file = File::open(file).unwrap();
    let lock = async {
        while file.try_lock().is_err() {
            yield_now().await;
        }
    };
    timeout(seconds(20), lock).await.expect("it is still locked");
}

/// Pages, handlers of the app and tasks of the engine hold the engine.
#[tokio::test]
async fn engine_ends_with_its_last_handle_and_its_router() {
    for shuts_down in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let Site { engine, app, state, thread } = site(folder.path());
        engine.begin_service().await;
        assert!(ask(&app, "/").await.contains("A page"));
        assert!(ask(&app, "/dynamic").await.contains("Dynamic"));
        let again_after = Some(minutes(1));
        let paths = vec!["/".to_owned()];
        engine.purge(&Purge { paths, again_after, ..Purge::default() }).await.unwrap();
        assert!(ask(&app, "/").await.contains("A page"));
        assert!(engine.idle(Duration::from_secs(20)).await);
        if shuts_down {
            assert!(engine.shut_down(Duration::from_secs(20)).await);
        }
        drop(app);
        drop(engine);
        timeout(seconds(20), thread).await.expect("the thread still runs").unwrap_err();
        unlocked(&folder.path().join("pages/build-1/in-use")).await;
        assert!(state.upgrade().is_none(), "shut down: {shuts_down}");
    }
}

/// The engine does not keep the app's router, whose handlers may hold it.
#[tokio::test]
async fn what_has_begun_is_finished_without_the_router_and_nothing_else_begins() {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let page = {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        move || async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "A page"
        }
    };
    let routes = RouteTable::new().add("/:id", Isr::forever()).unwrap();
    let engine = Engine::builder(routes).max_renders(1).build().unwrap();
    let app = engine.wrap(Router::new().route("/{id}", get(page)));
    let regenerations = ["/one", "/two"].map(|path| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.regenerate(&[path]).await.unwrap().remove(0).result })
    });
    begun.acquire().await.unwrap().forget();
    drop(app);
    gate.add_permits(3);
    for result in regenerations {
        assert_eq!(result.await.unwrap(), Ok((StatusCode::OK, true)));
    }
    let refused = engine.regenerate(&["/one"]).await.unwrap().remove(0).result;
    assert_eq!(refused, Err(RenderError::ShuttingDown));
}
