//! Purges and regenerations on request.

use serde_json::json;

use crate::support::{Answer, Site};

/// Behaviours 28, 40, 92.
#[tokio::test(flavor = "multi_thread")]
async fn page_without_a_period_stays_the_same_until_it_is_purged() {
    let site = Site::with(&[("forever", &["built"])]).await;
    for (path, key) in
        [("/forever/built", "forever:built"), ("/forever/runtime", "forever:runtime")]
    {
        let first = site.get(path).await;
        for _ in 0..4 {
            site.advance(86_400);
            let page = site.get(path).await;
            page.assert_cache_status("isr; hit").assert_said(&format!("{key} #1"));
            assert_eq!(
                (&page.body, page.header("etag")),
                (&first.body, site.get(path).await.header("etag"))
            );
        }
        let (status, said) = site.regenerate(path).await;
        assert_eq!(
            (status, said),
            (200, json!({"pages": [{"path": path, "status": 200, "stored": true}]}))
        );
        site.get(path).await.assert_cache_status("isr; hit").assert_said(&format!("{key} #2"));
    }
}

/// Behaviours 31, 35, 73.
#[tokio::test(flavor = "multi_thread")]
async fn after_its_period_a_page_is_served_once_more_while_it_is_regenerated() {
    let site = Site::with(&[("blog", &["built"])]).await;
    site.get("/blog/runtime").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    for (path, key) in [("/blog/built", "blog:built"), ("/blog/runtime", "blog:runtime")] {
        site.get(path).await.assert_fresh(2).assert_said(&format!("{key} #1"));
    }
    site.advance(1);
    site.get("/blog/built").await.assert_fresh(1);
    site.advance(1);
    for (path, key) in [("/blog/built", "blog:built"), ("/blog/runtime", "blog:runtime")] {
        let (old, new) = site.get_twice(path).await;
        old.assert_cache_status("isr; hit; ttl=0").assert_said(&format!("{key} #1"));
        new.assert_fresh(2).assert_said(&format!("{key} #2"));
        site.get(path).await.assert_said(&format!("{key} #2"));
    }
}

/// Behaviour 31: no request waits, however long the new page takes.
#[tokio::test(flavor = "multi_thread")]
async fn stale_page_is_served_at_once_while_its_source_hangs() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.advance(2);
    let gate = site.cms.hold("blog:a");
    for _ in 0..5 {
        site.get("/blog/a").await.assert_cache_status("isr; hit; ttl=0").assert_said("blog:a #1");
    }
    gate.add_permits(100);
    site.idle().await;
    site.get("/blog/a").await.assert_fresh(2).assert_said("blog:a #2");
}

/// Behaviour 27.
#[tokio::test(flavor = "multi_thread")]
async fn ten_requests_for_a_new_page_share_one_render() {
    let site = Site::with(&[]).await;
    let pages = site.get_all_of(&site.cms, "open:new", "/open/new").await;
    for page in &pages {
        page.assert_status(200).assert_said("open:new #1");
        assert_eq!(page.body, pages[0].body);
    }
    assert_eq!(site.cms.loads("open:new"), 1);
}

/// Behaviour 48.
#[tokio::test(flavor = "multi_thread")]
async fn requests_after_a_hard_purge_share_one_new_page() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.purge_by(&json!({ "paths": ["/blog/a"], "hard": true })).await;
    for page in site.get_all_of(&site.cms, "blog:a", "/blog/a").await {
        page.assert_status(200).assert_said("blog:a #2");
    }
    site.get("/blog/a").await.assert_fresh(2).assert_said("blog:a #2");
    assert_eq!(site.cms.loads("blog:a"), 2);
}

/// Behaviour 48, with the purge that is the default here: old pages, one render.
#[tokio::test(flavor = "multi_thread")]
async fn requests_after_a_soft_purge_get_a_whole_page_and_start_one_render() {
    let site = Site::with(&[("blog", &["a"])]).await;
    let gate = site.cms.hold("blog:a");
    site.purge(&["/blog/a"]).await;
    for page in site.get_all("/blog/a", 5).await {
        page.assert_cache_status("isr; hit; ttl=0; detail=purged").assert_said("blog:a #1");
    }
    gate.add_permits(100);
    site.idle().await;
    site.get("/blog/a").await.assert_fresh(2).assert_said("blog:a #2");
    assert_eq!(site.cms.loads("blog:a"), 2);
}

/// Behaviours 35, 39, 40, 41.
#[tokio::test(flavor = "multi_thread")]
async fn regeneration_on_request_returns_when_the_new_page_is_stored() {
    let site = Site::with(&[("blog", &["a"])]).await;
    for n in 2..5 {
        assert_eq!(site.regenerate("/blog/a").await.0, 200);
        site.get("/blog/a").await.assert_fresh(2).assert_said(&format!("blog:a #{n}"));
    }
    site.cms.set("blog:a", Answer::Gone);
    let (status, said) = site.regenerate("/blog/a").await;
    assert_eq!((status, &said["pages"][0]["status"]), (200, &json!(404)), "{said}");
    site.get("/blog/a").await.assert_status(404).assert_fresh(2);
    site.cms.set("blog:a", Answer::Moved(307, "/open/x"));
    let (status, said) = site.regenerate("/blog/a").await;
    assert_eq!((status, &said["pages"][0]["status"]), (200, &json!(307)), "{said}");
    site.get("/blog/a").await.assert_status(307).assert_header("location", "/open/x");
}

/// Behaviour 38. Next.js can be asked for pages only that exist; here a purge is
/// that, and a regeneration makes the page.
#[tokio::test(flavor = "multi_thread")]
async fn purge_of_a_page_that_was_never_rendered_renders_nothing() {
    let site = Site::with(&[]).await;
    site.purge(&["/open/never"]).await;
    site.idle().await;
    assert_eq!(site.cms.loads("open:never"), 0);
    site.get("/open/never").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    assert_eq!(site.regenerate("/open/not-yet").await.0, 200);
    assert_eq!(site.cms.loads("open:not-yet"), 1);
    site.get("/open/not-yet").await.assert_fresh(2).assert_said("open:not-yet #1");
}

/// Behaviours 29, 42, 52, 54. A path that has no stored page is named, and nothing runs.
#[tokio::test(flavor = "multi_thread")]
async fn regeneration_of_what_is_not_stored_is_refused_by_name() {
    let site = Site::with(&[("closed", &["a"]), ("docs", &["a/b"])]).await;
    let loads = site.cms.all_loads();
    for (path, why) in [
        ("/closed/x", "`/closed/:slug` does not list it"),
        ("/docs/a", "`/docs/*rest` does not list it"),
        ("/live", "it is of no stored route"),
        ("/api/ping", "it is of no stored route"),
        ("/nowhere", "it is of no stored route"),
        ("/blog/%zz", "percent-encoding"),
    ] {
        let (status, said) = site.regenerate(path).await;
        let said = said.as_str().unwrap_or_default().to_owned();
        assert!(
            status == 400 && said.contains(path) && said.contains(why),
            "{path}: {status} {said}"
        );
    }
    site.idle().await;
    assert_eq!(site.cms.all_loads(), loads);
    site.get("/closed/x").await.assert_not_listed();
    for (path, said) in [("/closed/a", "closed:a #2"), ("/docs/a/b", "docs:a/b #2")] {
        assert_eq!(site.regenerate(path).await.0, 200);
        site.get(path).await.assert_fresh(2).assert_said(said);
    }
}

/// Behaviours 90, 106: a handler that purges is itself not stored.
#[tokio::test(flavor = "multi_thread")]
async fn purge_in_a_handler_reaches_pages_and_handlers_at_once() {
    let site = Site::with(&[("blog", &["a", "b"]), ("forever", &["c"])]).await;
    for n in 2..4 {
        let publish = site.call("/api/publish", &json!({})).await;
        publish.assert_status(204).assert_cache_status("isr; fwd=bypass; detail=no-route");
        for (path, key) in [("/blog/a", "blog:a"), ("/blog/b", "blog:b")] {
            let page = site.get(path).await;
            page.assert_cache_status("isr; fwd=stale; fwd-status=200; stored");
            page.assert_said(&format!("{key} #{n}"));
        }
        assert_eq!(site.get("/feed.xml").await.text(), format!("feed: #{n}"));
        site.get("/forever/c").await.assert_cache_status("isr; hit").assert_said("forever:c #1");
    }
}

/// Behaviours 64, 91: a path and what lies below it.
#[tokio::test(flavor = "multi_thread")]
async fn purge_by_path_and_by_prefix_reaches_just_those_pages() {
    let site = Site::with(&[
        ("forever", &["a", "b"]),
        ("catchall", &["a", "a/b", "ab"]),
        ("sections", &["s", "t"]),
        ("items", &["i", "j"]),
    ])
    .await;
    let all = [
        "/",
        "/forever/a",
        "/forever/b",
        "/catchall/a",
        "/catchall/a/b",
        "/catchall/ab",
        "/shop/s/i",
        "/shop/s/j",
        "/shop/t/i",
        "/list",
    ];
    for (purge, reached) in [
        (json!({"paths": ["/forever/a"]}), &["/forever/a"][..]),
        (json!({"paths": ["/catchall/a"]}), &["/catchall/a"]),
        (json!({"prefixes": ["/catchall/a"]}), &["/catchall/a", "/catchall/a/b"]),
        (json!({"prefixes": ["/shop/s"]}), &["/shop/s/i", "/shop/s/j"]),
        (json!({"tags": ["section:t"]}), &["/shop/t/i"]),
        (json!({"paths": ["/", "/list"]}), &["/", "/list"]),
        (json!({"paths": [], "tags": []}), &[]),
        (json!({"prefixes": ["/"]}), &all),
    ] {
        site.purge_by(&purge).await;
        for path in all {
            let status = site.get(path).await.cache_status().to_owned();
            let is_purged = status.ends_with("detail=purged");
            assert_eq!(is_purged, reached.contains(&path), "{purge}: {path}: {status}");
        }
        site.idle().await;
    }
}

/// Behaviours 64, 104: tags that the data carry, each alone and together.
#[tokio::test(flavor = "multi_thread")]
async fn purge_by_tag_changes_exactly_what_carries_the_tag() {
    let site = Site::new().await;
    let pages = [
        ("a", "red"),
        ("b", "red,green"),
        ("c", "green,blue,a space"),
        ("d", "blue"),
        ("e", "Red"),
        ("f", ""),
    ];
    site.cms.set_list("forever", &pages.map(|(slug, _)| slug));
    for (slug, tags) in pages {
        site.cms.set_tags(&format!("forever:{slug}"), tags);
    }
    site.build().await;
    let mut site = site;
    site.start();
    for tags in [
        &["red"][..],
        &["green"],
        &["blue"],
        &["a space"],
        &["Red"],
        &["red", "blue"],
        &["none"],
        &[],
    ] {
        for hard in [false, true] {
            site.purge_by(&json!({ "tags": tags, "hard": hard })).await;
            for (slug, carried) in pages {
                let loads = site.cms.loads(&format!("forever:{slug}"));
                site.get_twice(&format!("/forever/{slug}")).await.1.assert_cache_status("isr; hit");
                let is_new = site.cms.loads(&format!("forever:{slug}")) - loads;
                let carries = carried.split(',').any(|tag| tags.contains(&tag));
                assert_eq!(is_new, usize::from(carries), "{tags:?}, {hard}: {slug}");
            }
        }
    }
}

/// Behaviours 93, 104: the least of what route and data say, and it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn least_period_of_route_and_data_counts_and_survives_a_restart() {
    let mut site = Site::new().await;
    site.cms.set_list("blog", &["long", "short"]);
    site.cms.set_list("forever", &["long", "short"]);
    for key in ["blog:long", "forever:long"] {
        site.cms.set_within(key, 9);
    }
    for key in ["blog:short", "forever:short"] {
        site.cms.set_within(key, 1);
    }
    site.build().await;
    site.start();
    for _ in 0..2 {
        for (path, left) in
            [("/blog/long", 2), ("/blog/short", 1), ("/forever/long", 9), ("/forever/short", 1)]
        {
            let page = site.get(path).await;
            page.assert_fresh(left);
            let shared = page.header("cdn-cache-control");
            assert!(shared.starts_with(&format!("public, max-age={left}, ")), "{path}: {shared}");
        }
        site.idle().await;
        site.restart();
    }
    site.advance(1);
    site.get("/forever/short").await.assert_cache_status("isr; hit; ttl=0");
    site.get("/forever/long").await.assert_fresh(8);
}

/// Behaviour 33.
#[tokio::test(flavor = "multi_thread")]
async fn purging_nested_paths_logs_no_error() {
    let site = Site::with(&[("sections", &["s"]), ("items", &["i"]), ("docs", &["a/b"])]).await;
    for path in ["/shop", "/shop/s", "/shop/s/i", "/docs/a", "/docs/a/b", "/docs/a/b/c", "/"] {
        site.purge(&[path]).await;
        site.get(path).await;
    }
    site.idle().await;
    assert!(!site.log().contains("ERROR") && !site.log().contains("WARN"), "{}", site.log());
}

/// Behaviours 65, 66: why a page was rendered is in the log, not in the page.
#[tokio::test(flavor = "multi_thread")]
async fn log_says_why_each_page_was_rendered() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.get("/blog/new").await;
    site.advance(2);
    site.get_twice("/blog/a").await;
    site.purge(&["/blog/a"]).await;
    site.get_twice("/blog/a").await;
    site.regenerate("/blog/a").await;
    site.cms.set("blog:a", Answer::Broken(500));
    site.advance(2);
    site.get_twice("/blog/a").await;
    site.regenerate("/blog/a").await;
    let log = site.log();
    for (key, reason, outcome) in [
        ("/blog/new", "miss", "stored"),
        ("/blog/a", "time", "stored"),
        ("/blog/a", "purge", "stored"),
        ("/blog/a", "requested", "stored"),
        ("/blog/a", "time", "failed"),
        ("/blog/a", "requested", "failed"),
    ] {
        let parts = [
            format!("isr.key={key} "),
            "route=\"/blog/:post\"".to_owned(),
            format!("reason=\"{reason}\""),
            format!("outcome=\"{outcome}\""),
        ];
        let found = log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no {parts:?} in\n{log}");
    }
}
