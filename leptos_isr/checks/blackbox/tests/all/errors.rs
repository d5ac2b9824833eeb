//! Renders that fail: a good page outlives them.

use serde_json::json;

use crate::support::{Answer, Site};

/// Behaviours 36, 37.
#[tokio::test(flavor = "multi_thread")]
async fn failing_regeneration_keeps_the_page_and_is_not_tried_on_each_request() {
    let site = Site::with(&[("blog", &["built"])]).await;
    site.get("/blog/runtime").await.assert_status(200);
    site.advance(2);
    for (path, key) in [("/blog/built", "blog:built"), ("/blog/runtime", "blog:runtime")] {
        site.cms.set(key, Answer::Broken(500));
        for _ in 0..5 {
            let page = site.get(path).await;
            page.assert_status(200).assert_cache_status("isr; hit; ttl=0");
            page.assert_said(&format!("{key} #1"));
            page.assert_header("cache-control", "public, max-age=0, must-revalidate");
            site.idle().await;
        }
        assert_eq!(site.cms.loads(key), 2, "one build or visit, one try");
    }
}

/// Behaviours 36, 37: the page comes back when its source does.
#[tokio::test(flavor = "multi_thread")]
async fn failing_page_is_tried_again_later_and_recovers() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.cms.set("blog:a", Answer::Broken(503));
    site.advance(2);
    for n in 2..5 {
        site.get_twice("/blog/a").await.1.assert_status(200).assert_said("blog:a #1");
        assert_eq!(site.cms.loads("blog:a"), n);
        // Longer than any pause between tries.
        site.advance(301);
    }
    site.cms.unset("blog:a");
    let (old, new) = site.get_twice("/blog/a").await;
    old.assert_status(200).assert_said("blog:a #1");
    new.assert_fresh(2).assert_said("blog:a #5");
    site.advance(2);
    site.get_twice("/blog/a").await.1.assert_fresh(2).assert_said("blog:a #6");
}

/// Behaviour 108. Next.js answers 500 when a render fails right after a purge,
/// and pins it; here the old page outlives that failure too.
#[tokio::test(flavor = "multi_thread")]
async fn failing_render_right_after_a_purge_serves_the_old_page() {
    for hard in [false, true] {
        let mut site = Site::with(&[("blog", &["a"]), ("closed", &["a"])]).await;
        for (path, key) in [("/blog/a", "blog:a"), ("/closed/a", "closed:a")] {
            site.cms.set(key, Answer::Broken(500));
            site.purge_by(&json!({ "paths": [path], "hard": hard })).await;
            for _ in 0..5 {
                let page = site.get(path).await;
                page.assert_status(200).assert_said(&format!("{key} #1"));
                let detail = if hard { "stale-if-error" } else { "purged" };
                page.assert_cache_status(&format!("isr; hit; ttl=0; detail={detail}"));
                site.idle().await;
            }
            assert_eq!(site.cms.loads(key), 2);
        }
        // Nor does a restart lose the page, or the purge.
        site.restart();
        site.get("/blog/a").await.assert_status(200).assert_said("blog:a #1");
        site.idle().await;
        site.cms.unset("blog:a");
        site.advance(301);
        let new = site.get_twice("/blog/a").await.1;
        new.assert_fresh(2).assert_said("blog:a #4");
    }
}

/// Behaviours 87, 107.
#[tokio::test(flavor = "multi_thread")]
async fn failing_first_render_is_an_error_that_nobody_keeps() {
    let site = Site::with(&[]).await;
    let pages = site.pages_on_disk();
    site.cms.set("open:a", Answer::Broken(500));
    for n in 1..4 {
        for _ in 0..2 {
            let page = site.get("/open/a").await;
            page.assert_status(502).assert_said("Out of order");
            page.assert_cache_status("isr; fwd=miss; fwd-status=502");
            page.assert_header("cache-control", "private, no-store");
            assert_eq!(site.cms.loads("open:a"), n, "there is no try before its time");
        }
        site.advance(4);
    }
    site.idle().await;
    assert_eq!(site.pages_on_disk(), pages);
    site.cms.unset("open:a");
    site.get("/open/a").await.assert_status(200).assert_said("open:a #4");
    site.get("/open/a").await.assert_fresh(2);
}

/// Behaviours 35, 66: the caller hears of it, the readers do not.
#[tokio::test(flavor = "multi_thread")]
async fn failing_regeneration_on_request_is_told_to_the_caller_only() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.cms.set("blog:a", Answer::Broken(500));
    let (status, said) = site.regenerate("/blog/a").await;
    assert_eq!(status, 502);
    let page = &said["pages"][0];
    assert_eq!((&page["path"], &page["stored"]), (&json!("/blog/a"), &json!(false)));
    assert!(page["error"].as_str().unwrap().contains("the source answered 500"), "{said}");
    site.get("/blog/a").await.assert_fresh(2).assert_said("blog:a #1");
}

/// Behaviours 36, 107: past its last hour a page is shown only if there is no new one.
#[tokio::test(flavor = "multi_thread")]
async fn expired_page_is_waited_for_and_served_if_its_render_fails() {
    let site = Site::with(&[]).await;
    site.get("/limited/a").await.assert_said("limited:a #1");
    site.advance(10);
    let new = site.get("/limited/a").await;
    new.assert_cache_status("isr; fwd=stale; fwd-status=200; stored").assert_said("limited:a #2");
    site.cms.set("limited:a", Answer::Broken(500));
    site.advance(12);
    let old = site.get("/limited/a").await;
    old.assert_status(200).assert_cache_status("isr; hit; ttl=-10; detail=stale-if-error");
    old.assert_said("limited:a #2");
}

/// Behaviours 87, 107: a source that hangs.
#[tokio::test(flavor = "multi_thread")]
async fn hanging_source_costs_its_own_visitors_only() {
    let site = Site::with(&[("blog", &["a"])]).await;
    let gate = site.cms.hold("open:slow");
    let page = site.get("/open/slow").await;
    page.assert_status(504).assert_header("cache-control", "private, no-store");
    assert_eq!(page.cache_status(), "isr; fwd=miss; fwd-status=504");
    site.get("/blog/a").await.assert_fresh(2);
    gate.add_permits(100);
    site.advance(1);
    site.get("/open/slow").await.assert_status(200);
}

/// Behaviour 24. Next.js warns of pages with much data; here pages have a limit.
#[tokio::test(flavor = "multi_thread")]
async fn page_beyond_its_size_is_a_failure_that_names_the_limit() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.cms.set("blog:a", Answer::Long(2 << 20));
    site.cms.set("open:a", Answer::Long(2 << 20));
    site.advance(2);
    site.get_twice("/blog/a").await.1.assert_status(200).assert_said("blog:a #1");
    let page = site.get("/open/a").await;
    page.assert_status(500).assert_header("cache-control", "private, no-store");
    let (status, said) = site.regenerate("/blog/a").await;
    assert_eq!(status, 502);
    assert!(said["pages"][0]["error"].as_str().unwrap().contains("1048576"), "{said}");
    let lines = site.log().lines().filter(|line| line.contains("1048576")).count();
    assert_eq!(lines, 3, "one line a try: {}", site.log());
}
