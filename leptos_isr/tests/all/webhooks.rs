//! Webhooks: who is believed, what a delivery purges, and that none is done twice.
//!
//! Pages of `/a/:id` are fresh for 60 s and carry the tags `all` and `a:{id}`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use leptos_isr::testing::Answer;
use leptos_isr::{
    Engine, days, hours, minutes,
    purge::{Mapping, Purge, Webhook},
    route::RouteTable,
    seconds,
    stats::PurgeSource,
    store::{DiskStore, Ledger, LedgerRecord, StoreError},
};
use sha2::Sha256;

use crate::support::{Renders, Site, ledger::MemoryLedger, log::Warnings, routes};

const SECRET: &str = "a secret of the sender";
const ENDPOINT: &str = "/_isr/hooks/cms";
const PURGED: &str = "isr; hit; ttl=0; detail=purged";

/// Where the clock of a site begins, since 1970.
const START: Duration = Duration::from_secs(1_767_225_600);

fn mapping() -> Mapping {
    Mapping::new().tag("a:{slug}")
}

fn site(hook: Webhook) -> Site {
    Site::build(routes(), |builder| builder.webhook("cms", hook))
}

fn mac(parts: &[&str]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header of our own scheme, signed at `at`.
fn signed(body: &str, at: Duration) -> String {
    let time = at.as_secs().to_string();
    format!("t={time},v1={}", hex(&mac(&[&time, ".", body])))
}

async fn deliver(site: &Site, headers: &[(&str, &str)], body: &str) -> Answer {
    let answer = site.send(Method::POST, ENDPOINT, headers, Body::from(body.to_owned())).await;
    assert_eq!(answer.header("cache-control"), "private, no-store");
    answer.assert_bypass(if answer.status.is_success() { "endpoint" } else { "error" });
    answer
}

async fn deliver_signed(site: &Site, body: &str, at: Duration) -> Answer {
    deliver(site, &[("x-isr-signature", &signed(body, at))], body).await
}

/// Stores `/a/{id}` for each id, lets `deliver` happen, and tells whose page is purged.
async fn purged<'a>(
    site: &Site,
    ids: &[&'a str],
    deliver: impl Future<Output = Answer>,
) -> Vec<&'a str> {
    for id in ids {
        site.get(&format!("/a/{id}")).await;
    }
    let answer = deliver.await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    let mut purged = Vec::new();
    for id in ids {
        if site.get(&format!("/a/{id}")).await.header("cache-status") == PURGED {
            purged.push(*id);
        }
    }
    site.idle().await;
    purged
}

#[tokio::test]
async fn delivery_purges_softly_what_it_maps_to() {
    let site = site(Webhook::generic(SECRET, mapping().path("/a/{old.slug}")));
    let body = r#"{"slug":"1","old":{"slug":"2"}}"#;
    let purged = purged(&site, &["1", "2", "3"], deliver_signed(&site, body, START)).await;
    assert_eq!(purged, ["1", "2"]);
    let mut counts = site.engine.stats().purges.into_iter().filter(|of| of.count > 0);
    let purge = counts.next().unwrap();
    assert_eq!((purge.source, purge.count, counts.next()), (PurgeSource::Webhook, 1, None));
}

#[tokio::test]
async fn hard_mapping_lets_the_next_visitor_wait() {
    let site = site(Webhook::generic(SECRET, mapping().hard()));
    site.get("/a/1").await;
    deliver_signed(&site, r#"{"slug":"1"}"#, START).await;
    site.get("/a/1").await.assert_cache_status("isr; fwd=stale; fwd-status=200; stored");
}

#[tokio::test]
async fn delivery_of_somebody_else_is_refused_without_saying_why() {
    let (warnings, _guard) = Warnings::collect();
    let site = site(Webhook::generic(SECRET, mapping()));
    let body = r#"{"slug":"1"}"#;
    let good = signed(body, START);
    let flipped = good.replace("v1=", "v1=0");
    let late = signed(body, START - minutes(5) - seconds(1));
    let early = signed(body, START + minutes(5) + seconds(1));
    site.get("/a/1").await;
    let mut texts = Vec::new();
    for header in ["", "t=1", &flipped, &late, &early, &signed("{}", START)] {
        let answer = deliver(&site, &[("x-isr-signature", header)], body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header}");
        texts.push(answer.body);
    }
    let twice = [("x-isr-signature", &*good), ("x-isr-signature", &*good)];
    for headers in [&[("x-hub-signature-256", &*good)][..], &[], &twice] {
        let answer = deliver(&site, headers, body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
        texts.push(answer.body);
    }
    texts.dedup();
    assert_eq!(texts, ["This is no delivery of the webhook's sender.\n"]);
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    let log = warnings.text();
    assert!(log.contains("hook=\"cms\"") && log.contains("too long ago"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

/// Sanity's CDN answers with what was before for a while.
#[tokio::test]
async fn delivery_of_sanity_purges_once_more_after_a_minute_unless_the_mapping_says_otherwise() {
    let all = || Mapping::new().tag("all");
    for (mapping, after, again) in [
        (all(), 59, "isr; hit"),
        (all(), 60, PURGED),
        (all().again_after(seconds(10)), 10, PURGED),
        (all().again_after(Duration::ZERO), 3600, "isr; hit"),
    ] {
        let site = site(Webhook::sanity(SECRET, mapping));
        site.get("/forever").await;
        let time = START.as_millis().to_string();
        let signature = URL_SAFE_NO_PAD.encode(mac(&[&time, ".", "{}"]));
        let header = format!("t={time},v1={signature}");
        deliver(&site, &[("sanity-webhook-signature", &header)], "{}").await;
        site.get("/forever").await.assert_cache_status(PURGED);
        site.idle().await;
        site.advance(seconds(after));
        site.idle().await;
        site.get("/forever").await.assert_cache_status(again);
    }
    let later = all().again_after(hours(1) + seconds(1));
    let builder = Engine::builder(RouteTable::new());
    let error = builder.webhook("cms", Webhook::generic(SECRET, later)).build().unwrap_err();
    assert!(error.to_string().contains("`cms`") && error.to_string().contains("an hour"));
}

#[tokio::test]
async fn tolerance_can_be_set() {
    let site = site(Webhook::generic(SECRET, mapping()).tolerance(seconds(10)));
    let at = |ago| deliver_signed(&site, "{}", START - seconds(ago));
    assert_eq!(at(10).await.status, StatusCode::NO_CONTENT);
    assert_eq!(at(11).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn longest_times_are_no_fault() {
    let site = Site::build(routes(), |builder| {
        let webhook = Webhook::generic(SECRET, mapping()).tolerance(Duration::MAX);
        builder.webhook("cms", webhook).render_timeout(Duration::MAX)
    });
    let long_ago = deliver_signed(&site, r#"{"slug":"1"}"#, START - days(9000)).await;
    long_ago.assert_status(204);
    site.behave(Renders::SaysPeriod(Duration::MAX));
    site.get("/a/1").await.assert_miss_stored();
    let purge = Purge { tags: vec!["a:1".to_owned()], ..Purge::default() };
    assert_eq!(site.engine.purge_dry_run(&purge).await.unwrap().pages, 1);
}

#[tokio::test]
async fn delivery_that_comes_again_is_not_done_again() {
    let site = site(Webhook::generic(SECRET, mapping()));
    let body = r#"{"slug":"1"}"#;
    assert_eq!(purged(&site, &["1"], deliver_signed(&site, body, START)).await, ["1"]);
    assert!(purged(&site, &["1"], deliver_signed(&site, body, START)).await.is_empty());
    let spelled = signed(body, START).to_uppercase().replace("T=", "t=").replace("V1=", "v1=");
    let headers = [("x-isr-signature", &*spelled)];
    let again = deliver(&site, &headers, body);
    assert!(purged(&site, &["1"], again).await.is_empty(), "another spelling of the signature");
    let next = deliver_signed(&site, body, START + seconds(1));
    assert_eq!(purged(&site, &["1"], next).await, ["1"]);
}

/// A ledger whose disk is full until the first purge was refused.
#[derive(Clone, Debug, Default)]
struct Full {
    was_full: Arc<AtomicBool>,
    purges: MemoryLedger,
}

#[async_trait]
impl Ledger for Full {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        self.purges.records()
    }
    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        if self.was_full.swap(true, Ordering::SeqCst) {
            return self.purges.append(record, after).await;
        }
        Err("the disk is full".into())
    }
    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        self.purges.since(position).await
    }
    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.purges.replace(records).await
    }
}

#[tokio::test]
async fn delivery_whose_purge_failed_may_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let pages = DiskStore::open(folder.path(), "b1").unwrap();
    let site = Site::build(routes(), |builder| {
        let builder = builder.store(pages).ledger(Full::default());
        builder.webhook("cms", Webhook::generic(SECRET, mapping()))
    });
    let body = r#"{"slug":"1"}"#;
    let deliver = || deliver_signed(&site, body, START);
    let (failed, meanwhile) = tokio::join!(deliver(), deliver());
    failed.assert_status(503);
    meanwhile.assert_status(503);
    assert_eq!(meanwhile.header("retry-after"), "1");
    site.behave(Renders::Page);
    assert_eq!(purged(&site, &["1"], deliver_signed(&site, body, START)).await, ["1"]);
}

#[tokio::test]
async fn only_deliveries_are_taken() {
    let site = site(Webhook::generic(SECRET, mapping()));
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let answer = site.request(method.clone(), ENDPOINT, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), "POST", "{method}");
    }
    let text = deliver_signed(&site, "slug=1", START).await;
    assert_eq!(text.status, StatusCode::BAD_REQUEST);
    let long = " ".repeat((1 << 20) + 1);
    assert_eq!(deliver_signed(&site, &long, START).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let nothing = deliver_signed(&site, r#"{"title":"x"}"#, START).await;
    assert_eq!(nothing.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn hook_of_another_name_is_not_there() {
    let site = site(Webhook::generic(SECRET, mapping()));
    for path in ["/_isr/hooks/other", "/_isr/hooks/", "/_isr/hooks", "/_isr/hooks/cms/x"] {
        let answer = site.request(Method::POST, path, &[]).await;
        assert!(answer.body.starts_with(path), "the app's router answers: {answer:?}");
    }
}

/// As the default projection sends it: the document after the change.
const SANITY: &str = r#"{"_id":"5f2a","_type":"post","_rev":"x1","title":"Hello",
    "slug":{"_type":"slug","current":"1"},"authors":[{"_ref":"2"},{"_ref":"3"}]}"#;

#[tokio::test]
async fn sanity_signs_milliseconds_in_base64url() {
    let mapping = Mapping::new().tag("a:{slug.current}").tag("a:{authors._ref}").tag("a:{gone}");
    let site = site(Webhook::sanity(SECRET, mapping));
    let time = START.as_millis().to_string();
    let signature = URL_SAFE_NO_PAD.encode(mac(&[&time, ".", SANITY]));
    let header = format!("t={time},v1={signature}");
    let headers = [("sanity-webhook-signature", &*header)];
    let ids = ["1", "2", "3", "4"];
    assert_eq!(purged(&site, &ids, deliver(&site, &headers, SANITY)).await, ["1", "2", "3"]);
    assert!(purged(&site, &ids, deliver(&site, &headers, SANITY)).await.is_empty());
}

const PUSH: &str = r#"{"ref":"refs/heads/main","before":"6113","after":"0000",
    "repository":{"id":186853002,"full_name":"Codertocat/Hello-World","default_branch":"main"},
    "commits":[
        {"id":"a","added":["content/news/1.md"],"removed":[],"modified":["src/4.rs"]},
        {"id":"b","added":[],"removed":["content/2.md"],"modified":["content/news/3.md"]}]}"#;

async fn github(site: &Site, event: &str, delivery: &str, body: &str) -> Answer {
    let signature = format!("sha256={}", hex(&mac(&[body])));
    let headers = [
        ("x-github-event", event),
        ("x-github-delivery", delivery),
        ("x-hub-signature-256", &signature),
    ];
    deliver(site, &headers, body).await
}

#[tokio::test]
async fn push_to_github_purges_the_changed_files() {
    let site = site(Webhook::github(SECRET, "content", Mapping::new().tag("a:{file.stem}")));
    let ids = ["1", "2", "3", "4"];
    let ping = github(&site, "ping", "d0", r#"{"zen":"Keep it logically awesome.","hook_id":1}"#);
    assert!(purged(&site, &ids, ping).await.is_empty());
    let branch = PUSH.replace("refs/heads/main", "refs/heads/draft");
    assert!(purged(&site, &ids, github(&site, "push", "d1", &branch)).await.is_empty());
    assert_eq!(purged(&site, &ids, github(&site, "push", "d2", PUSH)).await, ["1", "2", "3"]);
    let new_id = github(&site, "push", "d3", PUSH);
    assert!(purged(&site, &ids, new_id).await.is_empty(), "the id is not signed");
    let other = PUSH.replace("6113", "6114");
    assert!(purged(&site, &ids, github(&site, "push", "d2", &other)).await.is_empty());
    let check = PUSH.replace("6113", "6115");
    assert!(purged(&site, &ids, github(&site, "check_run", "d4", &check)).await.is_empty());
    site.advance(hours(23));
    assert!(purged(&site, &ids, github(&site, "push", "d5", PUSH)).await.is_empty());
    site.advance(hours(1) + seconds(1));
    assert_eq!(purged(&site, &ids, github(&site, "push", "d2", PUSH)).await, ["1", "2", "3"]);
}

/// An entry as Contentful's documentation of its management API shows it.
const CONTENTFUL: &str = r#"{"fields":{"title":{"en-US":"Hello, World!"},
    "slug":{"en-US":"1","de":"2"}},"sys":{"id":"3","type":"Entry","version":1,
    "contentType":{"sys":{"type":"Link","linkType":"ContentType","id":"post"}}}}"#;

#[tokio::test]
async fn contentful_sends_the_secret_and_the_topic() {
    let mapping = Mapping::new().tag("a:{fields.slug.*}").tag("a:{sys.id}");
    let site = site(Webhook::contentful(SECRET, mapping));
    let bearer = format!("Bearer {SECRET}");
    let ids = ["1", "2", "3"];
    for (topic, expected) in
        [("publish", &ids[..]), ("auto_save", &[]), ("save", &[]), ("create", &[])]
    {
        let topic = format!("ContentManagement.Entry.{topic}");
        let headers = [("authorization", &*bearer), ("x-contentful-topic", &*topic)];
        assert_eq!(purged(&site, &ids, deliver(&site, &headers, CONTENTFUL)).await, expected);
    }
    let deleted = r#"{"sys":{"type":"DeletedEntry","id":"3"}}"#;
    let topic = "ContentManagement.Entry.unpublish";
    let headers = [("authorization", &*bearer), ("x-contentful-topic", topic)];
    assert_eq!(purged(&site, &ids, deliver(&site, &headers, deleted)).await, ["3"]);
    let wrong = deliver(&site, &[("authorization", "Bearer a secret of the sende")], deleted).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
}

/// From Strapi's documentation.
const STRAPI: &str = r#"{"event":"entry.update","createdAt":"2020-01-10T08:58:26.563Z",
    "model":"address","entry":{"id":1,"geolocation":{},"city":"Paris","postal_code":null,
    "category":null,"full_name":"Paris","images":[]}}"#;

#[tokio::test]
async fn strapi_sends_the_secret() {
    let mapping = Mapping::new().tag("a:{entry.id}").tag("a:{entry.category.id}");
    let site = site(Webhook::strapi(SECRET, mapping));
    let bearer = format!("Bearer {SECRET}");
    let headers = [("authorization", &*bearer)];
    for _ in 0..2 {
        assert_eq!(purged(&site, &["1", "2"], deliver(&site, &headers, STRAPI)).await, ["1"]);
    }
    let test = deliver(&site, &headers, r#"{"event":"trigger-test"}"#);
    assert!(purged(&site, &["1"], test).await.is_empty());
    assert_eq!(deliver(&site, &[], STRAPI).await.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn wrong_hook_fails_at_start_and_is_named() {
    let build = |name: &str, hook: Webhook| {
        let builder = Engine::builder(RouteTable::new()).token("the token for purges");
        builder.webhook("other", Webhook::strapi(SECRET, mapping())).webhook(name, hook).build()
    };
    assert!(build("cms_2-a", Webhook::generic(SECRET, mapping())).is_ok());
    for (name, hook, problem) in [
        ("a/b", Webhook::generic(SECRET, mapping()), "hook `a/b`: name it with letters"),
        ("", Webhook::generic(SECRET, mapping()), "name it with letters"),
        ("cms", Webhook::generic("short", mapping()), "hook `cms`: its secret is 5 bytes long"),
        ("cms", Webhook::generic("the token for purges", mapping()), "is the purge token"),
        ("cms", Webhook::generic(SECRET, Mapping::new()), "hook `cms`: it purges nothing"),
        ("cms", Webhook::generic(SECRET, Mapping::new().tag("{x")), "hook `cms`: `{x` has a brace"),
        ("other", Webhook::generic(SECRET, mapping()), "hook `other`: there are two"),
    ] {
        let error = build(name, hook).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
