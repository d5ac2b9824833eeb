//! What a request for a stored page gets.
//!
//! Pages of `/a/:id` are fresh for 60 s, stale until they are 10 min old, then
//! expired. The renderer's body names the path and the number of the render.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    response::AppendHeaders,
    routing::{MethodRouter, get},
};
use futures::stream;
use http::{HeaderName, HeaderValue, Method, StatusCode, header, header::X_CONTENT_TYPE_OPTIONS};
use leptos_isr::{
    Engine, Isr, OnMissing, minutes,
    purge::Purge,
    route::RouteTable,
    seconds,
    testing::{TestClock, TestSite},
};

use crate::support::{Renders, Site, routes};

const BROWSER: &str = "public, max-age=0, must-revalidate";

const PREFETCH: [(&str, &str); 1] = [("sec-purpose", "prefetch;prerender")];

/// What keeps a page out of the store.
const NOT_TO_BE_STORED: [Renders; 7] = [
    Renders::SaysNoStore,
    Renders::Header("set-cookie", "a=b"),
    Renders::Header("cache-control", "no-store"),
    Renders::Header("cache-control", "max-age=60, Private"),
    Renders::Header("cache-control", "private=\"x-name, x-other\""),
    Renders::Header("cdn-cache-control", "no-store"),
    Renders::Header("surrogate-control", "max-age=1, no-store"),
];

#[tokio::test]
async fn missing_page_is_rendered_and_stored() {
    let site = Site::new();
    let first = site.get("/a/1").await;
    first.assert_cache_status("isr; fwd=miss; fwd-status=200; stored").assert_body("/a/1 #1");
    let second = site.get("/a/1").await;
    second.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #1");
    assert_eq!(second.header("cache-control"), BROWSER);
    assert_eq!(
        second.header("cdn-cache-control"),
        "public, max-age=60, stale-while-revalidate=300"
    );
    assert_eq!(second.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(second.header("content-length"), second.body.len().to_string());
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn reading_does_not_renew_a_page() {
    let site = Site::new();
    site.get("/a/1").await;
    for left in (1..60).rev() {
        site.advance(seconds(1));
        site.get("/a/1").await.assert_cache_status(&format!("isr; hit; ttl={left}"));
    }
    site.advance(seconds(1));
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0").assert_body("/a/1 #1");
    site.idle().await;
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn stale_page_is_served_while_one_regeneration_runs() {
    let site = Site::new();
    site.get("/a/1").await;
    site.begun().await;
    site.advance(seconds(100));
    site.behave(Renders::Gate);
    for _ in 0..20 {
        let stale = site.get("/a/1").await;
        stale.assert_cache_status("isr; hit; ttl=-40").assert_body("/a/1 #1");
        let cdn = stale.header("cdn-cache-control");
        assert_eq!(cdn, "public, max-age=2, stale-while-revalidate=300");
    }
    site.begun().await;
    site.let_pass();
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #2");
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn age_counts_from_when_the_render_began() {
    let site = Site::new();
    site.behave(Renders::Gate);
    let request = site.start("/a/1");
    site.begun().await;
    site.advance(seconds(25));
    site.let_pass();
    request.await.unwrap().assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=35");
}

#[tokio::test]
async fn concurrent_misses_share_one_render() {
    let site = Site::new();
    site.behave(Renders::Gate);
    let waiting: Vec<_> = (0..30).map(|_| site.start("/a/1")).collect();
    site.begun().await;
    site.let_pass();
    for request in waiting {
        request.await.unwrap().assert_body("/a/1 #1");
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn expired_page_waits_and_is_served_only_if_the_render_fails() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(minutes(10));
    let waited = site.get("/a/1").await;
    waited.assert_cache_status("isr; fwd=stale; fwd-status=200; stored").assert_body("/a/1 #2");

    site.advance(minutes(11));
    site.behave(Renders::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let old = site.get("/a/1").await;
    old.assert_cache_status("isr; hit; ttl=-600; detail=stale-if-error").assert_body("/a/1 #2");
    assert_eq!(old.status, StatusCode::OK);
}

#[tokio::test]
async fn failed_regeneration_keeps_the_last_good_page() {
    let failures = [
        Renders::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Renders::Status(StatusCode::FORBIDDEN),
        Renders::Status(StatusCode::NO_CONTENT),
        Renders::Empty,
        Renders::SaysFailed,
        Renders::Panic,
        Renders::Hang,
    ];
    for failure in failures {
        let site =
            Site::build(routes(), |builder| builder.render_timeout(Duration::from_millis(250)));
        site.get("/a/1").await;
        site.advance(seconds(60));
        site.behave(failure.clone());
        site.get("/a/1").await.assert_body("/a/1 #1");
        site.idle().await;
        let kept = site.get("/a/1").await;
        kept.assert_cache_status("isr; hit; ttl=0").assert_body("/a/1 #1");
        site.idle().await;
        assert_eq!(site.renders(), 2, "{failure:?} is not retried at once");
        site.behave(Renders::Page);
        site.advance(seconds(2));
        site.get("/a/1").await.assert_body("/a/1 #1");
        site.idle().await;
        site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #3");
    }
}

/// A page that failed waits before its next try. A purge says that something has changed.
#[tokio::test]
async fn purge_of_a_page_that_failed_is_worth_one_try_at_once() {
    for hard in [false, true] {
        let site = Site::new();
        site.get("/a/1").await;
        site.advance(minutes(2));
        site.behave(Renders::Status(StatusCode::INTERNAL_SERVER_ERROR));
        site.get("/a/1").await;
        site.idle().await;
        site.get("/a/1").await.assert_stale();
        site.idle().await;
        assert_eq!(site.renders(), 2, "it waits");

        let purge = Purge { tags: vec!["a:1".into()], hard, ..Purge::default() };
        site.engine.purge(&purge).await.unwrap();
        for _ in 0..2 {
            site.get("/a/1").await.assert_body("/a/1 #1");
            site.idle().await;
        }
        assert_eq!(site.renders(), 3, "one try, and then it waits again");

        site.behave(Renders::Page);
        site.engine.purge(&purge).await.unwrap();
        site.get("/a/1").await;
        site.idle().await;
        site.get("/a/1").await.assert_body("/a/1 #4").assert_fresh();
    }
}

#[tokio::test]
async fn failed_first_render_is_not_stored() {
    let site = Site::new();
    for (failure, status) in [
        (Renders::Status(StatusCode::BAD_GATEWAY), StatusCode::BAD_GATEWAY),
        (Renders::Panic, StatusCode::INTERNAL_SERVER_ERROR),
        (Renders::SaysFailed, StatusCode::BAD_GATEWAY),
    ] {
        site.behave(failure);
        let failed = site.get("/a/1").await;
        assert_eq!(failed.status, status);
        let expected = format!("isr; fwd=miss; fwd-status={}", status.as_u16());
        failed.assert_cache_status(&expected);
        assert_eq!(failed.header("cache-control"), "private, no-store");
        assert!(matches!(failed.header("retry-after"), "1" | "2" | "3" | "4"), "{failed:?}");
        site.advance(seconds(4));
    }
    site.behave(Renders::Page);
    site.get("/a/1").await.assert_body("/a/1 #4");
}

/// What the app answers in the place of a page is for its visitor, though it has no body.
#[tokio::test]
async fn answer_that_is_no_page_reaches_its_visitor_with_its_status_and_headers() {
    let sign_in = ("www-authenticate", "Basic realm=\"staff\"");
    for (status, (name, value), body) in [
        (401, sign_in, "401 Unauthorized\n"),
        (403, ("x-why", "closed"), "403 Forbidden\n"),
        (429, ("retry-after", "77"), "429 Too Many Requests\n"),
        (503, ("retry-after", "120"), "503 Service Unavailable\n"),
        (204, ("x-why", "nothing"), ""),
        (205, ("x-why", "nothing"), ""),
    ] {
        let site = Site::new();
        site.behave(Renders::Bare(StatusCode::from_u16(status).unwrap(), name, value));
        let answer = site.get("/a/1").await;
        answer.assert_status(status).assert_body(body).assert_header(name, value);
        answer.assert_cache_status(&format!("isr; fwd=miss; fwd-status={status}"));
        answer.assert_header("cache-control", "private, no-store");
        let is_text = answer.header("content-type") == "text/plain; charset=utf-8";
        assert_eq!(is_text, !body.is_empty(), "{answer:?}");
        if status == 204 {
            assert_eq!(answer.header("content-length"), "");
        }
    }
}

/// There was no condition in the engine's request.
#[tokio::test]
async fn page_that_answers_304_or_an_empty_200_is_500() {
    for status in [StatusCode::NOT_MODIFIED, StatusCode::OK] {
        let site = Site::new();
        site.behave(Renders::Bare(status, "x-why", "nothing"));
        site.get("/a/1").await.assert_status(500).assert_not_stored();
    }
}

#[tokio::test]
async fn visitors_who_leave_do_not_stop_the_render() {
    let site = Site::new();
    site.behave(Renders::Gate);
    let leaves = site.start("/a/1");
    site.begun().await;
    let stays = site.start("/a/1");
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    site.let_pass();
    stays.await.unwrap().assert_body("/a/1 #1");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn soft_purge_serves_the_old_page_once_more() {
    let site = Site::new();
    for path in ["/a/1", "/a/2", "/forever"] {
        site.get(path).await;
    }
    site.purge_tag("a:1").await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #4");
    site.get("/a/2").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/2 #2");
    site.get("/forever").await.assert_cache_status("isr; hit").assert_body("/forever #3");
    site.purge_tag("all").await;
    site.get("/forever").await.assert_body("/forever #3");
    site.idle().await;
    site.get("/forever").await.assert_cache_status("isr; hit").assert_body("/forever #5");
}

#[tokio::test]
async fn hard_purge_waits_for_the_new_page_and_keeps_the_old_for_errors() {
    let site = Site::new();
    site.get("/a/1").await;
    site.purge_hard("/a/1").await;
    site.get("/a/1").await.assert_cache_status("isr; fwd=stale; fwd-status=200; stored");
    site.purge_hard("/a/1").await;
    site.behave(Renders::SaysFailed);
    let old = site.get("/a/1").await;
    old.assert_cache_status("isr; hit; ttl=0; detail=stale-if-error").assert_body("/a/1 #2");
}

#[tokio::test]
async fn empty_purge_does_nothing() {
    let site = Site::new();
    site.get("/a/1").await;
    site.engine.purge(&Purge { hard: true, ..Purge::default() }).await.unwrap();
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
}

/// A site whose `/a/1` is stale; its regeneration waits at the gate.
async fn regenerating_at_the_gate() -> Site {
    let site = Site::new();
    site.get("/a/1").await;
    site.begun().await;
    site.advance(seconds(60));
    site.behave(Renders::Gate);
    site.get("/a/1").await;
    site
}

#[tokio::test]
async fn purge_during_a_render_wins() {
    let site = regenerating_at_the_gate().await;
    site.begun().await;
    site.purge_tag("all").await;
    site.let_pass();
    // What was overtaken is stored, but not as fresh, and rendered again.
    site.begun().await;
    let overtaken = site.get("/a/1").await;
    overtaken.assert_cache_status("isr; hit; ttl=0; detail=purged").assert_body("/a/1 #2");
    site.let_pass();
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #3");
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn purges_that_overtake_render_after_render_are_followed_by_one_more() {
    let site = regenerating_at_the_gate().await;
    for _ in 0..7 {
        site.begun().await;
        site.purge_tag("all").await;
        site.get("/a/1").await;
        site.let_pass();
    }
    site.begun().await;
    site.let_pass();
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #9");
}

#[tokio::test]
async fn page_that_nobody_asks_for_is_not_rendered_for_each_purge() {
    let site = regenerating_at_the_gate().await;
    for _ in 0..3 {
        site.begun().await;
        site.purge_tag("all").await;
        site.let_pass();
    }
    site.idle().await;
    assert_eq!(site.renders(), 4, "two follow the first");
    site.behave(Renders::Page);
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #5");
}

#[tokio::test]
async fn page_that_may_not_be_stored_is_not_replaced_by_the_old_one() {
    let site = Site::new();
    site.get("/a/1").await;
    site.behave(Renders::SaysNoStore);
    site.purge_hard("/a/1").await;
    for number in 2..=4 {
        let once = site.get("/a/1").await;
        once.assert_body(&format!("/a/1 #{number}"));
        once.assert_cache_status("isr; fwd=stale; fwd-status=200");
    }
}

/// A page that says something for one visitor alone must not stay in the words of before.
#[tokio::test]
async fn stored_page_counts_as_expired_once_a_render_may_not_be_stored() {
    for says_so in NOT_TO_BE_STORED {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::on_disk(folder.path());
        site.get("/a/1").await;
        site.advance(minutes(2));
        site.behave(says_so.clone());
        site.get("/a/1").await.assert_stale();
        site.idle().await;
        for number in 3..=4 {
            let own = site.get("/a/1").await;
            own.assert_body(&format!("/a/1 #{number}"));
            own.assert_cache_status("isr; fwd=stale; fwd-status=200");
            assert_eq!(own.header("cache-control"), "private, no-store");
        }
        site.behave(Renders::Status(StatusCode::INTERNAL_SERVER_ERROR));
        site.get_kept("/a/1").await.assert_body("/a/1 #1").assert_stale_if_error();

        let again = Site::on_disk(folder.path());
        again.advance(minutes(2));
        again.behave(says_so);
        again.get("/a/1").await.assert_cache_status("isr; fwd=stale; fwd-status=200");
        again.behave(Renders::Page);
        again.get("/a/1").await.assert_replaced();
        again.get("/a/1").await.assert_fresh();
    }
}

#[tokio::test]
async fn visitor_who_waits_gets_a_render_that_began_after_the_purge() {
    let site = Site::new();
    site.behave(Renders::Gate);
    let request = site.start("/a/1");
    site.begun().await;
    site.purge_hard("/a/1").await;
    site.let_pass();
    site.let_pass();
    request.await.unwrap().assert_body("/a/1 #2");
}

#[tokio::test]
async fn render_may_add_tags_and_shorten_its_period() {
    let site = Site::new();
    site.behave(Renders::SaysTag("extra"));
    site.get("/a/1").await;
    site.purge_tag("extra").await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    site.idle().await;
    for (asked, ttl) in [(seconds(5), 5), (minutes(5), 60)] {
        let site = Site::new();
        site.behave(Renders::SaysPeriod(asked));
        site.get("/a/1").await;
        site.get("/a/1").await.assert_cache_status(&format!("isr; hit; ttl={ttl}"));
    }
}

#[tokio::test]
async fn render_that_may_not_be_stored_is_served_once() {
    for says_so in NOT_TO_BE_STORED {
        let site = Site::new();
        site.behave(says_so);
        for number in 1..=2 {
            let once = site.get("/a/1").await;
            once.assert_body(&format!("/a/1 #{number}"));
            once.assert_cache_status("isr; fwd=miss; fwd-status=200");
            assert_eq!(once.header("cache-control"), "private, no-store");
            assert_eq!(once.header("set-cookie"), "");
        }
    }
}

#[tokio::test]
async fn periods_of_a_pages_own_headers_do_not_count() {
    for (name, value) in [
        ("cache-control", "public, max-age=5, s-maxage=9, no-cache, must-revalidate"),
        ("cache-control", "ext=\"no-store, private\""),
        ("cdn-cache-control", "max-age=5"),
        ("expires", "0"),
    ] {
        let site = Site::new();
        site.behave(Renders::Header(name, value));
        site.get("/a/1").await.assert_miss_stored();
        let page = site.get("/a/1").await;
        page.assert_cache_status("isr; hit; ttl=60").assert_header("cache-control", BROWSER);
        page.assert_header("cdn-cache-control", "public, max-age=60, stale-while-revalidate=300");
    }
}

/// Those who pass the page on may rewrite it otherwise: minify it, or compress pictures in it.
#[tokio::test]
async fn no_transform_is_passed_on_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.behave(Renders::Header("cache-control", "max-age=5, No-Transform"));
    site.get_kept("/a/1").await.assert_miss_stored();
    for site in [site, Site::on_disk(folder.path())] {
        let page = site.get("/a/1").await;
        page.assert_hit().assert_header("cache-control", &format!("{BROWSER}, no-transform"));
        let cdn = page.header("cdn-cache-control");
        assert!(cdn.ends_with("stale-while-revalidate=300, no-transform"), "{cdn}");
        let etag = page.header("etag").to_owned();
        let same = site.request(Method::GET, "/a/1", &[("if-none-match", &etag)]).await;
        same.assert_status(304);
        same.assert_header("cache-control", &format!("{BROWSER}, no-transform"));
    }
}

/// What is not there today may be there tomorrow, and nobody purges what never was.
#[tokio::test]
async fn shared_caches_keep_404_and_410_for_a_minute_at_most() {
    for status in [StatusCode::NOT_FOUND, StatusCode::GONE] {
        let site = Site::new();
        site.behave(Renders::Status(status));
        let short = "public, max-age=60, stale-while-revalidate=0";
        site.get("/forever").await.assert_header("cdn-cache-control", short);
        site.get("/forever").await.assert_header("cdn-cache-control", short);
        site.get("/a/1").await;
        site.advance(seconds(50));
        let left = "public, max-age=10, stale-while-revalidate=0";
        site.get("/a/1").await.assert_header("cdn-cache-control", left);
    }
}

#[tokio::test]
async fn definite_results_replace_a_page_and_keep_status_and_location() {
    let site = Site::new();
    site.get("/a/1").await;
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    site.purge_tag("all").await;
    site.get("/a/1").await.assert_body("/a/1 #1");
    site.idle().await;
    for _ in 0..2 {
        let gone = site.get("/a/1").await;
        gone.assert_cache_status("isr; hit; ttl=60");
        assert_eq!(gone.status, StatusCode::NOT_FOUND);
    }
    site.behave(Renders::Redirect("/elsewhere"));
    site.purge_hard("/a/1").await;
    for _ in 0..3 {
        let moved = site.get("/a/1").await;
        assert_eq!((moved.status, moved.header("location")), (StatusCode::FOUND, "/elsewhere"));
    }
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn purged_not_found_is_not_told_once_more() {
    let site = Site::new();
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    site.get("/a/1").await;
    site.behave(Renders::Page);
    site.purge_tag("a:1").await;
    let page = site.get("/a/1").await;
    page.assert_body("/a/1 #2").assert_cache_status("isr; fwd=stale; fwd-status=200; stored");
}

#[tokio::test]
async fn nothing_of_the_visitor_reaches_the_render() {
    let site = Site::new();
    let headers = [
        ("cookie", "session=1"),
        ("authorization", "Bearer x"),
        ("accept-language", "de"),
        ("x-forwarded-host", "evil.example"),
        ("host", "evil.example"),
        ("x-prerender-revalidate", "1"),
    ];
    site.request(Method::HEAD, "/a/1?utm_source=x&page=2&other=3", &headers).await;
    let (method, path, sent) = site.requests().remove(0);
    assert_eq!((method, path.as_str()), (Method::GET, "/a/1?page=2"));
    assert_eq!(sent.len(), 1, "only Accept: {sent:?}");
    site.get("/a/1?page=2").await.assert_cache_status("isr; hit; ttl=60");
    site.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
}

#[tokio::test]
async fn spellings_of_a_path_are_one_page() {
    let site = Site::new();
    site.get("/a/caf%C3%A9").await;
    for path in ["/a/caf%c3%a9", "/%61/caf%C3%A9", "/a/caf%C3%A9?page2=1"] {
        site.get(path).await.assert_cache_status("isr; hit; ttl=60");
    }
    let slash = site.get("/a/caf%C3%A9/?page=2").await;
    assert_eq!(slash.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(slash.header("location"), "/a/caf%C3%A9?page=2");
    for path in ["/a/%", "/a/%00", "/a/%2e%2e", "/a//1", "/a/../a/1", "/a/1?page=%zz"] {
        let bad = site.get(path).await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(bad.header("cache-control"), "private, no-store");
    }
    assert_eq!(site.renders(), 1);
}

/// What a path may be is a rule for the engine's pages only.
#[tokio::test]
async fn path_of_no_stored_route_reaches_the_app_as_it_came() {
    let site = Site::new();
    let long = format!("/proxy/{}", "a".repeat(9000));
    let bad = ["/proxy/https://x.example/", "//", "//x", "/proxy/%zz", "/proxy/../x", "/proxy/%00"];
    for path in bad.into_iter().chain([&*long, "/a/dynamic/", "/a/dynamic//", "/a/1/%zz"]) {
        let answer = site.get(path).await;
        answer.assert_status(200);
        assert!(answer.body.starts_with(&format!("{path} #")), "{path}: {answer:?}");
        assert!(answer.cache_status().starts_with("isr; fwd=bypass; detail="), "{answer:?}");
    }
    assert_eq!(site.requests().len(), 10);
    // The app may know what to do with it.
    let posted = site.request(Method::POST, "/a/%zz", &[]).await;
    posted.assert_status(200).assert_bypass("method");
}

#[tokio::test]
async fn headline_of_176_letters_of_any_script_is_a_path() {
    let site = Site::new();
    site.get(&format!("/a/{}", "%E6%96%87".repeat(176))).await.assert_miss_stored();
    let listed = Isr::forever().prerender(async || Ok::<_, String>(vec!["\u{6587}".repeat(176)]));
    let routes = RouteTable::new().add("/b/:title", listed).unwrap();
    let site = Site::build(routes, |builder| builder);
    site.engine.prerender(1, |_| (), |_| ()).await.unwrap();
    site.get(&format!("/a/{}", "a".repeat(4096))).await.assert_bypass("no-route");
    site.get(&format!("/b/{}", "a".repeat(4096))).await.assert_status(400);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let site = Site::new();
    let get = site.get("/a/1").await;
    let head = site.request(Method::HEAD, "/a/1", &[]).await;
    head.assert_cache_status("isr; hit; ttl=60").assert_body("");
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("etag"), get.header("etag"));
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn other_methods_are_answered_by_the_app_and_change_no_page() {
    let pages = get(async || "a page").post(async |body: String| format!("posted {body}"));
    let clock = TestClock::new();
    let engine = Engine::builder(routes()).clock(clock.clone()).build().unwrap();
    let site = TestSite::new(&engine, engine.wrap(Router::new().route("/a/{id}", pages)), clock);
    site.get("/a/1").await.assert_miss_stored();
    for path in ["/a/1", "/a/2", "/a/1/"] {
        let posted = site.send(Method::POST, path, &[], "x=1").await;
        match path {
            "/a/1/" => posted.assert_status(404),
            _ => posted.assert_status(200).assert_body("posted x=1"),
        };
        posted.assert_bypass("method");
        assert_eq!(posted.header("cache-control"), "private, no-store");
        let refused = site.request(Method::PUT, path, &[]).await;
        match path {
            "/a/1/" => refused.assert_status(404),
            _ => refused.assert_status(405),
        };
        refused.assert_bypass("method");
    }
    site.get("/a/1").await.assert_fresh().assert_body("a page");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn browser_that_has_the_page_gets_304() {
    let site = Site::new();
    let etag = site.get("/a/1").await.header("etag").to_owned();
    let same = site.request(Method::GET, "/a/1", &[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(same.header("etag"), etag);
    assert_eq!(same.header("cache-control"), BROWSER);
    same.assert_cache_status("isr; hit; ttl=60");
    let other = site.request(Method::GET, "/a/1", &[("if-none-match", "\"x\"")]).await;
    assert_eq!(other.status, StatusCode::OK);
    site.purge_hard("/a/1").await;
    let changed = site.request(Method::GET, "/a/1", &[("if-none-match", &etag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
}

#[tokio::test]
async fn identical_body_keeps_its_etag() {
    let site = Site::build(routes(), |builder| builder);
    site.behave(Renders::Redirect("/same"));
    let before = site.get("/a/1").await;
    site.purge_hard("/a/1").await;
    let after = site.get("/a/1").await;
    assert_eq!(before.header("etag"), after.header("etag"));
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn prefetch_of_a_stale_page_is_served_and_regenerates_it() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(seconds(60));
    site.request(Method::GET, "/a/1", &PREFETCH).await.assert_stale().assert_body("/a/1 #1");
    site.idle().await;
    site.get("/a/1").await.assert_fresh().assert_body("/a/1 #2");
}

#[tokio::test]
async fn purged_page_that_four_readers_prefetch_is_new_for_the_fifth() {
    let site = Site::new();
    site.get("/a/1").await;
    site.engine.purge(&Purge { paths: vec!["/a/1".into()], ..Purge::default() }).await.unwrap();
    for _ in 0..4 {
        site.request(Method::GET, "/a/1", &PREFETCH).await.assert_hit();
    }
    site.idle().await;
    site.request(Method::GET, "/a/1", &PREFETCH).await.assert_fresh().assert_body("/a/1 #2");
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn prefetch_that_would_have_to_wait_gets_503_and_starts_nothing() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(minutes(10));
    for (path, why) in [("/a/1", "stale"), ("/a/2", "miss")] {
        let refused = site.request(Method::GET, path, &PREFETCH).await;
        refused.assert_status(503);
        refused.assert_cache_status(&format!("isr; fwd={why}; fwd-status=503"));
        assert_eq!(refused.header("cache-control"), "private, no-store");
    }
    site.idle().await;
    assert_eq!(site.renders(), 1);
    site.behave(Renders::SaysFailed);
    site.get("/a/1").await.assert_stale_if_error();
    // The old page is the answer without a wait.
    site.request(Method::GET, "/a/1", &PREFETCH).await.assert_stale_if_error();
}

#[tokio::test]
async fn page_from_the_future_is_stale() {
    let site = Site::new();
    site.get("/a/1").await;
    site.set_back(minutes(30));
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0");
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #2");
}

#[tokio::test]
async fn dynamic_routes_and_bypass_store_nothing() {
    let site = Site::new();
    for number in 1..=2 {
        let page = site.get("/a/dynamic").await;
        page.assert_body(&format!("/a/dynamic #{number}"));
        page.assert_cache_status("isr; fwd=bypass; detail=dynamic");
        assert_eq!(page.header("cache-control"), "private, no-store");
    }
    let site = Site::build(routes(), |builder| builder.bypass("watch"));
    for number in 1..=2 {
        let page = site.get("/a/1").await;
        page.assert_body(&format!("/a/1 #{number}"));
        page.assert_cache_status("isr; fwd=bypass; detail=watch");
        assert_eq!(page.header("cache-control"), "private, no-store");
    }
}

/// A site that answers `path` itself.
fn site_of_one(path: &str, answer: MethodRouter) -> TestSite {
    let clock = TestClock::new();
    let engine = Engine::builder(routes())
        .clock(clock.clone())
        .csp("script-src 'self'; style-src 'self'")
        .default_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .build()
        .unwrap();
    TestSite::new(&engine, engine.wrap(Router::new().route(path, answer)), clock)
}

/// What tower-http's services for files say of one.
const MODIFIED: (&str, &str) = ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT");

#[tokio::test]
async fn answer_of_the_app_says_who_may_keep_it() {
    const RANGES: (&str, &str) = ("accept-ranges", "bytes");
    let private = "private, no-store";
    for (path, headers, cache) in [
        ("/a.css", &[MODIFIED, RANGES][..], BROWSER),
        ("/a.css", &[MODIFIED, RANGES, ("cache-control", "max-age=9")], "max-age=9"),
        ("/report", &[MODIFIED], private),
        ("/report", &[("etag", "\"1\"")], private),
        ("/a/dynamic", &[MODIFIED, RANGES], private),
    ] {
        let answer = get(async move || (AppendHeaders(headers.iter().copied()), "text"));
        let site = site_of_one(path, answer);
        let answer = site.get(path).await;
        answer.assert_status(200).assert_header("cache-control", cache);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

/// A cache takes the headers of a 304 for those of the answer that it keeps.
#[tokio::test]
async fn nothing_is_added_to_a_304_of_the_app() {
    for path in ["/a.css", "/a/dynamic"] {
        let unchanged = || (StatusCode::NOT_MODIFIED, [("etag", "\"1\"")]);
        let site = site_of_one(path, get(async move || unchanged()));
        let answer = site.request(Method::GET, path, &[("if-none-match", "\"1\"")]).await;
        answer.assert_status(304).assert_header("etag", "\"1\"");
        for name in ["cache-control", "content-security-policy", "x-content-type-options"] {
            assert_eq!(answer.header(name), "", "{name}");
        }
        assert!(answer.cache_status().starts_with("isr; fwd=bypass"), "{answer:?}");
    }
}

#[tokio::test]
async fn head_says_no_length_that_get_does_not_have() {
    let parts = || stream::iter(["a ", "page"].map(Ok::<_, Infallible>));
    for (path, streamed, length) in [
        ("/page", get(async move || Body::from_stream(parts())), ""),
        ("/page", get(async || "a page"), "6"),
        ("/a/dynamic", get(async move || Body::from_stream(parts())), ""),
        ("/a/dynamic", get(async || "a page"), "6"),
        ("/a/dynamic", get(async || ([("content-length", "6")], "a page")), "6"),
    ] {
        let site = site_of_one(path, streamed);
        site.get(path).await.assert_status(200).assert_body("a page");
        let head = site.request(Method::HEAD, path, &[]).await;
        head.assert_status(200).assert_body("");
        assert_eq!(head.header("content-length"), length, "{path}");
    }
}

#[tokio::test]
async fn path_that_is_not_listed_gets_the_404_page_without_a_render() {
    let listed = Isr::forever()
        .prerender(async || Ok::<_, String>(vec!["one", "caf\u{e9}"]))
        .on_missing(OnMissing::NotFound);
    let site = Site::build(RouteTable::new().add("/b/:id", listed).unwrap(), |builder| builder);
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    for path in ["/b/two", "/b/three", "/b/four"] {
        let missing = site.get(path).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        missing.assert_cache_status("isr; fwd=bypass; detail=not-listed");
    }
    assert_eq!(site.renders(), 1, "the 404 page is rendered once");
    site.behave(Renders::Page);
    let everything = Purge { prefixes: vec!["/".to_owned()], hard: true, ..Purge::default() };
    site.engine.purge(&everything).await.unwrap();
    let purged = site.get("/b/two").await;
    assert_eq!(
        (purged.status, purged.body.as_str()),
        (StatusCode::NOT_FOUND, "/_isr/not-found? #2")
    );
    for path in ["/b/one", "/b/caf%C3%A9"] {
        site.get(path).await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    }
}

#[test]
fn purge_token_that_is_too_short_fails_at_start() {
    let build = |token: &str| Engine::builder(routes()).token(token).build();
    for token in ["", "x", "a short token 1"] {
        let error = build(token).unwrap_err().to_string();
        let expected =
            format!("purge token: it is {} bytes long; make it at least 16", token.len());
        assert!(error.starts_with(&expected) && error.contains("openssl"), "{error}");
        assert!(
            token.len() < 2 || !error.contains(token),
            "the token stays out of the log: {error}"
        );
    }
    assert!(build("a short token 12").is_ok());
}

#[tokio::test]
async fn purge_endpoint_wants_its_token() {
    let site = Site::build(routes(), |builder| builder.token("the token for purges"));
    let bearer = [("authorization", "Bearer the token for purges")];
    let post = async |headers: &[(&str, &str)], body: &'static str| {
        site.send(Method::POST, "/_isr/purge", headers, Body::from(body)).await
    };
    site.get("/a/1").await;
    for headers in [
        &[][..],
        &[("authorization", "Bearer the token for purge")],
        &[("authorization", "the token for purges")],
    ] {
        assert_eq!(post(headers, r#"{"tags":["all"]}"#).await.status, StatusCode::UNAUTHORIZED);
    }
    for body in ["", "[]", r#"{"tag":["all"]}"#, r#"{"paths":["a"]}"#, r#"{"tags":"all"}"#] {
        assert_eq!(post(&bearer, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let get = site.request(Method::GET, "/_isr/purge", &bearer).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");

    let purged = post(&bearer, r#"{"prefixes":["/a"],"hard":true}"#).await;
    assert_eq!(purged.status, StatusCode::NO_CONTENT);
    site.get("/a/1").await.assert_cache_status("isr; fwd=stale; fwd-status=200; stored");

    let without = Site::new();
    let absent = without.send(Method::POST, "/_isr/purge", &bearer, Body::empty()).await;
    absent.assert_cache_status("isr; fwd=bypass; detail=no-route");
}

#[tokio::test]
async fn every_answer_of_an_endpoint_says_that_it_is_of_no_store() {
    let site = Site::build(routes(), |builder| {
        builder
            .token("the token for purges")
            .draft_secret("a secret of some length")
            .draft_over_http()
            .max_streams(1)
    });
    let token = [("authorization", "Bearer the token for purges")];
    let draft = [("authorization", "Bearer a secret of some length")];
    for (method, path, headers, body, status) in [
        (Method::POST, "/_isr/purge", &token, r#"{"tags":["all"]}"#, 204),
        (Method::POST, "/_isr/purge?dry_run=true", &token, r#"{"tags":["all"]}"#, 200),
        (Method::POST, "/_isr/purge", &token, "no purge", 400),
        (Method::POST, "/_isr/purge", &draft, "", 401),
        (Method::POST, "/_isr/regenerate", &token, r#"{"paths":["/a/1"]}"#, 200),
        (Method::POST, "/_isr/draft", &draft, "", 204),
        (Method::DELETE, "/_isr/draft", &token, "", 204),
        (Method::HEAD, "/_isr/live?page=/a/1", &token, "", 200),
        (Method::HEAD, "/_isr/live", &token, "", 400),
    ] {
        let answer = site.send(method, path, headers, body).await;
        answer.assert_status(status).assert_header("cache-control", "private, no-store");
        answer.assert_bypass(if status < 300 { "endpoint" } else { "error" });
    }
    let stream = site.open(Method::GET, "/_isr/live?page=/a/1", &[], Body::empty()).await;
    assert_eq!(stream.headers()["cache-status"], "isr; fwd=bypass; detail=endpoint");
    assert_eq!(stream.headers()["cache-control"], "private, no-store");
}

#[tokio::test]
async fn renders_are_bounded() {
    let site = Site::build(routes(), |builder| builder.max_renders(2));
    site.behave(Renders::Gate);
    let waiting: Vec<_> = ["/a/1", "/a/2", "/a/3", "/a/4"].map(|path| site.start(path)).into();
    site.begun().await;
    site.begun().await;
    tokio::task::yield_now().await;
    assert_eq!(site.renders(), 2);
    for _ in 0..4 {
        site.let_pass();
    }
    for request in waiting {
        assert_eq!(request.await.unwrap().status, StatusCode::OK);
    }
}

#[tokio::test]
async fn page_that_differs_in_what_browsers_keep_of_it_is_no_304() {
    for (name, value) in [
        ("content-type", "application/xhtml+xml"),
        ("content-language", "de"),
        ("link", "</style.css>; rel=preload; as=style"),
        ("content-security-policy", "default-src 'self'"),
        ("location", "/other"),
    ] {
        let site = Site::new();
        site.behave(Renders::Same(StatusCode::OK, "x-render", "1"));
        let etag = site.get("/a/1").await.header("etag").to_owned();
        let ask = async || site.request(Method::GET, "/a/1", &[("if-none-match", &etag)]).await;
        site.behave(Renders::Same(StatusCode::OK, "x-render", "2"));
        site.purge_hard("/a/1").await;
        assert_eq!(ask().await.status, StatusCode::NOT_MODIFIED, "the page is the same");
        site.behave(Renders::Same(StatusCode::OK, name, value));
        site.purge_hard("/a/1").await;
        let changed = ask().await;
        assert_eq!((changed.status, changed.header(name)), (StatusCode::OK, value));
    }
}

#[tokio::test]
async fn page_that_was_missing_is_no_304_for_who_has_the_404_with_the_same_text() {
    let site = Site::new();
    site.behave(Renders::Same(StatusCode::NOT_FOUND, "x-render", "1"));
    let missing = site.get("/a/1").await;
    missing.assert_status(404);
    let etag = missing.header("etag").to_owned();
    site.behave(Renders::Same(StatusCode::OK, "x-render", "2"));
    site.purge_hard("/a/1").await;
    let found = site.request(Method::GET, "/a/1", &[("if-none-match", &etag)]).await;
    assert_eq!(found.status, StatusCode::OK);
}

#[tokio::test]
async fn answer_304_carries_what_caches_need_and_nothing_else() {
    let nosniff = HeaderValue::from_static("nosniff");
    let site = Site::build(routes(), |builder| {
        builder.build_id("b1").cache_tag(true).default_header(X_CONTENT_TYPE_OPTIONS, nosniff)
    });
    site.behave(Renders::Same(StatusCode::OK, "content-location", "/a/one"));
    let whole = site.get("/a/1").await;
    let etag = whole.header("etag").to_owned();
    let same = site.open(Method::GET, "/a/1", &[("if-none-match", &etag)], Body::empty()).await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    let mut names: Vec<_> = same.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = [
        "cache-control",
        "cache-status",
        "cache-tag",
        "cdn-cache-control",
        "content-location",
        "etag",
        "vary",
        "x-isr-build",
    ];
    assert_eq!(names, expected);
    for name in names.iter().filter(|name| **name != "cache-status") {
        assert_eq!(same.headers()[*name], whole.header(name), "{name}");
    }
}

#[tokio::test]
async fn every_answer_names_its_build() {
    let site = Site::build(routes(), |builder| builder.build_id("build-1"));
    site.get("/a/1").await.assert_miss_stored();
    let etag = site.get("/a/1").await.header("etag").to_owned();
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    for (path, headers, status) in [
        ("/a/1", &[][..], StatusCode::OK),
        ("/a/1", &[("if-none-match", &*etag)], StatusCode::NOT_MODIFIED),
        ("/a/2", &[], StatusCode::NOT_FOUND),
        ("/a/dynamic", &[], StatusCode::NOT_FOUND),
        ("/no/route", &[], StatusCode::NOT_FOUND),
        ("/a/1/", &[], StatusCode::PERMANENT_REDIRECT),
        ("/a/%zz", &[], StatusCode::BAD_REQUEST),
    ] {
        let answer = site.request(Method::GET, path, headers).await;
        assert_eq!((answer.status, answer.header("x-isr-build")), (status, "build-1"), "{path}");
    }
    let unnamed = Site::new().get("/a/1").await;
    assert_eq!(unnamed.header("x-isr-build"), "");
}

#[tokio::test]
async fn wrong_build_id_fails_at_start_with_what_may_be_written() {
    for id in ["", ".", "../pages", "a b", "a\nb", "\u{e9}", &"x".repeat(65)] {
        let error = Engine::builder(routes()).build_id(id).build().unwrap_err().to_string();
        assert!(error.contains(id) && error.contains("up to 64 letters"), "{error}");
    }
    for id in ["1", "v1.2.3-rc_1", &"x".repeat(64)] {
        Engine::builder(routes()).build_id(id).build().unwrap();
    }
}
