//! Tasks that a page starts while it is rendered, and what becomes of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use leptos::prelude::*;
use leptos_isr::{Engine, Isr, LeptosPages};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tokio::runtime::Handle;

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

fn site(under_way: &UnderWay) -> (Engine, Router) {
    let under_way = under_way.clone();
    let pages = LeptosPages::discover(App, move || provide_context(under_way.clone())).unwrap();
    let engine = Engine::builder(pages.routes().clone());
    let engine = engine.render_timeout(Duration::from_millis(50)).build().unwrap();
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
    let (engine, _app) = site(&UnderWay::default());
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
    let (engine, _app) = site(&under_way);
    let [page] = &engine.regenerate(&["/hangs"]).await.unwrap()[..] else { panic!("one page") };
    assert!(page.result.is_err(), "{page:?}");
    settle().await;
    assert_eq!(under_way.0.load(Ordering::SeqCst), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}
