//! What a hit costs beyond axum, counted in allocations: unlike times, their
//! number is the same on every machine.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::OnceLock;

use axum::{Router, body::Body, extract::Request, response::Response, routing::get};
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use leptos_isr::{Builder, Engine, Isr, minutes, route::RouteTable, store::DiskStore};
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

use self::ledger::MemoryLedger;

#[path = "all/support/ledger.rs"]
mod ledger;

/// How many allocations a hit may need beyond a bare handler of the same answer.
const BEYOND_AXUM: i64 = 2;

const PATH: &str = "/articles/hello";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A site whose one page is stored.
fn stored(runtime: &Runtime, purged: &str) -> Router {
    stored_in(runtime, purged, |builder| builder)
}

fn stored_in(
    runtime: &Runtime,
    purged: &str,
    configure: impl FnOnce(Builder) -> Builder,
) -> Router {
    let render = || async {
        let headers = [("content-type", "text/html; charset=utf-8"), ("x-shown", "yes")];
        (headers, "<p>A line of the page.</p>".repeat(1200))
    };
    let routes = RouteTable::new()
        .add("/", Isr::forever())
        .and_then(|routes| routes.add("/sections/:section", Isr::revalidate(minutes(1))))
        .and_then(|routes| routes.add("/articles/:slug", Isr::revalidate(minutes(5)).tag("a")));
    // Draft mode, tags and purges are looked at for each request, so they are there.
    let builder = Engine::builder(routes.unwrap())
        .draft_secret("a secret of some length")
        .token("the token for purges")
        .cache_tag(true)
        .default_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let _guard = runtime.enter();
    let engine = configure(builder).build().unwrap();
    let site = engine.wrap(Router::new().route("/articles/{slug}", get(render)));
    runtime.block_on(async {
        let purge =
            leptos_isr::purge::Purge { tags: vec![purged.to_owned()], ..Default::default() };
        engine.purge(&purge).await.unwrap();
        site.clone().oneshot(request(&[])).await.unwrap();
        // What a purge of just now reaches is rendered once more.
        while !is_hit(&site.clone().oneshot(request(&[])).await.unwrap()) {}
    });
    site
}

fn is_hit(response: &Response) -> bool {
    let status = response.headers().get("cache-status").unwrap().to_str().unwrap();
    status.starts_with("isr; hit; ttl=")
}

fn request(headers: &[(&'static str, &str)]) -> Request {
    let mut request = Request::builder().method(Method::GET).uri(PATH);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// A handler that gives the same answer from memory.
fn bare(runtime: &Runtime, response: Response) -> Router {
    let (parts, body) = response.into_parts();
    let body = runtime.block_on(body.collect()).unwrap().to_bytes();
    let (status, headers) = (parts.status, parts.headers);
    Router::new().route(
        PATH,
        get(move || {
            let (headers, body) = (headers.clone(), body.clone());
            async move { (status, headers, body) }
        }),
    )
}

/// How many allocations one request takes once all is warm, and the answer to it.
fn cost(runtime: &Runtime, site: &Router, headers: &[(&'static str, &str)]) -> (u64, Response) {
    let mut service = site.clone();
    // The first one makes what the others copy. In the second in which the
    // time left changes there is another first one, so the least counts.
    let costs = (0..8).map(|_| {
        let request = request(headers);
        let response = OnceLock::new();
        let used = allocation_counter::measure(|| {
            let _ = response.set(runtime.block_on(service.call(request)));
        });
        (used.count_total, response.into_inner().unwrap().unwrap())
    });
    costs.min_by_key(|(count, _)| *count).unwrap()
}

#[test]
fn hit_allocates_hardly_more_than_a_bare_handler() {
    let runtime = runtime();
    let site = stored(&runtime, "other");
    for (accept, encoding) in
        [("gzip, deflate, br, zstd", Some("br")), ("gzip;q=0.8", Some("gzip")), ("identity", None)]
    {
        let headers = [("accept-encoding", accept), ("cookie", "a=1; b=2"), ("user-agent", "x")];
        let (ours, response) = cost(&runtime, &site, &headers);
        assert!(is_hit(&response));
        let found = response.headers().get(header::CONTENT_ENCODING);
        assert_eq!(found.map(|value| value.to_str().unwrap()), encoding);
        let (theirs, same) = cost(&runtime, &bare(&runtime, response), &headers);
        assert_eq!(same.status(), StatusCode::OK);
        assert!(
            ours as i64 - theirs as i64 <= BEYOND_AXUM,
            "{accept}: {ours} allocations, a bare handler needs {theirs}"
        );
    }
}

/// As servers have it that share a Redis: a ledger is asked all the time what others have purged.
#[test]
fn hit_allocates_as_much_with_a_shared_store() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let shared = stored_in(&runtime, "other", |builder| {
        let (store, copies) = (folder.path().join("shared"), folder.path().join("own"));
        let store = DiskStore::open(store, "build").unwrap();
        builder.store(store).ledger(MemoryLedger::default()).disk(copies, "build")
    });
    let headers = [("accept-encoding", "br")];
    let (with, response) = cost(&runtime, &shared, &headers);
    assert!(is_hit(&response));
    let (without, _) = cost(&runtime, &stored(&runtime, "other"), &headers);
    assert_eq!(with, without);
}

/// Counters are there anyway; whoever collects them leaves nothing behind that a hit would pay for.
#[cfg(feature = "metrics")]
#[test]
fn hit_allocates_as_much_where_metrics_are_collected() {
    let runtime = runtime();
    let site = stored(&runtime, "other");
    let headers = [("accept-encoding", "br")];
    let (before, _) = cost(&runtime, &site, &headers);
    let scrape = Request::builder().uri("/_isr/metrics");
    let scrape = scrape.header(header::AUTHORIZATION, "Bearer the token for purges");
    let scraped = runtime.block_on(site.clone().oneshot(scrape.body(Body::empty()).unwrap()));
    assert_eq!(scraped.unwrap().status(), StatusCode::OK);
    let (after, response) = cost(&runtime, &site, &headers);
    assert!(is_hit(&response));
    assert_eq!(after, before);
}

#[test]
fn not_modified_allocates_less_than_the_page() {
    let runtime = runtime();
    let site = stored(&runtime, "other");
    let (page, response) = cost(&runtime, &site, &[]);
    let etag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
    let (not_modified, response) = cost(&runtime, &site, &[("if-none-match", &etag)]);
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert!(not_modified <= page, "{not_modified} allocations, the page needs {page}");
}
