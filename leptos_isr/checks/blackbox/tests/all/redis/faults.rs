//! What happens when the Redis is gone, empty, slow, or another one.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{fleet::Fleet, link::Link, server::Redis};
use crate::support::{Page, Server};

/// Killed, and started again on its append-only file.
#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_killed_loses_no_purge_and_no_visitor() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 3).await;
    for server in &fleet.servers {
        server.get("/forever/a").await.assert_status(200);
        server.get("/forever/b").await.assert_status(200);
    }
    fleet.servers[0].purge_by(&json!({ "paths": ["/forever/a"], "hard": true })).await;
    redis.kill();
    for server in &fleet.servers {
        server.get("/forever/b").await.assert_status(200).assert_said("forever:b #1");
        server.get("/forever/c").await.assert_status(200);
    }
    let purge = json!({ "paths": ["/forever/b"] });
    fleet.servers[1].call("/_isr/purge", &purge).await.assert_status(503);
    redis.start_again();
    let is_purged = |page: &Page| !page.said().ends_with("a #1");
    fleet.all_say("/forever/a", is_purged).await;
    fleet.servers[1].purge(&["/forever/b"]).await;
    fleet.all_say("/forever/b", |page| !page.said().ends_with("b #1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_emptied_leaves_no_page_that_counts_as_fresh() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 3).await;
    for server in &fleet.servers {
        server.get("/forever/a").await.assert_said("forever:a #1");
    }
    // When its purge is heard, so is what was purged before.
    fleet.servers[0].purge(&["/forever/a"]).await;
    fleet.all_say("/forever/a", |page| page.said() == "forever:a #2").await;
    fleet.idle().await;
    redis.say("FLUSHALL");
    fleet.all_say("/forever/a", |page| page.said() == "forever:a #3").await;
    // One of everything, by one of three; more if they notice at the same moment.
    let records = redis.say("XLEN isr1:blackbox:log");
    assert!([":1", ":2", ":3"].contains(&&*records), "{records}");
    let said = |server: &Server| server.log().contains("has lost purges");
    assert!(fleet.servers.iter().all(said), "{}", fleet.servers[0].log());
}

/// A replica takes over that lacks the last purge, which was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn purge_that_a_failover_loses_is_made_up_for() {
    let Some(primary) = Redis::start(&[]) else { return };
    let replica = Redis::start(&[]).unwrap();
    replica.say(&format!("REPLICAOF 127.0.0.1 {}", primary.addr.port()));
    let link = Link::to(primary.addr).await;
    let fleet = Fleet::start(&link.url(), 3).await;
    fleet.servers[0].purge_by(&json!({ "tags": ["other"] })).await;
    for server in &fleet.servers {
        server.get("/forever/a").await.assert_status(200);
        server.get("/forever/b").await.assert_status(200);
    }
    fleet.idle().await;
    while replica.say("XLEN isr1:blackbox:log") != ":1"
        || replica.say("EXISTS isr1:blackbox:page:one:/forever/a") != ":1"
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    replica.say("REPLICAOF NO ONE");
    // Heard by one server only: the others are cut off before.
    fleet.servers[0].purge_by(&json!({ "paths": ["/forever/a"], "hard": true })).await;
    link.lead_to(replica.addr);
    fleet.all_say("/forever/a", |page| !page.said().ends_with("a #1")).await;
    fleet.all_say("/forever/b", |page| !page.said().ends_with("b #1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_hangs_costs_visitors_no_page() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 2).await;
    for server in &fleet.servers {
        server.get("/blog/a").await.assert_status(200);
    }
    fleet.idle().await;
    redis.say("CLIENT PAUSE 25000 ALL");
    let began = Instant::now();
    fleet.site.advance(2);
    for server in &fleet.servers {
        server.get("/blog/a").await.assert_status(200).assert_said("blog:a #1");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for server in &fleet.servers {
        server.get("/forever/new").await.assert_status(200);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // Redis takes it when it goes on.
    while fleet.servers[0].call("/_isr/purge", &json!({ "paths": ["/forever/new"] })).await.status
        != 204
    {
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

/// The one that renders is stopped for longer than its lease.
#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_stopped_while_it_renders_puts_no_older_page_over_a_newer_one() {
    let Some(redis) = Redis::start(&[]) else { return };
    let fleet = Fleet::start(&redis.url(), 2).await;
    let gate = fleet.site.cms.hold("forever:new");
    let waiting = fleet.servers[0].visit("/forever/new");
    while fleet.site.cms.loads("forever:new") == 0 {
        tokio::task::yield_now().await;
    }
    fleet.servers[0].freeze();
    gate.add_permits(2);
    fleet.servers[1].get("/forever/new").await.assert_said("forever:new #2");
    fleet.servers[1].idle().await;
    fleet.servers[0].signal("CONT");
    // Its own visitor has waited for longer than a render may take.
    waiting.await.unwrap().unwrap();
    fleet.idle().await;
    fleet.all_say("/forever/new", |page| page.said() == "forever:new #2").await;
    let late = fleet.site.on_redis(&redis.url(), None, "late.log");
    late.get("/forever/new").await.assert_said("forever:new #2");
}

#[tokio::test(flavor = "multi_thread")]
async fn lease_of_a_server_that_is_killed_passes_on() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut fleet = Fleet::start(&redis.url(), 2).await;
    let gate = fleet.site.cms.hold("forever:new");
    let waiting = fleet.servers[0].visit("/forever/new");
    while fleet.site.cms.loads("forever:new") == 0 {
        tokio::task::yield_now().await;
    }
    drop(fleet.servers.remove(0));
    assert!(waiting.await.unwrap().is_err());
    gate.add_permits(2);
    fleet.servers[0].get("/forever/new").await.assert_said("forever:new #2");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_link_delays_purges_and_no_visitor() {
    let Some(redis) = Redis::start(&[]) else { return };
    let link = Link::to(redis.addr).await;
    let fleet = Fleet::start(&link.url(), 2).await;
    for server in &fleet.servers {
        server.get("/blog/a").await.assert_status(200);
    }
    fleet.idle().await;
    link.delay(Duration::from_millis(100));
    fleet.site.advance(2);
    let began = Instant::now();
    for server in &fleet.servers {
        server.get("/blog/a").await.assert_status(200);
    }
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    fleet.idle().await;
    assert_eq!(fleet.site.cms.loads("blog:a"), 2, "still one render");
    fleet.servers[0].purge(&["/blog/a"]).await;
    let heard = fleet.all_say("/blog/a", |page| !page.said().ends_with("#2")).await;
    assert!(heard < Duration::from_secs(2), "{heard:?}");
}

/// A server that starts while the Redis is gone serves what its disk has, knows what was purged
/// before, and hears later what was purged meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn server_that_starts_without_the_redis_serves_its_disk_and_hears_later() {
    let Some(redis) = Redis::start(&[]) else { return };
    let link = Link::to(redis.addr).await;
    let mut fleet = Fleet::start(&redis.url(), 1).await;
    let cut_off = fleet.site.on_redis(&link.url(), Some("own"), "before.log");
    for path in ["/forever/a", "/forever/b"] {
        cut_off.get(path).await.assert_status(200);
        fleet.servers[0].get(path).await.assert_status(200);
    }
    cut_off.get("/forever/c").await.assert_said("forever:c #1");
    cut_off.idle().await;
    cut_off.purge(&["/forever/c"]).await;
    drop(cut_off);
    link.cut();
    fleet.servers[0].purge_by(&json!({ "paths": ["/forever/a"], "hard": true })).await;
    let cut_off = fleet.site.on_redis(&link.url(), Some("own"), "after.log");
    cut_off.get("/forever/b").await.assert_status(200).assert_said("forever:b #1");
    cut_off.get("/forever/c").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    assert!(cut_off.log().contains("cannot be reached"), "{}", cut_off.log());
    link.lead_to(redis.addr);
    fleet.servers = vec![cut_off];
    fleet.all_say("/forever/a", |page| !page.said().ends_with("a #1")).await;
}

/// The host that a connection leads to is gone, and says nothing about it.
#[tokio::test(flavor = "multi_thread")]
async fn connection_that_is_lost_without_a_word_is_dialled_anew() {
    let Some(redis) = Redis::start(&[]) else { return };
    let link = Link::to(redis.addr).await;
    let fleet = Fleet::start(&link.url(), 2).await;
    for server in &fleet.servers {
        server.get("/forever/a").await.assert_status(200);
    }
    fleet.idle().await;
    let began = Instant::now();
    link.lose_open_ones();
    let purge = json!({ "paths": ["/forever/a"], "hard": true });
    while fleet.servers[0].call("/_isr/purge", &purge).await.status != 204 {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
    fleet.all_say("/forever/a", |page| !page.said().ends_with("a #1")).await;
}
