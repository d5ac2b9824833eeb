//! A dry run says what a purge would reach, and changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router, body::Body, http::Uri};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;
use leptos_isr::{
    Engine, Error, Isr, minutes,
    page::RenderScope,
    purge::{Purge, PurgeDryRun},
    route::RouteTable,
    store::{Key, PageStream, Store, StoreError},
    testing::{TestClock, TestSite},
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::{select, subsequence},
};
use tokio::{runtime::Builder, time::timeout};

use crate::support::{Site, ledger::MemoryLedger, page_files, routes};

fn of_tag(tag: &str) -> Purge {
    Purge { tags: vec![tag.to_owned()], ..Purge::default() }
}

fn of_path(path: &str) -> Purge {
    Purge { paths: vec![path.to_owned()], ..Purge::default() }
}

async fn sample(site: &Site, purge: &Purge) -> Vec<String> {
    let reached = site.engine.purge_dry_run(purge).await.unwrap();
    assert_eq!((reached.pages, reached.data), (reached.sample.len(), 0), "{reached:?}");
    assert_eq!((reached.unreadable, reached.complete), (0, true), "{reached:?}");
    reached.sample
}

#[tokio::test]
async fn each_page_counts_once_in_memory_and_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["/a/1", "/a/1?page=2", "/a/2", "/forever"];
    let built = Site::on_disk(folder.path());
    for path in all {
        built.get_kept(path).await.assert_miss_stored();
    }
    let restarted = Site::on_disk(folder.path());
    restarted.get("/a/1").await.assert_fresh();
    let untouched = Site::on_disk(folder.path());
    for site in [&built, &restarted, &untouched] {
        assert_eq!(sample(site, &of_tag("all")).await, all);
        assert_eq!(sample(site, &of_tag("a:1")).await, ["/a/1", "/a/1?page=2"]);
        assert_eq!(sample(site, &of_path("/a/2/")).await, ["/a/2"]);
        let below = Purge { prefixes: vec!["/a".into()], ..of_path("/forever") };
        assert_eq!(sample(site, &below).await, all);
        for nothing in [of_tag("b"), of_path("/a"), Purge::default()] {
            assert!(sample(site, &nothing).await.is_empty(), "{nothing:?}");
        }
    }
    for file in page_files(folder.path()) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(sample(&restarted, &of_tag("all")).await, ["/a/1"], "it is in memory");
    assert!(sample(&untouched, &of_tag("all")).await.is_empty());
}

#[tokio::test]
async fn nothing_is_purged_kept_or_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.get("/a/1").await;
    site.purge_tag("unrelated").await;
    let log = || fs::read(folder.path().join("purges.log")).unwrap();
    let before = log();
    for hard in [false, true] {
        let reached = site.engine.purge_dry_run(&Purge { hard, ..of_tag("all") }).await.unwrap();
        assert_eq!(reached.pages, 1);
    }
    site.get("/a/1").await.assert_fresh();
    site.idle().await;
    assert_eq!((log(), site.renders()), (before, 1));
    Site::on_disk(folder.path()).get("/a/1").await.assert_fresh();
}

#[tokio::test]
async fn pages_that_are_stale_or_purged_already_count() {
    let site = Site::new();
    site.get("/a/1").await;
    site.purge_tag("all").await;
    assert_eq!(sample(&site, &of_tag("all")).await, ["/a/1"]);
    site.advance(minutes(60));
    assert_eq!(sample(&site, &of_tag("all")).await, ["/a/1"]);
}

#[tokio::test]
async fn damaged_page_is_in_no_other_number() {
    let folder = tempfile::tempdir().unwrap();
    let built = Site::on_disk(folder.path());
    for path in ["/a/1", "/a/2"] {
        built.get_kept(path).await;
    }
    for (n, file) in page_files(folder.path()).iter().enumerate() {
        let bytes = fs::read(file).unwrap();
        fs::write(file.with_file_name(".tmpAbC"), &bytes).unwrap();
        fs::write(file, &bytes[..bytes.len() - n]).unwrap();
    }
    let reached = Site::on_disk(folder.path()).engine.purge_dry_run(&of_tag("all")).await.unwrap();
    assert_eq!((reached.pages, reached.unreadable, reached.complete), (1, 1, true));
}

#[tokio::test]
async fn answers_of_data_routes_are_counted_apart() {
    let routes = routes().add_data("/api/read", Isr::forever().query(["id"]).tag("all")).unwrap();
    let site = Site::build(routes, |builder| builder);
    for path in ["/a/1", "/api/read?id=1", "/api/read?id=2"] {
        site.get(path).await.assert_miss_stored();
    }
    let reached = site.engine.purge_dry_run(&of_tag("all")).await.unwrap();
    assert_eq!((reached.pages, reached.data), (1, 2));
    assert_eq!(reached.sample, ["/a/1"]);
}

/// Keeps nothing; its pages are listed as told.
struct Listing(Box<dyn Fn() -> Option<PageStream> + Send + Sync>);

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listing")
    }
}

#[async_trait::async_trait]
impl Store for Listing {
    async fn get(&self, _: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    async fn put(&self, _: &Key, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn remove(&self, _: &Key) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put_value(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        Ok(())
    }

    async fn value(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    fn pages(&self) -> Option<PageStream> {
        self.0()
    }
}

/// A site on that store, whose dry runs end after `limit`.
fn site_on(limit: Duration, list: impl Fn() -> Option<PageStream> + Send + Sync + 'static) -> Site {
    let store = Listing(Box::new(list));
    Site::build(routes(), |builder| {
        builder
            .store(store)
            .ledger(MemoryLedger::default())
            .render_timeout(limit)
            .token("the token for purges")
    })
}

#[tokio::test]
async fn store_that_cannot_tell_all_is_said() {
    let lists: [(&str, List); 4] = [
        ("cannot list", || None),
        ("hangs", || Some(stream::pending().boxed())),
        ("never ends", endless_pages),
        ("fails", failing_pages),
    ];
    for (what, list) in lists {
        let site = site_on(Duration::from_millis(50), list);
        site.get("/a/1").await;
        let reached = site.engine.purge_dry_run(&of_tag("all")).await.unwrap();
        assert_eq!((reached.pages, reached.complete), (1, false), "{what}");
        match what {
            "fails" => assert_eq!(reached.unreadable, 2),
            "never ends" => assert!(reached.unreadable > 2),
            _ => assert_eq!(reached.unreadable, 0, "{what}"),
        }
    }
}

type List = fn() -> Option<PageStream>;

fn failing_pages() -> Option<PageStream> {
    let pages = [Err("no such block".into()), Ok(Bytes::from_static(b"no page"))];
    Some(stream::iter(pages).boxed())
}

fn endless_pages() -> Option<PageStream> {
    Some(stream::repeat_with(|| Ok(Bytes::new())).boxed())
}

/// `POST /_isr/purge` with this query and body.
async fn post(site: &Site, query: &str, body: &'static str) -> leptos_isr::testing::Answer {
    let bearer = [("authorization", "Bearer the token for purges")];
    site.send(Method::POST, &format!("/_isr/purge{query}"), &bearer, Body::from(body)).await
}

#[tokio::test]
async fn one_at_a_time_until_it_ends_or_its_caller_leaves() {
    let site = site_on(Duration::from_secs(600), || Some(stream::pending().boxed()));
    let engine = site.engine.clone();
    let first = tokio::spawn(async move { engine.purge_dry_run(&of_tag("all")).await });
    let second = loop {
        tokio::task::yield_now().await;
        // Unless it came before the first.
        let second = post(&site, "?dry_run=true", r#"{"tags":["all"]}"#);
        if let Ok(refused) = timeout(Duration::from_millis(50), second).await {
            break refused;
        }
    };
    second.assert_status(503).assert_header("retry-after", "5");
    second.assert_body("another dry run is reading the stored pages; try again when it ends.\n");
    let refused = site.engine.purge_dry_run(&of_tag("all")).await;
    assert!(matches!(refused, Err(Error::DryRunUnderWay)), "{refused:?}");
    site.engine.purge(&of_tag("all")).await.unwrap();
    first.abort();
    let engine = site.engine.clone();
    let freed = async move {
        let purge = of_tag("all");
        let another = || engine.purge_dry_run(&purge);
        while let Ok(Err(_)) = timeout(Duration::from_millis(5), another()).await {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), freed).await.unwrap();
}

#[tokio::test]
async fn endpoint_answers_json_and_refuses_what_is_misspelled() {
    let site = Site::build(routes(), |builder| builder.token("the token for purges"));
    site.get("/a/1").await;
    site.get("/forever").await;
    let answer = post(&site, "?dry_run=true", r#"{"tags":["all"],"hard":true}"#).await;
    answer
        .assert_status(200)
        .assert_header("content-type", "application/json")
        .assert_header("cache-control", "private, no-store")
        .assert_body(
            r#"{"pages":2,"sample":["/a/1","/forever"],"data":0,"unreadable":0,"complete":true}"#,
        );
    for (query, body, problem) in [
        ("?dry_run=1", r#"{"tags":["all"]}"#, "`?dry_run=1` is not known: send `?dry_run=true`"),
        ("?dryrun=true", r#"{"tags":["all"]}"#, "send `?dry_run=true`"),
        ("", r#"{"tags":["all"],"dry_run":true}"#, "unknown field `dry_run`"),
        ("?dry_run=true", r#"{"paths":["a"]}"#, "cannot purge `a`"),
    ] {
        post(&site, query, body).await.assert_status(400).assert_body_contains(problem);
    }
    site.request(Method::POST, "/_isr/purge?dry_run=true", &[]).await.assert_status(401);
    site.get("/a/1").await.assert_fresh();
    post(&site, "?dry_run=false", r#"{"tags":["all"]}"#).await.assert_status(204);
    site.get("/a/1").await.assert_purged();
}

/// Pages by address, with the tags that each gives itself.
type Pages = BTreeMap<String, Vec<&'static str>>;

fn path() -> impl Strategy<Value = String> {
    let segments = vec(select(vec!["a", "b", "ab"]), 0..4);
    segments.prop_map(|segments| format!("/{}", segments.join("/")))
}

fn pages() -> impl Strategy<Value = Pages> {
    let address = (path(), option::of(1..3)).prop_map(|(path, number)| match number {
        Some(number) => format!("{path}?page={number}"),
        None => path,
    });
    btree_map(address, subsequence(vec!["t", "u", "/a"], 0..3), 1..20)
}

fn purge() -> impl Strategy<Value = Purge> {
    let tags = subsequence(vec!["t", "u", "/a", "none"], 0..3);
    (vec(path(), 0..3), vec(path(), 0..2), tags, any::<bool>()).prop_map(
        |(paths, prefixes, tags, hard)| {
            let tags = tags.into_iter().map(ToOwned::to_owned).collect();
            Purge { paths, prefixes, tags, hard, ..Purge::default() }
        },
    )
}

/// A site of these pages, each rendered once.
async fn site_of(pages: &Pages) -> TestSite {
    let isr = || Isr::forever().query(["page"]);
    let routes = RouteTable::new().add("/", isr()).and_then(|routes| routes.add("/*rest", isr()));
    let clock = TestClock::new();
    let engine = Engine::builder(routes.unwrap()).clock(clock.clone()).build().unwrap();
    let tags = Arc::new(pages.clone());
    let router = Router::new().fallback(async move |scope: Extension<RenderScope>, uri: Uri| {
        tags[&uri.to_string()].iter().for_each(|tag| scope.tag(*tag));
        uri.to_string()
    });
    let app = engine.wrap(router);
    let site = TestSite::new(&engine, app, clock);
    for page in pages.keys() {
        site.get(page).await.assert_miss_stored();
    }
    site
}

async fn purge_reaches_what_its_dry_run_said(pages: Pages, purge: Purge) {
    let site = site_of(&pages).await;
    let reached: PurgeDryRun = site.engine().purge_dry_run(&purge).await.unwrap();
    assert_eq!(reached.pages, reached.sample.len(), "{reached:?}");
    assert_eq!((reached.data, reached.complete), (0, true), "{reached:?}");
    let said: BTreeSet<_> = reached.sample.iter().collect();
    assert!(reached.sample.is_sorted() && said.len() == reached.pages, "{reached:?}");
    for page in pages.keys() {
        site.get(page).await.assert_fresh();
    }
    site.engine().purge(&purge).await.unwrap();
    for page in pages.keys() {
        let answer = site.get(page).await;
        match (said.contains(page), purge.hard) {
            (false, _) => answer.assert_fresh(),
            (true, false) => answer.assert_purged(),
            (true, true) => answer.assert_replaced(),
        };
    }
}

proptest! {
    #[test]
    fn purge_makes_exactly_those_pages_stale(pages in pages(), purge in purge()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(purge_reaches_what_its_dry_run_said(pages, purge));
    }
}
