//! A stored page beside a fresh render of it: who asks changes nothing.

use http::Method;
use leptos_isr::{
    Isr, minutes,
    route::RouteTable,
    stats::{RenderOutcome, RenderReason},
    testing::Answer,
};
use serde_json::{Value, json};

use crate::support::{Renders, Site, routes};

const TOKEN: &str = "the token for purges";

fn site() -> Site {
    Site::build(routes(), |builder| builder.token(TOKEN))
}

async fn asked(site: &Site, query: &str) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    site.request(Method::GET, &format!("/_isr/fresh{query}"), &[("authorization", &bearer)]).await
}

async fn fresh(site: &Site, path: &str) -> Value {
    let answer = asked(site, &format!("?path={path}")).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), "private, no-store");
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn fresh_render_is_shown_beside_the_stored_page_and_no_visitor_gets_it() {
    let site = site();
    let stored = site.get("/a/1").await;
    let before = site.engine.page("/a/1").await.unwrap();
    let shown = fresh(&site, "/a/1/").await;
    assert_eq!((&shown["page"], &shown["same"]), (&"/a/1".into(), &false.into()));
    assert_eq!(shown["stored"]["body"], stored.body);
    assert_eq!(
        (&shown["fresh"]["body"], &shown["fresh"]["status"]),
        (&"/a/1 #2".into(), &200.into())
    );
    assert_eq!(shown["fresh"]["headers"], json!([["content-type", "text/plain; charset=utf-8"]]));

    assert_eq!(site.engine.page("/a/1").await.unwrap(), before);
    let again = site.get("/a/1").await;
    again.assert_cache_status("isr; hit; ttl=60");
    assert_eq!((again.body, site.renders()), (stored.body, 2));
    let rows = site.engine.stats().routes;
    let row = rows.iter().find(|row| row.route.as_deref() == Some("/a/:id")).unwrap();
    let requested = row.renders.iter().find(|of| of.reason == RenderReason::Requested).unwrap();
    assert_eq!((requested.outcome, requested.count), (RenderOutcome::Unstored, 1));
}

#[tokio::test]
async fn fresh_render_of_a_page_that_is_not_stored_leaves_it_so() {
    let site = site();
    let shown = fresh(&site, "/a/1").await;
    assert_eq!((&shown["stored"], &shown["same"]), (&Value::Null, &false.into()));
    site.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");

    site.behave(Renders::Same(http::StatusCode::OK, "content-language", "en"));
    site.get("/a/2").await;
    let shown = fresh(&site, "/a/2").await;
    assert_eq!((&shown["same"], &shown["may_store"]), (&true.into(), &true.into()));
    site.behave(Renders::SaysNoStore);
    assert_eq!(fresh(&site, "/a/2").await["may_store"], false);
    site.get("/a/2").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn failed_fresh_render_says_why_and_no_page_waits_for_it() {
    let site = site();
    site.get("/a/1").await;
    let before = site.engine.page("/a/1").await.unwrap();
    site.behave(Renders::SaysFailed);
    let answer = asked(&site, "?path=/a/1").await;
    assert_eq!((answer.assert_status(502).body.as_str()), "the source is down.\n");
    assert_eq!(site.engine.page("/a/1").await.unwrap(), before);
    for (query, status) in [("", 400), ("?path=/none", 400), ("?path=/a/dynamic", 400)] {
        asked(&site, query).await.assert_status(status);
    }
    site.get("/_isr/fresh?path=/a/1").await.assert_status(401);
}

/// Both render the same page: each has its own place in the queue.
#[tokio::test]
async fn fresh_render_waits_for_its_turn_beside_a_regeneration_of_its_page() {
    let routes = RouteTable::new().add("/a/:id", Isr::revalidate(minutes(1))).unwrap();
    let site = Site::build(routes, |builder| builder.token(TOKEN).max_renders(1));
    for path in ["/a/1", "/a/2"] {
        site.get(path).await;
    }
    site.advance(minutes(2));
    site.behave(Renders::Gate);
    site.get("/a/1").await.assert_stale();
    site.renders_begun(3).await;
    site.get("/a/2").await.assert_stale();
    let comparing = {
        let site = site.clone();
        tokio::spawn(async move { fresh(&site, "/a/2").await })
    };
    while site.engine.stats().queue.waiting < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.renders(), 3, "one render at a time");
    site.behave(Renders::Page);
    let shown = comparing.await.unwrap();
    site.idle().await;
    site.get("/a/2").await.assert_cache_status("isr; hit; ttl=60");
    assert_eq!((&shown["page"], site.renders()), (&"/a/2".into(), 5));
}
