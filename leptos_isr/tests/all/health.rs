//! What orchestrators and load balancers ask: is it alive, should it get visitors.

use http::{Method, StatusCode};
use leptos_isr::seconds;

use crate::support::{Renders, Site, routes};

const ALIVE: &str = "/_isr/alive";
const READY: &str = "/_isr/ready";

#[tokio::test]
async fn server_that_answers_is_alive_and_ready_and_the_app_is_not_asked() {
    let site = Site::build(routes(), |builder| builder.build_id("build-1"));
    site.get(ALIVE).await.assert_status(200).assert_body("alive\n");
    site.get(READY).await.assert_status(200).assert_body(r#"{"ready":true,"build":"build-1"}"#);
    for path in [ALIVE, READY] {
        let get = site.get(path).await;
        get.assert_header("cache-control", "private, no-store").assert_bypass("endpoint");
        let head = site.request(Method::HEAD, path, &[]).await;
        head.assert_status(200).assert_body("");
        head.assert_header("content-type", get.header("content-type"));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let other = site.request(method, path, &[]).await;
            other.assert_status(405).assert_header("allow", "GET, HEAD").assert_bypass("error");
        }
    }
    assert!(site.requests().is_empty(), "the app was asked");
    Site::new().get(READY).await.assert_body(r#"{"ready":true}"#);
}

#[tokio::test]
async fn server_that_shuts_down_is_not_ready_while_it_answers_all_else() {
    let site = Site::new();
    site.get("/a/1").await;
    site.engine.end_streams();
    for _ in 0..2 {
        let ready = site.get(READY).await;
        ready.assert_status(503).assert_body(r#"{"ready":false}"#).assert_bypass("endpoint");
        ready.assert_header("cache-control", "private, no-store");
        site.request(Method::HEAD, READY, &[]).await.assert_status(503).assert_body("");
        site.get(ALIVE).await.assert_status(200);
        site.get("/a/1").await.assert_hit();
        assert!(site.engine.shut_down(seconds(20)).await);
    }

    let other = Site::new();
    other.engine.shut_down(seconds(20)).await;
    other.get(READY).await.assert_status(503);
}

#[tokio::test]
async fn health_is_answered_while_no_visitor_finds_a_place() {
    let site = Site::build(routes(), |builder| builder.max_renders(1).max_waiting(1));
    site.behave(Renders::Gate);
    let visitor = site.start("/a/1");
    site.begun().await;
    site.get("/a/2").await.assert_status(503);
    site.get(ALIVE).await.assert_status(200).assert_body("alive\n");
    site.get(READY).await.assert_status(200).assert_body(r#"{"ready":true}"#);
    site.behave(Renders::Page);
    assert_eq!(visitor.await.unwrap().status, StatusCode::OK);
}
