//! What a render may come to: a page, nothing, a redirect. Each is kept, and
//! each takes the place of another.

use crate::support::{Answer, Site};

/// Behaviours 50, 68, 84.
#[tokio::test(flavor = "multi_thread")]
async fn page_appears_disappears_and_appears_again() {
    let site = Site::with(&[]).await;
    site.cms.set("open:a", Answer::Gone);
    let missing = site.get("/open/a").await;
    missing.assert_status(404).assert_cache_status("isr; fwd=miss; fwd-status=404; stored");
    for _ in 0..4 {
        site.get("/open/a").await.assert_status(404).assert_fresh(2);
    }
    assert_eq!(site.cms.loads("open:a"), 1, "a 404 is as good as a page");
    for _ in 0..2 {
        site.cms.set("open:a", Answer::Text("here"));
        site.advance(2);
        let (old, new) = site.get_twice("/open/a").await;
        old.assert_status(404);
        new.assert_status(200).assert_fresh(2).assert_said("here");
        site.cms.set("open:a", Answer::Gone);
        site.advance(2);
        let (old, new) = site.get_twice("/open/a").await;
        old.assert_status(200).assert_said("here");
        new.assert_status(404).assert_fresh(2).assert_said("Not here");
    }
}

/// Behaviours 41, 50.
#[tokio::test(flavor = "multi_thread")]
async fn listed_page_whose_content_is_removed_is_404_until_it_is_back() {
    let site = Site::with(&[("closed", &["a"]), ("blog", &["a"])]).await;
    for (path, key) in [("/closed/a", "closed:a"), ("/blog/a", "blog:a")] {
        site.get(path).await.assert_status(200);
        site.cms.set(key, Answer::Gone);
        site.purge(&[path]).await;
        let (old, new) = site.get_twice(path).await;
        old.assert_status(200);
        new.assert_status(404).assert_fresh(2).assert_said("Not here");
        site.cms.unset(key);
        site.purge(&[path]).await;
        // A purge may mean that the page exists now: nobody is told "no" once more.
        site.get(path).await.assert_status(200).assert_said(&format!("{key} #3"));
    }
}

/// Behaviour 100.
#[tokio::test(flavor = "multi_thread")]
async fn not_found_keeps_its_status_and_headers_on_each_hit() {
    let site = Site::with(&[]).await;
    site.cms.set("open:a", Answer::Gone);
    site.get("/open/a").await.assert_status(404);
    for _ in 0..5 {
        let page = site.get("/open/a").await;
        page.assert_status(404).assert_fresh(2).assert_said("Not here");
        page.assert_header("content-type", "text/html; charset=utf-8");
    }
}

/// Behaviour 81, with this engine's headers: shared caches keep a 404 for a minute at most.
#[tokio::test(flavor = "multi_thread")]
async fn not_found_and_redirect_carry_the_lifetime_of_their_route() {
    let site = Site::with(&[]).await;
    for (key, answer, status) in [
        ("a", Answer::Gone, 404),
        ("b", Answer::Moved(307, "/open/x"), 307),
        ("c", Answer::Text("here"), 200),
    ] {
        for (route, left) in [("open", 2), ("forever", 300)] {
            site.cms.set(&format!("{route}:{key}"), answer.clone());
            for _ in 0..2 {
                let page = site.get(&format!("/{route}/{key}")).await;
                page.assert_status(status);
                page.assert_header("cache-control", "public, max-age=0, must-revalidate");
                let (left, window) = match status {
                    404 => (left.min(60), 0),
                    _ => (left, 300),
                };
                let shared = format!("public, max-age={left}, stale-while-revalidate={window}");
                page.assert_header("cdn-cache-control", &shared);
            }
        }
    }
}

/// Behaviours 63, 80.
#[tokio::test(flavor = "multi_thread")]
async fn redirect_is_intact_on_each_hit_after_a_purge_and_after_a_restart() {
    let mut site = Site::new().await;
    let redirects = [("a", 301), ("b", 302), ("c", 303), ("d", 307), ("e", 308)];
    for (slug, status) in redirects {
        site.cms.set(&format!("moved:{slug}"), Answer::Moved(status, "/blog/new?x=1&y=%20#end"));
        site.cms.set(&format!("open:{slug}"), Answer::Moved(status, "https://other.test/"));
    }
    site.cms.set_list("moved", &["a", "b", "c", "d", "e"]);
    site.build().await;
    site.start();
    for (slug, status) in redirects {
        let (built, on_demand) = (format!("/moved/{slug}"), format!("/open/{slug}"));
        site.get(&on_demand)
            .await
            .assert_cache_status(&format!("isr; fwd=miss; fwd-status={status}; stored"));
        for (path, to) in [(&built, "/blog/new?x=1&y=%20#end"), (&on_demand, "https://other.test/")]
        {
            for _ in 0..2 {
                let page = site.get(path).await;
                page.assert_status(status).assert_fresh(2);
                assert_eq!(page.all("location"), [to]);
                for name in
                    ["cache-control", "cdn-cache-control", "cache-status", "content-type", "vary"]
                {
                    assert_eq!(page.all(name).len(), 1, "{name}");
                }
            }
            site.purge(&[path]).await;
            let (old, new) = site.get_twice(path).await;
            assert_eq!((old.status, new.status), (status, status));
            assert_eq!((old.all("location"), new.all("location")), (vec![to], vec![to]));
        }
    }
    site.restart();
    for (slug, status) in redirects {
        let listed = site.get(&format!("/moved/{slug}")).await;
        listed.assert_status(status).assert_fresh(2);
        assert_eq!(listed.all("location"), ["/blog/new?x=1&y=%20#end"]);
        // A path that no list has is not worth a file.
        let unlisted = site.get(&format!("/open/{slug}")).await;
        unlisted.assert_status(status);
        assert_eq!(unlisted.all("location"), ["https://other.test/"]);
    }
}

/// Behaviours 63, 80, 84.
#[tokio::test(flavor = "multi_thread")]
async fn redirect_page_and_404_take_each_others_place() {
    let site = Site::with(&[("moved", &["a"])]).await;
    site.get("/moved/a").await.assert_status(200).assert_header("location", "");
    for (answer, status, location) in [
        (Answer::Moved(308, "/blog/b"), 308, "/blog/b"),
        (Answer::Moved(307, "/blog/c"), 307, "/blog/c"),
        (Answer::Gone, 404, ""),
        (Answer::Moved(301, "/blog/d"), 301, "/blog/d"),
        (Answer::Text("here again"), 200, ""),
    ] {
        site.cms.set("moved:a", answer);
        site.advance(2);
        let (_, new) = site.get_twice("/moved/a").await;
        new.assert_status(status).assert_header("location", location).assert_fresh(2);
    }
}

/// Behaviour 94.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_a_source_that_did_not_answer_is_never_kept() {
    let site = Site::with(&[("blog", &["a"])]).await;
    for status in [400, 403, 418, 429, 500, 502, 503] {
        let key = format!("open:{status}");
        site.cms.set(&key, Answer::Broken(status));
        for _ in 0..2 {
            let page = site.get(&format!("/open/{status}")).await;
            page.assert_status(502).assert_cache_status("isr; fwd=miss; fwd-status=502");
            page.assert_header("cache-control", "private, no-store");
            page.assert_header("cdn-cache-control", "").assert_header("etag", "");
        }
        site.cms.unset(&key);
        site.advance(1);
        site.get(&format!("/open/{status}")).await.assert_status(200);
    }
}

/// Behaviour 110.
#[tokio::test(flavor = "multi_thread")]
async fn probing_paths_that_are_not_there_fills_no_disk() {
    let site = Site::with(&[("blog", &["a"])]).await;
    let pages = site.pages_on_disk();
    for n in 0..50 {
        site.cms.set(&format!("open:bogus-{n}"), Answer::Gone);
        site.get(&format!("/open/bogus-{n}")).await.assert_status(404);
    }
    site.idle().await;
    assert_eq!(site.pages_on_disk(), pages);
    // Where a page was, its 404 is kept, so that a restart does not bring it back.
    site.cms.set("blog:a", Answer::Gone);
    site.purge(&["/blog/a"]).await;
    site.get_twice("/blog/a").await.1.assert_status(404);
    assert_eq!(site.pages_on_disk(), pages);
    let mut site = site;
    site.restart();
    site.get("/blog/a").await.assert_status(404).assert_fresh(2);
}

/// Behaviours 95, 110: the bytes of a handler without Leptos.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_no_text_survive_store_and_restart() {
    let mut site = Site::new().await;
    let bytes: &[u8] = &[0, 255, 13, 10, 13, 10, 0x1f, 0x8b, 128, 254, 0];
    site.cms.set("blob:", Answer::Bytes(bytes));
    site.build().await;
    site.start();
    for _ in 0..2 {
        let page = site.get("/blob").await;
        page.assert_status(200)
            .assert_fresh(2)
            .assert_header("content-type", "application/octet-stream");
        assert_eq!(page.body, bytes);
        site.restart();
    }
}

/// Behaviour 90: handlers without Leptos are pages too.
#[tokio::test(flavor = "multi_thread")]
async fn feed_is_stored_and_regenerated_like_a_page() {
    let site = Site::with(&[]).await;
    let feed = site.get("/feed.xml?utm=1").await;
    feed.assert_fresh(2).assert_header("content-type", "application/xml");
    assert_eq!(feed.text(), "feed: #1");
    site.advance(2);
    let (old, new) = site.get_twice("/feed.xml").await;
    assert_eq!((old.text().as_str(), new.text().as_str()), ("feed: #1", "feed: #2"));
    site.cms.set("feed:", Answer::Broken(500));
    site.advance(2);
    let (_, still) = site.get_twice("/feed.xml").await;
    still.assert_status(200);
    assert_eq!(still.text(), "feed: #2");
}
