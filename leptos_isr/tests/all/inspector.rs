//! The inspector: who gets in, what may be done by whom, and what is shown.

use axum::{body::Body, extract::ConnectInfo, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use leptos_isr::{
    Builder, Isr,
    inspect::PageQuery,
    minutes,
    route::RouteTable,
    seconds,
    stats::Eviction,
    testing::{Answer, RenderFault},
};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use tower::ServiceExt;

use crate::support::{Renders, Site, limited_ledger::LimitedLedger, routes};

const TOKEN: &str = "the token for purges";
const HOST: &str = "news.example";
const ORIGIN: &str = "https://news.example";
const STORY: &str = "/_isr/?path=/a/1";

fn site() -> Site {
    site_with(|builder| builder)
}

fn site_with(configure: impl FnOnce(Builder) -> Builder) -> Site {
    Site::build(routes(), |builder| configure(builder.token(TOKEN).draft_over_http()))
}

/// Sends a form as a browser does from a page of the site.
async fn send(site: &Site, path: &str, cookie: &str, form: &str) -> Answer {
    let headers = [
        ("host", HOST),
        ("origin", ORIGIN),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", cookie),
    ];
    site.send(Method::POST, path, &headers, form.to_owned()).await
}

async fn get_with(site: &Site, path: &str, cookie: &str) -> Answer {
    site.request(Method::GET, path, &[("cookie", cookie)]).await
}

fn sign_in_form(token: &str) -> String {
    format!("token={}&do=sign-in", token.replace(' ', "+"))
}

/// Signs in; returns what a browser sends back.
async fn sign_in(site: &Site) -> String {
    let answer = send(site, "/_isr/", "", &sign_in_form(TOKEN)).await;
    answer.assert_status(303);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn visitor_without_a_cookie_is_asked_to_sign_in_and_is_told_nothing() {
    let site = site();
    site.get("/a/1").await;
    for path in ["/_isr/", STORY, "/_isr/?sort=waste"] {
        let asked = site.get(path).await;
        asked.assert_status(401).assert_body_contains("type=\"password\"").assert_body_lacks("/a/");
        assert_eq!(asked.header("cache-control"), "private, no-store");
        assert_eq!(asked.header("www-authenticate"), "Cookie form-action=\"/_isr/\"");
        site.request(Method::HEAD, path, &[]).await.assert_status(401).assert_body("");
    }
    let answer = send(&site, STORY, "", "do=regenerate").await;
    answer.assert_status(401);
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn token_gives_a_cookie_for_an_hour_and_leads_to_what_was_asked_for() {
    let site = site();
    let answer = send(&site, STORY, "", &sign_in_form(TOKEN)).await;
    answer.assert_status(303).assert_header("location", STORY);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__isr_inspector="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(TOKEN) && !answer.header("location").contains("token"));
    let cookie = cookie.split(';').next().unwrap();
    get_with(&site, STORY, cookie).await.assert_status(200).assert_body_contains("/a/1");

    let site = Site::build(routes(), |builder| builder.token(TOKEN));
    let cookie = send(&site, "/_isr/", "", &sign_in_form(TOKEN)).await;
    let cookie = cookie.header("set-cookie");
    assert!(cookie.starts_with("__Host-isr-inspector="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure"));
}

#[tokio::test]
async fn wrong_token_gives_no_cookie() {
    let site = site();
    let longer = format!("{TOKEN}!");
    for wrong in ["", "guess", &TOKEN[1..], &longer, "THE TOKEN FOR PURGES"] {
        let answer = send(&site, "/_isr/", "", &sign_in_form(wrong)).await;
        answer.assert_status(401).assert_body_contains("That is not the token.");
        assert_eq!(answer.header("set-cookie"), "", "{wrong}");
    }
}

#[tokio::test]
async fn cookie_that_was_forged_or_whose_hour_is_over_opens_nothing() {
    let site = site_with(|builder| builder.draft_secret("a secret of the editors"));
    let good = sign_in(&site).await;
    let value = good.strip_prefix("__isr_inspector=").unwrap();
    let (expires, mac) = value.split_once('.').unwrap();
    let later = expires.parse::<u64>().unwrap() + 1;
    let of_another = {
        let other = Site::build(routes(), |builder| {
            builder.token("another token for purges").draft_over_http()
        });
        let form = sign_in_form("another token for purges");
        let answer = send(&other, "/_isr/", "", &form).await;
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    };
    let draft = site.engine.draft_cookie().unwrap();
    let draft = draft.to_str().unwrap().split(';').next().unwrap();
    let draft = draft.strip_prefix("__isr_draft=").unwrap();
    for forged in [
        String::new(),
        "__isr_inspector=".to_owned(),
        format!("__isr_inspector={TOKEN}"),
        format!("__isr_inspector={later}.{mac}"),
        format!("__isr_inspector={expires}.{}", "0".repeat(64)),
        format!("__isr_draft={value}"),
        format!("__Host-isr-inspector={value}"),
        format!("__isr_inspector={draft}"),
        of_another,
    ] {
        get_with(&site, "/_isr/", &forged).await.assert_status(401);
    }
    get_with(&site, "/_isr/", &format!("theme=dark; {good}")).await.assert_status(200);
    site.get("/a/1").await;
    let page = get_with(&site, "/a/1", &format!("__isr_draft={value}")).await;
    page.assert_body_lacks("draft");
    site.advance(minutes(60) - seconds(1));
    get_with(&site, "/_isr/", &good).await.assert_status(200);
    site.advance(seconds(1));
    get_with(&site, "/_isr/", &good).await.assert_status(401);
}

/// Guesses in a header would have no limit.
#[tokio::test]
async fn token_in_a_header_opens_nothing() {
    let site = site();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    site.request(Method::GET, "/_isr/pages", &headers).await.assert_status(200);
    let asked = site.request(Method::GET, "/_isr/", &headers).await;
    asked.assert_status(401).assert_body_contains("type=\"password\"");
    let own = [headers[0], ("host", HOST), ("origin", ORIGIN)];
    site.send(Method::POST, STORY, &own, "do=regenerate").await.assert_status(401);
}

#[tokio::test]
async fn signing_out_takes_the_cookie_away() {
    let site = site();
    let cookie = sign_in(&site).await;
    let answer = send(&site, STORY, &cookie, "do=sign-out").await;
    answer.assert_status(303).assert_header("location", "/_isr/");
    let cleared = "__isr_inspector=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";
    assert_eq!(answer.header("set-cookie"), cleared);
}

/// Guesses over a connection of this address.
async fn guess_from(site: &Site, address: &str, token: &str) -> Response {
    let request = Request::post("/_isr/").header("host", HOST).header("origin", ORIGIN);
    let connection = ConnectInfo(SocketAddr::new(address.parse().unwrap(), 4711));
    let request = request.extension(connection).body(Body::from(sign_in_form(token))).unwrap();
    site.router().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn eleventh_guess_of_an_address_within_a_minute_is_refused_and_others_are_not() {
    let site = site();
    for n in 0..10 {
        // One visitor has all addresses of a /64.
        let answer = guess_from(&site, &format!("2001:db8:1:2::{n}"), "guess").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    site.advance(seconds(15));
    for token in ["guess", TOKEN] {
        let refused = guess_from(&site, "2001:db8:1:2:3::1", token).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "46");
        assert!(!refused.headers().contains_key("set-cookie"));
        let text = refused.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&text).contains("Too many wrong tokens"));
    }
    let other = guess_from(&site, "2001:db8:1:3::1", TOKEN).await;
    assert_eq!(other.status(), StatusCode::SEE_OTHER);
    site.advance(seconds(45));
    let again = guess_from(&site, "2001:db8:1:2::1", TOKEN).await;
    assert_eq!(again.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn form_from_elsewhere_does_nothing() {
    let site = site();
    let cookie = sign_in(&site).await;
    site.get("/a/1").await;
    let own = [("host", HOST), ("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
    let forms = [
        sign_in_form(TOKEN),
        "do=sign-out".to_owned(),
        "do=regenerate".to_owned(),
        "do=purge&scope=path:/a/1&kind=soft".to_owned(),
    ];
    for (name, value) in [
        ("origin", ""),
        ("origin", "null"),
        ("origin", "https://evil.example"),
        ("origin", "https://sub.news.example"),
        ("host", "other.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let mut headers =
            own.map(|(own, is)| if own == name { (own, value) } else { (own, is) }).to_vec();
        headers.retain(|(_, value)| !value.is_empty());
        headers.push(("cookie", &cookie));
        for form in &forms {
            let answer = site.send(Method::POST, STORY, &headers, form.clone()).await;
            answer.assert_status(403);
            assert_eq!(answer.header("set-cookie"), "", "{name} {value}");
        }
    }
    site.get("/a/1").await.assert_fresh();
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn without_a_token_the_path_is_the_apps() {
    let site = Site::new();
    for path in ["/_isr/", STORY] {
        let answer = site.get(path).await;
        answer.assert_status(200);
        assert!(answer.body.starts_with("/_isr/"), "the app's router answers: {answer:?}");
    }
    let site = self::site();
    site.get("/_isr/nothing").await.assert_bypass("no-route");
    let answer = site.request(Method::DELETE, "/_isr/", &[]).await;
    answer.assert_status(405).assert_header("allow", "GET, HEAD, POST");
}

#[tokio::test]
async fn page_loads_nothing_but_itself_and_runs_nothing_but_its_own_script() {
    let site = site();
    let cookie = sign_in(&site).await;
    let story = get_with(&site, STORY, &cookie).await;
    story.assert_body_contains("<style>").assert_body_contains("<script>");
    let head = site.request(Method::HEAD, STORY, &[("cookie", &cookie)]).await;
    head.assert_status(200).assert_body("");
    assert_eq!(head.header("content-type"), "text/html; charset=utf-8");
    for answer in [site.get("/_isr/").await, story] {
        let policy = answer.header("content-security-policy").to_owned();
        for part in [
            "default-src 'none'; ",
            "style-src 'sha256-",
            "script-src 'sha256-",
            "connect-src 'self'; ",
            "form-action 'self'; ",
            "base-uri 'none'; ",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for element in ["style", "script"] {
            let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
            let Some((_, rest)) = answer.body.split_once(&begin) else { continue };
            let hash = STANDARD.encode(Sha256::digest(rest.split_once(&end).unwrap().0));
            let allowed = format!("{element}-src 'sha256-{hash}'; ");
            assert!(policy.contains(&allowed), "{allowed} is not in {policy}");
        }
        for outside in [" src=", "http://", "https://", " style=", " onclick="] {
            answer.assert_body_lacks(outside);
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
    }
}

#[tokio::test]
async fn what_was_read_anywhere_is_shown_and_is_no_markup() {
    let evil = "\"><script>alert(1)</script>";
    let declared = Isr::revalidate(minutes(1)).tag("all").query(["page"]);
    let routes = RouteTable::new().add("/a/:id", declared).unwrap();
    let site = Site::build(routes, |builder| builder.token(TOKEN).draft_over_http());
    let cookie = sign_in(&site).await;
    site.behave(Renders::SaysTag("\"><script>alert(1)</script>"));
    site.get("/a/%22%3E%3Cscript%3E?page=%22%3E%3Cscript%3E").await;
    site.fail_renders(RenderFault::Says(evil.to_owned()));
    site.get("/a/2").await.assert_status(502);
    for path in [
        "/_isr/?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/_isr/?read=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/_isr/?path=/no/%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/_isr/?path=/a/%2522%253E%253Cscript%253E",
        "/_isr/?path=/a/%2522%253E%253Cscript%253E?page=%2522%253E%253Cscript%253E",
        "/_isr/?path=/a/2",
        "/_isr/?sort=%3Cscript%3Ealert(1)%3C/script%3E",
        "/_isr/?%3Cscript%3Ealert(1)%3C/script%3E=1",
        "/_isr/",
    ] {
        let answer = get_with(&site, path, &cookie).await;
        answer.assert_body_lacks("<script>alert").assert_body_lacks("\"><script>");
    }
    let form = "do=ask&kind=soft&scope=tag:%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let asked = send(&site, "/_isr/?path=/a/2", &cookie, form).await;
    asked.assert_status(200).assert_body_lacks("<script>alert");
    asked.assert_body_contains("tag:&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    let failed = get_with(&site, "/_isr/?path=/a/2", &cookie).await;
    failed.assert_body_contains("&quot;&gt;&lt;script&gt;alert(1)");
}

#[tokio::test]
async fn list_is_sorted_searched_filtered_and_paged_by_links() {
    let site = site();
    let cookie = sign_in(&site).await;
    for n in 0..60 {
        site.get(&format!("/a/{n}")).await;
    }
    site.get("/a/7").await;
    site.get("/forever").await;
    let first = get_with(&site, "/_isr/?sort=demand&search=&route=&after=", &cookie).await;
    first.assert_status(200).assert_body_contains("61 pages, the first 50 of them");
    let rows = |answer: &Answer| answer.body.matches("data-key=\"page ").count();
    assert_eq!(rows(&first), 50);
    assert!(first.body.find("page /a/7\"").unwrap() < first.body.find("page /a/0\"").unwrap());
    let next = first.body.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let next = get_with(&site, next.split('#').next().unwrap(), &cookie).await;
    assert_eq!(rows(&next), 11);
    next.assert_body_contains("page /forever\"").assert_body_lacks("rel=\"next\"");

    let found = get_with(&site, "/_isr/?search=/a/5", &cookie).await;
    assert_eq!(rows(&found), 11);
    found.assert_body_contains("value=\"/a/5\"");
    let route = get_with(&site, "/_isr/?route=/forever", &cookie).await;
    assert_eq!(rows(&route), 1);
    route.assert_body_contains("<option selected>/forever</option>");
    for wrong in ["/_isr/?sort=name", "/_isr/?order=size", "/_isr/?after=x", "/_isr/?path=a"] {
        get_with(&site, wrong, &cookie).await.assert_status(400).assert_body_contains("Back");
    }
    let everything = site.engine.pages(&PageQuery::default()).await.unwrap();
    assert_eq!(everything.matching, 61, "asking renders nothing and stores nothing");
}

#[tokio::test]
async fn overview_says_what_requests_and_renders_came_to() {
    let site = site();
    let cookie = sign_in(&site).await;
    for _ in 0..3 {
        site.get("/a/1").await;
    }
    site.advance(minutes(2));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    site.fail_renders(RenderFault::Status(StatusCode::BAD_GATEWAY));
    site.get("/a/2").await.assert_status(502);
    let shown = get_with(&site, "/_isr/", &cookie).await;
    for part in [
        "data-requests=\"5\"",
        "<dt>For stored pages</dt><dd>5</dd>",
        "<strong>60.0 %</strong>",
        "<dt>Fresh</dt><dd>2</dd>",
        "<dt>Stale, then regenerated</dt><dd>1</dd>",
        "<dt>Errors</dt><dd>1</dd>",
        "<td class=\"n\" data-is=\"renders\">3</td><td class=\"n\" data-is=\"changed\">1</td>",
        "<td class=\"n failed\" data-is=\"failed\">1</td>",
        "<a class=\"failed\" href=\"/_isr/?sort=errors\">1</a>",
        "<dt>Ledger of purges</dt><dd>none: a restart forgets purges</dd>",
    ] {
        shown.assert_body_contains(part);
    }
}

#[tokio::test]
async fn overview_says_what_endangers_purges_and_that_nothing_is_kept() {
    let (ledger, folder) = (LimitedLedger::new(), tempfile::tempdir().unwrap());
    let site = site_with(|builder| ledger.with(builder, folder.path()));
    let cookie = sign_in(&site).await;
    let shown = async || get_with(&site, "/_isr/", &cookie).await;
    let memory = "<dt>Memory of the ledger’s server</dt><dd>5.0 MB <span class=\"soft\">";
    shown().await.assert_body_contains(&format!("{memory}without a limit</span></dd>"));
    for (eviction, says) in [
        (Eviction::Pages, ""),
        (Eviction::Anything, " <span class=\"failed\">once it is full it evicts purges</span>"),
        (Eviction::Nothing, " <span class=\"failed\">once it is full it refuses purges</span>"),
    ] {
        ledger.set(Some(9_000_000), eviction);
        shown().await.assert_body_contains(&format!("{memory}of 9.0 MB</span>{says}</dd>"));
    }
    let fault = "<dt>Store</dt>";
    assert!(!shown().await.body.contains(fault));
    let bypassed = site_with(|builder| builder.bypass("development"));
    let cookie = sign_in(&bypassed).await;
    get_with(&bypassed, "/_isr/", &cookie).await.assert_body_contains(fault);
}

#[tokio::test]
async fn story_of_a_page_says_why_it_is_as_it_is_and_what_was_done_with_it() {
    let site = site();
    let cookie = sign_in(&site).await;
    site.behave(Renders::Reads(7));
    site.get("/a/1").await;
    site.advance(seconds(20));
    site.purge_tag("titles").await;
    let shown = get_with(&site, STORY, &cookie).await;
    for part in [
        "<h1 class=\"path\">/a/1</h1>",
        "purged softly 0s ago by the app&#39;s code, through the tag `titles`",
        "<dt>Age</dt><dd><time datetime=\"",
        ">20s</time>",
        "<dt>Fresh for</dt><dd>1m <span class=\"soft\">by the route</span>",
        "<dt>Servable for</dt><dd>10m</dd>",
        "<code>titles</code></th><td data-is=\"from\">the read titles</td>",
        "<code>a:1</code></th><td data-is=\"from\">the route</td>",
        "href=\"/_isr/?sort=demand&amp;read=titles#pages\"",
        "<dt>By</dt><dd>the app’s code</dd>",
        "<dt>The stored page</dt><dd>is from before it</dd>",
        "<td data-is=\"why\">miss</td>",
        "a first page",
        "identity 1 B</span>",
        "<option value=\"path:/a/1\">",
        "<option value=\"tag:titles\">",
    ] {
        shown.assert_body_contains(part);
    }
    let none = get_with(&site, "/_isr/?path=/nothing/here", &cookie).await;
    none.assert_status(200).assert_body_contains("not a page").assert_body_lacks("Regenerate<");
}

#[tokio::test]
async fn advice_stands_with_the_page_and_with_its_route_once_there_is_any() {
    let site = site();
    let cookie = sign_in(&site).await;
    site.behave(Renders::Same(StatusCode::OK, "x-a", "b"));
    site.get("/a/1").await;
    let advice = "the period of 1m fits: rendered 30 times in 30m, none was different";
    for path in ["/_isr/", STORY] {
        get_with(&site, path, &cookie).await.assert_body_lacks("the period of");
    }
    for _ in 0..30 {
        site.advance(minutes(1));
        site.get("/a/1").await;
        site.idle().await;
    }
    let story = get_with(&site, STORY, &cookie).await;
    let main = story.body.split("<main").nth(1).unwrap();
    assert!(main.contains(advice), "{main}");
    let overview = get_with(&site, "/_isr/", &cookie).await;
    let row = overview.body.split("data-key=\"route /a/:id\"").nth(1).unwrap();
    assert!(row.split("</tr>").next().unwrap().contains(advice), "{row}");
    let other = overview.body.split("data-key=\"route /forever\"").nth(1).unwrap();
    assert!(!other.split("</tr>").next().unwrap().contains("period"), "{other}");
}

#[tokio::test]
async fn page_is_regenerated_and_a_failure_is_told() {
    let site = site();
    let cookie = sign_in(&site).await;
    site.get("/a/1").await;
    let done = send(&site, STORY, &cookie, "do=regenerate").await;
    done.assert_status(303).assert_header("location", STORY);
    assert_eq!(site.renders(), 2);
    site.get("/a/1").await.assert_fresh().assert_body("/a/1 #2");
    site.fail_renders(RenderFault::Says("the source is down".to_owned()));
    let failed = send(&site, STORY, &cookie, "do=regenerate").await;
    failed.assert_status(502).assert_body_contains("the source is down");
    let wrong = send(&site, "/_isr/?path=/nothing/here", &cookie, "do=regenerate").await;
    wrong.assert_status(400);
    for form in
        ["", "do=nothing", "do=ask&kind=soft", "do=ask&scope=tag:x", "do=ask&scope=x&kind=soft"]
    {
        send(&site, STORY, &cookie, form).await.assert_status(400);
    }
    send(&site, "/_isr/", &cookie, "do=regenerate").await.assert_status(400);
    let long = format!("do=sign-in&token={}", "x".repeat(9000));
    send(&site, STORY, &cookie, &long).await.assert_status(413);
}

#[tokio::test]
async fn purge_says_what_it_would_reach_and_is_done_when_that_is_confirmed() {
    let site = site();
    let cookie = sign_in(&site).await;
    for path in ["/a/1", "/a/2", "/forever"] {
        site.get(path).await;
    }
    let asked = send(&site, STORY, &cookie, "do=ask&scope=tag:all&kind=soft").await;
    asked
        .assert_status(200)
        .assert_body_contains("A soft purge of what carries the tag <code>all</code>");
    asked
        .assert_body_contains("reaches <strong>3 pages</strong>")
        .assert_body_lacks("<main data-follows");
    asked.assert_body_contains("name=\"scope\" value=\"tag:all\"").assert_body_contains("Cancel");
    site.get("/a/1").await.assert_fresh();

    let done = send(&site, STORY, &cookie, "do=purge&scope=path:/a/1&kind=soft").await;
    done.assert_status(303).assert_header("location", STORY);
    get_with(&site, STORY, &cookie)
        .await
        .assert_body_contains("by the inspector, through its path");
    site.get("/a/1").await.assert_purged();
    site.idle().await;
    send(&site, STORY, &cookie, "do=purge&scope=prefix:/a&kind=hard").await.assert_status(303);
    site.get("/a/2").await.assert_replaced();
    site.get("/forever").await.assert_fresh();
}
