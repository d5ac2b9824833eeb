//! Pages and the data they read age as one, and a purge clears both.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use http_body_util::BodyExt;
use leptos_isr::{
    Engine, Isr, data::data, days, minutes, purge::Purge, route::RouteTable, seconds,
    stats::ReadOutcome,
};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// A source that counts how often it is asked, and can fail or be slow.
#[derive(Clone)]
struct Source(Arc<State>);

struct State {
    now: Mutex<SystemTime>,
    asked: AtomicUsize,
    version: AtomicUsize,
    fails: AtomicBool,
    is_gated: AtomicBool,
    gate: Semaphore,
    begun: Semaphore,
}

struct Site {
    engine: Engine,
    app: Router,
    source: Source,
}

impl Source {
    async fn read(self, name: String) -> Result<String, String> {
        let asked = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let version = self.0.version.load(Ordering::SeqCst);
        self.0.begun.add_permits(1);
        if self.0.is_gated.load(Ordering::SeqCst) {
            self.0.gate.acquire().await.unwrap().forget();
        }
        match self.0.fails.load(Ordering::SeqCst) {
            true => Err(format!("the source is down ({asked})")),
            false => Ok(format!("{name} v{version}")),
        }
    }

    async fn kept(&self, name: &str, period: u64) -> Result<String, leptos_isr::data::DataError> {
        let (source, text) = (self.clone(), name.to_owned());
        data(format!("value {name}"))
            .revalidate(Duration::from_secs(period))
            .tags([format!("value:{name}")])
            .load(move || source.read(text))
            .await
    }
}

fn answer(result: Result<String, leptos_isr::data::DataError>) -> Response {
    match result {
        Ok(text) => text.into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// `/page/{name}` and `/other/{name}` read `{name}` for 60 s; `/nested/{name}`
/// reads a value for 300 s that reads `{name}`; `/live/{name}` keeps nothing;
/// `/number/{name}` reads a number, which is none in version 1;
/// `/says/{name}` reads a value whose function says `failed` or `not_found`;
/// `/dynamic/{name}` is no stored page, and `/untagged/{name}` neither: it reads without a period or
/// a tag.
fn site() -> Site {
    let state = State {
        now: Mutex::new(UNIX_EPOCH + days(20_000)),
        asked: AtomicUsize::new(0),
        version: AtomicUsize::new(1),
        fails: AtomicBool::new(false),
        is_gated: AtomicBool::new(false),
        gate: Semaphore::new(0),
        begun: Semaphore::new(0),
    };
    let source = Source(Arc::new(state));
    let routes = [
        "/page/:name",
        "/other/:name",
        "/nested/:name",
        "/live/:name",
        "/number/:name",
        "/says/:name",
    ]
    .into_iter()
    .try_fold(RouteTable::new(), |routes, path| routes.add(path, Isr::forever()))
    .unwrap();
    let clock = {
        let source = source.clone();
        move || *source.0.now.lock().unwrap()
    };
    let engine = Engine::builder(routes).clock(clock).build().unwrap();
    let plain = {
        let source = source.clone();
        move |Path(name): Path<String>| async move { answer(source.kept(&name, 60).await) }
    };
    let nested = {
        let source = source.clone();
        move |Path(name): Path<String>| async move {
            let outer = data(format!("outer of {name}")).revalidate(minutes(5)).tags(["outer"]);
            answer(outer.load(move || async move { source.kept(&name, 60).await }).await)
        }
    };
    let live = {
        let source = source.clone();
        move |Path(name): Path<String>| async move {
            let text = name.clone();
            answer(data(format!("live {name}")).no_store().load(move || source.read(text)).await)
        }
    };
    let number = {
        let source = source.clone();
        move |Path(name): Path<String>| async move {
            // JSON has no "not a number": it is written as `null`.
            let number = move || async move {
                let text = source.read(name).await?;
                Ok::<_, String>(if text.ends_with("v1") { f64::NAN } else { 2.0 })
            };
            answer(data("number").load(number).await.map(|number: f64| number.to_string()))
        }
    };
    let untagged = {
        let source = source.clone();
        move |Path(name): Path<String>| async move {
            let text = name.clone();
            answer(data(format!("untagged {name}")).load(move || source.read(text)).await)
        }
    };
    let says = move |Path(name): Path<String>| async move {
        let load = move || async move {
            match &*name {
                "failed" => leptos_isr::failed("it is said"),
                _ => leptos_isr::not_found(),
            }
            Ok::<_, String>("shown".to_owned())
        };
        answer(data("says").revalidate(minutes(1)).load(load).await)
    };
    let router = Router::new()
        .route("/untagged/{name}", get(untagged))
        .route("/says/{name}", get(says))
        .route("/number/{name}", get(number))
        .route("/page/{name}", get(plain.clone()))
        .route("/other/{name}", get(plain.clone()))
        .route("/dynamic/{name}", get(plain))
        .route("/nested/{name}", get(nested))
        .route("/live/{name}", get(live));
    let app = engine.wrap(router);
    Site { engine, app, source }
}

impl Site {
    async fn get(&self, path: &str) -> (String, String) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.headers()["cache-status"].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn assert(&self, path: &str, status: &str, body: &str) {
        assert_eq!(self.get(path).await, (status.to_owned(), body.to_owned()), "{path}");
    }

    async fn purge(&self, purge: Purge) {
        self.engine.purge(&purge).await.unwrap();
    }

    async fn purge_tag(&self, tag: &str) {
        self.purge(Purge { tags: vec![tag.to_owned()], ..Purge::default() }).await;
    }

    fn advance(&self, by: Duration) {
        *self.source.0.now.lock().unwrap() += by;
    }

    fn publish(&self) {
        self.source.0.version.fetch_add(1, Ordering::SeqCst);
    }

    /// What reads came to.
    fn counted(&self) -> Vec<(ReadOutcome, u64)> {
        let reads = self.engine.stats().reads.into_iter().filter(|of| of.count > 0);
        reads.map(|of| (of.outcome, of.count)).collect()
    }

    fn asked(&self) -> usize {
        self.source.0.asked.load(Ordering::SeqCst)
    }

    async fn idle(&self) {
        assert!(self.engine.idle(Duration::from_secs(20)).await);
    }
}

const STORED: &str = "isr; fwd=miss; fwd-status=200; stored";

#[tokio::test]
async fn page_takes_the_period_and_the_tags_of_what_it_reads() {
    let site = site();
    site.assert("/page/a", STORED, "a v1").await;
    site.assert("/page/a", "isr; hit; ttl=60", "a v1").await;
    site.publish();
    site.purge_tag("value:b").await;
    site.assert("/page/a", "isr; hit; ttl=60", "a v1").await;
    site.purge_tag("value:a").await;
    site.assert("/page/a", "isr; hit; ttl=0; detail=purged", "a v1").await;
    site.idle().await;
    site.assert("/page/a", "isr; hit; ttl=60", "a v2").await;
}

#[tokio::test]
async fn two_pages_share_one_read_and_become_stale_with_it() {
    let site = site();
    site.get("/page/a").await;
    site.advance(seconds(40));
    site.assert("/other/a", STORED, "a v1").await;
    assert_eq!(site.asked(), 1);
    site.assert("/other/a", "isr; hit; ttl=20", "a v1").await;
    site.publish();
    site.advance(seconds(20));
    site.assert("/other/a", "isr; hit; ttl=0", "a v1").await;
    site.idle().await;
    site.assert("/other/a", "isr; hit; ttl=60", "a v2").await;
    assert_eq!(site.asked(), 2);
    site.get("/page/a").await;
    site.idle().await;
    site.assert("/page/a", "isr; hit; ttl=60", "a v2").await;
    assert_eq!(site.asked(), 2, "the other page read it already");
}

#[tokio::test]
async fn inner_period_and_tags_reach_through_what_reads_them() {
    let site = site();
    site.assert("/nested/a", STORED, "a v1").await;
    site.assert("/nested/a", "isr; hit; ttl=60", "a v1").await;
    site.publish();
    site.advance(seconds(60));
    site.get("/nested/a").await;
    site.idle().await;
    site.assert("/nested/a", "isr; hit; ttl=60", "a v2").await;
    for tag in ["value:a", "outer"] {
        site.publish();
        site.purge_tag(tag).await;
        site.get("/nested/a").await;
        site.idle().await;
    }
    let (status, body) = site.get("/nested/a").await;
    assert_eq!((status.as_str(), body.as_str()), ("isr; hit; ttl=60", "a v3"));
    assert_eq!(site.asked(), 3, "purging the outer value alone reads the inner one from memory");
}

#[tokio::test]
async fn purge_of_a_path_or_prefix_renders_with_new_data() {
    let site = site();
    let path = || Purge { paths: vec!["/page/a".to_owned()], ..Purge::default() };
    let prefix = || Purge { prefixes: vec!["/page".to_owned()], ..Purge::default() };
    site.get("/page/a").await;
    for (purge, expected) in [(path(), "a v2"), (prefix(), "a v3")] {
        site.publish();
        site.purge(purge).await;
        site.get("/page/a").await;
        site.idle().await;
        site.assert("/page/a", "isr; hit; ttl=60", expected).await;
    }
    site.publish();
    site.engine.regenerate(&["/page/a"]).await.unwrap();
    site.assert("/page/a", "isr; hit; ttl=60", "a v4").await;
}

#[tokio::test]
async fn failure_of_a_read_from_before_a_purge_is_not_that_of_one_after_it() {
    let site = site();
    let ask = |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        tokio::spawn(site.app.clone().oneshot(request))
    };
    site.source.0.is_gated.store(true, Ordering::SeqCst);
    let early = ask("/page/a");
    site.source.0.begun.acquire().await.unwrap().forget();
    site.purge_tag("value:a").await;
    let late = ask("/other/a");
    tokio::task::yield_now().await;
    site.source.0.fails.store(true, Ordering::SeqCst);
    site.source.0.gate.add_permits(1);
    assert_eq!(early.await.unwrap().unwrap().status(), StatusCode::BAD_GATEWAY);
    site.source.0.fails.store(false, Ordering::SeqCst);
    site.source.0.gate.add_permits(1);
    assert_eq!(late.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn read_under_way_before_a_purge_is_not_used_after_it() {
    let site = site();
    site.source.0.is_gated.store(true, Ordering::SeqCst);
    let early = {
        let app = site.app.clone();
        tokio::spawn(app.oneshot(Request::builder().uri("/page/a").body(Body::empty()).unwrap()))
    };
    site.source.0.begun.acquire().await.unwrap().forget();
    site.publish();
    site.purge_tag("value:a").await;
    let late = {
        let app = site.app.clone();
        tokio::spawn(app.oneshot(Request::builder().uri("/other/a").body(Body::empty()).unwrap()))
    };
    tokio::task::yield_now().await;
    site.source.0.gate.add_permits(10);
    early.await.unwrap().unwrap();
    let body = late.await.unwrap().unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "a v2");
    site.idle().await;
    assert_eq!(site.get("/page/a").await.1, "a v2");
}

#[tokio::test]
async fn failing_source_costs_nothing_while_data_are_only_stale() {
    let site = site();
    site.get("/page/a").await;
    site.advance(seconds(60));
    site.source.0.fails.store(true, Ordering::SeqCst);
    site.get("/page/a").await;
    site.idle().await;
    site.assert("/page/a", "isr; hit; ttl=0", "a v1").await;
    assert_eq!(site.asked(), 2);
    site.assert("/other/a", STORED, "a v1").await;
    assert_eq!(site.asked(), 2, "the source is left alone for a while");
    let expected = [(ReadOutcome::New, 1), (ReadOutcome::Stale, 1), (ReadOutcome::Failed, 1)];
    assert_eq!(site.counted(), expected, "the page has an old one to show, the other has not");
    site.assert("/other/a", "isr; hit; ttl=5", "a v1").await;
    site.source.0.fails.store(false, Ordering::SeqCst);
    site.publish();
    site.advance(seconds(5));
    site.get("/page/a").await;
    site.idle().await;
    site.assert("/page/a", "isr; hit; ttl=60", "a v2").await;
}

#[tokio::test]
async fn purged_data_are_never_used_again_even_if_the_source_fails() {
    let site = site();
    site.get("/page/a").await;
    site.publish();
    site.purge_tag("value:a").await;
    site.source.0.fails.store(true, Ordering::SeqCst);
    site.get("/page/a").await;
    site.idle().await;
    site.assert("/page/a", "isr; hit; ttl=0; detail=purged", "a v1").await;
    let (status, body) = site.get("/other/a").await;
    assert_eq!(status, "isr; fwd=miss; fwd-status=502");
    assert!(body.starts_with("the source is down (2); it is not tried again for"), "{body}");
    assert_eq!(site.asked(), 2);
}

#[tokio::test]
async fn many_readers_share_one_call() {
    let site = site();
    site.source.0.is_gated.store(true, Ordering::SeqCst);
    let pages = ["/page/a", "/other/a", "/nested/a", "/dynamic/a"].map(|path| {
        let app = site.app.clone();
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        tokio::spawn(async move { app.oneshot(request).await.unwrap().status() })
    });
    site.source.0.begun.acquire().await.unwrap().forget();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    site.source.0.gate.add_permits(10);
    for page in pages {
        assert_eq!(page.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(site.asked(), 1);
    let counted = site.counted();
    assert!(counted.contains(&(ReadOutcome::Joined, 3)), "{counted:?}");
}

#[tokio::test]
async fn dynamic_pages_read_through_the_same_cache() {
    let site = site();
    site.get("/page/a").await;
    site.assert("/dynamic/a", "isr; fwd=bypass; detail=no-route", "a v1").await;
    assert_eq!(site.asked(), 1);
    site.publish();
    site.purge_tag("value:a").await;
    site.assert("/dynamic/a", "isr; fwd=bypass; detail=no-route", "a v2").await;
}

#[tokio::test]
async fn what_may_not_be_kept_keeps_its_page_out_of_the_store() {
    let site = site();
    for asked in 1..=2 {
        site.assert("/live/a", "isr; fwd=miss; fwd-status=200", "a v1").await;
        assert_eq!(site.asked(), asked);
    }
}

#[tokio::test]
async fn outside_a_page_nothing_is_kept_that_no_purge_and_no_period_ends() {
    let site = site();
    for version in 1..=2 {
        assert_eq!(site.get("/untagged/a").await.1, format!("a v{version}"));
        site.publish();
    }
    site.assert("/dynamic/a", "isr; fwd=bypass; detail=no-route", "a v3").await;
    site.publish();
    site.assert("/dynamic/a", "isr; fwd=bypass; detail=no-route", "a v3").await;
}

#[tokio::test]
async fn what_the_function_of_a_read_says_is_said_of_its_page() {
    let site = site();
    let (status, body) = site.get("/says/failed").await;
    assert_eq!(status, "isr; fwd=miss; fwd-status=502");
    assert_eq!(body, "it is said");
    site.advance(seconds(1));
    site.assert("/says/absent", "isr; fwd=miss; fwd-status=404; stored", "shown").await;
    site.assert("/says/other", "isr; fwd=miss; fwd-status=404; stored", "shown").await;
}

#[tokio::test]
async fn zero_is_no_period() {
    let site = crate::support::Site::new();
    site.behave(crate::support::Renders::SaysPeriod(Duration::ZERO));
    site.get("/a/1").await.assert_status(200).assert_not_stored();
    let read = data("none").revalidate(Duration::ZERO);
    assert!(format!("{read:?}").contains("is_stored: false"));
}

#[tokio::test]
async fn value_that_cannot_be_read_back_is_not_kept() {
    let site = site();
    let (_, failed) = site.get("/number/a").await;
    assert!(failed.contains("invalid type: null"), "{failed}");
    site.publish();
    site.advance(seconds(5));
    site.assert("/number/a", "isr; fwd=miss; fwd-status=200; stored", "2").await;
}

#[tokio::test]
async fn without_an_engine_the_function_is_called() {
    let value = data("a").load(async || Ok::<_, std::io::Error>(7)).await.unwrap();
    assert_eq!(value, 7);
    let error = data("a").load(async || Err::<u8, _>("down")).await.unwrap_err();
    assert_eq!(error.to_string(), "down");
}
