//! Draft mode: who gets it, what they see, and that nobody else sees it.
//!
//! Pages of `/a/:id` are fresh for 60 s. The renderer's body names the path and
//! the number of the render, and ends in `draft` for a visitor in draft mode.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use leptos::{prelude::*, server_fn::codec::GetUrl};
use leptos_isr::testing::Answer;
use leptos_isr::{Builder, Engine, Isr, LeptosPages, OnMissing, hours, minutes, seconds};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tower::ServiceExt;

use crate::support::{Renders, Site, routes};

const SECRET: &str = "a secret of the editors";
const ENDPOINT: &str = "/_isr/draft";
const DRAFT: &str = "isr; fwd=bypass; detail=draft";
const PRIVATE: &str = "private, no-store";

fn site() -> Site {
    site_with(|builder| builder)
}

fn site_with(configure: impl FnOnce(Builder) -> Builder) -> Site {
    Site::build(routes(), |builder| configure(builder.draft_secret(SECRET).draft_over_http()))
}

async fn begin(site: &Site, secret: &str) -> Answer {
    let bearer = format!("Bearer {secret}");
    site.request(Method::POST, ENDPOINT, &[("authorization", &bearer)]).await
}

/// Begins draft mode; returns what a browser sends back.
async fn cookie(site: &Site) -> String {
    let answer = begin(site, SECRET).await;
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn get_with(site: &Site, path: &str, cookie: &str) -> Answer {
    site.request(Method::GET, path, &[("cookie", cookie)]).await
}

#[tokio::test]
async fn bearer_of_the_secret_gets_a_cookie_for_an_hour() {
    let site = site();
    let answer = begin(&site, SECRET).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("cache-control"), PRIVATE);
    let set_cookie = answer.header("set-cookie");
    assert!(set_cookie.starts_with("__isr_draft="), "{set_cookie}");
    assert!(set_cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), "{set_cookie}");
    assert!(!set_cookie.contains(SECRET), "{set_cookie}");
    assert_eq!(site.engine.draft_cookie().unwrap(), set_cookie);
    assert_eq!(site.renders(), 0);
}

#[tokio::test]
async fn cookie_asks_for_tls_unless_the_site_goes_without() {
    let site =
        Site::build(routes(), |builder| builder.draft_secret(SECRET).draft_lifetime(minutes(5)));
    let answer = begin(&site, SECRET).await;
    let set_cookie = answer.header("set-cookie");
    assert!(set_cookie.starts_with("__Host-isr-draft="), "{set_cookie}");
    let attributes = "; Path=/; Max-Age=300; HttpOnly; SameSite=Lax; Secure";
    assert!(set_cookie.ends_with(attributes), "{set_cookie}");
    let cookie = set_cookie.split(';').next().unwrap();
    get_with(&site, "/a/1", cookie).await.assert_cache_status(DRAFT);
    let value = cookie.split_once('=').unwrap().1;
    let other_name = get_with(&site, "/a/1", &format!("__isr_draft={value}")).await;
    assert!(!other_name.body.contains("draft"), "{other_name:?}");
}

#[tokio::test]
async fn other_secrets_begin_nothing() {
    let site = site_with(|builder| builder.token("the token for purges"));
    let longer = format!("{SECRET}!");
    for wrong in ["", "wrong", "the token for purges", &SECRET[1..], &longer] {
        let answer = begin(&site, wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.header("set-cookie"), "", "{wrong}");
    }
    let without = site.request(Method::POST, ENDPOINT, &[]).await;
    assert_eq!(without.status, StatusCode::UNAUTHORIZED);
    let purge = [("authorization", &*format!("Bearer {SECRET}"))];
    let purge = site.request(Method::POST, "/_isr/purge", &purge).await;
    assert_eq!(purge.status, StatusCode::UNAUTHORIZED, "the draft secret purges nothing");
}

#[tokio::test]
async fn anybody_may_end_draft_mode() {
    let site = site();
    let answer = site.request(Method::DELETE, ENDPOINT, &[]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let cleared = "__isr_draft=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
    assert_eq!(answer.header("set-cookie"), cleared);
    assert_eq!(site.engine.end_draft_cookie().unwrap(), cleared);
    get_with(&site, "/a/1", "__isr_draft=").await.assert_body("/a/1 #1");
}

#[tokio::test]
async fn endpoint_takes_post_and_delete_only() {
    let site = site();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
        let bearer = format!("Bearer {SECRET}");
        let answer = site.request(method.clone(), ENDPOINT, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), "POST, DELETE", "{method}");
        assert_eq!(answer.header("set-cookie"), "", "{method}");
    }
}

#[tokio::test]
async fn without_a_secret_there_is_no_draft_mode() {
    let with = cookie(&site()).await;
    let site = Site::new();
    assert!(begin(&site, SECRET).await.body.starts_with(ENDPOINT), "the app's router answers");
    assert!(begin(&site, "").await.body.starts_with(ENDPOINT));
    get_with(&site, "/a/1", &with).await.assert_body("/a/1 #3");
    assert!(site.engine.draft_cookie().is_none() && site.engine.end_draft_cookie().is_none());
}

#[tokio::test]
async fn draft_is_rendered_for_its_visitor_and_not_stored() {
    let site = site();
    let cookie = cookie(&site).await;
    for render in 1..=2 {
        let draft = get_with(&site, "/a/1?utm=x", &cookie).await;
        draft.assert_cache_status(DRAFT).assert_body(&format!("/a/1?utm=x #{render} draft"));
        assert_eq!(draft.header("cache-control"), PRIVATE);
        assert_eq!(draft.header("cdn-cache-control"), "");
        assert_eq!(draft.header("etag"), "");
    }
    assert_eq!(site.requests()[0].2["cookie"], cookie, "it is the visitor's own request");
    let stored = site.get("/a/1").await;
    stored.assert_cache_status("isr; fwd=miss; fwd-status=200; stored").assert_body("/a/1 #3");
}

#[tokio::test]
async fn draft_leaves_the_stored_page_as_it_is() {
    let site = site();
    site.get("/a/1").await;
    let cookie = cookie(&site).await;
    site.advance(seconds(100));
    for behaviour in [Renders::Page, Renders::Status(StatusCode::NOT_FOUND), Renders::SaysFailed] {
        site.behave(behaviour);
        get_with(&site, "/a/1", &cookie).await.assert_cache_status(DRAFT);
        site.idle().await;
    }
    assert_eq!(site.renders(), 1, "a draft of a stale page starts no regeneration");
    assert_eq!(site.dynamic_requests(), 3);
    site.behave(Renders::Page);
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=-40").assert_body("/a/1 #1");
}

#[tokio::test]
async fn draft_cannot_be_kept_whatever_the_app_says() {
    let site = site();
    let cookie = cookie(&site).await;
    for header in ["cache-control", "cdn-cache-control", "surrogate-control"] {
        site.behave(Renders::Header(header, "public, max-age=60"));
        for path in ["/a/1", "/a/dynamic", "/api/list"] {
            let draft = get_with(&site, path, &cookie).await;
            assert_eq!(draft.header("cache-control"), PRIVATE, "{path}");
            assert_eq!(draft.header("cdn-cache-control"), "", "{path}");
            assert_eq!(draft.header("surrogate-control"), "", "{path}");
        }
    }
    site.behave(Renders::File);
    let page = get_with(&site, "/a/1", &cookie).await;
    assert_eq!(page.header("cache-control"), PRIVATE);
    let file = get_with(&site, "/logo.svg", &cookie).await;
    let public = "public, max-age=0, must-revalidate";
    assert_eq!(file.header("cache-control"), public, "a file is the same for everybody");
}

#[tokio::test]
async fn draft_of_a_path_that_is_not_listed_is_rendered() {
    let listed = Isr::forever().prerender(async || Ok::<_, String>(vec!["one"]));
    let routes = routes().add("/b/:id", listed.on_missing(OnMissing::NotFound)).unwrap();
    let site = Site::build(routes, |builder| builder.draft_secret(SECRET).draft_over_http());
    let cookie = cookie(&site).await;
    let draft = get_with(&site, "/b/two", &cookie).await;
    draft.assert_cache_status(DRAFT).assert_body("/b/two #1 draft");
    assert_eq!(draft.status, StatusCode::OK);
    let stranger = site.get("/b/two").await;
    stranger.assert_cache_status("isr; fwd=bypass; detail=not-listed");
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn addresses_and_methods_mean_what_they_do_for_everybody() {
    let site = site();
    let cookie = cookie(&site).await;
    let headers = [("cookie", &*cookie)];
    let slash = site.request(Method::GET, "/a/1/?page=2", &headers).await;
    assert_eq!(slash.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(slash.header("location"), "/a/1?page=2");
    let post = site.request(Method::POST, "/a/1", &headers).await;
    post.assert_bypass("method");
    assert_eq!(post.header("cache-control"), "private, no-store");
    let bad = site.request(Method::GET, "/a/%ff", &headers).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    let head = site.request(Method::HEAD, "/a/1", &headers).await;
    head.assert_cache_status(DRAFT);
    assert_eq!((site.renders(), site.dynamic_requests()), (0, 2));
}

#[tokio::test]
async fn cookie_that_is_not_good_is_as_none() {
    let site = site();
    let good = cookie(&site).await;
    let value = good.strip_prefix("__isr_draft=").unwrap();
    let (expires, mac) = value.split_once('.').unwrap();
    let later = expires.parse::<u64>().unwrap() + 1;
    let of_other_secret = cookie_of("another secret of theirs").await;
    site.get("/a/1").await;
    for forged in [
        String::new(),
        "__isr_draft=".to_owned(),
        format!("__isr_draft={SECRET}"),
        format!("__isr_draft={expires}"),
        format!("__isr_draft={expires}."),
        format!("__isr_draft={later}.{mac}"),
        format!("__isr_draft=0{expires}.{mac}"),
        format!("__isr_draft=+{expires}.{mac}"),
        format!("__isr_draft={expires}.{}", "0".repeat(64)),
        format!("__isr_draft={expires}.{}", mac.to_uppercase()),
        format!("__isr_draft={expires}.{}", &mac[1..]),
        format!("x__isr_draft={value}"),
        format!("__isr_draftx={value}"),
        format!("__Host-isr-draft={value}"),
        format!("a=__isr_draft={value}"),
        of_other_secret,
    ] {
        let answer = get_with(&site, "/a/1", &forged).await;
        answer.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #1");
    }
    for among_others in
        [format!("theme=dark; __isr_draft=x; {good}; a=b"), format!("theme=dark;{good};a=b")]
    {
        get_with(&site, "/a/1", &among_others).await.assert_cache_status(DRAFT);
    }
    let two = [("cookie", "__isr_draft=x"), ("cookie", &*good)];
    site.request(Method::GET, "/a/1", &two).await.assert_cache_status(DRAFT);
}

async fn cookie_of(secret: &str) -> String {
    let site = Site::build(routes(), |builder| builder.draft_secret(secret).draft_over_http());
    let cookie = site.engine.draft_cookie().unwrap();
    cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn draft_mode_ends_when_its_time_is_over() {
    let site = site_with(|builder| builder.draft_lifetime(hours(2)));
    let cookie = cookie(&site).await;
    site.advance(hours(2) - seconds(1));
    get_with(&site, "/a/1", &cookie).await.assert_cache_status(DRAFT);
    site.advance(seconds(1));
    let over = get_with(&site, "/a/1", &cookie).await;
    over.assert_cache_status("isr; fwd=miss; fwd-status=200; stored").assert_body("/a/1 #2");
}

#[tokio::test]
async fn draft_mode_works_where_nothing_is_stored() {
    let site = site_with(|builder| builder.bypass("watch"));
    let cookie = cookie(&site).await;
    let page = get_with(&site, "/a/1", &cookie).await;
    page.assert_cache_status(DRAFT).assert_body("/a/1 #1 draft");
    site.get("/a/1").await.assert_cache_status("isr; fwd=bypass; detail=watch");
}

#[tokio::test]
async fn headers_make_no_draft() {
    let site = site();
    let headers = [
        ("__isr_draft", "1"),
        ("x-isr-draft", "1"),
        ("draft", "true"),
        ("x-prerender-revalidate", SECRET),
        ("authorization", &*format!("Bearer {SECRET}")),
    ];
    let page = site.request(Method::GET, "/a/1?draft=true", &headers).await;
    page.assert_cache_status("isr; fwd=miss; fwd-status=200; stored").assert_body("/a/1 #1");
    let dynamic = site.request(Method::GET, "/a/dynamic", &headers).await;
    dynamic.assert_body("/a/dynamic #2");
}

#[tokio::test]
async fn render_that_is_stored_is_no_draft_whoever_caused_it() {
    let site = site_with(|builder| builder.token("the token for purges"));
    let cookie = cookie(&site).await;
    site.get("/a/1").await;
    let headers = [("cookie", &*cookie), ("authorization", "Bearer the token for purges")];
    let body = Body::from(r#"{"paths":["/a/1"]}"#);
    let purged = site.send(Method::POST, "/_isr/purge", &headers, body).await;
    assert_eq!(purged.status, StatusCode::NO_CONTENT);
    get_with(&site, "/a/1", &cookie).await.assert_body("/a/1 #2 draft");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60").assert_body("/a/1 #3");
}

#[tokio::test]
async fn dynamic_pages_and_functions_know_of_the_draft_too() {
    let site = site();
    let cookie = cookie(&site).await;
    for (path, detail) in [("/a/dynamic", "dynamic"), ("/api/list", "no-route")] {
        let answer = get_with(&site, path, &cookie).await;
        answer.assert_cache_status(&format!("isr; fwd=bypass; detail={detail}"));
        assert!(answer.body.ends_with(" draft"), "{answer:?}");
        assert!(!site.get(path).await.body.contains("draft"), "{path}");
    }
}

#[tokio::test]
async fn wrong_settings_fail_at_start_and_say_what_to_do() {
    type Spoil = fn(Builder) -> Builder;
    let cases: [(&str, Spoil); 4] = [
        ("0 bytes long; make it at least 16", |builder| builder.draft_secret("")),
        ("15 bytes long; make it at least 16", |builder| builder.draft_secret("x".repeat(15))),
        ("choose another secret", |builder| builder.token(SECRET).draft_secret(SECRET)),
        ("its lifetime is 999ms; give it at least a second", |builder| {
            builder
                .draft_secret(SECRET)
                .draft_lifetime(seconds(1) - std::time::Duration::from_millis(1))
        }),
    ];
    for (said, spoil) in cases {
        let error = spoil(Engine::builder(routes())).build().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains(SECRET), "the secret stays out of the log: {error}");
    }
    Engine::builder(routes()).draft_secret("x".repeat(16)).token("x".repeat(17)).build().unwrap();
}

#[server(endpoint = "function", input = GetUrl)]
async fn function() -> Result<bool, ServerFnError> {
    Ok(leptos_isr::is_draft())
}

#[component]
fn App() -> impl IntoView {
    let page = || {
        let read = Resource::new(|| (), |()| function());
        view! {
            <p>"component: "{leptos_isr::is_draft()}</p>
            <Suspense>{move || read.get().map(|is_draft| format!("function: {:?}", is_draft.ok()))}</Suspense>
        }
    };
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/stored") view=page ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

#[tokio::test]
async fn page_and_server_function_are_told() {
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).draft_secret(SECRET).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, |_| view! { <App/> }));
    let cookie = engine.draft_cookie().unwrap();
    let get = async |path: &str, cookie: &str| {
        let request = Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let function = <Function as leptos::server_fn::ServerFn>::PATH;
    for (cookie, is_draft) in [("", false), (cookie.to_str().unwrap(), true), ("", false)] {
        let page = get("/stored", cookie).await;
        assert!(page.contains(&format!("function: Some({is_draft})")), "{page}");
        assert!(page.contains(&format!(">component: <!>{is_draft}")), "{page}");
        assert_eq!(get(function, cookie).await, is_draft.to_string());
    }
}
