//! The `Content-Security-Policy` of pages: stored, streamed, missing, failed.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, extract::Request, routing::get};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_isr::{Builder, Engine, Isr, LeptosPages, OnMissing, minutes};
use leptos_meta::{MetaTags, Style, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router as LeptosRouter, Routes},
    hooks::use_params_map,
    path,
};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::support::log::Warnings;

const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";

/// Content Security Policy Level 3 gives the hash of this script in section 8.3.
const SCRIPT: &str = "alert('Hello, world.');";
const HASH: &str = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";

/// Comes with the content; nobody meant it to run.
const INJECTED: &str = "<p>Text<script>steal()</script><style>p{}</style></p>";

/// Opens when the slow part of a page may go on.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

#[component]
fn App() -> impl IntoView {
    provide_meta_context();
    let some = async || Ok::<_, String>(vec!["one"]);
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/a/:count") view=Article
                    ssr=Isr::revalidate(minutes(5)).into()/>
                <Route path=path!("/listed/:slug") view=|| "Listed"
                    ssr=Isr::forever().prerender(some).on_missing(OnMissing::NotFound).into()/>
                <Route path=path!("/broken") view=|| leptos_isr::failed("it is broken")
                    ssr=Isr::forever().into()/>
                <Route path=path!("/gone") view=|| leptos_isr::not_found()
                    ssr=Isr::forever().into()/>
                <Route path=path!("/own") view=OwnPolicy ssr=Isr::forever().into()/>
                <Route path=path!("/dynamic") view=Slow ssr=SsrMode::OutOfOrder/>
            </Routes>
        </LeptosRouter>
    }
}

/// A page with data, a style, injected content and as many scripts as its path says.
#[component]
fn Article() -> impl IntoView {
    let count = use_params_map().read_untracked().get("count");
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(0);
    let text = Resource::new(|| (), async |()| "</script> in the data".to_owned());
    let script = |number| view! { <script nonce=use_nonce()>{format!("n = {number}")}</script> };
    view! {
        <Style>"p { color: red }"</Style>
        <div inner_html=INJECTED></div>
        <Suspense>{move || text.get()}</Suspense>
        {(0..count).map(script).collect_view()}
    }
}

#[component]
fn OwnPolicy() -> impl IntoView {
    let policy = HeaderValue::from_static("default-src 'self'");
    expect_context::<ResponseOptions>().insert_header(header::CONTENT_SECURITY_POLICY, policy);
}

#[component]
fn Slow() -> impl IntoView {
    let gate = use_context::<Gate>();
    let slow = Resource::new(
        || (),
        move |()| {
            let gate = gate.clone();
            async move {
                gate.unwrap().0.acquire().await.unwrap().forget();
                "Ready".to_owned()
            }
        },
    );
    view! { <Suspense fallback=|| "Loading">{move || slow.get()}</Suspense> }
}

fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html>
            <head>
                <script nonce=use_nonce()>{SCRIPT}</script>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

struct Site {
    engine: Engine,
    app: Router,
    gate: Gate,
}

fn site(configure: impl FnOnce(Builder) -> Builder) -> Site {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let context = {
        let gate = gate.clone();
        move || provide_context(gate.clone())
    };
    let pages = LeptosPages::discover(App, context).unwrap();
    let routes = pages.routes().clone().add("/feed.xml", Isr::forever()).unwrap();
    let engine = configure(Engine::builder(routes)).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let feed = get(async || ([(header::CONTENT_TYPE, "application/atom+xml")], "<feed/>"));
    let app = engine.wrap(pages.router(&engine, options, shell).route("/feed.xml", feed));
    Site { engine, app, gate }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The sources of a directive of the policy.
    #[track_caller]
    fn sources(&self, directive: &str) -> Vec<&str> {
        let policy = self.header("content-security-policy");
        let found = policy.split("; ").find_map(|text| text.strip_prefix(directive));
        found.unwrap_or_else(|| panic!("no {directive} in {policy:?}")).split_whitespace().collect()
    }

    fn hashes(&self, directive: &str) -> usize {
        self.sources(directive).iter().filter(|source| source.starts_with("'sha256-")).count()
    }

    /// The nonce of its first script.
    fn nonce(&self) -> &str {
        let (_, rest) = self.html.split_once("<script nonce=\"").unwrap();
        rest.split_once('"').unwrap().0
    }
}

impl Site {
    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let html = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, html }
    }
}

fn with_policy(builder: Builder) -> Builder {
    builder.csp(POLICY)
}

#[tokio::test]
async fn stored_page_admits_the_scripts_of_its_code_by_hash_and_no_others() {
    let site = site(with_policy);
    let page = site.get("/a/1").await;
    assert_eq!(page.header("cache-status"), "isr; fwd=miss; fwd-status=200; stored");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; "));
    assert!(page.html.contains(&format!("<script>{SCRIPT}</script>")), "{}", page.html);
    assert!(page.sources("script-src").contains(&HASH));
    let scripts = page.html.matches("<script").count();
    assert_eq!(page.hashes("script-src"), scripts - 1, "all but the injected one: {}", page.html);
    assert!(page.html.contains("steal()") && page.html.contains("__RESOLVED_RESOURCES"));
    assert_eq!(page.html.matches("<style").count(), 2);
    assert_eq!(page.hashes("style-src"), 1, "all but the injected one");
    assert!(!page.html.contains("nonce") && page.html.contains("crossorigin=\"\""));
    assert!(!page.header("content-security-policy").contains("nonce"));

    let hit = site.get("/a/1").await;
    assert!(hit.header("cache-status").starts_with("isr; hit"));
    assert_eq!(hit.html, page.html);
    assert_eq!(hit.header("content-security-policy"), page.header("content-security-policy"));
}

#[tokio::test]
async fn page_rendered_twice_is_the_same_page() {
    let (one, other) = (site(with_policy), site(with_policy));
    let (one, other) = (one.get("/a/1").await, other.get("/a/1").await);
    assert_eq!(one.html, other.html);
    assert_eq!(one.headers["etag"], other.headers["etag"]);
}

#[tokio::test]
async fn policy_counts_in_the_etag() {
    let (one, other) =
        (site(with_policy), site(|builder| builder.csp(format!("{POLICY}; img-src *"))));
    let (one, other) = (one.get("/a/1").await, other.get("/a/1").await);
    assert_eq!(one.html, other.html);
    assert_ne!(one.headers["etag"], other.headers["etag"]);
}

#[tokio::test]
async fn dynamic_page_is_streamed_with_a_nonce_of_its_own() {
    let site = site(with_policy);
    let request = Request::get("/dynamic").body(Body::empty()).unwrap();
    let (parts, mut body) = site.app.clone().oneshot(request).await.unwrap().into_parts();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.contains("Loading") && !first.contains("Ready"), "it is streamed: {first}");
    site.gate.0.add_permits(2);
    let rest = body.collect().await.unwrap().to_bytes();
    let html = first + std::str::from_utf8(&rest).unwrap();
    assert!(html.contains("Ready"));
    let page = Answer { status: parts.status, headers: parts.headers, html };
    let source = format!("'nonce-{}'", page.nonce());
    assert_eq!(page.sources("script-src"), ["'self'", "'wasm-unsafe-eval'", &source]);
    assert_eq!(page.sources("style-src"), ["'self'", &source]);
    let (marked, all) =
        (page.html.matches(page.nonce()).count(), page.html.matches("<script").count());
    assert!(marked >= all, "each script carries the nonce: {}", page.html);

    let again = site.get("/dynamic").await;
    assert_ne!(again.nonce(), page.nonce());
}

#[tokio::test]
async fn every_kind_of_page_has_the_policy_and_a_feed_has_none() {
    let site = site(with_policy);
    for (path, status, is_stored) in [
        ("/listed/one", StatusCode::OK, true),
        ("/listed/other", StatusCode::NOT_FOUND, true),
        ("/gone", StatusCode::NOT_FOUND, true),
        ("/broken", StatusCode::BAD_GATEWAY, true),
        ("/no/such/page", StatusCode::NOT_FOUND, false),
    ] {
        let page = site.get(path).await;
        assert_eq!(page.status, status, "{path}");
        let admitted = match is_stored {
            true => HASH.to_owned(),
            false => format!("'nonce-{}'", page.nonce()),
        };
        assert!(page.sources("script-src").contains(&admitted.as_str()), "{path}: {admitted}");
    }
    let feed = site.get("/feed.xml").await;
    assert_eq!((feed.status, feed.header("content-security-policy")), (StatusCode::OK, ""));
}

#[tokio::test]
async fn page_that_is_not_stored_in_development_has_the_policy() {
    let site = site(|builder| with_policy(builder).bypass("watch"));
    let page = site.get("/a/1").await;
    assert_eq!(page.header("cache-status"), "isr; fwd=bypass; detail=watch");
    let source = format!("'nonce-{}'", page.nonce());
    assert!(page.sources("script-src").contains(&source.as_str()));
    assert_eq!(page.html.matches(&format!("<style nonce=\"{}\"", page.nonce())).count(), 1);
}

#[tokio::test]
async fn page_keeps_the_policy_that_it_sets_itself() {
    let page = site(with_policy).get("/own").await;
    assert_eq!(page.header("content-security-policy"), "default-src 'self'");
}

#[tokio::test]
async fn without_a_policy_there_is_no_header() {
    let site = site(|builder| builder);
    site.gate.0.add_permits(1);
    for path in ["/a/1", "/dynamic"] {
        assert_eq!(site.get(path).await.header("content-security-policy"), "", "{path}");
    }
}

#[tokio::test]
async fn policy_that_would_be_too_long_leaves_the_scripts_out_and_a_warning_names_the_page() {
    let (warnings, _guard) = Warnings::collect();
    let site = site(|builder| with_policy(builder).max_header_size(64 << 10));
    let page = site.get("/a/100").await;
    assert!(page.hashes("script-src") > 50, "{}", page.header("content-security-policy"));
    assert_eq!(warnings.text(), "");

    let page = site.get("/a/200").await;
    assert_eq!(page.header("content-security-policy"), POLICY);
    let text = warnings.text();
    for part in
        ["isr.key=/a/200", "route=\"/a/:count\"", "does not hydrate", "fewer inline scripts"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn stored_page_keeps_the_policy_of_its_render_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = |policy: &'static str, folder: &Path| {
        let folder = folder.to_owned();
        site(move |builder| builder.csp(policy).disk(folder, "build-1").clock(now))
    };
    let site = on_disk(POLICY, folder.path());
    let before = site.get("/a/1").await;
    assert!(site.engine.idle(Duration::from_secs(20)).await);
    let after = on_disk("script-src 'self'; style-src 'self'", folder.path()).get("/a/1").await;
    assert!(after.header("cache-status").starts_with("isr; hit"));
    assert_eq!(after.header("content-security-policy"), before.header("content-security-policy"));
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

#[test]
fn wrong_policy_fails_at_start() {
    let error =
        Engine::builder(leptos_isr::route::RouteTable::new()).csp("default-src 'self'").build();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`default-src 'self'`") && error.contains("script-src"), "{error}");
}
