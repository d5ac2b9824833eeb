//! Two servers of one build on one folder. What holds today: each serves whole
//! pages, reads what the other stored and it has not in memory, and neither
//! loses the other's pages or purges. A server does not learn of the other's
//! purges or newer pages while it has the page in memory.

use serde_json::json;

use crate::support::{Server, Site};

async fn two() -> (Site, Server) {
    let site = Site::with(&[("blog", &["a"]), ("forever", &["a", "b"])]).await;
    let other = site.another_server("other.log");
    (site, other)
}

/// Behaviour 59, in part: B's page is what A reads, with the lifetime that B gave it.
#[tokio::test(flavor = "multi_thread")]
async fn page_that_another_server_stored_is_served_with_its_own_lifetime() {
    let (site, other) = two().await;
    site.cms.set_within("forever:new", 2);
    other.get("/forever/new").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    other.idle().await;
    site.advance(1);
    site.get("/forever/new").await.assert_fresh(1).assert_said("forever:new #1");
    site.advance(1);
    site.get("/forever/new").await.assert_cache_status("isr; hit; ttl=0");
}

/// Behaviour 59 differs: what A has in memory it serves until its own period is
/// over; then it regenerates, and its page is as new as B's.
#[tokio::test(flavor = "multi_thread")]
async fn server_with_a_page_in_memory_regenerates_by_its_own_period() {
    let (site, other) = two().await;
    site.get("/blog/a").await.assert_fresh(2);
    site.advance(2);
    other.get_twice("/blog/a").await.1.assert_fresh(2).assert_said("blog:a #2");
    let (old, new) = site.get_twice("/blog/a").await;
    old.assert_cache_status("isr; hit; ttl=0").assert_said("blog:a #1");
    new.assert_fresh(2).assert_said("blog:a #3");
    other.get("/blog/a").await.assert_fresh(2).assert_said("blog:a #2");
}

/// Neither server's purge is lost when the other purges, and after a restart
/// each knows both.
#[tokio::test(flavor = "multi_thread")]
async fn purges_of_two_servers_are_both_kept() {
    let (mut site, other) = two().await;
    for n in 0..20 {
        site.purge_by(&json!({ "tags": [format!("x{n}")] })).await;
        other.purge_by(&json!({ "tags": [format!("y{n}")] })).await;
    }
    site.purge(&["/forever/a"]).await;
    other.purge(&["/forever/b"]).await;
    drop(other);
    site.restart();
    for path in ["/forever/a", "/forever/b"] {
        site.get(path).await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    }
    assert!(!site.log().contains("damaged"), "{}", site.log());
}

/// Both write one page at the same time, many times: it is always whole.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_write_one_page_at_once_leave_a_whole_page() {
    let (mut site, other) = two().await;
    for _ in 0..10 {
        let (mine, theirs) =
            tokio::join!(site.regenerate("/forever/a"), other.regenerate("/forever/a"));
        assert_eq!((mine.0, theirs.0), (200, 200));
        let fresh = site.another_server("fresh.log");
        let page = fresh.get("/forever/a").await;
        page.assert_status(200).assert_cache_status("isr; hit");
        assert!(page.said().starts_with("forever:a #"));
        assert!(!fresh.log().contains("WARN"), "{}", fresh.log());
    }
    drop(other);
    site.restart();
    site.get("/forever/a").await.assert_cache_status("isr; hit");
}

/// A server of a new build beside one of the old: the old one goes on serving.
#[tokio::test(flavor = "multi_thread")]
async fn new_build_beside_an_old_server_takes_none_of_its_pages() {
    let mut site = Site::with(&[("blog", &["a"]), ("forever", &["a"])]).await;
    let old = site.another_server("old.log");
    site.deploy("two").await;
    site.get("/forever/a").await.assert_cache_status("isr; hit").assert_said("forever:a #2");
    old.get("/forever/a").await.assert_cache_status("isr; hit").assert_said("forever:a #1");
    old.get("/forever/late").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    site.get("/forever/late").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
}
