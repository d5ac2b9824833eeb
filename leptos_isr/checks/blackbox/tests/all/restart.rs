//! What is left when the server is killed and another one starts.

use serde_json::json;

use crate::support::{Answer, Site};

/// Behaviour 58.
#[tokio::test(flavor = "multi_thread")]
async fn page_made_at_runtime_has_the_same_lifetime_body_and_headers_after_a_restart() {
    let mut site = Site::with(&[("blog", &["built"])]).await;
    site.cms.set_within("forever:runtime", 3600);
    let pages = ["/forever/runtime", "/blog/runtime", "/blog/built", "/feed.xml", "/list?page=2"];
    let mut before = Vec::new();
    for path in pages {
        site.get(path).await;
        before.push(site.get(path).await);
    }
    let loads = site.cms.all_loads();
    site.idle().await;
    site.restart();
    for (path, before) in pages.iter().zip(&before) {
        let after = site.get(path).await;
        assert_eq!((after.status, &after.body), (before.status, &before.body), "{path}");
        for name in
            ["cache-status", "cache-control", "cdn-cache-control", "etag", "content-type", "vary"]
        {
            assert_eq!(after.header(name), before.header(name), "{path} {name}");
        }
    }
    site.restart();
    site.advance(2);
    site.get("/forever/runtime").await.assert_fresh(3598);
    site.get("/blog/runtime").await.assert_cache_status("isr; hit; ttl=0");
    site.idle().await;
    assert_eq!(site.cms.all_loads(), loads + 1, "only what is stale is rendered");
}

/// Behaviour 58: age counts on while no server runs.
#[tokio::test(flavor = "multi_thread")]
async fn page_that_became_stale_while_no_server_ran_is_stale() {
    let mut site = Site::with(&[("blog", &["a"])]).await;
    site.stop();
    site.advance(600);
    site.start();
    let (old, new) = site.get_twice("/blog/a").await;
    old.assert_cache_status("isr; hit; ttl=-598").assert_said("blog:a #1");
    old.assert_header("cdn-cache-control", "public, max-age=2, stale-while-revalidate=300");
    new.assert_fresh(2).assert_said("blog:a #2");
}

/// An answered purge holds after a restart before anybody asked for the page.
/// Next.js 16.4 forgets it.
#[tokio::test(flavor = "multi_thread")]
async fn answered_purge_survives_being_killed() {
    for hard in [false, true] {
        let mut site = Site::with(&[("forever", &["a", "b"])]).await;
        site.purge_by(&json!({ "paths": ["/forever/a"], "hard": hard })).await;
        site.restart();
        let page = site.get("/forever/a").await;
        let expected = match hard {
            false => "isr; hit; ttl=0; detail=purged",
            true => "isr; fwd=stale; fwd-status=200; stored",
        };
        page.assert_cache_status(expected);
        site.get("/forever/b").await.assert_cache_status("isr; hit");
        site.idle().await;
        site.restart();
        site.get("/forever/a").await.assert_cache_status("isr; hit").assert_said("forever:a #2");
    }
}

/// Behaviours 41, 50: a page that was taken away stays away.
#[tokio::test(flavor = "multi_thread")]
async fn removed_page_does_not_come_back_with_a_restart() {
    let mut site = Site::with(&[("closed", &["a"])]).await;
    site.cms.set("closed:a", Answer::Gone);
    site.purge(&["/closed/a"]).await;
    site.get_twice("/closed/a").await.1.assert_status(404);
    site.restart();
    site.get("/closed/a").await.assert_status(404).assert_fresh(2).assert_said("Not here");
}

/// Behaviour 60: a build that changes nothing changes no ETag.
#[tokio::test(flavor = "multi_thread")]
async fn same_content_in_a_new_build_has_the_same_etag() {
    let mut site = Site::new().await;
    site.cms.set_list("blog", &["a"]);
    site.cms.set("blog:a", Answer::Text("the same"));
    site.build().await;
    site.start();
    let before = site.get("/blog/a").await;
    site.deploy("two").await;
    assert_eq!(site.cms.loads("blog:a"), 2);
    let after = site.get_with("/blog/a", &[("If-None-Match", before.header("etag"))]).await;
    after.assert_status(304).assert_fresh(2);
}

/// Killed in the middle of a regeneration: the page is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_killed_while_it_renders_serves_what_it_had() {
    let mut site = Site::with(&[("blog", &["a"])]).await;
    let gate = site.cms.hold("blog:a");
    site.advance(2);
    site.get("/blog/a").await.assert_cache_status("isr; hit; ttl=0");
    site.restart();
    site.get("/blog/a").await.assert_cache_status("isr; hit; ttl=0").assert_said("blog:a #1");
    gate.add_permits(100);
    site.idle().await;
    site.get("/blog/a").await.assert_fresh(2);
}
