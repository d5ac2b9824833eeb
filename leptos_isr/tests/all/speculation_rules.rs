//! Prefetches of stored pages: the rules, who is told of them, and what a prefetch does not reach.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::get};
use http::{HeaderValue, Method};
use leptos::prelude::*;
use leptos_isr::{
    Builder, Engine, Isr, LeptosPages, minutes,
    testing::{TestClock, TestSite},
};
use leptos_router::{
    StaticSegment,
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use serde_json::{Value, json};

const RULES: &str = "/_isr/speculation-rules.json";
const HEADER: &str = "speculation-rules";
const PREFETCH: [(&str, &str); 1] = [("sec-purpose", "prefetch")];
const SECRET: &str = "a secret of the editors";

#[component]
fn App() -> impl IntoView {
    let tagged = || (0..200).for_each(|tag| leptos_isr::tag(format!("a-tag-with-a-name:{tag}")));
    view! {
        <LeptosRouter base="/site">
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/") view=|| "Home" ssr=Isr::revalidate(minutes(1)).into()/>
                <Route path=path!("/a/new") view=|| "Editor"/>
                <Route path=path!("/a/:slug") view=|| "Article" ssr=Isr::forever().into()/>
                <Route path=path!("/list/:page?") view=|| "List" ssr=Isr::forever().into()/>
                <Route path=path!("/docs/*rest") view=|| "A doc" ssr=Isr::forever().into()/>
                <Route path=StaticSegment("%C3%BCber:(uns)") view=|| "About" ssr=Isr::forever().into()/>
                <Route path=path!("/tagged") view=tagged ssr=Isr::forever().into()/>
                <Route path=path!("/broken") view=|| leptos_isr::failed("it is broken")
                    ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

/// The site, and how often its own handler was called.
fn site_with(configure: impl FnOnce(Builder) -> Builder) -> (TestSite, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let log_out = {
        let calls = Arc::clone(&calls);
        get(async move || calls.fetch_add(1, Ordering::SeqCst).to_string())
    };
    let feed = get(|| async { ([("content-type", "application/atom+xml")], "<feed/>") });
    let own = Router::new().route("/site/a/log-out", log_out).route("/site/a/feed.xml", feed);
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let routes = pages.routes().clone().add("/site/a/feed.xml", Isr::forever()).unwrap();
    let routes = routes.add_data("/site/a/data", Isr::forever()).unwrap();
    let clock = TestClock::new();
    let engine = configure(Engine::builder(routes).clock(clock.clone())).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, |_| App()).merge(own));
    (TestSite::new(&engine, app, clock), calls)
}

fn site() -> TestSite {
    site_with(Builder::speculation_rules).0
}

#[tokio::test]
async fn rules_name_the_links_to_stored_pages_of_the_app_alone() {
    let link =
        |path: &str| json!({ "href_matches": { "pathname": path, "search": "*", "hash": "*" } });
    let except = ["/site/a/data", "/site/a/feed.xml", "/site/a/new"].map(link);
    let article = json!({ "and": [link("/site/a/:p2"), { "not": { "or": except } }] });
    let mut expected = vec![
        link("/site"),
        article,
        link("/site/broken"),
        link("/site/docs/:p2+"),
        link("/site/list"),
        link("/site/list/:p2"),
        link("/site/tagged"),
        link(r"/site/%C3%BCber\:\(uns\)"),
    ];
    let answer = site().get(RULES).await;
    let rules: Value = serde_json::from_str(&answer.body).unwrap();
    let rule = &rules["prefetch"][0];
    let found = rule["where"]["or"].as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{rules:#}");
    expected.retain(|link| !found.contains(link));
    assert_eq!(expected, [] as [Value; 0], "{rules:#}");
    assert_eq!([&rule["source"], &rule["eagerness"]], ["document", "moderate"]);
    assert_eq!([rules.as_object().unwrap().len(), rule.as_object().unwrap().len()], [1, 3]);
}

#[tokio::test]
async fn rules_are_for_everybody_and_caches_keep_them_for_minutes() {
    let site = site();
    let rules = site.get(RULES).await;
    rules.assert_status(200).assert_header("content-type", "application/speculationrules+json");
    rules.assert_header("cache-control", "public, max-age=300");
    let known = [("if-none-match", rules.header("etag"))];
    let same = site.request(Method::GET, RULES, &known).await;
    same.assert_status(304).assert_header("cache-control", "public, max-age=300").assert_body("");
    site.request(Method::HEAD, RULES, &[]).await.assert_status(200).assert_body("");
    let refused = site.request(Method::POST, RULES, &[]).await;
    refused.assert_status(405).assert_header("allow", "GET, HEAD");
}

#[tokio::test]
async fn stored_html_pages_name_the_rules_and_nothing_else_does() {
    let set_up =
        |builder: Builder| builder.speculation_rules().draft_secret(SECRET).draft_over_http();
    let (site, _) = site_with(set_up);
    for path in ["/site/a/one", "/site/docs/a/b"] {
        site.get(path).await.assert_miss_stored().assert_header(HEADER, &format!("\"{RULES}\""));
        site.get(path).await.assert_hit().assert_header(HEADER, &format!("\"{RULES}\""));
    }
    for path in ["/site/a/new", "/site/broken", "/site/a/feed.xml", RULES] {
        site.get(path).await.assert_no_header(HEADER);
    }
    let bearer = format!("Bearer {SECRET}");
    let begun = site.request(Method::POST, "/_isr/draft", &[("authorization", &bearer)]).await;
    let cookie = begun.header("set-cookie").split(';').next().unwrap();
    let draft = site.request(Method::GET, "/site/a/one", &[("cookie", cookie)]).await;
    draft.assert_bypass("draft").assert_no_header(HEADER);
    let (bypassed, _) = site_with(|builder| builder.speculation_rules().bypass("development"));
    bypassed.get("/site/a/one").await.assert_bypass("development").assert_no_header(HEADER);
}

#[tokio::test]
async fn without_the_setting_there_are_no_rules() {
    let (site, _) = site_with(|builder| builder);
    site.get(RULES).await.assert_status(404);
    site.get("/site/a/one").await.assert_miss_stored().assert_no_header(HEADER);
}

#[tokio::test]
async fn page_that_names_rules_of_its_own_keeps_them() {
    let own = HeaderValue::from_static("\"/own.json\"");
    let set_up =
        |builder: Builder| builder.speculation_rules().default_header(HEADER.parse().unwrap(), own);
    let (site, _) = site_with(set_up);
    site.get("/site/a/one").await.assert_header(HEADER, "\"/own.json\"");
}

#[tokio::test]
async fn rules_are_named_within_the_limit_of_headers() {
    let (site, _) = site_with(|builder| builder.speculation_rules().cache_tag(true));
    let page = site.get("/site/tagged").await;
    page.assert_header(HEADER, &format!("\"{RULES}\""));
    let size =
        |(name, value): (&http::HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    let bytes: usize = page.headers.iter().map(size).sum();
    assert!(bytes + 640 <= 4096 && bytes + 640 > 4096 - 64, "{bytes}");
}

#[tokio::test]
async fn prefetch_does_not_reach_a_handler_whose_path_the_rules_match() {
    let (site, calls) = site_with(Builder::speculation_rules);
    let refused = site.request(Method::GET, "/site/a/log-out", &PREFETCH).await;
    refused.assert_status(503).assert_header("cache-control", "private, no-store");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    site.get("/site/a/log-out").await.assert_bypass("own-handler").assert_body("0");
    let (without, calls) = site_with(|builder| builder);
    without.request(Method::GET, "/site/a/log-out", &PREFETCH).await.assert_status(200);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
