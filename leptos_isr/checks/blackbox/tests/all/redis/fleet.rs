//! Five servers that are one site.

use std::time::{Duration, Instant};

use serde_json::json;

use super::server::Redis;
use crate::support::{Page, Server, Site};

/// How soon a purge is heard by all.
const HEARD: Duration = Duration::from_secs(1);

pub(crate) struct Fleet {
    pub(crate) site: Site,
    pub(crate) servers: Vec<Server>,
}

impl Fleet {
    /// Servers that reach the Redis at `url`. Every second one has a disk.
    pub(crate) async fn start(url: &str, count: usize) -> Self {
        let site = Site::new().await;
        let server = |n: usize| {
            let disk = format!("disk-{n}");
            site.on_redis(url, (n % 2 == 1).then_some(&disk), &format!("server-{n}.log"))
        };
        let servers = (0..count).map(server).collect();
        Self { site, servers }
    }

    pub(crate) async fn idle(&self) {
        for server in &self.servers {
            server.idle().await;
        }
    }

    /// Asks every server until `is_so` holds for its answer; returns how long the last one took.
    pub(crate) async fn all_say(&self, path: &str, is_so: impl Fn(&Page) -> bool) -> Duration {
        let began = Instant::now();
        for (number, server) in self.servers.iter().enumerate() {
            loop {
                let page = server.get(path).await;
                if is_so(&page) {
                    break;
                }
                let waited = began.elapsed();
                assert!(waited < Duration::from_secs(10), "server {number}: {page:?}");
            }
        }
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pages_that_expire_on_five_servers_are_rendered_once_each() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 5).await;
    let paths: Vec<_> = (0..200).map(|n| format!("/blog/{n}")).collect();
    for round in 1..=3 {
        let visits = paths.iter().flat_map(|path| fleet.servers.iter().map(|s| s.visit(path)));
        for visit in visits.collect::<Vec<_>>() {
            visit.await.unwrap().unwrap().assert_status(200);
        }
        fleet.idle().await;
        for n in 0..200 {
            assert_eq!(fleet.site.cms.loads(&format!("blog:{n}")), round, "{n} in round {round}");
        }
        fleet.site.advance(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn purge_of_one_server_is_heard_by_all_within_a_second() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 5).await;
    let mut worst = Duration::ZERO;
    for round in 0..25 {
        for server in &fleet.servers {
            server.get_twice("/forever/a").await;
        }
        let old = fleet.servers[0].get("/forever/a").await;
        let asked = &fleet.servers[round % 5];
        asked.purge_by(&json!({ "paths": ["/forever/a"], "hard": round % 2 == 0 })).await;
        if round % 2 == 0 {
            let page = asked.get("/forever/a").await;
            assert_ne!(page.said(), old.said(), "round {round}: the server that was asked");
        }
        let is_heard =
            |page: &Page| page.said() != old.said() || page.cache_status().contains("purged");
        worst = worst.max(fleet.all_say("/forever/a", is_heard).await);
        fleet.idle().await;
    }
    println!("the slowest of 25 purges was heard by five servers after {worst:?}");
    assert!(worst < HEARD, "{worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn period_that_is_set_on_one_server_holds_on_all_within_a_second() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 5).await;
    for server in &fleet.servers {
        server.get_twice("/blog/a").await;
    }
    let set = json!({ "route": "/blog/:post", "revalidate": "1000s" });
    fleet.servers[3].call("/_isr/periods", &set).await.assert_status(200);
    let has_it = |page: &Page| page.cache_status().starts_with("isr; hit; ttl=1000");
    let took = fleet.all_say("/blog/a", has_it).await;
    assert!(took < HEARD, "{took:?}");
}

/// Visitors of a missing page on five servers wait for one render.
#[tokio::test(flavor = "multi_thread")]
async fn missing_page_is_rendered_by_one_server_and_the_others_wait_for_it() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 5).await;
    let gate = fleet.site.cms.hold("forever:new");
    let visits: Vec<_> = fleet.servers.iter().map(|server| server.visit("/forever/new")).collect();
    while fleet.site.cms.loads("forever:new") == 0 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(100);
    for visit in visits {
        visit.await.unwrap().unwrap().assert_status(200).assert_said("forever:new #1");
    }
}

/// A server of a new build beside one of the old, as in a rolling deploy.
#[tokio::test(flavor = "multi_thread")]
async fn builds_have_pages_of_their_own_and_hear_each_others_purges() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut site = Site::new().await;
    let old = site.on_redis(&redis.url(), None, "old.log");
    old.get("/forever/a").await.assert_said("forever:a #1");
    site.name_build("two");
    let new = site.on_redis(&redis.url(), None, "new.log");
    new.get("/forever/a").await.assert_said("forever:a #2");
    old.get("/forever/a").await.assert_cache_status("isr; hit").assert_said("forever:a #1");
    let fleet = Fleet { site, servers: vec![old, new] };
    fleet.servers[1].purge_by(&json!({ "paths": ["/forever/a"], "hard": true })).await;
    fleet
        .all_say("/forever/a", |page| !["forever:a #1", "forever:a #2"].contains(&&*page.said()))
        .await;
}

/// What memory does not have comes from the Redis, also in a server that starts later.
#[tokio::test(flavor = "multi_thread")]
async fn server_that_starts_later_serves_what_others_have_rendered() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::start(&redis.url(), 2).await;
    for n in 0..20 {
        fleet.servers[n % 2].get(&format!("/forever/{n}")).await.assert_status(200);
    }
    fleet.idle().await;
    fleet.servers[0].purge(&["/forever/7"]).await;
    fleet.servers.clear();
    let late = fleet.site.on_redis(&redis.url(), None, "late.log");
    for n in (0..20).filter(|n| *n != 7) {
        let page = late.get(&format!("/forever/{n}")).await;
        page.assert_cache_status("isr; hit").assert_said(&format!("forever:{n} #1"));
    }
    late.get("/forever/7").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    assert!(!late.log().contains("WARN"), "{}", late.log());
}
