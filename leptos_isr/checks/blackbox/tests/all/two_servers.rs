//! Two servers of one build on one folder. Each serves whole pages, takes the
//! newer page of the other rather than render its own, hears of the other's
//! purges within a second, and neither loses the other's pages or purges.

use std::time::{Duration, Instant};

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

/// Behaviour 59: what A has in memory it serves until its own period is over. The
/// page that B has rendered by then takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn server_whose_page_is_stale_takes_the_fresh_one_of_the_other() {
    let (site, other) = two().await;
    site.get("/blog/a").await.assert_fresh(2);
    site.advance(2);
    other.get_twice("/blog/a").await.1.assert_fresh(2).assert_said("blog:a #2");
    let (old, new) = site.get_twice("/blog/a").await;
    old.assert_cache_status("isr; hit; ttl=0").assert_said("blog:a #1");
    new.assert_fresh(2).assert_said("blog:a #2");
}

/// Twenty pages expire on both servers at once, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn page_that_becomes_stale_is_rendered_once_by_two_servers() {
    let (site, other) = two().await;
    let paths: Vec<_> = (0..20).map(|n| format!("/blog/{n}")).collect();
    for round in 1..=10 {
        let visits = paths.iter().flat_map(|path| [site.visit(path), other.visit(path)]);
        for visit in visits.collect::<Vec<_>>() {
            visit.await.unwrap().unwrap();
        }
        site.idle().await;
        other.idle().await;
        for (n, path) in paths.iter().enumerate() {
            assert_eq!(site.cms.loads(&format!("blog:{n}")), round, "{path} in round {round}");
        }
        site.advance(2);
    }
}

/// A lease ends with its process.
#[tokio::test(flavor = "multi_thread")]
async fn page_of_a_server_that_is_killed_is_rendered_by_the_other() {
    let (mut site, other) = two().await;
    let gate = site.cms.hold("forever:new");
    let waiting = site.visit("/forever/new");
    while site.cms.loads("forever:new") == 0 {
        tokio::task::yield_now().await;
    }
    site.stop();
    assert!(waiting.await.unwrap().is_err(), "the server answered");
    gate.add_permits(2);
    other.get("/forever/new").await.assert_said("forever:new #2");
}

/// A server is stopped while it renders, for longer than a render may take, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn page_of_a_server_that_was_stopped_does_not_take_the_place_of_a_newer_one() {
    let (site, other) = two().await;
    let gate = site.cms.hold("forever:new");
    let waiting = site.visit("/forever/new");
    while site.cms.loads("forever:new") == 0 {
        tokio::task::yield_now().await;
    }
    site.freeze();
    site.advance(11);
    let began = Instant::now();
    gate.add_permits(2);
    other.get("/forever/new").await.assert_said("forever:new #2");
    assert!(began.elapsed() > Duration::from_secs(4), "it waited for {:?}", began.elapsed());
    other.idle().await;
    site.signal("CONT");
    waiting.await.unwrap().unwrap();
    site.idle().await;
    for server in [&*site, &other, &site.another_server("fresh.log")] {
        server.get("/forever/new").await.assert_said("forever:new #2");
    }
}

/// A purge that one server has answered reaches the other's pages in memory.
#[tokio::test(flavor = "multi_thread")]
async fn purge_of_one_server_is_heard_by_the_other_within_a_second() {
    let (site, other) = two().await;
    let mut worst = Duration::ZERO;
    for round in 0..20 {
        let (asked, heard) = if round % 2 == 0 { (&*site, &other) } else { (&other, &*site) };
        heard.get_twice("/forever/a").await;
        let old = heard.get("/forever/a").await;
        old.assert_cache_status("isr; hit");
        asked.purge_by(&json!({ "paths": ["/forever/a"], "hard": round % 4 < 2 })).await;
        let answered = Instant::now();
        loop {
            let page = heard.get("/forever/a").await;
            if page.cache_status() != "isr; hit" || page.said() != old.said() {
                break;
            }
            assert!(answered.elapsed() < Duration::from_secs(10), "round {round}: it is not heard");
        }
        worst = worst.max(answered.elapsed());
        heard.idle().await;
    }
    println!("the slowest of 20 purges was heard after {worst:?}");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
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
