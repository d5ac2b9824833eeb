//! Requests that are more than a path, and what answers say of themselves.

use blackbox::wire::Request;
use serde_json::json;

use crate::support::{Answer, Site};

/// Behaviour 1.
#[tokio::test(flavor = "multi_thread")]
async fn page_can_only_be_read() {
    let site = Site::with(&[("blog", &["a"]), ("closed", &["a"])]).await;
    let loads = site.cms.all_loads();
    for path in ["/", "/blog/a", "/blog/new", "/closed/a", "/list", "/feed.xml"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"] {
            let page = site.request(Request { method, body: "x=1", ..Request::get(path) }).await;
            page.assert_status(405).assert_header("allow", "GET,HEAD");
            page.assert_header("cache-control", "private, no-store");
            page.assert_header("cache-status", "isr; fwd=bypass; detail=method");
        }
    }
    assert_eq!(site.cms.all_loads(), loads);
}

/// HEAD is GET without the body, and starts a regeneration as GET does.
#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_the_body() {
    let site = Site::with(&[("blog", &["a"])]).await;
    let head = |path| Request { method: "HEAD", ..Request::get(path) };
    for path in ["/", "/blog/a", "/blog/new", "/feed.xml"] {
        let without = site.request(head(path)).await;
        let with = site.get(path).await;
        assert!(without.body.is_empty() && !with.body.is_empty());
        assert_eq!(without.status, with.status);
        assert_eq!(without.header("content-length"), with.body.len().to_string(), "{path}");
        for name in ["etag", "content-type", "cache-control", "cdn-cache-control", "vary"] {
            assert_eq!(without.header(name), with.header(name), "{path} {name}");
        }
    }
    assert_eq!(site.cms.loads("blog:new"), 1);
    site.advance(2);
    site.request(head("/blog/a")).await.assert_cache_status("isr; hit; ttl=0");
    site.idle().await;
    site.get("/blog/a").await.assert_fresh(2).assert_said("blog:a #2");
}

/// Behaviours 9, 10.
#[tokio::test(flavor = "multi_thread")]
async fn shared_caches_are_told_what_is_left_of_the_period_and_browsers_to_ask() {
    let site = Site::with(&[("blog", &["a"]), ("forever", &["a"])]).await;
    let check = async |path: &str, shared: &str| {
        let page = site.get(path).await;
        page.assert_header("cache-control", "public, max-age=0, must-revalidate");
        page.assert_header("cdn-cache-control", shared);
    };
    check("/blog/a", "public, max-age=2, stale-while-revalidate=300").await;
    check("/forever/a", "public, max-age=300, stale-while-revalidate=300").await;
    check("/limited/a", "public, max-age=2, stale-while-revalidate=8").await;
    site.advance(1);
    check("/blog/a", "public, max-age=1, stale-while-revalidate=300").await;
    check("/limited/a", "public, max-age=1, stale-while-revalidate=8").await;
    // What is stale is not passed on as fresh for another period.
    let _ = [site.cms.hold("blog:a"), site.cms.hold("limited:a")].map(|gate| gate.add_permits(1));
    site.advance(4);
    check("/limited/a", "public, max-age=2, stale-while-revalidate=5").await;
    check("/blog/a", "public, max-age=2, stale-while-revalidate=300").await;
}

/// Behaviour 60.
#[tokio::test(flavor = "multi_thread")]
async fn etag_stays_the_same_when_a_regeneration_changes_nothing() {
    let site = Site::new().await;
    site.cms.set_list("blog", &["a"]);
    site.cms.set("blog:a", Answer::Text("the same"));
    site.build().await;
    let mut site = site;
    site.start();
    let built = site.get("/blog/a").await;
    let etag = built.header("etag").to_owned();
    site.advance(2);
    let (_, again) = site.get_twice("/blog/a").await;
    assert_eq!(site.cms.loads("blog:a"), 2);
    again.assert_fresh(2).assert_header("etag", &etag);
    for given in [etag.as_str(), &format!("W/{etag}"), &format!("\"x\", {etag}"), "*"] {
        let page = site.get_with("/blog/a", &[("If-None-Match", given)]).await;
        page.assert_status(304).assert_fresh(2).assert_header("etag", &etag);
        page.assert_header("cache-control", "public, max-age=0, must-revalidate");
        assert!(page.body.is_empty());
    }
    site.cms.set("blog:a", Answer::Text("another"));
    site.advance(2);
    site.get_twice("/blog/a").await;
    let page = site.get_with("/blog/a", &[("If-None-Match", &etag)]).await;
    page.assert_status(200).assert_said("another");
    assert_ne!(page.header("etag"), etag);
}

/// Behaviours 61, 62.
#[tokio::test(flavor = "multi_thread")]
async fn conditional_request_that_starts_a_render_stores_a_whole_page() {
    let mut site = Site::with(&[("blog", &["a"])]).await;
    site.cms.set("blog:a", Answer::Text("the same"));
    site.regenerate("/blog/a").await;
    let etag = site.get("/blog/a").await.header("etag").to_owned();
    let condition =
        &[("If-None-Match", etag.as_str()), ("If-Modified-Since", "Fri, 31 Dec 2100 23:59:59 GMT")];
    // Stale: the answer is 304, what is stored behind it is a page.
    site.advance(2);
    site.get_with("/blog/a", condition)
        .await
        .assert_status(304)
        .assert_cache_status("isr; hit; ttl=0");
    site.idle().await;
    site.get("/blog/a").await.assert_status(200).assert_fresh(2).assert_said("the same");
    // Purged hard, and never rendered: the condition meets a new page.
    site.purge_by(&json!({ "paths": ["/blog/a"], "hard": true })).await;
    site.get_with("/blog/a", condition).await.assert_status(304);
    site.get("/blog/a").await.assert_status(200).assert_fresh(2).assert_said("the same");
    site.get_with("/open/new", &[("If-None-Match", "*")]).await;
    site.get("/open/new").await.assert_status(200).assert_fresh(2).assert_said("open:new #1");
    site.idle().await;
    site.restart();
    for path in ["/blog/a", "/open/new"] {
        site.get(path).await.assert_status(200).assert_fresh(2);
    }
}

/// Behaviours 6, 30, 54, 83, 85, 98: no header of a request reaches a stored page.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_look_internal_mean_nothing() {
    let site = Site::with(&[("blog", &["a"]), ("closed", &["a"])]).await;
    let forged = &[
        ("x-middleware-prefetch", "1"),
        ("x-nextjs-data", "1"),
        ("x-prerender-revalidate", "the token for purges"),
        ("x-prerender-revalidate-if-generated", "1"),
        ("x-now-route-matches", "1=other&post=other&slug=other"),
        ("x-matched-path", "/blog/other"),
        ("x-invoke-status", "500"),
        ("x-isr", "1"),
        ("next-resume", "1"),
        ("rsc", "1"),
        ("cookie", "__prerender_bypass=token; isr_draft=forged; __next_preview_data=x"),
        ("authorization", "Basic eDp5"),
        ("accept-language", "zh"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-prefix", "/evil"),
        ("x-http-method-override", "POST"),
        ("x-original-url", "/closed/a"),
        ("range", "bytes=0-1"),
        ("accept", "application/json"),
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
    ];
    let plain = site.get("/blog/a").await;
    let page = site.get_with("/blog/a", forged).await;
    page.assert_status(200).assert_fresh(2).assert_header("location", "");
    page.assert_header("content-type", "text/html; charset=utf-8");
    assert_eq!(page.body, plain.body);
    // Nor a page that such a request makes.
    let made = site.get_with("/blog/b", forged).await;
    made.assert_status(200).assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    made.assert_said("blog:b #1");
    assert_eq!(made.part("request"), "GET accept");
    assert!(!made.text().contains("evil"));
    site.get_with("/closed/x", forged).await.assert_not_listed();
    site.get_with("/open/r", &[("x-nextjs-data", "1")]).await;
    site.cms.set("open:r", Answer::Moved(307, "/blog/a"));
    site.regenerate("/open/r").await;
    site.get_with("/open/r", forged).await.assert_status(307).assert_header("location", "/blog/a");
    assert_eq!(site.cms.loads("blog:a"), 1);
}

/// Behaviours 30, 96, in part: whatever cookie asks for the regeneration, the page has none.
#[tokio::test(flavor = "multi_thread")]
async fn regeneration_by_somebody_with_cookies_stores_a_page_for_everybody() {
    let site = Site::with(&[("blog", &["a"])]).await;
    let headers = &[
        ("Authorization", "Bearer the token for purges"),
        ("Cookie", "__prerender_bypass=token; isr_draft=forged"),
    ];
    let body = &json!({ "paths": ["/blog/a"] }).to_string();
    let request = Request { method: "POST", target: "/_isr/regenerate", headers, body };
    site.request(request).await.assert_status(200);
    let page = site.get("/blog/a").await;
    page.assert_fresh(2).assert_said("blog:a #2").assert_header("set-cookie", "");
    assert_eq!(page.part("request"), "GET accept");
}

/// Behaviours 55, 70, 71.
#[tokio::test(flavor = "multi_thread")]
async fn crawlers_and_browsers_get_the_same_whole_page() {
    let site = Site::with(&[]).await;
    for (n, agent) in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "ia_archiver (+http://www.alexa.com/site/help/webmasters)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    ]
    .into_iter()
    .enumerate()
    {
        let (path, key) = (format!("/open/{n}"), format!("open:{n}"));
        let page = site.get_with(&path, &[("User-Agent", agent)]).await;
        page.assert_status(200).assert_said(&format!("{key} #1"));
        let again = site.get(&path).await;
        again.assert_fresh(2);
        assert_eq!(again.body, page.body);
    }
}

/// Behaviours 72, 73.
#[tokio::test(flavor = "multi_thread")]
async fn prefetch_of_a_stale_page_is_served_and_regenerates_it() {
    let site = Site::with(&[("blog", &["a"])]).await;
    for (n, purpose) in
        (1..).zip(["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"])
    {
        site.advance(2);
        let page = site.get_with("/blog/a", &[("Sec-Purpose", purpose)]).await;
        page.assert_status(200).assert_cache_status("isr; hit; ttl=0");
        page.assert_said(&format!("blog:a #{n}"));
        site.idle().await;
        site.get("/blog/a").await.assert_fresh(2).assert_said(&format!("blog:a #{}", n + 1));
    }
    let refused = site.get_with("/blog/new", &[("Sec-Purpose", "prefetch")]).await;
    refused.assert_status(503).assert_cache_status("isr; fwd=miss; fwd-status=503");
    assert_eq!(site.cms.loads("blog:new"), 0);
}

/// Behaviour 89.
#[tokio::test(flavor = "multi_thread")]
async fn tags_stay_inside() {
    let site = Site::new().await;
    site.cms.set_list("blog", &["a"]);
    site.cms.set_tags("blog:a", "secret-tag");
    site.build().await;
    let mut site = site;
    site.start();
    for page in [site.get("/blog/a").await, site.get("/blog/b").await, site.get("/feed.xml").await]
    {
        let values: String =
            page.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        assert!(!values.contains("secret-tag") && !values.contains("posts"), "{values}");
        // The build's own name is for the browser: it must know which build answers.
        let is_inner = |name: &str| name.starts_with("x-") && name != "x-isr-build";
        assert!(!page.headers.iter().any(|(name, _)| is_inner(name)), "{values}");
    }
}

/// Behaviours 29, 96, 106: a page without a declaration is rendered for each visitor.
#[tokio::test(flavor = "multi_thread")]
async fn dynamic_page_sees_its_visitor_and_is_kept_by_nobody() {
    let site = Site::with(&[]).await;
    for n in 1..4 {
        let page = site.get_with("/live?x=1", &[("Cookie", "a=b"), ("X-Own", "1")]).await;
        page.assert_status(200).assert_cache_status("isr; fwd=bypass; detail=dynamic");
        page.assert_header("cache-control", "private, no-store");
        assert!(page.text().contains(&format!("live: #{n}")), "{}", page.text());
        assert_eq!(page.part("request"), "GET connection cookie host x-own");
        assert_eq!(page.part("query"), "x=1;");
    }
}

/// Behaviour 98.
#[tokio::test(flavor = "multi_thread")]
async fn stored_page_sees_no_header_whether_built_or_made_on_demand() {
    let site = Site::with(&[("blog", &["built"])]).await;
    for path in ["/blog/built", "/blog/lazy", "/", "/list?page=1"] {
        let first = site.get_with(path, &[("Cookie", "who=me"), ("X-Own", "1")]).await;
        assert_eq!(first.part("request"), "GET accept", "{path}");
        for n in 0..3 {
            let page = site.get_with(path, &[("Cookie", &format!("who={n}"))]).await;
            assert_eq!(page.body, first.body);
        }
    }
}
