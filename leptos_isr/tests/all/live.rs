//! Open pages learn that they were regenerated: streams of `GET /_isr/live`.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    extract::{ConnectInfo, Request},
    response::Response,
};
use futures::StreamExt;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use leptos::prelude::*;
use leptos_isr::{
    Builder, Engine, Isr, LeptosPages, OnMissing,
    data::client_builder,
    minutes,
    purge::Purge,
    testing::{TestClock, TestSite},
    use_live,
};
use leptos_router::{
    components::{Route, Router, Routes},
    path,
};
use tokio::{net::TcpListener, time::timeout};
use tower::ServiceExt;

use crate::support::{Renders, Site, log::Warnings, page_files, routes};

fn live(builder: Builder) -> Builder {
    builder.max_streams(1000)
}

fn live_site() -> Site {
    Site::build(routes(), live)
}

fn live_on_disk(folder: &Path) -> Site {
    Site::build(routes(), |builder| live(builder).disk(folder, "build-1"))
}

/// An open stream.
struct Live(BodyDataStream);

/// Compares as the times of events of one server do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EventId {
    stamp: u64,
    text: String,
}

impl EventId {
    fn of(text: &str) -> Self {
        let (stamp, _) = text.split_once('-').unwrap();
        Self { stamp: stamp.parse().unwrap(), text: text.to_owned() }
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Live {
    /// Opens `/_isr/live?{query}`; returns it with the id that it began with.
    async fn open(site: &Site, query: &str) -> (Self, EventId) {
        Self::reopen(site, query, None).await
    }

    async fn reopen(site: &Site, query: &str, last: Option<EventId>) -> (Self, EventId) {
        let last = last.map(|id| id.to_string()).unwrap_or_default();
        let headers: &[_] = if last.is_empty() { &[] } else { &[("last-event-id", &*last)] };
        let response = open(site, query, headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut live = Self(response.into_body().into_data_stream());
        let first = live.read().await.unwrap();
        let id = first.strip_prefix("retry: 5000\nevent: watching\nid: ");
        let id = id.and_then(|rest| rest.strip_suffix("\ndata: {}\n\n")).expect(&first);
        (live, EventId::of(id))
    }

    /// The next part; `None` at the end.
    async fn read(&mut self) -> Option<String> {
        let part = timeout(Duration::from_secs(20), self.0.next()).await.expect("nothing comes");
        part.map(|part| String::from_utf8(part.unwrap().to_vec()).unwrap())
    }

    /// Reads one event; returns its id.
    #[track_caller]
    fn event(&mut self, data: &str) -> impl Future<Output = EventId> {
        let end = format!("\ndata: {data}\n\n");
        let read = self.read();
        async move {
            let part = read.await.expect("the stream has ended");
            let id = part.strip_prefix("id: ").and_then(|rest| rest.strip_suffix(&end));
            EventId::of(id.unwrap_or_else(|| panic!("{part:?} is no event of {end:?}")))
        }
    }
}

async fn open(site: &Site, query: &str, headers: &[(&str, &str)]) -> Response {
    site.open(Method::GET, &format!("/_isr/live?{query}"), headers, Body::empty()).await
}

async fn regenerate(site: &Site, path: &str) {
    for page in site.engine.regenerate(&[path]).await.unwrap() {
        page.result.unwrap();
    }
}

#[tokio::test]
async fn event_comes_when_the_watched_page_is_stored_and_for_no_other() {
    let site = live_site();
    site.get("/a/1").await;
    site.get("/a/2").await;
    let (mut live, began) = Live::open(&site, "page=/a/1").await;
    regenerate(&site, "/a/2").await;
    site.purge_tag("a:2").await;
    regenerate(&site, "/a/1?page=2").await;
    regenerate(&site, "/a/1").await;
    let first = live.event(r#"{"page":"/a/1"}"#).await;
    regenerate(&site, "/a/2").await;
    regenerate(&site, "/a/1").await;
    let second = live.event(r#"{"page":"/a/1"}"#).await;
    assert!(began < first && first < second);
    regenerate(&site, "/a/2").await;
    site.engine.end_streams();
    assert_eq!(live.read().await, None);
}

#[tokio::test]
async fn page_is_watched_in_any_spelling_and_with_its_listed_parameters() {
    let site = live_site();
    let (mut live, _) = Live::open(&site, "page=/%2561/1/%3Futm=x%26page=2&page=/a/1?page=2").await;
    site.get("/a/1").await;
    site.get("/a/1?page=2").await;
    live.event(r#"{"page":"/a/1?page=2"}"#).await;
    site.engine.end_streams();
    assert_eq!(live.read().await, None, "it is one page");
}

#[tokio::test]
async fn purge_of_a_watched_tag_regenerates_the_page_without_a_visitor() {
    let site = live_site();
    site.get("/a/1").await;
    site.get("/a/2").await;
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    site.purge_tag("all").await;
    live.event(r#"{"page":"/a/1"}"#).await;
    site.idle().await;
    assert_eq!(site.renders(), 3, "the page that nobody watches waits for a visitor");
    let answer = site.get("/a/1").await;
    answer.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #3");
}

#[tokio::test]
async fn watched_page_is_reached_by_path_prefix_hard_purge_and_by_tags_of_its_render() {
    let site = live_site();
    site.behave(Renders::SaysTag("said"));
    site.get("/a/1").await;
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    let paths = |path: &str| vec![path.to_owned()];
    for purge in [
        Purge { paths: paths("/a/1"), ..Purge::default() },
        Purge { prefixes: paths("/a"), ..Purge::default() },
        Purge { paths: paths("/a/1"), hard: true, ..Purge::default() },
        Purge { tags: vec!["said".to_owned()], ..Purge::default() },
    ] {
        site.engine.purge(&purge).await.unwrap();
        live.event(r#"{"page":"/a/1"}"#).await;
    }
    site.idle().await;
    assert_eq!(site.renders(), 5);
}

#[tokio::test]
async fn many_who_watch_a_page_share_one_render() {
    let site = live_site();
    site.get("/a/1").await;
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(Live::open(&site, "page=/a/1").await.0);
    }
    site.purge_tag("a:1").await;
    for live in &mut all {
        live.event(r#"{"page":"/a/1"}"#).await;
    }
    site.idle().await;
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn page_that_comes_out_the_same_sends_nothing() {
    let site = live_site();
    site.behave(Renders::Redirect("/b"));
    site.get("/a/1").await;
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    site.behave(Renders::Redirect("/c"));
    regenerate(&site, "/a/1").await;
    let seen = live.event(r#"{"page":"/a/1"}"#).await;
    regenerate(&site, "/a/1").await;
    let (mut again, _) = Live::reopen(&site, "page=/a/1", Some(seen.clone())).await;
    site.engine.end_streams();
    assert_eq!((live.read().await, again.read().await), (None, None));
}

#[tokio::test]
async fn page_that_is_not_stored_is_not_rendered_for_who_watches_it() {
    let site = live_site();
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    site.purge_tag("all").await;
    site.purge_hard("/a/1").await;
    site.idle().await;
    assert_eq!(site.renders(), 0);
    site.get("/a/1").await;
    live.event(r#"{"page":"/a/1"}"#).await;
}

#[tokio::test]
async fn failed_render_of_a_watched_page_sends_nothing_and_is_not_repeated_at_once() {
    let site = live_site();
    site.get("/a/1").await;
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    site.behave(Renders::SaysFailed);
    site.purge_tag("all").await;
    site.idle().await;
    let (_second, _) = Live::open(&site, "page=/a/1").await;
    site.get("/a/1").await;
    site.idle().await;
    assert_eq!(site.renders(), 2, "it waits for its backoff");
    site.purge_tag("all").await;
    site.idle().await;
    assert_eq!(site.renders(), 3, "another purge is worth another try");
    site.behave(Renders::Page);
    site.advance(minutes(6));
    site.get("/a/1").await;
    live.event(r#"{"page":"/a/1"}"#).await;
}

#[tokio::test]
async fn stream_that_begins_regenerates_a_stale_page() {
    let site = live_site();
    site.get("/a/1").await;
    site.advance(minutes(2));
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    live.event(r#"{"page":"/a/1"}"#).await;
    site.purge_tag("all").await;
    live.event(r#"{"page":"/a/1"}"#).await;
    // A purge that comes before the render is over belongs to its readers still.
    site.idle().await;
    drop(live);
    site.purge_tag("all").await;
    site.idle().await;
    assert_eq!(site.renders(), 3, "nobody watches any more");
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    live.event(r#"{"page":"/a/1"}"#).await;
}

#[tokio::test]
async fn tag_is_watched_across_pages_and_data() {
    let site = live_site();
    let (mut live, _) = Live::open(&site, "tag=a:1&tag=titles").await;
    site.get("/a/2").await;
    site.get("/a/1").await;
    live.event(r#"{"tag":"a:1"}"#).await;
    let read = async |value: u32| {
        site.behave(Renders::Reads(value));
        site.get("/a/dynamic").await.body
    };
    assert_eq!(read(1).await, "1");
    live.event(r#"{"tag":"titles"}"#).await;
    site.purge_tag("titles").await;
    assert_eq!(read(2).await, "2");
    live.event(r#"{"tag":"titles"}"#).await;
    site.purge_tag("titles").await;
    assert_eq!(read(2).await, "2");
    site.engine.end_streams();
    assert_eq!(live.read().await, None, "the same data send nothing");
}

#[tokio::test]
async fn reader_who_comes_back_learns_what_it_missed() {
    let site = live_site();
    site.get("/a/1").await;
    let (mut live, _) = Live::open(&site, "page=/a/1&tag=b").await;
    regenerate(&site, "/a/1").await;
    let seen = live.event(r#"{"page":"/a/1"}"#).await;
    drop(live);

    let (mut live, again) = Live::reopen(&site, "page=/a/1", Some(seen.clone())).await;
    regenerate(&site, "/a/1").await;
    let missed = live.event(r#"{"page":"/a/1"}"#).await;
    assert!(seen < again && again < missed, "nothing was missed at first");
    drop(live);

    let (mut live, began) = Live::open(&site, &format!("page=/a/1&last={seen}")).await;
    let told = live.event(r#"{"page":"/a/1"}"#).await;
    assert!(began <= told, "an event never takes the reader back: {began} {told}");
    let (mut live, _) = Live::open(&site, "page=/a/1&last=of-another-server").await;
    live.event(r#"{"page":"/a/1"}"#).await;
}

#[tokio::test]
async fn reader_who_comes_back_after_a_restart_is_told_once() {
    let (_, seen) = Live::open(&live_site(), "page=/a/1").await;
    let clock = TestClock::new();
    clock.advance(minutes(1));
    let site = Site::build_at(clock, routes(), live);
    site.advance(minutes(1));

    let (mut live, began) = Live::reopen(&site, "page=/a/1", Some(seen.clone())).await;
    let told = live.event(r#"{"page":"/a/1"}"#).await;
    assert!(seen < began && began <= told, "{seen} {began} {told}");
    let (mut asked_before, _) = Live::open(&site, "page=/a/1&open_for=60000").await;
    asked_before.event(r#"{"page":"/a/1"}"#).await;
    let (mut again, _) = Live::reopen(&site, "page=/a/1", Some(told.clone())).await;
    let (mut asked_since, _) = Live::open(&site, "page=/a/1&open_for=50000").await;
    site.engine.end_streams();
    assert_eq!((again.read().await, asked_since.read().await), (None, None));
}

#[tokio::test]
async fn page_from_the_disk_that_comes_out_the_same_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = live_on_disk(folder.path());
    before.behave(Renders::Reads(1));
    before.get_kept("/a/1").await;
    let site = live_on_disk(folder.path());
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    site.behave(Renders::Reads(1));
    regenerate(&site, "/a/1").await;
    site.engine.end_streams();
    assert_eq!((site.renders(), live.read().await), (1, None));
}

#[tokio::test]
async fn page_that_only_the_disk_has_is_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let before = live_on_disk(folder.path());
    before.behave(Renders::Reads(1));
    before.get_kept("/a/1").await;
    let site = live_on_disk(folder.path());
    // A watcher of a tag has no page read.
    let (mut live, _) = Live::open(&site, "tag=all").await;
    site.behave(Renders::Reads(1));
    regenerate(&site, "/a/1").await;
    site.engine.end_streams();
    assert_eq!((site.renders(), live.read().await), (1, None));
}

#[tokio::test]
async fn render_that_began_before_the_last_event_is_not_missed() {
    let site = live_site();
    site.get("/a/1").await;
    site.begun().await;
    site.behave(Renders::Gate);
    site.advance(minutes(2));
    site.get("/a/1").await;
    site.begun().await;
    let (live, began) = Live::open(&site, "page=/a/1").await;
    drop(live);
    site.let_pass();
    site.idle().await;
    let (mut live, _) = Live::reopen(&site, "page=/a/1", Some(began)).await;
    live.event(r#"{"page":"/a/1"}"#).await;
}

#[tokio::test]
async fn page_that_was_regenerated_while_the_browser_loaded_it_sends_an_event() {
    let site = live_site();
    site.get("/a/1").await;
    site.advance(minutes(2));
    site.get("/a/1").await;
    site.idle().await;
    site.advance(Duration::from_secs(3));
    let (mut late, _) = Live::open(&site, "page=/a/1&open_for=3000").await;
    late.event(r#"{"page":"/a/1"}"#).await;
    let (mut new, _) = Live::open(&site, "page=/a/1&open_for=1000").await;
    site.engine.end_streams();
    assert_eq!(new.read().await, None, "its page is the new one");
}

#[tokio::test]
async fn slow_reader_holds_up_nobody_and_gets_one_event() {
    let site = live_site();
    let (mut live, _) = Live::open(&site, "page=/a/1&tag=all").await;
    for _ in 0..200 {
        regenerate(&site, "/a/1").await;
    }
    // Who is cut off after the first has not seen the id of both.
    for id in [0, 1] {
        let event = live.read().await.unwrap();
        assert_eq!(event.matches("data: ").count(), 1, "{event}");
        assert_eq!(event.matches("id: ").count(), id, "{event}");
    }
    site.engine.end_streams();
    assert_eq!(live.read().await, None);
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_until_one_ends() {
    let site = Site::build(routes(), |builder| builder.max_streams(2));
    let (first, _) = Live::open(&site, "page=/a/1").await;
    let _second = Live::open(&site, "tag=all").await;
    let refused = site.get("/_isr/live?page=/a/1").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "30");
    drop(first);
    Live::open(&site, "page=/a/2").await;
}

/// Opens a stream over a connection of this address.
async fn open_from(site: &Site, address: &str, forwarded_for: &str) -> Response {
    let request = Request::get("/_isr/live?page=/a/1").header("x-forwarded-for", forwarded_for);
    let connection = ConnectInfo(SocketAddr::new(address.parse().unwrap(), 4711));
    let request = request.extension(connection).body(Body::empty()).unwrap();
    site.router().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn one_address_has_a_tenth_of_the_streams_and_others_have_theirs() {
    let (warnings, _guard) = Warnings::collect();
    let site = Site::build(routes(), |builder| builder.max_streams(20));
    // One visitor has all addresses of a /64, and may write what it likes into a header.
    let open = async |address: &str| open_from(&site, address, address).await;
    let first = open("2001:db8:1:2::1").await;
    let _second = open("2001:db8:1:2:3:4:5:6").await;
    assert!([&first, &_second].iter().all(|answer| answer.status() == StatusCode::OK));
    for last in 7..9 {
        let refused = open(&format!("2001:db8:1:2::{last}")).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "30");
        let text = refused.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, "Too many pages are watched from this address at the moment.\n");
    }
    assert_eq!(open("2001:db8:1:3::1").await.status(), StatusCode::OK);
    drop(first);
    assert_eq!(open("2001:db8:1:2::7").await.status(), StatusCode::OK);
    let text = warnings.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in ["address=2001:db8:1:2::", "streams=2", "`Builder::trusted_proxies`"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn visitors_behind_a_trusted_proxy_have_their_own_share_of_the_streams() {
    let site = Site::build(routes(), |builder| {
        builder.max_streams(10).trusted_proxies("10.0.0.0/8".parse().unwrap())
    });
    let mut open = Vec::new();
    for (connection, visitor, status) in [
        ("10.0.0.1", "7.7.7.7", StatusCode::OK),
        ("10.0.0.2", "9.9.9.9, 7.7.7.7", StatusCode::TOO_MANY_REQUESTS),
        ("10.0.0.1", "7.7.7.8", StatusCode::OK),
        ("8.8.8.8", "7.7.7.9", StatusCode::OK),
        ("8.8.8.8", "7.7.7.10", StatusCode::TOO_MANY_REQUESTS),
    ] {
        let answer = open_from(&site, connection, visitor).await;
        assert_eq!(answer.status(), status, "{visitor} by {connection}");
        open.push(answer);
    }
}

#[tokio::test]
async fn streams_of_unknown_addresses_are_warned_of_once() {
    let (warnings, _guard) = Warnings::collect();
    let site = Site::build(routes(), |builder| builder.max_streams(10));
    let _streams = [Live::open(&site, "page=/a/1").await.0, Live::open(&site, "page=/a/1").await.0];
    let text = warnings.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("`into_make_service_with_connect_info::<SocketAddr>()`"), "{text}");
}

#[tokio::test]
async fn stream_reads_no_page_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    live_on_disk(folder.path()).get_kept("/a/1").await;
    let site = live_on_disk(folder.path());
    let _live = Live::open(&site, "page=/a/1").await;
    page_files(folder.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
    site.get("/a/1").await.assert_miss_stored();
}

#[tokio::test]
async fn watched_page_is_kept_fresh_once_a_visitor_has_brought_it_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    live_on_disk(folder.path()).get_kept("/a/1").await;
    let site = live_on_disk(folder.path());
    let _live = Live::open(&site, "page=/a/1").await;
    site.get("/a/1").await.assert_hit();
    site.purge_tag("a:1").await;
    site.idle().await;
    assert_eq!(site.renders(), 1);
}

#[component]
fn LivePage() -> impl IntoView {
    use_live(|| ());
    "live"
}

#[component]
fn App() -> impl IntoView {
    let isr = || Isr::revalidate(minutes(1)).into();
    view! {
        <Router>
            <Routes fallback=leptos_isr::fallback(|| "none")>
                <Route path=path!("/live/:id") view=LivePage ssr=isr()/>
                <Route path=path!("/plain") view=|| "plain" ssr=isr()/>
            </Routes>
        </Router>
    }
}

#[tokio::test]
async fn page_that_is_live_without_streams_is_named_in_one_warning() {
    let site = |streams: Option<usize>| {
        let pages = LeptosPages::discover(App, || ()).unwrap();
        let clock = TestClock::new();
        let builder = Engine::builder(pages.routes().clone()).clock(clock.clone());
        // They render on this thread, whose warnings are collected.
        let builder = builder.background_threads(0);
        let engine = streams.into_iter().fold(builder, Builder::max_streams).build().unwrap();
        let options = LeptosOptions::builder().output_name("app").site_root("none").build();
        let shell = |_| view! { <html><head></head><body><App/></body></html> };
        let app = engine.wrap(pages.router(&engine, options, shell));
        TestSite::new(&engine, app, clock)
    };
    let (warnings, _guard) = Warnings::collect();
    let with = site(Some(10));
    with.get("/live/1").await.assert_miss_stored();
    let without = site(None);
    without.get("/plain").await.assert_miss_stored();
    assert_eq!(warnings.text(), "");
    without.get("/live/1").await.assert_miss_stored();
    without.get("/live/2").await.assert_miss_stored();
    let text = warnings.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("page=\"/live/1\"") && text.contains("`Builder::max_streams`"), "{text}");
    let answer = without.get("/_isr/live?page=/live/1").await;
    answer.assert_cache_status("isr; fwd=bypass; detail=no-route");
}

#[tokio::test]
async fn shutting_down_ends_the_streams_and_begins_none() {
    let site = live_site();
    let (mut live, _) = Live::open(&site, "page=/a/1").await;
    assert!(site.engine.shut_down(Duration::from_secs(20)).await);
    assert_eq!(live.read().await, None);
    let refused = site.get("/_isr/live?page=/a/1").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn server_that_drains_its_connections_is_not_held_up() {
    let site = live_site();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, site.router()).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    let client = client_builder().build().unwrap();
    let mut answer = client.get(format!("{url}/_isr/live?page=/a/1")).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().unwrap().starts_with(b"retry: "));
    site.get("/a/1").await;
    assert!(answer.chunk().await.unwrap().unwrap().starts_with(b"id: "));
    site.engine.end_streams();
    stop.send(()).unwrap();
    timeout(Duration::from_secs(20), server).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn headers_keep_the_stream_out_of_caches_and_buffers() {
    let site = Site::build(routes(), |builder| builder.max_streams(1));
    for method in [Method::HEAD, Method::GET] {
        let uri = "/_isr/live?page=/a/1";
        let response = site.open(method.clone(), uri, &[], Body::empty()).await;
        assert_eq!(response.status(), StatusCode::OK);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "private, no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        if method == Method::HEAD {
            assert_eq!(response.into_body().into_data_stream().next().await.map(|_| ()), None);
        }
    }
    let answer = site.request(Method::POST, "/_isr/live?page=/a/1", &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn what_cannot_be_watched_is_named() {
    let listed = Isr::forever().prerender(async || Ok::<_, String>(vec!["one"]));
    let listed = listed.on_missing(OnMissing::NotFound);
    let site = Site::build(routes().add("/listed/:id", listed).unwrap(), live);
    for (query, status, text) in [
        ("", 400, "name what to watch"),
        ("page=%zz", 400, "`page=%zz`"),
        ("page=/none", 404, "`/none`: it is of no stored route"),
        ("page=/a/dynamic", 404, "`/a/dynamic`: it is of no stored route"),
        ("page=/listed/two", 404, "`/listed/two`: `/listed/:id` does not list it"),
        ("page=a", 404, "`a`: "),
    ] {
        let answer = site.get(&format!("/_isr/live?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.body.contains(text), "{query}: {}", answer.body);
    }
    Live::open(&site, "page=/listed/one").await;
    assert_eq!(site.renders(), 0);
}

/// Their clocks may differ: what one has told says nothing to the other.
#[tokio::test]
async fn reader_who_comes_back_to_another_server_is_told_what_they_may_have_missed() {
    let ahead = TestClock::new();
    ahead.advance(minutes(10));
    let (one, other) = (Site::build_at(ahead, routes(), live), live_site());
    let (_, seen) = Live::open(&one, "tag=all").await;
    regenerate(&other, "/a/1").await;
    other.advance(minutes(20));
    let (mut live, _) = Live::reopen(&other, "tag=all", Some(seen)).await;
    let told = live.event(r#"{"tag":"all"}"#).await;
    let (mut again, _) = Live::reopen(&other, "tag=all", Some(told)).await;
    other.engine.end_streams();
    assert_eq!(again.read().await, None, "it was told");
}
