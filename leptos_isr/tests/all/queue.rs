//! Renders take turns: so many at once, by demand, with an end to waiting.

use std::time::Duration;

use http::StatusCode;
use leptos_isr::{Isr, minutes, purge::Purge, route::RouteTable, seconds};

use crate::support::{Renders, Site, routes};

#[tokio::test]
async fn crawl_of_stale_pages_runs_few_renders_and_makes_nobody_wait() {
    let site = Site::build(routes(), |builder| builder.max_renders(3));
    for page in 0..1500 {
        site.get(&format!("/a/{page}")).await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    for page in 0..1500 {
        site.get(&format!("/a/{page}")).await.assert_cache_status("isr; hit; ttl=-60");
    }
    for _ in 0..1502 {
        site.begun().await;
    }
    assert_eq!(site.renders(), 1502, "two of three renders are under way, the others wait");
    for _ in 0..1500 {
        site.let_pass();
    }
    site.idle().await;
    assert_eq!(site.renders(), 3000);
    site.get("/a/1499").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn page_that_is_asked_for_most_is_rendered_first() {
    let site = Site::build(routes(), |builder| builder.max_renders(1));
    for page in 0..5 {
        site.get(&format!("/a/{page}")).await;
        site.begun().await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    for page in [0, 1, 2, 3, 3, 3, 2] {
        site.get(&format!("/a/{page}")).await;
        if page == 0 {
            site.begun().await;
        }
    }
    for _ in 0..4 {
        site.let_pass();
    }
    site.idle().await;
    let order: Vec<_> = site.requests()[5..].iter().map(|(_, path, _)| path.clone()).collect();
    assert_eq!(order, ["/a/0", "/a/3", "/a/2", "/a/1"]);
}

#[tokio::test]
async fn visitor_without_a_page_is_served_before_regenerations() {
    let site = Site::build(routes(), |builder| builder.max_renders(1));
    for page in 0..3 {
        site.get(&format!("/a/{page}")).await;
        site.begun().await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    site.get("/a/0").await;
    site.begun().await;
    for page in [1, 1, 1, 2, 2] {
        site.get(&format!("/a/{page}")).await;
    }
    let visitor = site.start("/a/new");
    // It is in the queue once its flight is under way.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    for _ in 0..4 {
        site.let_pass();
    }
    visitor.await.unwrap().assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    site.idle().await;
    let order: Vec<_> = site.requests()[3..].iter().map(|(_, path, _)| path.clone()).collect();
    assert_eq!(order, ["/a/0", "/a/new", "/a/1", "/a/2"]);
}

#[tokio::test]
async fn route_with_a_limit_holds_up_only_itself() {
    let routes = RouteTable::new()
        .add("/slow/:id", Isr::forever().max_renders(1))
        .and_then(|routes| routes.add("/other/:id", Isr::forever()))
        .unwrap();
    let site = Site::build(routes, |builder| builder.max_renders(4));
    site.behave(Renders::Gate);
    let mut waiting: Vec<_> = ["/slow/1", "/slow/2", "/slow/3"].map(|path| site.start(path)).into();
    site.begun().await;
    waiting.extend(["/other/1", "/other/2"].map(|path| site.start(path)));
    site.begun().await;
    site.begun().await;
    assert_eq!(site.renders(), 3);
    for _ in 0..5 {
        site.let_pass();
    }
    for request in waiting {
        assert_eq!(request.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(site.renders(), 5);
}

#[tokio::test]
async fn crowd_of_a_route_with_a_limit_refuses_no_visitor_of_another() {
    let routes = RouteTable::new()
        .add("/slow/:id", Isr::forever().max_renders(1))
        .and_then(|routes| routes.add("/other/:id", Isr::forever()))
        .unwrap();
    let site = Site::build(routes, |builder| builder.max_renders(4).max_waiting(8));
    site.behave(Renders::Gate);
    let slow: Vec<_> = (0..20).map(|page| site.start(&format!("/slow/{page}"))).collect();
    site.begun().await;
    let others: Vec<_> = (0..3).map(|page| site.start(&format!("/other/{page}"))).collect();
    tokio::task::yield_now().await;
    site.behave(Renders::Page);
    for visitor in others {
        visitor.await.unwrap().assert_status(200);
    }
    let mut refused = 0;
    for visitor in slow {
        refused += usize::from(visitor.await.unwrap().status == StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(refused, 18, "a quarter of the renders, so a quarter of the places");
}

#[tokio::test]
async fn visitors_of_one_page_take_one_place() {
    let site = Site::build(routes(), |builder| builder.max_renders(1).max_waiting(2));
    site.behave(Renders::Gate);
    let crowd: Vec<_> = (0..15).map(|_| site.start("/a/1")).collect();
    site.begun().await;
    let other = site.start("/a/2");
    tokio::task::yield_now().await;
    site.behave(Renders::Page);
    for visitor in crowd {
        visitor.await.unwrap().assert_body("/a/1 #1");
    }
    other.await.unwrap().assert_status(200);
}

#[tokio::test]
async fn visitor_finds_a_place_to_render_beside_regenerations() {
    let site = Site::build(routes(), |builder| builder.max_renders(2));
    for page in 0..3 {
        site.get(&format!("/a/{page}")).await;
        site.begun().await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    for page in 0..3 {
        site.get(&format!("/a/{page}")).await.assert_stale();
    }
    site.begun().await;
    let visitor = site.start("/a/new");
    site.begun().await;
    assert_eq!(site.renders_of("/a/new"), 1, "one regeneration is under way, the others wait");
    site.behave(Renders::Page);
    visitor.await.unwrap().assert_miss_stored();
}

#[tokio::test]
async fn visitors_beyond_the_limit_are_told_when_to_come_back() {
    let site = Site::build(routes(), |builder| builder.max_renders(1).max_waiting(2));
    site.behave(Renders::Gate);
    let waiting = [site.start("/a/1"), site.start("/a/2")];
    site.begun().await;
    tokio::task::yield_now().await;
    let refused = site.get("/a/3").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("cache-control"), "private, no-store");
    refused.assert_cache_status("isr; fwd=miss; fwd-status=503");
    site.behave(Renders::Page);
    for (request, body) in waiting.into_iter().zip(["/a/1 #1", "/a/2 #2"]) {
        request.await.unwrap().assert_body(body);
    }
    site.get("/a/3").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
}

#[tokio::test]
async fn visitor_beyond_the_limit_gets_an_expired_page_if_there_is_one() {
    let site = Site::build(routes(), |builder| builder.max_waiting(1));
    site.get("/a/1").await;
    site.begun().await;
    site.advance(minutes(11));
    site.behave(Renders::Gate);
    let waiting = site.start("/a/2");
    site.begun().await;
    let old = site.get("/a/1").await;
    old.assert_cache_status("isr; hit; ttl=-600; detail=stale-if-error").assert_body("/a/1 #1");
    site.let_pass();
    assert_eq!(waiting.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn stale_pages_beyond_the_queue_wait_to_be_asked_for_again() {
    let site = Site::build(routes(), |builder| builder.max_renders(1).max_queue(2));
    for page in 0..10 {
        site.get(&format!("/a/{page}")).await;
        site.begun().await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    site.get("/a/0").await;
    site.begun().await;
    for page in 1..10 {
        site.get(&format!("/a/{page}")).await.assert_cache_status("isr; hit; ttl=-60");
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        site.let_pass();
    }
    site.idle().await;
    assert_eq!(site.renders(), 13);
    site.get("/a/9").await.assert_cache_status("isr; hit; ttl=-60");
    site.idle().await;
    assert_eq!(site.renders(), 14, "it was not taken for a failure");
}

#[tokio::test]
async fn hanging_render_gives_its_place_to_the_next() {
    let site = Site::build(routes(), |builder| {
        builder.max_renders(1).render_timeout(Duration::from_millis(50))
    });
    site.behave(Renders::Hang);
    let hanging = site.start("/a/1");
    site.begun().await;
    site.behave(Renders::Page);
    let next = site.get("/a/2").await;
    next.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    assert_eq!(hanging.await.unwrap().status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn shutting_down_finishes_what_has_begun_and_begins_nothing() {
    let site = Site::build(routes(), |builder| builder.max_renders(1));
    for page in 0..5 {
        site.get(&format!("/a/{page}")).await;
        site.begun().await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    for page in 0..5 {
        site.get(&format!("/a/{page}")).await;
    }
    site.begun().await;
    let visitor = site.start("/a/new");
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    site.let_pass();
    site.let_pass();
    assert!(site.engine.shut_down(seconds(20)).await);
    assert_eq!(visitor.await.unwrap().status, StatusCode::OK);
    assert_eq!(site.renders(), 7);
    site.get("/a/0").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn shutting_down_does_not_wait_for_ever() {
    let site = Site::new();
    site.behave(Renders::Hang);
    let _hanging = site.start("/a/1");
    site.begun().await;
    assert!(!site.engine.shut_down(Duration::from_millis(10)).await);
}

#[tokio::test]
async fn pages_are_regenerated_on_request_in_any_spelling() {
    let site = Site::new();
    site.get("/a/1?page=2").await;
    let pages = site.engine.regenerate(&["/%61/1?page=2&utm=x", "/a/2", "/a/1?page=2"]).await;
    let pages: Vec<_> =
        pages.unwrap().into_iter().map(|page| (page.page, page.result.unwrap())).collect();
    let stored = |path: &str| (path.to_owned(), (StatusCode::OK, true));
    assert_eq!(pages, [stored("/a/1?page=2"), stored("/a/2"), stored("/a/1?page=2")]);
    assert_eq!(site.renders(), 3, "the two spellings are one page");
    site.get("/a/1?page=2").await.assert_cache_status("isr; hit; ttl=60");
    site.get("/a/2").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn requested_render_begins_after_the_request() {
    let site = Site::new();
    site.behave(Renders::Gate);
    let early = site.start("/a/1");
    site.begun().await;
    let requested = {
        let engine = site.engine.clone();
        tokio::spawn(async move { engine.regenerate(&["/a/1"]).await.unwrap() })
    };
    tokio::task::yield_now().await;
    site.let_pass();
    early.await.unwrap().assert_body("/a/1 #1");
    site.begun().await;
    assert!(!requested.is_finished());
    site.let_pass();
    requested.await.unwrap();
    site.get("/a/1").await.assert_body("/a/1 #2");
}

#[tokio::test]
async fn requested_render_uses_no_data_from_before_though_it_was_in_the_queue_for_others() {
    let site = Site::build(routes(), |builder| builder.max_renders(1));
    site.behave(Renders::Reads(1));
    for path in ["/a/0", "/a/1"] {
        site.get(path).await.assert_body("1");
    }
    // The pages are stale, what they read is not. It changes before the request.
    site.purge_tag("all").await;
    site.behave(Renders::Reads(2));
    site.hold_renders();
    for path in ["/a/0", "/a/1"] {
        site.get(path).await.assert_purged();
    }
    let requested = {
        let site = site.clone();
        tokio::spawn(async move { site.regenerate("/a/1").await })
    };
    tokio::task::yield_now().await;
    site.release_renders();
    assert_eq!(requested.await.unwrap().result, Ok((StatusCode::OK, true)));
    site.get("/a/1").await.assert_fresh().assert_body("2");
}

#[tokio::test]
async fn failed_requested_render_says_why_and_keeps_the_page() {
    let site = Site::new();
    site.get("/a/1").await;
    site.behave(Renders::SaysFailed);
    for _ in 0..2 {
        let pages = site.engine.regenerate(&["/a/1"]).await.unwrap();
        assert_eq!(pages[0].result.clone().unwrap_err().to_string(), "the source is down");
    }
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #1");
    assert_eq!(site.renders(), 3, "a request does not wait for the backoff");
}

#[tokio::test]
async fn only_stored_routes_are_regenerated() {
    let site = Site::new();
    for path in ["/other", "/a/dynamic", "/a//1", "a/1", "/a/%zz"] {
        let error = site.engine.regenerate(&["/a/1", path]).await.unwrap_err().to_string();
        assert!(error.contains(path), "{error}");
    }
    assert_eq!(site.renders(), 0);
}

#[tokio::test]
async fn regenerate_endpoint_answers_for_each_page() {
    let site = Site::build(routes(), |builder| builder.token("the token for purges"));
    let call = async |token: &str, body: &'static str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        site.send(http::Method::POST, "/_isr/regenerate", &headers, body).await
    };
    let done = call("the token for purges", r#"{"paths":["/a/1","/forever"]}"#).await;
    assert_eq!(done.status, StatusCode::OK);
    done.assert_body(
        r#"{"pages":[{"path":"/a/1","status":200,"stored":true},{"path":"/forever","status":200,"stored":true}]}"#,
    );
    site.behave(Renders::Status(StatusCode::BAD_GATEWAY));
    let failed = call("the token for purges", r#"{"paths":["/a/1"]}"#).await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    failed.assert_body(
        r#"{"pages":[{"path":"/a/1","stored":false,"error":"the page answered with status 502 Bad Gateway"}]}"#,
    );
    for (body, problem) in [
        (r#"{"paths":["/other"]}"#, "/other"),
        (r#"{"paths":"/a"}"#, "invalid type"),
        (r#"{"path":["/a/1"]}"#, "unknown field `path`"),
        (r#"["/a/1"]"#, "expected a map"),
        ("", "EOF"),
    ] {
        let wrong = call("the token for purges", body).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(wrong.body.contains(problem), "{}", wrong.body);
    }
    assert_eq!(call("other", r#"{"paths":["/a/1"]}"#).await.status, StatusCode::UNAUTHORIZED);
    let none = call("the token for purges", r#"{"paths":[]}"#).await;
    none.assert_body(r#"{"pages":[]}"#);
    assert_eq!(site.renders(), 3);
    site.engine.purge(&Purge::default()).await.unwrap();
}
