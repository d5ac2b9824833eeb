//! Which paths exist: lists, and what happens to what they leave out.

use serde_json::json;

use crate::support::{Answer, Site};

/// Behaviours 2, 4, 26, 31.
#[tokio::test(flavor = "multi_thread")]
async fn listed_page_is_a_whole_page_from_the_first_request() {
    let site = Site::with(&[("blog", &["a", "b"]), ("forever", &["a"])]).await;
    for path in ["/blog/a", "/blog/b"] {
        let key = path.replacen('/', "", 1).replace('/', ":");
        let page = site.get(path).await;
        page.assert_status(200).assert_fresh(2).assert_said(&format!("{key} #1"));
        assert_eq!(site.cms.loads(&key), 1);
    }
    site.get("/forever/a").await.assert_cache_status("isr; hit").assert_said("forever:a #1");
    site.get("/").await.assert_cache_status("isr; hit");
}

/// Behaviour 3.
#[tokio::test(flavor = "multi_thread")]
async fn unlisted_page_of_an_open_route_is_whole_at_its_first_request_and_then_stored() {
    let site = Site::with(&[("blog", &["a"])]).await;
    for (path, key) in [("/blog/new", "blog:new"), ("/open/new", "open:new")] {
        let first = site.get(path).await;
        first.assert_status(200).assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
        first.assert_said(&format!("{key} #1"));
        let second = site.get(path).await;
        second.assert_fresh(2);
        assert_eq!(second.body, first.body);
    }
}

/// Behaviours 14, 19, 52, 55, 57.
#[tokio::test(flavor = "multi_thread")]
async fn unlisted_page_of_a_closed_route_never_exists_and_its_code_never_runs() {
    let site = Site::with(&[("closed", &["a"]), ("docs", &["a/b"])]).await;
    site.get("/closed/a").await.assert_fresh(2);
    site.get("/docs/a/b").await.assert_fresh(2);
    let (loads, on_disk) = (site.cms.all_loads(), site.pages_on_disk());
    let agents = ["Mozilla/5.0 (compatible; Googlebot/2.1)", "Mozilla/5.0 Firefox/140.0"];
    for path in ["/closed/x", "/closed/%61%62", "/docs/a", "/docs/a/b/c", "/closed/..%2Fa"] {
        for _ in 0..3 {
            for agent in agents {
                site.get_with(path, &[("User-Agent", agent)]).await.assert_not_listed();
            }
        }
        site.purge(&[path]).await;
        site.get(path).await.assert_not_listed();
    }
    site.idle().await;
    assert_eq!(site.cms.all_loads(), loads, "page code ran");
    assert_eq!(site.pages_on_disk(), on_disk, "something was written");
    assert!(!site.log().contains("ERROR") && !site.log().contains("WARN"), "{}", site.log());
}

/// Behaviour 56.
#[tokio::test(flavor = "multi_thread")]
async fn path_that_a_new_build_no_longer_lists_is_gone_though_its_page_is_still_kept() {
    let mut site = Site::with(&[("closed", &["a", "b"])]).await;
    site.get("/closed/b").await.assert_status(200);
    site.cms.set_list("closed", &["a"]);
    // The list is the build's: a server that runs keeps its own.
    site.get("/closed/b").await.assert_status(200);
    let pages = site.pages_on_disk();
    // Built again as it was, so the folder still holds the page.
    site.build().await;
    site.restart();
    assert_eq!(site.pages_on_disk(), pages);
    let loads = site.cms.all_loads();
    for _ in 0..2 {
        site.get("/closed/b").await.assert_not_listed();
    }
    assert_eq!(site.cms.all_loads(), loads);
    assert_eq!(site.pages_on_disk(), pages);
    site.get("/closed/a").await.assert_status(200);
}

/// Behaviour 56, with another program.
#[tokio::test(flavor = "multi_thread")]
async fn page_of_another_build_is_never_served() {
    let mut site = Site::with(&[("closed", &["a", "b"])]).await;
    site.cms.set_list("closed", &["a"]);
    site.deploy("two").await;
    site.get("/closed/b").await.assert_not_listed();
    site.get("/closed/a").await.assert_fresh(2).assert_said("closed:a #2");
}

/// Behaviours 46, 47, 49.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_route_gives_new_content_at_each_purge_and_each_period() {
    let site = Site::with(&[
        ("closed", &["a"]),
        ("docs", &["a/b"]),
        ("catchall", &["a/b"]),
        ("optional", &["a"]),
        ("sections", &["s"]),
        ("items", &["i"]),
    ])
    .await;
    let pages = [
        ("/closed/a", "closed:a"),
        ("/docs/a/b", "docs:a/b"),
        ("/catchall/a/b", "catchall:a/b"),
        ("/catchall/runtime/x", "catchall:runtime/x"),
        ("/optional", "optional:"),
        ("/optional/a", "optional:a"),
        ("/open/a", "open:a"),
        ("/shop/s/i", "shop:s/i"),
    ];
    for (path, key) in pages {
        let said = |n: usize| format!("{key} #{n}");
        site.get(path).await.assert_status(200).assert_said(&said(1));
        for n in [2, 3] {
            site.purge(&[path]).await;
            let (old, new) = site.get_twice(path).await;
            old.assert_status(200).assert_cache_status("isr; hit; ttl=0; detail=purged");
            old.assert_said(&said(n - 1));
            new.assert_fresh(2).assert_said(&said(n));
            site.get(path).await.assert_fresh(2).assert_said(&said(n));
        }
    }
    site.advance(2);
    for (path, key) in pages {
        let (old, new) = site.get_twice(path).await;
        old.assert_status(200).assert_cache_status("isr; hit; ttl=0");
        old.assert_said(&format!("{key} #3"));
        new.assert_fresh(2).assert_said(&format!("{key} #4"));
    }
    assert!(!site.log().contains("ERROR") && !site.log().contains("WARN"), "{}", site.log());
}

/// Behaviours 16, 43.
#[tokio::test(flavor = "multi_thread")]
async fn rest_of_a_path_is_one_parameter_with_its_slashes() {
    let site = Site::with(&[("catchall", &["listed/one"])]).await;
    site.get("/catchall/listed/one").await.assert_fresh(2).assert_said("catchall:listed/one #1");
    for (path, rest) in [
        ("/catchall/first/second/third", "first/second/third"),
        ("/catchall/one", "one"),
        ("/catchall/a%20b/c", "a b/c"),
    ] {
        let page = site.get(path).await;
        page.assert_status(200).assert_said(&format!("catchall:{rest} #1"));
        assert_eq!(page.part("params"), format!("rest={rest};"));
    }
    // The route has no page of its own: the app's 404.
    site.get("/catchall").await.assert_status(404);
}

/// Behaviour 97.
#[tokio::test(flavor = "multi_thread")]
async fn closed_parent_admits_what_parent_and_child_list_together() {
    let site = Site::with(&[("sections", &["s", "t"]), ("items", &["i", "j"])]).await;
    for (section, item) in [("s", "i"), ("s", "j"), ("t", "i"), ("t", "j")] {
        let page = site.get(&format!("/shop/{section}/{item}")).await;
        page.assert_fresh(2).assert_said(&format!("shop:{section}/{item} #1"));
        assert_eq!(page.part("section"), section);
    }
    let loads = site.cms.all_loads();
    for path in ["/shop/u/i", "/shop/s/k", "/shop/i/s"] {
        site.get(path).await.assert_not_listed();
    }
    for path in ["/shop", "/shop/s", "/shop/s/i/x"] {
        site.get(path).await.assert_status(404);
    }
    assert_eq!(site.cms.all_loads(), loads);
}

/// Behaviour 15.
#[tokio::test(flavor = "multi_thread")]
async fn page_whose_path_begins_like_an_api_is_a_page_and_an_api_is_none() {
    let site = Site::with(&[]).await;
    site.get("/api-docs/first").await.assert_said("api-docs:first #1");
    site.get("/api-docs/first").await.assert_fresh(2);
    let ping = site.get("/api/ping").await;
    ping.assert_status(200).assert_cache_status("isr; fwd=bypass; detail=no-route");
    ping.assert_header("cache-control", "private, no-store");
    assert_eq!(ping.text(), "pong");
}

/// Behaviour 53.
#[tokio::test(flavor = "multi_thread")]
async fn listed_page_is_served_each_time_though_nothing_can_be_kept() {
    let mut site = Site::new().await;
    site.cms.set_list("closed", &["a"]);
    site.keep_nothing();
    site.start();
    for n in 1..4 {
        let page = site.get("/closed/a").await;
        page.assert_status(200).assert_said(&format!("closed:a #{n}"));
        site.get("/closed/b").await.assert_not_listed();
    }
}

/// Behaviour 45.
#[tokio::test(flavor = "multi_thread")]
async fn in_development_each_request_is_rendered_and_nothing_is_stored() {
    let site = Site::in_memory(&[("LEPTOS_WATCH", "true")]).await;
    for n in 1..4 {
        let page = site.get("/blog/a").await;
        page.assert_status(200).assert_said(&format!("blog:a #{n}"));
        page.assert_cache_status("isr; fwd=bypass; detail=watch");
        page.assert_header("cache-control", "private, no-store");
    }
}

/// Behaviours 25, 34, 109.
#[tokio::test(flavor = "multi_thread")]
async fn build_ends_with_a_row_for_each_route() {
    let site = Site::new().await;
    site.cms.set_list("blog", &["a", "b", "a"]);
    site.cms.set_list("sections", &["s", "t"]);
    site.cms.set_list("items", &["i"]);
    let report = site.build().await;
    for row in [
        "/ | static | 1",
        "/blog/:post | 2s, None, listed | 2",
        "/closed/:slug | 2s, None, listed | 0",
        "/open/:slug | 2s, None, not listed | 0",
        "/shop/:section/:item | 2s, None, listed | 2",
        "/forever/:slug | static | 0",
        "/limited/:slug | 2s, Some(10s), not listed | 0",
        "/feed.xml | 2s, None, listed | 1",
        "/live | dynamic | 0",
    ] {
        assert!(report.lines().any(|line| line == row), "no `{row}` in\n{report}");
    }
    assert_eq!(site.pages_on_disk(), 9, "{report}");
}

/// Behaviours 44, 51: here a listed page that is not there is an error of the build.
#[tokio::test(flavor = "multi_thread")]
async fn listed_page_that_fails_fails_the_build_with_its_path_and_cause() {
    let site = Site::new().await;
    site.cms.set_list("blog", &["good", "gone", "down"]);
    site.cms.set("blog:gone", Answer::Gone);
    site.cms.set("blog:down", Answer::Broken(503));
    let output = site.try_build().await;
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{report}");
    for line in [
        "failed: /blog/gone: a listed page answered with status 404",
        "failed: /blog/down: the source answered 503 for `blog:down`",
    ] {
        assert!(report.contains(line), "no `{line}` in\n{report}");
    }
    assert_eq!(site.cms.loads("blog:down"), 3, "a failing page is tried again");
}

/// Behaviours 51, 67.
#[tokio::test(flavor = "multi_thread")]
async fn listed_page_that_may_come_later_is_found_when_its_content_appears() {
    let site = Site::new().await;
    site.cms.set_list("later", &["a", "b"]);
    site.cms.set("later:a", Answer::Gone);
    let report = site.build().await;
    let line = "left for later: /later/a: a listed page answered with status 404";
    assert!(report.contains(line), "{report}");
    let mut site = site;
    site.start();
    site.get("/later/b").await.assert_fresh(2);
    for _ in 0..3 {
        site.get("/later/a").await.assert_status(404);
    }
    site.cms.unset("later:a");
    site.purge_by(&json!({ "paths": ["/later/a"] })).await;
    site.get("/later/a").await.assert_status(200);
}
