//! Tasks that a page starts while it is rendered, and what becomes of them.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use leptos::prelude::*;
use leptos_isr::{Engine, Isr, LeptosPages, RenderError};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tokio::runtime::Handle;

const LONG: Duration = Duration::from_mins(1);

/// How many requests to a source that never answers are under way; in Leptos's context.
#[derive(Clone, Default)]
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(&self) -> Ended {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ended(self.clone())
    }
}

struct Ended(UnderWay);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[component]
fn App() -> impl IntoView {
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/local") view=Local ssr=Isr::forever().into()/>
                <Route path=path!("/hangs") view=Hangs ssr=Isr::forever().into()/>
                <Route path=path!("/panics") view=Panics ssr=Isr::forever().into()/>
                <Route path=path!("/endless") view=Endless ssr=Isr::forever().into()/>
                <Route path=path!("/busy") view=Busy ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Local() -> impl IntoView {
    let visitor = LocalResource::new(|| async { "you" });
    view! { <Suspense fallback=|| "Hello">{move || visitor.get()}</Suspense> }
}

#[component]
fn Hangs() -> impl IntoView {
    let under_way = expect_context::<UnderWay>();
    let data = Resource::new(
        || (),
        move |()| {
            let under_way = under_way.clone();
            async move {
                let _ended = under_way.begin();
                pending::<()>().await;
            }
        },
    );
    view! { <Suspense>{move || data.get()}</Suspense> }
}

#[component]
fn Panics() -> impl IntoView {
    let load = |()| async {
        tokio::task::yield_now().await;
        panic!("no such column")
    };
    let data = Resource::new(|| (), load);
    view! { <Suspense>{move || data.get().map(|()| "loaded")}</Suspense> }
}

/// Two tasks that wake each other without end.
#[component]
fn Endless() -> impl IntoView {
    async fn load(_source: ()) {
        loop {
            leptos::task::tick().await;
        }
    }
    let (one, other) = (Resource::new(|| (), load), Resource::new(|| (), load));
    view! {
        <Suspense>
            {move || one.get().map(|()| "loaded")}
            {move || other.get().map(|()| "loaded")}
        </Suspense>
    }
}

/// Whether the page was disposed of, and whether that came in the middle of its code.
static DISPOSED: AtomicBool = AtomicBool::new(false);
static OVERTAKEN: AtomicBool = AtomicBool::new(false);
/// The code of a task of the page runs, and has run.
static HAS_RUN: AtomicBool = AtomicBool::new(false);
static IN_TASK: AtomicBool = AtomicBool::new(false);

#[component]
fn Busy() -> impl IntoView {
    on_cleanup(|| {
        DISPOSED.store(true, Ordering::SeqCst);
        OVERTAKEN.fetch_or(IN_TASK.load(Ordering::SeqCst), Ordering::SeqCst);
    });
    Effect::new_isomorphic(|_| {
        HAS_RUN.store(true, Ordering::SeqCst);
        IN_TASK.store(true, Ordering::SeqCst);
        // Long enough for the render to end, if it runs meanwhile.
        for _ in 0..20 {
            if DISPOSED.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        IN_TASK.store(false, Ordering::SeqCst);
    });
    // The effect begins while the page waits for this.
    let data = Resource::new(|| (), |()| tokio::task::yield_now());
    view! { <Suspense>{move || data.get()}</Suspense> }
}

fn site(under_way: &UnderWay, limit: Duration) -> (Engine, Router) {
    let under_way = under_way.clone();
    let pages = LeptosPages::discover(App, move || provide_context(under_way.clone())).unwrap();
    let engine = Engine::builder(pages.routes().clone());
    let engine = engine.render_timeout(limit).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let shell = |_| view! { <html><head></head><body><App/></body></html> };
    let app = engine.wrap(pages.router(&engine, options, shell));
    (engine, app)
}

/// Lets all tasks that can end do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn wait_for_what_only_browsers_load_ends_with_the_render() {
    let (engine, _app) = site(&UnderWay::default(), LONG);
    for _ in 0..20 {
        let [page] = &engine.regenerate(&["/local"]).await.unwrap()[..] else { panic!("one page") };
        assert!(page.result.is_ok(), "{page:?}");
    }
    settle().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn request_to_a_source_that_hangs_ends_with_the_render() {
    let under_way = UnderWay::default();
    let (engine, _app) = site(&under_way, Duration::from_millis(50));
    let [page] = &engine.regenerate(&["/hangs"]).await.unwrap()[..] else { panic!("one page") };
    assert!(page.result.is_err(), "{page:?}");
    settle().await;
    assert_eq!(under_way.0.load(Ordering::SeqCst), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn tasks_without_an_end_are_given_up_at_the_time_limit() {
    let (engine, _app) = site(&UnderWay::default(), Duration::from_millis(50));
    let [page] = &engine.regenerate(&["/endless"]).await.unwrap()[..] else { panic!("one page") };
    assert!(matches!(page.result, Err(RenderError::TimedOut(_))), "{page:?}");
}

#[tokio::test]
async fn panic_of_a_task_is_that_of_the_render() {
    let (engine, _app) = site(&UnderWay::default(), LONG);
    let [page] = &engine.regenerate(&["/panics"]).await.unwrap()[..] else { panic!("one page") };
    let error = page.result.as_ref().unwrap_err().to_string();
    assert!(error.contains("no such column"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn page_is_not_disposed_of_while_its_code_runs() {
    let (engine, _app) = site(&UnderWay::default(), LONG);
    let [page] = &engine.regenerate(&["/busy"]).await.unwrap()[..] else { panic!("one page") };
    assert!(page.result.is_ok(), "{page:?}");
    assert!(HAS_RUN.load(Ordering::SeqCst), "the task ended with the render before it began");
    assert!(DISPOSED.load(Ordering::SeqCst), "the page is still there");
    assert!(!OVERTAKEN.load(Ordering::SeqCst));
}
