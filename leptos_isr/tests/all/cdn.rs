//! Purges as CDNs are told of them: behind the purge, and after a restart.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::Uri,
    middleware::{Next, from_fn},
};
use http::{Method, StatusCode};
use leptos_isr::{
    Isr,
    purge::{Cdn, Purge, SharedCache},
    route::RouteTable,
    seconds,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use crate::support::{Renders, Site, log::Warnings, routes};

/// A server in the place of a CDN, which answers once it is let.
struct StandIn {
    url: String,
    asked: mpsc::UnboundedReceiver<String>,
    gate: Arc<Semaphore>,
}

impl StandIn {
    async fn start(status: StatusCode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (ask, asked) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let passing = Arc::clone(&gate);
        let app = Router::new().fallback(move |uri: Uri, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            ask.send(format!("{uri} {body}")).unwrap();
            let passing = Arc::clone(&passing);
            async move {
                passing.acquire().await.unwrap().forget();
                status
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked, gate }
    }

    fn let_pass(&self) {
        self.gate.add_permits(1000);
    }

    async fn next(&mut self) -> String {
        timeout(seconds(20), self.asked.recv()).await.expect("it was not asked").unwrap()
    }

    /// What the site tells it when it looks again and again.
    async fn next_of(&mut self, site: &Site) -> String {
        let next = async {
            loop {
                site.idle().await;
                match self.asked.try_recv() {
                    Ok(asked) => return asked,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        timeout(seconds(20), next).await.expect("it was not asked")
    }
}

fn site(folder: &Path, cdn: Cdn) -> Site {
    Site::build(routes(), |builder| builder.disk(folder, "b1").cdn(cdn))
}

fn told(tag: &str) -> String {
    format!(r#"/ {{"paths":[],"prefixes":[],"tags":["{tag}"],"hard":false}}"#)
}

#[tokio::test]
async fn purge_does_not_wait_for_the_cdn_and_a_restart_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    let before = site(folder.path(), Cdn::url(&cdn.url, "token"));
    before.purge_tag("a").await;
    assert_eq!(cdn.next().await, told("a"));
    before.purge_tag("b").await;
    before.idle().await;
    drop(before);
    assert!(cdn.asked.try_recv().is_err(), "it was asked again without a reason");
    cdn.let_pass();
    let after = site(folder.path(), Cdn::url(&cdn.url, "token"));
    assert_eq!(cdn.next().await, told("a").replace(r#""a""#, r#""a","b""#));
    until_kept(folder.path(), &[&cdn]).await;
    drop(after);
    let last = site(folder.path(), Cdn::url(&cdn.url, "token"));
    last.purge_tag("c").await;
    assert_eq!(cdn.next().await, told("c"), "nothing is told twice");
}

/// Waits until the folder's ledger says that each CDN has been told of all purges.
async fn until_kept(folder: &Path, cdns: &[&StandIn]) {
    let is_kept = || {
        let log = fs::read_to_string(folder.join("purges.log")).unwrap();
        let purged = log.rfind(r#""tag""#);
        cdns.iter().all(|cdn| log.rfind(&cdn.url) > purged)
    };
    let kept = async {
        while !is_kept() {
            tokio::task::yield_now().await;
        }
    };
    timeout(seconds(20), kept).await.expect("it is not kept that the CDN was told");
}

#[tokio::test]
async fn what_one_cdn_was_told_is_still_told_to_the_other_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut up, mut down) =
        (StandIn::start(StatusCode::OK).await, StandIn::start(StatusCode::OK).await);
    up.let_pass();
    let urls = [up.url.clone(), down.url.clone()];
    let site = || {
        Site::build(routes(), |builder| {
            let cdns = urls.clone().map(|url| Cdn::url(url, "token"));
            cdns.into_iter()
                .fold(builder.disk(folder.path(), "b1"), |builder, cdn| builder.cdn(cdn))
        })
    };
    let before = site();
    before.purge_tag("a").await;
    assert_eq!((up.next().await, down.next().await), (told("a"), told("a")));
    until_kept(folder.path(), &[&up]).await;
    drop(before);
    let after = site();
    assert_eq!(down.next().await, told("a"));
    down.let_pass();
    after.purge_tag("b").await;
    assert_eq!((up.next().await, down.next().await), (told("b"), told("b")));
}

#[tokio::test]
async fn of_two_servers_one_tells_and_the_other_goes_on_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    let url = cdn.url.clone();
    let server = || site(folder.path(), Cdn::url(&url, "token"));
    let (one, other) = (server(), server());
    one.purge_tag("a").await;
    assert_eq!(cdn.next().await, told("a"));
    other.purge_tag("b").await;
    let of_other = timeout(seconds(2), cdn.asked.recv()).await;
    assert!(of_other.is_err(), "both tell: {of_other:?}");
    drop(one);
    cdn.let_pass();
    assert_eq!(cdn.next_of(&other).await, told("a").replace(r#""a""#, r#""a","b""#));
}

#[tokio::test]
async fn cdn_is_told_to_drop_everything_for_a_damaged_purge_and_for_a_ledger_that_lost_some() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("purges.log");
    let everything = r#"/ {"paths":[],"prefixes":["/"],"tags":[],"hard":false}"#;
    let mut cdn = StandIn::start(StatusCode::OK).await;
    Site::on_disk(folder.path()).purge_tag("a").await;
    fs::write(&log, fs::read_to_string(&log).unwrap().replace(r#""a""#, r#""b""#)).unwrap();
    let site = site(folder.path(), Cdn::url(&cdn.url, "token"));
    assert_eq!(cdn.next().await, everything);
    cdn.let_pass();
    let kept = async {
        while !fs::read_to_string(&log).unwrap().contains(&cdn.url) {
            tokio::task::yield_now().await;
        }
    };
    timeout(seconds(20), kept).await.expect("it is not kept that the CDN was told");
    fs::remove_file(&log).unwrap();
    assert_eq!(cdn.next_of(&site).await, everything);
}

#[tokio::test]
async fn cdn_is_told_of_a_purge_that_is_done_once_more() {
    let mut cdn = StandIn::start(StatusCode::OK).await;
    cdn.let_pass();
    let site = Site::build(routes(), |builder| builder.cdn(Cdn::url(&cdn.url, "token")));
    let (tags, again_after) = (vec!["a".to_owned()], Some(seconds(10)));
    site.engine.purge(&Purge { tags, again_after, ..Purge::default() }).await.unwrap();
    assert_eq!(cdn.next().await, told("a"));
    site.advance(seconds(10));
    site.idle().await;
    assert_eq!(cdn.next().await, told("a"));
}

/// Deployed while the old server still runs, and rolled back.
#[tokio::test]
async fn build_that_begins_to_serve_has_the_other_dropped_and_once_more_when_its_server_has_ended()
{
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    cdn.let_pass();
    let site = |build: &str, cdn: &StandIn| {
        let cdn = Cdn::url(&cdn.url, "token");
        Site::build(routes(), |builder| builder.disk(folder.path(), build).cache_tag(true).cdn(cdn))
    };
    let old = site("b1", &cdn);
    old.get_kept("/a/1").await.assert_header("cache-tag", "build:b1,a:1,all");
    old.engine.begin_service().await;
    site("only-rendered", &cdn).engine.prerender(1, |_| (), |_| ()).await.unwrap();

    let new = site("b2", &cdn);
    new.engine.begin_service().await;
    assert_eq!(cdn.next().await, told("build:b1"));
    new.idle().await;
    new.purge_tag("while both run").await;
    assert_eq!(cdn.next().await, told("while both run"));
    until_kept(folder.path(), &[&cdn]).await;
    drop(old);
    assert_eq!(cdn.next_of(&new).await, told("build:b1"));

    until_kept(folder.path(), &[&cdn]).await;
    let back = site("b1", &cdn);
    back.engine.begin_service().await;
    assert_eq!(cdn.next().await, told("build:b2"));
    // As another one does while the other build still runs.
    let second = site("b1", &cdn);
    second.engine.begin_service().await;
    until_kept(folder.path(), &[&cdn]).await;
    drop(new);
    assert_eq!(cdn.next_of(&back).await, told("build:b2"));
    // It looks whether the other build has ended, and finds that the CDN was told.
    second.idle().await;
    back.purge_tag("last").await;
    assert_eq!(cdn.next().await, told("last"), "one of the two told");
    back.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn tag_of_a_page_that_looks_like_a_builds_is_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    cdn.let_pass();
    let site = site(folder.path(), Cdn::url(&cdn.url, "token"));
    site.get("/a/1").await;
    site.behave(Renders::SaysTag("build:b1"));
    site.get("/a/2").await;
    site.purge_tag("build:b1").await;
    assert_eq!(cdn.next().await, told("build:b1"));
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    site.get("/a/2").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
}

#[tokio::test]
async fn shared_caches_keep_a_page_for_minutes_unless_purges_reach_them() {
    let cdn = || Cdn::url("http://127.0.0.1:1/", "token");
    for (tags, cdns, longest) in [(true, 1, 43_200), (false, 1, 300), (true, 0, 300)] {
        let site = Site::build(routes(), |builder| {
            (0..cdns).fold(builder.cache_tag(tags), |builder, _| builder.cdn(cdn()))
        });
        let page = site.get("/forever").await;
        let lifetime = format!("public, max-age={longest}, stale-while-revalidate={longest}");
        page.assert_header("cdn-cache-control", &lifetime);
    }
}

#[tokio::test]
async fn caches_that_know_no_tags_keep_a_page_for_minutes_whatever_else_is_told() {
    let nginx = || Cdn::nginx("http://127.0.0.1:1/", "token", "https://news.example");
    let other = || Cdn::url("http://127.0.0.1:2/", "token");
    for cdns in [vec![nginx()], vec![nginx(), other()]] {
        let site = Site::build(routes(), |builder| {
            cdns.into_iter().fold(builder.cache_tag(true), |builder, cdn| builder.cdn(cdn))
        });
        let lifetime = "public, max-age=300, stale-while-revalidate=300";
        site.get("/forever").await.assert_header("cdn-cache-control", lifetime);
    }
}

/// A stored page and its 304 say the same.
#[tokio::test]
async fn shared_cache_is_told_in_the_headers_that_it_reads() {
    let both = "public, max-age=0, s-maxage=60, stale-while-revalidate=300, must-revalidate";
    let browsers = "public, max-age=0, must-revalidate";
    let shared = "max-age=60, stale-while-revalidate=300";
    for (cache, cache_control, surrogate, (name, tags)) in [
        (SharedCache::CdnCacheControl, browsers, "", ("cache-tag", "build:b1,a:1,all")),
        (SharedCache::CacheControl, both, "", ("cache-tag", "build:b1,a:1,all")),
        (SharedCache::Fastly, browsers, shared, ("surrogate-key", "build:b1 a:1 all")),
        (SharedCache::Varnish, both, "", ("xkey", "build:b1 a:1 all")),
    ] {
        let site = Site::build(routes(), |builder| {
            builder.shared_cache(cache).cache_tag(true).build_id("b1")
        });
        let etag = site.get("/a/1").await.header("etag").to_owned();
        for condition in ["", &etag] {
            let headers = [("if-none-match", condition)];
            let page = site.request(Method::GET, "/a/1", &headers).await;
            assert_eq!(page.status == StatusCode::NOT_MODIFIED, condition == etag);
            page.assert_header("cache-control", cache_control);
            page.assert_header("cdn-cache-control", &format!("public, {shared}"));
            assert_eq!(page.header("surrogate-control"), surrogate);
            page.assert_header(name, tags);
        }
        let dynamic = site.get("/a/dynamic").await;
        dynamic.assert_header("cache-control", "private, no-store");
        assert_eq!([name, "surrogate-control"].map(|name| dynamic.header(name)), ["", ""]);
    }
}

/// The tags of 68 slugs of 45 letters, as a front page has them.
fn many_tags() -> RouteTable {
    let slugs = (0..68).map(|i| format!("article:{i:045}"));
    let isr = slugs.fold(Isr::forever(), |isr, tag| isr.tag(tag));
    RouteTable::new().add("/many", isr).unwrap()
}

#[tokio::test]
async fn head_of_a_page_with_many_tags_is_within_4_kib() {
    let cdn = Cdn::url("http://127.0.0.1:1/", "token");
    let site = Site::build(many_tags(), |builder| builder.cache_tag(true).cdn(cdn));
    let page = site.open(Method::GET, "/many", &[], Body::empty()).await;
    let sizes = page.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let size = sizes.sum::<usize>();
    assert!(size <= 4096 - 640, "{size}");
    let tags = page.headers()["cache-tag"].to_str().unwrap();
    assert_eq!(tags.split(',').filter(|tag| tag.len() == 17 && tag.starts_with('~')).count(), 68);
    let lifetime = "public, max-age=43200, stale-while-revalidate=43200";
    assert_eq!(page.headers()["cdn-cache-control"], lifetime, "every tag is there");

    let roomy = Site::build(many_tags(), |builder| builder.cache_tag(true).max_header_size(8192));
    let tags = roomy.get("/many").await.header("cache-tag").to_owned();
    assert_eq!(tags.split(',').filter(|tag| tag.len() == 53).count(), 68);
}

#[tokio::test]
async fn page_whose_tags_are_left_out_stays_at_shared_caches_for_minutes_with_one_warning() {
    let (warnings, _guard) = Warnings::collect();
    let cdn = Cdn::url("http://127.0.0.1:1/", "token");
    let site = Site::build(many_tags(), |builder| {
        builder.build_id("b1").cache_tag(true).max_header_size(1500).cdn(cdn)
    });
    for second in 0..3 {
        let page = site.get("/many").await;
        let tags = page.header("cache-tag");
        assert!(tags.starts_with("build:b1,~") && tags.len() < 1500, "{tags}");
        let lifetime = "public, max-age=300, stale-while-revalidate=300";
        page.assert_header("cdn-cache-control", lifetime);
        site.advance(seconds(second));
    }
    let text = warnings.text();
    let about = text.lines().filter(|line| line.contains("too large for proxies"));
    let about: Vec<_> = about.collect();
    assert!(matches!(&about[..], [one] if one.contains("/many")), "{about:?}");
}

/// A policy of the page's own is never cut.
#[tokio::test]
async fn page_whose_own_headers_are_too_large_keeps_them_and_is_named() {
    let (warnings, _guard) = Warnings::collect();
    let policy: &'static str = String::leak(format!("default-src {}", "a".repeat(5000)));
    let site = Site::build(routes(), |builder| builder.cache_tag(true));
    site.behave(Renders::Header("content-security-policy", policy));
    let page = site.get("/a/1").await;
    page.assert_header("content-security-policy", policy);
    assert_eq!(page.header("cache-tag"), "");
    assert_eq!(warnings.text().matches("too large for proxies").count(), 1);
}

#[tokio::test]
async fn cdn_is_told_the_one_spelling_of_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    cdn.let_pass();
    let fastly = Cdn::fastly("id", "token", "https://news.example").api(&cdn.url);
    let site = site(folder.path(), fastly);
    let paths = vec!["/caf\u{e9}/".to_owned()];
    site.engine.purge(&Purge { paths, ..Purge::default() }).await.unwrap();
    assert_eq!(cdn.next().await, "/purge/news.example/caf%C3%A9 ");
}

#[tokio::test]
async fn cdn_is_told_the_address_with_the_slash_that_its_route_declares() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    let routes = routes().add("/post/:slug/", Isr::forever()).unwrap();
    let site = Site::build(routes, |builder| {
        builder.disk(folder.path(), "b1").cdn(Cdn::url(&cdn.url, "token"))
    });
    site.purge_path("/post/a").await;
    assert!(cdn.next().await.contains(r#""paths":["/post/a/"]"#));
    site.get("/post/a").await.assert_status(308);
    site.get("/post/a/").await.assert_miss_stored().assert_body("/post/a/ #1");
    assert_eq!(site.renders_of("/post/a"), 1);
}

#[tokio::test]
async fn refusal_is_logged_without_the_token() {
    let (warnings, _guard) = Warnings::collect();
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::FORBIDDEN).await;
    cdn.let_pass();
    let site = site(
        folder.path(),
        Cdn::cloudflare("zone", "the token", "https://news.example").api(&cdn.url),
    );
    for tag in ["a", "b"] {
        site.purge_tag(tag).await;
        cdn.next().await;
    }
    let log = warnings.text();
    assert!(log.contains("ERROR") && log.contains("cloudflare zone"), "{log}");
    assert!(log.contains("403 Forbidden") && !log.contains("the token"), "{log}");
}

#[tokio::test]
async fn purge_that_was_passed_on_is_answered_again_and_done_once() {
    let site = Site::build(routes(), |builder| builder.token("the token for purges"));
    let purge = async |ids: &str| {
        let headers = [("authorization", "Bearer the token for purges"), ("x-isr-purge-ids", ids)];
        site.send(Method::POST, "/_isr/purge", &headers, r#"{"tags":["all"]}"#).await.status
    };
    site.get("/a/1").await;
    for (ids, status, cache) in [
        ("1-1", StatusCode::NO_CONTENT, "isr; hit; ttl=0; detail=purged"),
        ("1-1", StatusCode::NO_CONTENT, "isr; hit; ttl=60"),
        ("1-1,1-2", StatusCode::NO_CONTENT, "isr; hit; ttl=0; detail=purged"),
        ("1-2, 1-1", StatusCode::NO_CONTENT, "isr; hit; ttl=60"),
        ("one", StatusCode::BAD_REQUEST, "isr; hit; ttl=60"),
    ] {
        assert_eq!(purge(ids).await, status, "{ids}");
        site.get("/a/1").await.assert_cache_status(cache);
        site.idle().await;
    }
}

/// Three servers, each of which passes purges on to both others.
#[tokio::test]
async fn servers_that_name_each_other_do_a_purge_once_and_pass_it_on_once() {
    let mut servers = Vec::new();
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let urls: Vec<_> = listeners
        .iter()
        .map(|listener| format!("http://{}/_isr/purge", listener.local_addr().unwrap()))
        .collect();
    let calls = Arc::new(AtomicUsize::new(0));
    for (number, listener) in listeners.into_iter().enumerate() {
        let others = urls.iter().enumerate().filter(|(other, _)| *other != number);
        let site = Site::build(routes(), |builder| {
            others.fold(builder.token("the token for purges"), |builder, (_, url)| {
                builder.cdn(Cdn::url(url, "the token for purges"))
            })
        });
        let calls = Arc::clone(&calls);
        let app = site.router().layer(from_fn(move |request: Request, next: Next| {
            calls.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        site.get("/a/1").await;
        servers.push(site);
    }
    servers[0].purge_tag("a:1").await;
    // Each tells two others, what came from them included.
    for told in 1..=6 {
        let more = async {
            while calls.load(Ordering::SeqCst) < told {
                tokio::task::yield_now().await;
            }
        };
        timeout(seconds(20), more).await.expect("it was not passed on");
    }
    for site in &servers {
        site.idle().await;
        site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
        site.idle().await;
        site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    }
    // A purge of later is passed on after all that came before it.
    servers[0].purge_tag("later").await;
    while calls.load(Ordering::SeqCst) < 12 {
        tokio::task::yield_now().await;
    }
    for site in &servers {
        site.idle().await;
        site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 12);
}
