//! Handlers of the app's own beside stored routes whose patterns match their paths too.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::{Path, RawQuery},
    routing::{get, post},
};
use http::{HeaderMap, Method};
use leptos::prelude::*;
use leptos_isr::{
    Engine, Isr, LeptosPages,
    prerender::{PageOutcome, PrerenderError},
    route::RouteTable,
    testing::{TestClock, TestSite},
};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    hooks::use_params_map,
    path,
};

#[component]
fn App() -> impl IntoView {
    let page = || move || use_params_map().read().get("anything");
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/:anything?") view=page
                    ssr=Isr::forever().prerender(listed).into()/>
                <Route path=path!("/docs/*rest") view=|| "A doc" ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

async fn listed() -> Result<Vec<[(&'static str, &'static str); 1]>, String> {
    Ok(vec![[("anything", "about")]])
}

/// A Leptos app that stores whatever its address, with handlers beside it; and how often these were
/// called.
fn leptos_site() -> (TestSite, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let called = {
        let calls = Arc::clone(&calls);
        move |answer: String| {
            calls.fetch_add(1, Ordering::SeqCst);
            std::future::ready(answer)
        }
    };
    let of_visitor = {
        let called = called.clone();
        move |headers: HeaderMap, RawQuery(query): RawQuery| {
            called(format!("{:?} {query:?}", headers.get("cookie")))
        }
    };
    let plain = move || called("ok".to_owned());
    let own = Router::new()
        .route("/health", get(plain.clone()))
        .route("/me", get(of_visitor.clone()))
        .route("/callback", get(of_visitor))
        .route("/login", post(plain.clone()))
        .route("/status/", get(plain.clone()))
        .route("/docs/search", get(plain))
        .route(
            "/robots.txt",
            get(async || {
                let written = ("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT");
                ([written, ("accept-ranges", "bytes")], "a file")
            }),
        );
    let clock = TestClock::new();
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).clock(clock.clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, |_| App()).merge(own));
    (TestSite::new(&engine, app, clock), calls)
}

#[tokio::test]
async fn stored_catch_all_takes_no_path_that_the_app_has_a_handler_for() {
    let (site, calls) = leptos_site();
    let signed_in = [("cookie", "user=ada")];
    for (path, body) in [
        ("/health", "ok"),
        ("/me", "Some(\"user=ada\") None"),
        ("/callback?code=7", "Some(\"user=ada\") Some(\"code=7\")"),
        ("/status/", "ok"),
        ("/docs/search", "ok"),
    ] {
        for _ in 0..2 {
            let answer = site.request(Method::GET, path, &signed_in).await;
            answer.assert_body(body).assert_cache_status("isr; fwd=bypass; detail=own-handler");
        }
    }
    site.get("/login").await.assert_status(405).assert_bypass("own-handler");
    let file = site.get("/robots.txt").await;
    assert_eq!(file.header("cache-control"), "public, max-age=0, must-revalidate");
    assert_eq!((site.renders(), calls.load(Ordering::SeqCst)), (0, 10));
    for path in ["/", "/about", "/healthy", "/docs/search/more", "/docs/a"] {
        site.get(path).await.assert_status(200).assert_miss_stored();
        site.get(path).await.assert_fresh();
    }
    // Axum compares texts as they were sent, so this is the page's.
    site.get("/%68ealth").await.assert_bypass("own-handler").assert_body_contains("health");
    site.get("/about/").await.assert_status(308);
    assert_eq!(calls.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn page_of_a_path_with_a_handler_is_neither_built_nor_regenerated() {
    let (site, _) = leptos_site();
    let error = site.engine().regenerate(&["/health"]).await.unwrap_err().to_string();
    assert!(error.contains("`/health`") && error.contains("handler of its own"), "{error}");

    let isr = Isr::forever().prerender(async || Ok::<_, String>(vec!["new", "one"]));
    let routes = RouteTable::new().add("/articles/:slug", isr).unwrap();
    let engine = Engine::builder(routes).build().unwrap();
    let _app = engine.wrap(
        Router::new()
            .route("/articles/{slug}", get(async || "an article"))
            .route("/articles/new", get(async || "a form")),
    );
    let error = engine.prerender(1, |_| (), |_| ()).await.unwrap_err();
    let PrerenderError::Pages(report) = error else { panic!("{error}") };
    let [failure] = &report.failures[..] else { panic!("{report:?}") };
    let PageOutcome::Failed { cause } = &failure.outcome else { panic!("{report:?}") };
    assert_eq!(failure.path, "/articles/new");
    assert!(cause.contains("`/articles/new`"), "{cause}");
}

/// A handler whose route matches every path of a declared route renders its pages.
#[tokio::test]
async fn handlers_render_the_routes_that_they_match_as_a_whole() {
    let clock = TestClock::new();
    let routes = RouteTable::new()
        .add("/articles/:slug", Isr::forever())
        .and_then(|routes| routes.add("/articles/new", Isr::forever()))
        .and_then(|routes| routes.add("/docs/:version/:page", Isr::forever()))
        .and_then(|routes| routes.add("/files/*rest", Isr::forever()))
        .and_then(|routes| routes.add("/any/:page", Isr::forever()))
        .and_then(|routes| routes.add("/any/assets/*rest", Isr::dynamic()))
        .unwrap();
    let engine = Engine::builder(routes).clock(clock.clone()).build().unwrap();
    let page = async |Path(rest): Path<String>| rest;
    let router = Router::new()
        .route("/articles/{id}", get(page))
        .route("/articles/new", get(async || "a form"))
        .route("/docs/{*page}", get(page))
        .route("/files/{name}", get(page))
        .fallback(async || "by a fallback");
    let site = TestSite::new(&engine, engine.wrap(router), clock);
    for path in ["/articles/one", "/articles/new", "/docs/v1/start", "/files/a/b", "/any/page"] {
        site.get(path).await.assert_status(200).assert_miss_stored();
    }
    // It matches only some of the files.
    site.get("/files/a").await.assert_bypass("own-handler");
    // What only a fallback answers is left out by hand.
    site.get("/any/assets/a.js").await.assert_bypass("dynamic");
}

/// A page with a resource that takes longer than what is drawn beside it.
#[component]
fn Loading() -> impl IntoView {
    let text = Resource::new(
        || (),
        async |()| {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            "content".to_owned()
        },
    );
    view! { <Suspense fallback=|| "Loading">{move || Suspend::new(async move { text.await })}</Suspense> }
}

#[tokio::test]
async fn page_that_a_handler_sends_out_of_order_is_not_stored() {
    let _ = any_spawner::Executor::init_tokio();
    let clock = TestClock::new();
    let routes = RouteTable::new()
        .add("/out-of-order", Isr::forever())
        .and_then(|routes| routes.add("/in-order", Isr::forever()))
        .and_then(|routes| routes.add("/async", Isr::forever()))
        .unwrap();
    let engine = Engine::builder(routes).clock(clock.clone()).build().unwrap();
    let app = || view! { <Loading/> };
    let router = Router::new()
        .route("/out-of-order", get(leptos_axum::render_app_to_stream(app)))
        .route("/in-order", get(leptos_axum::render_app_to_stream_in_order(app)))
        .route("/async", get(leptos_axum::render_app_async(app)));
    let site = TestSite::new(&engine, engine.wrap(router), clock);
    let regenerated = engine.regenerate(&["/out-of-order"]).await.unwrap();
    let error = regenerated[0].result.clone().unwrap_err();
    assert!(error.to_string().contains("render_app_async"), "{error}");
    let page = site.get("/out-of-order").await;
    page.assert_cache_status("isr; fwd=miss; fwd-status=200").assert_body_contains("content");
    assert_eq!(page.header("cache-control"), "private, no-store");
    for path in ["/in-order", "/async"] {
        site.get(path).await.assert_miss_stored().assert_body_contains("content");
    }
}
