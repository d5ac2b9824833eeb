//! Nothing of a visitor reaches a stored page: what its code sees of the
//! request is the same for everybody.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{ConnectInfo, OriginalUri, Request},
    middleware::{Next, from_fn},
    routing::get,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use http_body_util::BodyExt;
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::{ResponseOptions, extract};
use leptos_isr::{
    Builder, Engine, Isr, LeptosPages, OnMissing, days, hours, minutes, purge::Purge,
};
use leptos_meta::MetaTags;
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    hooks::{use_location, use_params_map, use_query_map},
    path,
};
use tower::ServiceExt;

use crate::support::log::Warnings;

/// Everything that a visitor may send. Each value ends with the visitor's name.
const HEADERS: [&str; 22] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "cookie",
    "forwarded",
    "host",
    "if-none-match",
    "islands-router",
    "origin",
    "range",
    "referer",
    "sec-fetch-site",
    "traceparent",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-middleware-subrequest",
    "x-middleware-rewrite",
    "x-original-url",
];

/// What the app's own middleware knows of the visitor of the request in hand.
#[derive(Clone, Debug)]
struct Account(#[expect(dead_code, reason = "it is printed")] String);

tokio::task_local! {
    static CURRENT: String;
}

#[component]
fn App() -> impl IntoView {
    let isr = || Isr::revalidate(minutes(1)).expire(hours(1)).query(["page"]);
    view! {
        <LeptosRouter>
            <Routes fallback=Seen>
                <Route path=path!("/page") view=Seen ssr=isr().into()/>
                <Route path=path!("/page/:id") view=Seen ssr=isr().into()/>
                <Route path=path!("/listed/:id") view=Seen
                    ssr=isr().on_missing(OnMissing::NotFound).prerender(no_paths).into()/>
                <Route path=path!("/cookie/:id") view=SetsCookie ssr=isr().into()/>
                <Route path=path!("/says/:what") view=SaysForWhom ssr=isr().into()/>
                <Route path=path!("/dynamic") view=Seen ssr=Isr::dynamic().into()/>
            </Routes>
        </LeptosRouter>
    }
}

async fn no_paths() -> Result<Vec<String>, String> {
    Ok(Vec::new())
}

/// Writes into the page all that it sees of the request, in the component and in a resource.
#[component]
fn Seen() -> impl IntoView {
    let resource = Resource::new(|| (), |()| seen());
    let location = use_location();
    let query = use_query_map();
    view! {
        <p>{format!("{:?}", use_context::<Parts>().map(|parts| described(&parts)))}</p>
        <p>{format!("{:?} {:?}", location.pathname.get_untracked(), location.search.get_untracked())}</p>
        <p>{format!("{:?} {:?}", query.get_untracked(), use_nonce().map(|nonce| nonce.to_string()))}</p>
        <Suspense>{move || resource.get()}</Suspense>
    }
}

fn described(parts: &Parts) -> String {
    let extension = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    format!(
        "{} {} {:?} {:?} {extension:?} {:?} {:?}",
        parts.method,
        parts.uri,
        parts.version,
        parts.headers,
        parts.extensions.get::<Account>(),
        parts.extensions.get::<OriginalUri>(),
    )
}

/// What server code finds with extractors.
async fn seen() -> String {
    let (method, uri) = (extract::<Method>().await.unwrap(), extract::<Uri>().await.unwrap());
    let headers: HeaderMap = extract().await.unwrap();
    let address = extract::<ConnectInfo<SocketAddr>>().await.map(|ConnectInfo(addr)| addr).ok();
    let account = extract::<Extension<Account>>().await.map(|Extension(account)| account).ok();
    let current = CURRENT.try_with(Clone::clone).ok();
    format!(
        "[{method} {uri} {headers:?} {address:?} {account:?} {current:?} {:?}]",
        use_nonce().map(|nonce| nonce.to_string())
    )
}

#[component]
fn SetsCookie() -> impl IntoView {
    let cookie = HeaderValue::from_static("session=1");
    expect_context::<ResponseOptions>().append_header(header::SET_COOKIE, cookie);
    "A page"
}

/// Says in its headers for whom it is.
#[component]
fn SaysForWhom() -> impl IntoView {
    let what = use_params_map().get_untracked().get("what").unwrap_or_default();
    let (name, value) = match what.as_str() {
        "no-store" => (header::CACHE_CONTROL, "no-store"),
        "private" => (header::CACHE_CONTROL, "private, max-age=60"),
        "cookie" => (header::VARY, "Accept-Encoding, Cookie"),
        _ => (header::VARY, "accept-encoding"),
    };
    let options = expect_context::<ResponseOptions>();
    options.append_header(name, HeaderValue::from_static(value));
    "A page"
}

fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html>
            <head><HydrationScripts options/><MetaTags/></head>
            <body><App/></body>
        </html>
    }
}

struct Site {
    engine: Engine,
    app: Router,
    now: Arc<Mutex<SystemTime>>,
}

fn site(configure: impl FnOnce(Builder) -> Builder) -> Site {
    let now = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + days(20_000)));
    let clock = {
        let now = Arc::clone(&now);
        move || *now.lock().unwrap()
    };
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let routes = pages.routes().clone().add("/plain", Isr::revalidate(minutes(1)).expire(hours(1)));
    let engine = configure(Engine::builder(routes.unwrap()).clock(clock)).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let plain = get(async |request: Request| described(&request.into_parts().0));
    let router = pages.router(&engine, options, shell).route("/plain", plain);
    // Stands before the engine, as an app's own sign-in does.
    let app = engine.wrap(router).layer(from_fn(async |mut request: Request, next: Next| {
        let name = request.headers()["cookie"].to_str().unwrap().to_owned();
        request.extensions_mut().insert(Account(name.clone()));
        CURRENT.scope(name, next.run(request)).await
    }));
    Site { engine, app, now }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Site {
    /// What `visitor` gets: all they send carries their name, and so does their address.
    async fn get(&self, visitor: &str, path: &str) -> Answer {
        let mut request = Request::get(path);
        for name in HEADERS {
            request = request.header(name, format!("{name}-of-{visitor}"));
        }
        let address: SocketAddr = format!("192.0.2.{}:4711", visitor.len()).parse().unwrap();
        let request = request.extension(ConnectInfo(address)).body(Body::empty()).unwrap();
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    fn advance(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    async fn idle(&self) {
        assert!(self.engine.idle(Duration::from_secs(20)).await);
    }
}

impl Answer {
    fn cache_status(&self) -> &str {
        self.headers["cache-status"].to_str().unwrap()
    }

    /// The page was rendered, and holds and says nothing of any visitor.
    #[track_caller]
    fn assert_of_nobody(&self, case: &str) -> &Self {
        assert!(self.body.contains("GET /"), "{case}: the page looked: {self:?}");
        let text = format!("{self:?}").to_lowercase();
        for word in ["alice", "bobby", "192.0.2", "x-middleware", "x-forwarded", "utm", "nonce="] {
            let place = text.find(word).map(|at| &text[at.saturating_sub(60)..at + word.len()]);
            assert_eq!(place, None, "{case}");
        }
        self
    }
}

const ALICE: &str = "alice";
const BOB: &str = "bobby-tables";

#[tokio::test]
async fn stored_page_holds_nothing_of_a_visitor_however_it_came_to_be() {
    for (policy, configure) in [
        ("no policy", (|builder| builder) as fn(Builder) -> Builder),
        ("policy", |builder| builder.csp("script-src 'self'; style-src 'self'")),
    ] {
        for path in ["/page", "/page/1", "/plain"] {
            let case = format!("{path}, {policy}");
            let site = site(configure);
            let address = format!("{path}?utm_source={ALICE}&x={ALICE}");
            let first = site.get(ALICE, &address).await;
            assert_eq!(first.cache_status(), "isr; fwd=miss; fwd-status=200; stored", "{case}");
            first.assert_of_nobody(&case);
            let hit = site.get(BOB, &format!("{path}?x={BOB}")).await;
            assert_eq!(
                (hit.cache_status(), &hit.body),
                ("isr; hit; ttl=60", &first.body),
                "{case}"
            );

            site.advance(minutes(2));
            let stale = site.get(BOB, &format!("{path}?x={BOB}")).await;
            assert_eq!(stale.cache_status(), "isr; hit; ttl=-60", "{case}");
            site.idle().await;
            let regenerated = site.get(ALICE, &address).await;
            assert_eq!(regenerated.cache_status(), "isr; hit; ttl=60", "{case}");
            assert_eq!(regenerated.body, first.body, "{case}");

            site.advance(hours(2));
            let waited = site.get(BOB, &format!("{path}?x={BOB}")).await;
            assert_eq!(waited.cache_status(), "isr; fwd=stale; fwd-status=200; stored", "{case}");
            assert_eq!(waited.assert_of_nobody(&case).body, first.body, "{case}");

            let paths = vec![path.to_owned()];
            site.engine.purge(&Purge { paths, hard: true, ..Purge::default() }).await.unwrap();
            let purged = site.get(BOB, path).await;
            assert_eq!(purged.cache_status(), "isr; fwd=stale; fwd-status=200; stored", "{case}");
            assert_eq!(purged.body, first.body, "{case}");
        }
    }
}

#[tokio::test]
async fn code_of_a_stored_page_sees_an_empty_request() {
    let site = site(|builder| builder);
    let page = site.get(ALICE, &format!("/plain?x={ALICE}")).await;
    assert_eq!(
        page.body,
        "GET /plain HTTP/1.1 {\"accept\": \"text/html\"} None None Some(OriginalUri(/plain))"
    );
    let page = site.get(ALICE, &format!("/page/1?x={ALICE}&page=2")).await;
    let seen = "[GET /page/1?page=2 {\"accept\": \"text/html\"} None None None None]";
    assert!(page.body.contains(seen), "{}", page.body);
}

#[tokio::test]
async fn page_for_all_missing_paths_holds_nothing_of_a_visitor() {
    let site = site(|builder| builder);
    let page = site.get(ALICE, &format!("/listed/{ALICE}?x={ALICE}")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.assert_of_nobody("listed");
    assert_eq!(site.get(BOB, &format!("/listed/{BOB}")).await.body, page.body);
}

/// The other tests look for nothing if the page could not have seen it.
#[tokio::test]
async fn page_that_is_not_stored_sees_its_visitor() {
    let site = site(|builder| builder);
    let page = site.get(ALICE, &format!("/dynamic?x={ALICE}")).await;
    assert_eq!(page.cache_status(), "isr; fwd=bypass; detail=dynamic");
    for name in HEADERS {
        assert!(page.body.contains(&format!("{name}-of-{ALICE}")), "{name}: {}", page.body);
    }
    for word in ["192.0.2.5", "?x=alice", "Account(", "Some(\"cookie-of-alice\")"] {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
}

#[tokio::test]
async fn page_that_sets_a_cookie_is_not_stored_and_a_warning_names_its_route() {
    let (warnings, _guard) = Warnings::collect();
    let site = site(|builder| builder);
    let page = site.get(ALICE, "/cookie/1").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.cache_status(), "isr; fwd=miss; fwd-status=200");
    assert_eq!(page.headers["cache-control"], "private, no-store");
    assert!(!page.headers.contains_key("set-cookie"), "the waiters share one render");
    assert!(!site.get(BOB, "/cookie/1").await.cache_status().contains("hit"));
    let text = warnings.text();
    for part in ["isr.key=/cookie/1", "route=\"/cookie/:id\"", "sets the cookie", "wrap_with"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn page_that_says_no_store_or_private_is_not_stored_and_a_warning_names_its_route() {
    for (path, said) in [("/says/no-store", "no-store"), ("/says/private", "private")] {
        let (warnings, _guard) = Warnings::collect();
        let site = site(|builder| builder);
        for visitor in [ALICE, BOB] {
            let page = site.get(visitor, path).await;
            assert_eq!(page.cache_status(), "isr; fwd=miss; fwd-status=200");
            assert_eq!(page.headers["cache-control"], "private, no-store");
        }
        let text = warnings.text();
        let key = format!("isr.key={path}");
        for part in [&*key, "route=\"/says/:what\"", said, "is not stored"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

/// A stored page is the same for every cookie and every language.
#[tokio::test]
async fn other_vary_than_the_encoding_is_warned_of_by_route() {
    for (path, warned) in [("/says/cookie", true), ("/says/encoding", false)] {
        let (warnings, _guard) = Warnings::collect();
        let site = site(|builder| builder);
        let page = site.get(ALICE, path).await;
        assert_eq!(page.cache_status(), "isr; fwd=miss; fwd-status=200; stored");
        assert_eq!(page.headers["vary"], "accept-encoding");
        let text = warnings.text();
        for part in ["route=\"/says/:what\"", "`Vary: Accept-Encoding, Cookie`"] {
            assert_eq!(text.contains(part), warned, "{part}: {text}");
        }
    }
}
