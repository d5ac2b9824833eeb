//! Tests of when the encodings of a page are made.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use tower::ServiceExt;

use crate::{
    engine::Engine,
    entry::ServedEntry,
    route::{Isr, RouteTable},
    rules::encoding::Encoding,
};

/// A site with one page, whose text grows with `version`.
fn site(version: &Arc<AtomicUsize>) -> (Engine, Router) {
    let routes = RouteTable::new().add("/a", Isr::forever()).unwrap();
    let engine = Engine::builder(routes).build().unwrap();
    let version = Arc::clone(version);
    let render = move || async move { "hello ".repeat(version.load(Ordering::SeqCst)) };
    let router = engine.wrap(Router::new().fallback(render));
    (engine, router)
}

async fn ask(router: &Router, accept: &str) -> Option<String> {
    let request = Request::builder().uri("/a").header("accept-encoding", accept);
    let request = request.body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
}

fn stored(engine: &Engine) -> Arc<ServedEntry> {
    engine.0.tiers.in_memory("/a").unwrap()
}

fn made(engine: &Engine) -> Vec<&'static str> {
    let entry = stored(engine);
    entry.encodings.as_ref().unwrap().known().map(|(encoding, _)| encoding.name()).collect()
}

async fn regenerate(engine: &Engine) {
    engine.regenerate(&["/a"]).await.unwrap().pop().unwrap().result.unwrap();
}

#[tokio::test]
async fn page_is_compressed_as_it_is_asked_for_and_regenerated_in_these_encodings() {
    let version = Arc::new(AtomicUsize::new(1000));
    let (engine, router) = site(&version);
    assert_eq!(ask(&router, "identity").await, None);
    assert_eq!(made(&engine), [""; 0]);
    for _ in 0..2 {
        assert_eq!(ask(&router, "gzip").await.as_deref(), Some("gzip"));
        assert_eq!(made(&engine), ["gzip"]);
    }
    assert_eq!(ask(&router, "gzip, br").await.as_deref(), Some("br"));
    version.store(1001, Ordering::SeqCst);
    regenerate(&engine).await;
    assert_eq!(made(&engine), ["br", "gzip"]);
    // Nobody asked for the page since.
    version.store(1002, Ordering::SeqCst);
    regenerate(&engine).await;
    assert_eq!(made(&engine), [""; 0]);
}

#[tokio::test]
async fn visitor_who_leaves_does_not_stop_the_compression() {
    let (engine, router) = site(&Arc::new(AtomicUsize::new(1000)));
    ask(&router, "identity").await;
    let mut leaves = Box::pin(ask(&router, "gzip"));
    assert_eq!(futures::poll!(&mut leaves), Poll::Pending);
    drop(leaves);
    assert!(engine.idle(Duration::from_secs(30)).await);
    assert_eq!(made(&engine), ["gzip"]);
}

#[tokio::test]
async fn page_is_sent_uncompressed_if_compressing_must_wait_for_long() {
    let (engine, router) = site(&Arc::new(AtomicUsize::new(1000)));
    let all = u32::try_from(engine.0.compressions.available_permits()).unwrap();
    let busy = engine.0.compressions.acquire_many(all).await.unwrap();
    assert_eq!(ask(&router, "gzip").await, None);
    drop(busy);
    assert!(engine.idle(Duration::from_secs(30)).await);
    assert_eq!(ask(&router, "gzip").await.as_deref(), Some("gzip"));
}

#[tokio::test]
async fn build_makes_every_encoding() {
    let (engine, _router) = site(&Arc::new(AtomicUsize::new(1000)));
    engine.prerender(1, |_| (), |_| ()).await.unwrap();
    assert_eq!(made(&engine), ["br", "zstd", "gzip"]);
}

#[tokio::test]
async fn equal_body_is_not_compressed_again() {
    let (engine, router) = site(&Arc::new(AtomicUsize::new(1000)));
    ask(&router, "gzip").await;
    let bytes =
        |engine: &Engine| stored(engine).body_in(Some(Encoding::Gzip)).map(|body| body.as_ptr());
    let before = bytes(&engine);
    assert!(before.is_some());
    for _ in 0..2 {
        regenerate(&engine).await;
        assert_eq!(bytes(&engine), before);
    }
}
