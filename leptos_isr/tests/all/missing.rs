//! Pages that there is none of before: what failed is not rendered on every request, and what is too
//! large is not called stored.

use std::time::Duration;

use leptos_isr::{Isr, purge::Purge, route::RouteTable, seconds};
use tokio::{join, task::yield_now};

use crate::support::{Renders, Site, routes};

#[tokio::test]
async fn failure_of_a_missing_page_is_given_again_until_a_try_is_due() {
    let site = Site::new();
    site.behave(Renders::SaysFailed);
    for _ in 0..20 {
        let failed = site.get("/a/1").await;
        failed.assert_status(502).assert_cache_status("isr; fwd=miss; fwd-status=502");
        assert_eq!(failed.header("retry-after"), "1");
    }
    assert_eq!(site.renders(), 1);
    site.get("/a/2").await.assert_status(502);
    assert_eq!(site.renders(), 2, "another page is rendered");
    site.advance(seconds(1));
    site.get("/a/1").await.assert_status(502);
    assert_eq!(site.renders(), 3);
    site.behave(Renders::Page);
    site.get("/a/1").await.assert_status(502);
    site.advance(seconds(2));
    site.get("/a/1").await.assert_body("/a/1 #4").assert_miss_stored();
}

#[tokio::test]
async fn purge_or_an_explicit_request_is_worth_one_try_of_a_missing_page() {
    let site = Site::new();
    site.behave(Renders::SaysFailed);
    site.get("/a/1").await.assert_status(502);
    let purge = Purge { tags: vec!["all".to_owned()], ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
    for _ in 0..2 {
        site.get("/a/1").await.assert_status(502);
    }
    assert_eq!(site.renders(), 2);
    site.behave(Renders::Page);
    let made = site.engine.regenerate(&["/a/1"]).await.unwrap();
    assert!(made[0].result.is_ok(), "{made:?}");
    site.get("/a/1").await.assert_body("/a/1 #3").assert_fresh();
}

#[tokio::test]
async fn page_that_memory_alone_has_no_room_for_is_not_called_stored() {
    let site = Site::build(routes(), |builder| builder.memory(1024));
    for render in 1..3 {
        let page = site.get("/a/1").await;
        page.assert_body(&format!("/a/1 #{render}"));
        page.assert_cache_status("isr; fwd=miss; fwd-status=200");
    }
    let made = site.engine.regenerate(&["/a/1"]).await.unwrap();
    assert!(matches!(made[0].result, Ok((_, false))), "{made:?}");
}

#[tokio::test]
async fn build_renders_no_more_pages_of_a_route_at_once_than_it_allows() {
    let listed = Isr::forever().prerender(async || Ok::<_, String>(vec!["1", "2", "3"]));
    let routes = RouteTable::new().add("/a/:id", listed.max_renders(1)).unwrap();
    let site = Site::build(routes, |builder| builder);
    site.behave(Renders::Gate);
    let watch = async {
        for rendered in 1..=3 {
            site.begun().await;
            for _ in 0..100 {
                yield_now().await;
            }
            assert_eq!(site.renders(), rendered);
            site.let_pass();
        }
    };
    let (report, ()) = join!(site.engine.prerender(3, |_| (), |_| ()), watch);
    report.unwrap();
    assert!(site.engine.idle(Duration::from_secs(20)).await);
}
