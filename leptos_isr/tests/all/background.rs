//! Where pages are rendered: on the server's threads while somebody waits, on
//! threads of their own while nobody does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, extract::Request, routing::get};
use http_body_util::BodyExt;
use leptos_isr::{Engine, Isr, minutes, purge::Purge, route::RouteTable};
use tokio::sync::Semaphore;
use tower::ServiceExt;

const BACKGROUND: &str = "isr-background";

/// On which thread a page is rendered first, and when it is stale.
async fn threads(background_threads: Option<usize>) -> [String; 2] {
    let passed = Arc::new(AtomicU64::new(0));
    let clock = {
        let (passed, start) = (Arc::clone(&passed), SystemTime::now());
        move || start + Duration::from_secs(passed.load(Ordering::SeqCst))
    };
    let routes = RouteTable::new().add("/page", Isr::revalidate(minutes(1))).unwrap();
    let mut builder = Engine::builder(routes).clock(clock);
    if let Some(threads) = background_threads {
        builder = builder.background_threads(threads);
    }
    let engine = builder.build().unwrap();
    let page = || async { thread::current().name().unwrap_or_default().to_owned() };
    let site = engine.wrap(Router::new().route("/page", get(page)));
    let ask = || async {
        let request = Request::get("/page").body(Body::empty()).unwrap();
        let body = site.clone().oneshot(request).await.unwrap().into_body();
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    let first = ask().await;
    passed.store(60, Ordering::SeqCst);
    assert_eq!(ask().await, first, "the stale page is served");
    assert!(engine.idle(Duration::from_secs(30)).await);
    [first, ask().await]
}

#[tokio::test]
async fn page_that_nobody_waits_for_is_rendered_behind_the_visitors() {
    let [first, then] = threads(None).await;
    assert_ne!(first, BACKGROUND);
    assert_eq!(then, BACKGROUND);
}

#[tokio::test]
async fn visitor_whose_render_was_overtaken_has_the_next_on_the_servers_threads() {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let page = {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        move || async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            thread::current().name().unwrap_or_default().to_owned()
        }
    };
    let routes = RouteTable::new().add("/page", Isr::forever()).unwrap();
    let engine = Engine::builder(routes).build().unwrap();
    let site = engine.wrap(Router::new().route("/page", get(page)));
    let request = Request::get("/page").body(Body::empty()).unwrap();
    let visitor = tokio::spawn(site.oneshot(request));
    begun.acquire().await.unwrap().forget();
    let purge = Purge { paths: vec!["/page".to_owned()], ..Purge::default() };
    engine.purge(&purge).await.unwrap();
    gate.add_permits(2);
    let body = visitor.await.unwrap().unwrap().into_body();
    let thread = body.collect().await.unwrap().to_bytes();
    assert_ne!(thread, BACKGROUND);
}

#[tokio::test]
async fn without_such_threads_all_pages_are_rendered_on_the_servers() {
    let [first, then] = threads(Some(0)).await;
    assert_eq!(then, first);
}

/// Takes so much of the thread's stack, from `top` on, that a thread of tokio's size has too little.
fn recurse(top: Option<usize>) -> usize {
    let frame = std::hint::black_box([1_u8; 1024]);
    let here = frame.as_ptr().addr();
    let top = top.unwrap_or(here);
    let used = top - here;
    if used >= 4 << 20 { used } else { recurse(Some(top)) + usize::from(frame[used % 1024] - 1) }
}

#[tokio::test]
async fn page_that_needs_four_mebibytes_of_stack_is_regenerated_in_the_background() {
    let renders = Arc::new(AtomicU64::new(0));
    let page = {
        let renders = Arc::clone(&renders);
        move || async move {
            match renders.fetch_add(1, Ordering::SeqCst) {
                0 => "first".to_owned(),
                _ => format!("then {} MiB", recurse(None) >> 20),
            }
        }
    };
    let routes = RouteTable::new().add("/page", Isr::forever()).unwrap();
    let engine = Engine::builder(routes).build().unwrap();
    let site = engine.wrap(Router::new().route("/page", get(page)));
    let ask = || async {
        let request = Request::get("/page").body(Body::empty()).unwrap();
        let body = site.clone().oneshot(request).await.unwrap().into_body();
        body.collect().await.unwrap().to_bytes()
    };
    ask().await;
    let purge = Purge { paths: vec!["/page".to_owned()], ..Purge::default() };
    engine.purge(&purge).await.unwrap();
    assert_eq!(ask().await, "first");
    assert!(engine.idle(Duration::from_secs(30)).await);
    assert_eq!(ask().await, "then 4 MiB");
}
