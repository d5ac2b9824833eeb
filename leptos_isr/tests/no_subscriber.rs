//! What is logged where there is no subscriber. That is of the whole process, so this has one of its
//! own.

use axum::{Router, routing::get};
use leptos_isr::{
    Engine, Isr,
    route::RouteTable,
    testing::{TestClock, TestSite},
};
use tracing::dispatcher;

/// To `tracing`, that a subscriber was set means that the crate `log` is to get nothing.
#[tokio::test]
async fn renders_and_writes_set_no_subscriber_where_there_is_none() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let routes = RouteTable::new().add("/pages/:name", Isr::forever()).unwrap();
    let builder = Engine::builder(routes).clock(clock.clone()).disk(folder.path(), "build");
    let engine = builder.build().unwrap();
    let app = engine.wrap(Router::new().route("/pages/{name}", get(async || "A page")));
    let site = TestSite::new(&engine, app.clone(), clock);
    site.get("/pages/one").await.assert_miss_stored();
    site.idle().await;
    // Renders a path that nobody knows, which is not stored.
    assert!(!engine.check(&app).await.is_clean());
    assert!(!dispatcher::has_been_set());
}
