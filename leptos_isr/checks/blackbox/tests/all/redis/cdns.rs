//! A CDN is told of each purge by one server of all.

use std::{path::Path, time::Duration};

use axum::{Router, http::StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use super::{fleet::Fleet, server::Redis};
use crate::support::Site;

/// A server in the place of a CDN.
struct StandIn {
    url: String,
    told: watch::Sender<Told>,
}

#[derive(Default)]
struct Told {
    is_failing: bool,
    /// The tags of each request.
    tags: Vec<Vec<String>>,
    /// The prefixes of all requests.
    prefixes: Vec<String>,
}

impl StandIn {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let told = watch::Sender::new(Told::default());
        let noted = told.clone();
        let app = Router::new().fallback(async move |body: String| {
            let purge: Value = serde_json::from_str(&body).unwrap();
            let texts = |name: &str| -> Vec<String> {
                serde_json::from_value(purge[name].clone()).unwrap()
            };
            noted.send_modify(|told| {
                told.tags.push(texts("tags"));
                told.prefixes.extend(texts("prefixes"));
            });
            match noted.borrow().is_failing {
                true => StatusCode::SERVICE_UNAVAILABLE,
                false => StatusCode::NO_CONTENT,
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, told }
    }

    /// Every tag that it was told, in order.
    fn tags(&self) -> Vec<String> {
        self.told.borrow().tags.concat()
    }

    async fn until(&self, is_so: impl FnMut(&Told) -> bool) {
        let mut told = self.told.subscribe();
        let is_told = tokio::time::timeout(Duration::from_secs(30), told.wait_for(is_so)).await;
        is_told.expect("the CDN was not told").unwrap();
    }
}

async fn fleet(redis: &Redis, cdn: &StandIn, count: usize) -> Fleet {
    let site = Site::new().await;
    let server = |n: usize| {
        let env = [("BLACKBOX_CDN", Path::new(&cdn.url))];
        let disk = format!("disk-{n}");
        let disk = (n % 2 == 1).then_some(&*disk);
        site.on_redis_with(&redis.url(), disk, &format!("server-{n}.log"), &env)
    };
    let servers = (0..count).map(server).collect();
    Fleet { site, servers }
}

#[tokio::test(flavor = "multi_thread")]
async fn cdn_is_told_of_each_purge_once_by_five_servers() {
    let Some(redis) = Redis::start(&[]) else { return };
    let cdn = StandIn::start().await;
    let mut fleet = fleet(&redis, &cdn, 5).await;
    let tags: Vec<_> = (0..50).map(|n| format!("post:{n}")).collect();
    for (n, tag) in tags.iter().enumerate() {
        fleet.servers[n % 5].purge_by(&json!({ "tags": [tag] })).await;
    }
    cdn.until(|told| told.tags.concat().len() >= 50).await;
    // Each server tells what it has not heard that others told.
    for server in &fleet.servers {
        server.purge_by(&json!({ "tags": ["last"] })).await;
    }
    cdn.until(|told| told.tags.concat().iter().filter(|tag| *tag == "last").count() == 5).await;
    assert_eq!(cdn.tags()[..50], tags);
    assert_eq!(cdn.tags().len(), 55);

    // A server that begins knows what the CDN was told.
    fleet.servers.clear();
    let env = [("BLACKBOX_CDN", Path::new(&cdn.url))];
    let late = fleet.site.on_redis_with(&redis.url(), None, "late.log", &env);
    late.purge_by(&json!({ "tags": ["late"] })).await;
    cdn.until(|told| told.tags.concat().last().is_some_and(|tag| tag == "late")).await;
    // The last ones may be told again: perhaps the server ended before it kept that it had told them.
    let count = |tag: &str| cdn.tags().iter().filter(|told| told.starts_with(tag)).count();
    assert_eq!((count("post:"), count("late")), (50, 1));
}

/// The disk of the one that is killed is lost with it.
#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_killed_before_a_cdn_was_told_is_followed_by_another() {
    let Some(redis) = Redis::start(&[]) else { return };
    let cdn = StandIn::start().await;
    let mut fleet = fleet(&redis, &cdn, 3).await;
    cdn.told.send_modify(|told| told.is_failing = true);
    fleet.servers[0].purge_by(&json!({ "tags": ["a"] })).await;
    cdn.until(|told| told.tags.len() > 1).await;
    let telling = fleet.servers.iter().position(|s| s.log().contains("could not tell a CDN"));
    fleet.servers.remove(telling.unwrap());
    cdn.told.send_replace(Told::default());
    fleet.servers[0].purge_by(&json!({ "tags": ["b"] })).await;
    cdn.until(|told| told.tags.concat().len() == 2).await;
    assert_eq!(cdn.tags(), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cdn_drops_everything_when_the_redis_has_lost_purges() {
    let Some(redis) = Redis::start(&[]) else { return };
    let cdn = StandIn::start().await;
    let fleet = fleet(&redis, &cdn, 3).await;
    fleet.servers[0].purge_by(&json!({ "tags": ["a"] })).await;
    cdn.until(|told| !told.tags.is_empty()).await;
    redis.say("FLUSHALL");
    cdn.until(|told| told.prefixes.contains(&"/".to_owned())).await;
}
