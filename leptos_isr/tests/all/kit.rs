//! The kit for tests of one's own pages: what it counts, holds and lets fail.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use axum::{Router, routing::get};
use futures::{FutureExt, future::select_all};
use http::{Method, StatusCode};
use leptos_isr::{
    Engine, Isr, RenderError, SystemClock, minutes,
    route::RouteTable,
    seconds,
    testing::{Outage, RenderFault, TestClock, TestSite},
};

/// `/a/:id` is fresh for a minute, `/now` is dynamic.
fn site() -> TestSite {
    let clock = TestClock::new();
    let page = Isr::revalidate(minutes(1)).query(["page"]).tag("all");
    let routes =
        RouteTable::new().add("/a/:id", page).unwrap().add("/now", Isr::dynamic()).unwrap();
    let engine = Engine::builder(routes)
        .clock(clock.clone())
        .render_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let router = Router::new()
        .route("/a/{id}", get(async || "a page"))
        .route("/now", get(async || "now").post(async |body: String| body));
    let app = engine.wrap(router);
    TestSite::new(&engine, app, clock)
}

/// The message with which `act` panics.
async fn panic_of(act: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(act).catch_unwind().await.unwrap_err();
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[tokio::test]
async fn renders_are_counted_by_page_and_dynamic_requests_apart() {
    let site = site();
    for path in ["/a/1", "/a/1?utm=x", "/a/1?page=2", "/a/caf%c3%a9", "/now", "/now", "/none"] {
        site.get(path).await;
    }
    assert_eq!((site.renders(), site.dynamic_requests()), (3, 3));
    assert_eq!((site.renders_of("/a/1"), site.renders_of("/a/1?page=2&utm=x")), (1, 1));
    assert_eq!((site.renders_of("/a/caf\u{e9}"), site.renders_of("/a/2")), (1, 0));
    site.advance(minutes(1));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    assert_eq!((site.renders_of("/a/1"), site.renders()), (2, 4));
}

#[tokio::test]
async fn counting_a_page_that_cannot_be_says_why() {
    let site = site();
    for (path, why) in
        [("/now", "its route is dynamic"), ("/none", "no route has it"), ("a/1", "begins with `/`")]
    {
        let message = panic_of(async { assert_eq!(site.renders_of(path), 0) }).await;
        assert!(message.contains(path) && message.contains(why), "{message}");
    }
}

#[tokio::test]
async fn renders_fail_as_told_until_they_are_repaired() {
    for (fault, status) in [
        (RenderFault::Status(StatusCode::SERVICE_UNAVAILABLE), 503),
        (RenderFault::Says("the data is down".to_owned()), 502),
        (RenderFault::Panic, 500),
        (RenderFault::Hang, 504),
    ] {
        let site = site();
        site.get("/a/kept").await.assert_miss_stored();
        site.fail_renders(fault.clone());
        site.get("/now").await.assert_status(200).assert_body("now");
        site.get("/a/new").await.assert_status(status).assert_not_stored();
        site.purge_path_hard("/a/kept").await;
        site.get("/a/kept").await.assert_stale_if_error().assert_body("a page");
        site.repair_renders();
        site.advance(seconds(10));
        site.get("/a/kept").await.assert_replaced();
        site.get("/a/new").await.assert_miss_stored();
        assert_eq!(site.renders(), 5, "{fault:?}");
    }
}

#[tokio::test]
async fn definite_status_is_no_failure() {
    let site = site();
    site.get("/a/1").await;
    site.fail_renders(RenderFault::Status(StatusCode::GONE));
    site.purge_path("/a/1").await;
    site.get("/a/1").await.assert_purged().assert_status(200);
    site.idle().await;
    site.get("/a/1").await.assert_fresh().assert_status(410);
}

#[tokio::test]
async fn held_renders_pass_one_by_one_or_all_at_once() {
    let site = site();
    site.hold_renders();
    let waiting = ["/a/1", "/a/2", "/a/3"].map(|path| site.start(path));
    site.renders_begun(3).await;
    assert_eq!(site.renders(), 3);
    site.get("/now").await.assert_body("now");
    assert!(waiting.iter().all(|visitor| !visitor.is_finished()));
    site.release_render();
    let (first, _, waiting) = select_all(waiting).await;
    first.unwrap().assert_miss_stored();
    site.get("/now").await.assert_body("now");
    assert!(waiting.iter().all(|visitor| !visitor.is_finished()));
    site.release_renders();
    for visitor in waiting {
        visitor.await.unwrap().assert_miss_stored();
    }
    site.get("/a/4").await.assert_miss_stored();
    assert_eq!(site.renders(), 4);
}

#[tokio::test]
async fn purges_reach_by_tag_path_and_prefix_soft_and_hard() {
    let site = site();
    site.get("/a/1").await;
    let fresh = async || {
        site.get("/a/1").await;
        site.idle().await;
        site.get("/a/1").await.assert_fresh();
    };
    site.purge_tag("all").await;
    site.get("/a/1").await.assert_purged();
    fresh().await;
    site.purge_path("/a/1").await;
    site.get("/a/1").await.assert_purged();
    fresh().await;
    site.purge_prefix("/a").await;
    site.get("/a/1").await.assert_purged();
    fresh().await;
    site.purge_tag_hard("all").await;
    site.get("/a/1").await.assert_replaced();
    site.purge_path_hard("/a/1").await;
    site.get("/a/1").await.assert_replaced();
    site.purge_prefix_hard("/").await;
    site.get("/a/1").await.assert_replaced();
    for other in ["/a/11", "/a/2", "/a/1/b"] {
        site.purge_path(other).await;
        site.purge_prefix(other).await;
    }
    site.purge_tag("none").await;
    site.get("/a/1").await.assert_fresh();
    let message = panic_of(site.purge_path("a")).await;
    assert!(message.contains("cannot purge `a`"), "{message}");
}

#[tokio::test]
async fn regenerate_says_what_came_of_the_page() {
    let site = site();
    let page = site.regenerate("/a/1?utm=x").await;
    assert_eq!((page.page.as_str(), page.result), ("/a/1", Ok((StatusCode::OK, true))));
    site.get("/a/1").await.assert_fresh();
    site.fail_renders(RenderFault::Says("no data".to_owned()));
    let failed = site.regenerate("/a/1").await.result;
    assert_eq!(failed, Err(RenderError::Failed("no data".to_owned())));
    let message = panic_of(async {
        site.regenerate("/now").await;
    })
    .await;
    assert!(message.contains("cannot regenerate `/now`"), "{message}");
}

#[tokio::test]
async fn request_arrives_with_its_method_headers_and_body() {
    let site = site();
    let echo = site.send(Method::POST, "/now", &[("content-type", "text/plain")], "hello").await;
    echo.assert_status(200).assert_body("hello").assert_bypass("dynamic");
    assert_eq!((echo.asked.as_str(), &echo.bytes[..]), ("POST /now", &b"hello"[..]));
    site.request(Method::PUT, "/a/1", &[]).await.assert_status(405).assert_bypass("method");
}

#[tokio::test]
async fn clock_that_the_engine_does_not_use_is_refused() {
    let engine = Engine::builder(RouteTable::new()).clock(SystemClock).build().unwrap();
    let app = engine.wrap(Router::new());
    let message = panic_of(async {
        let _ = TestSite::new(&engine, app, TestClock::new());
    })
    .await;
    assert!(message.contains("Builder::clock"), "{message}");
}

#[tokio::test]
async fn outage_answers_for_the_api_and_ends() {
    let outage = Outage::new();
    let api = outage.wrap(Router::new().route("/a", get(async || "data")));
    let clock = TestClock::new();
    let engine = Engine::builder(RouteTable::new()).clock(clock.clone()).build().unwrap();
    let app = engine.wrap(api);
    let site = TestSite::new(&engine, app, clock);
    site.get("/a").await.assert_status(200).assert_body("data");
    outage.begin();
    site.get("/a").await.assert_status(503);
    outage.end();
    site.get("/a").await.assert_status(200);
}
