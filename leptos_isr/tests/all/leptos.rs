//! Leptos pages: their declarations, their contexts, and what is stored of them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Body, extract::Request};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use leptos::{
    prelude::*,
    server_fn::{ServerFn, codec::GetUrl},
};
use leptos_axum::{LeptosRoutes, generate_route_list};
use leptos_isr::{
    Builder, Engine, Isr, LeptosPages, OnMissing, minutes, page::BuildMeta, purge::Purge, seconds,
};
use leptos_meta::MetaTags;
use leptos_router::{
    components::{Outlet, ParentRoute, Route, Router as LeptosRouter, Routes},
    hooks::{use_params_map, use_query_map},
    path,
};
use tower::ServiceExt;

use crate::support::log::Warnings;

/// How often the article was loaded; in Leptos's context.
#[derive(Clone, Default)]
struct Loads(Arc<AtomicUsize>);

#[component]
fn App() -> impl IntoView {
    let listed = async || {
        use_context::<Loads>().ok_or("the list runs without the pages' context")?;
        Ok::<_, &str>(vec!["one", "two"])
    };
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/") view=|| "Home" ssr=Isr::revalidate(minutes(1)).into()/>
                <Route path=path!("/plain") view=|| "Plain"/>
                <Route path=path!("/lost/:id") view=|| leptos_isr::fallback(|| "No such page")()
                    ssr=Isr::forever().into()/>
                <Route path=path!("/stories/:how") view=Stories
                    ssr=Isr::revalidate(minutes(5)).into()/>
                <Route path=path!("/a/:slug") view=Article
                    ssr=Isr::revalidate(minutes(5)).query(["page"]).prerender(listed).into()/>
                <Route path=path!("/b/:slug") view=Article
                    ssr=Isr::forever().prerender(listed).on_missing(OnMissing::NotFound).into()/>
                <ParentRoute path=path!("/p") view=|| view! { <Outlet/> }
                    ssr=Isr::revalidate(seconds(30)).tag("parent").into()>
                    <Route path=path!("/short") view=|| "Short"
                        ssr=Isr::revalidate(seconds(10)).into()/>
                    <Route path=path!("/long") view=|| "Long"
                        ssr=Isr::revalidate(minutes(10)).into()/>
                    <Route path=path!("/bare") view=|| "Bare"/>
                    <Route path=path!("/dynamic") view=|| "Dynamic" ssr=Isr::dynamic().into()/>
                </ParentRoute>
            </Routes>
        </LeptosRouter>
    }
}

/// Draws an error in a boundary if its resource fails, or at once.
#[component]
fn Stories() -> impl IntoView {
    let how = use_params_map().get_untracked().get("how").unwrap_or_default();
    let loads = expect_context::<Loads>().0;
    let stories = Resource::new(
        || (),
        move |()| {
            let loads = loads.clone();
            async move {
                match loads.load(Ordering::SeqCst) {
                    0 => Ok("Stories".to_owned()),
                    _ => Err("the API is \"down\" </script>".to_owned()),
                }
            }
        },
    );
    let at_once = how == "at-once" && expect_context::<Loads>().0.load(Ordering::SeqCst) > 0;
    let absent = how == "absent";
    view! {
        <ErrorBoundary fallback=move |_| {
            if absent {
                leptos_isr::not_found();
            }
            "Error loading stories"
        }>
            {at_once.then_some(Err::<&str, _>(std::fmt::Error))}
            <Suspense>
                {move || Suspend::new(async move { stories.await.map_err(Unread) })}
            </Suspense>
        </ErrorBoundary>
        <p>"__SERIALIZED_ERRORS=[[0, 0, \"in the text\"],];"</p>
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unread(String);

#[component]
fn Article() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let article = Resource::new(
        move || params.read().get("slug").unwrap_or_default(),
        |slug| async move {
            leptos_isr::tag(format!("read:{slug}"));
            match slug.as_str() {
                "missing" => leptos_isr::not_found(),
                "broken" => leptos_isr::failed("the source is down"),
                "panics" => panic!("the resource panics"),
                _ => {}
            }
            expect_context::<Loads>().0.fetch_add(1, Ordering::SeqCst);
            format!("Article {slug}")
        },
    );
    view! {
        <Suspense>{move || article.get()}</Suspense>
        <p>{move || format!("page={:?}", query.read().get("page"))}</p>
    }
}

fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html>
            <head>
                <BuildMeta/>
                {leptos_isr::hydrates().then(|| view! { <HydrationScripts options/> })}
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

struct Site {
    engine: Engine,
    app: Router,
    loads: Loads,
}

fn site() -> Site {
    site_with(|builder| builder)
}

fn site_with(configure: impl FnOnce(Builder) -> Builder) -> Site {
    let loads = Loads::default();
    let context = {
        let loads = loads.clone();
        move || provide_context(loads.clone())
    };
    let pages = LeptosPages::discover(App, context).unwrap();
    let builder = Engine::builder(pages.routes().clone());
    let builder = builder.render_timeout(std::time::Duration::from_secs(2));
    let engine = configure(builder).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, shell));
    Site { engine, app, loads }
}

impl Site {
    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn cache_status(&self, path: &str) -> String {
        let (_, headers, _) = self.get(path).await;
        headers["cache-status"].to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn page_is_stored_with_its_data_and_without_a_nonce() {
    let site = site();
    let (status, headers, html) = site.get("/a/one?page=2&utm=x").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=200; stored");
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert!(html.contains("Article one") && html.contains("page=Some(\"2\")"), "{html}");
    assert!(html.contains("__RESOLVED_RESOURCES"), "the data is there for hydration: {html}");
    assert!(!html.contains("nonce"), "{html}");
    let (_, headers, again) = site.get("/a/one?page=2").await;
    assert_eq!(headers["cache-status"], "isr; hit; ttl=300");
    assert_eq!(again, html);
    assert_eq!(site.loads.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn document_names_the_build_that_drew_it() {
    let named = site_with(|builder| builder.build_id("build-1"));
    for path in ["/a/one", "/plain", "/b/three", "/nowhere"] {
        let (_, headers, html) = named.get(path).await;
        assert!(html.contains(r#"<meta name="isr-build" content="build-1">"#), "{path}: {html}");
        assert_eq!(headers["x-isr-build"], "build-1", "{path}");
    }
    let (_, headers, html) = site().get("/plain").await;
    assert!(!html.contains("isr-build") && !headers.contains_key("x-isr-build"), "{html}");
}

#[tokio::test]
async fn tag_added_in_a_resource_reaches_the_page() {
    let site = site();
    site.get("/a/one").await;
    site.get("/a/two").await;
    let purge = Purge { tags: vec!["read:one".into()], hard: true, ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
    assert_eq!(site.cache_status("/a/one").await, "isr; fwd=stale; fwd-status=200; stored");
    assert!(site.cache_status("/a/two").await.starts_with("isr; hit"));
}

#[tokio::test]
async fn page_may_say_that_it_is_not_found_or_failed() {
    let site = site();
    let (status, headers, _) = site.get("/a/missing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=404; stored");
    let (status, headers, html) = site.get("/a/broken").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=502");
    assert!(html.contains("Article broken"), "the app's own error page: {html}");
}

#[tokio::test]
async fn panic_in_a_resource_ends_with_the_time_limit() {
    let (status, headers, _) = site().get("/a/panics").await;
    assert!(status.is_server_error());
    assert!(headers["cache-status"].to_str().unwrap().starts_with("isr; fwd=miss; fwd-status=50"));
}

#[tokio::test]
async fn least_period_of_parent_and_child_holds() {
    let site = site();
    for (path, ttl) in [("/p/short", "ttl=10"), ("/p/long", "ttl=30"), ("/p/bare", "ttl=30")] {
        site.get(path).await;
        let status = site.cache_status(path).await;
        assert!(status.contains(ttl), "{path}: {status}");
    }
    let purge = Purge { tags: vec!["parent".into()], ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
    for path in ["/p/short", "/p/long", "/p/bare"] {
        assert!(site.cache_status(path).await.contains("detail=purged"), "{path}");
    }
    for path in ["/p/dynamic", "/plain"] {
        assert_eq!(site.cache_status(path).await, "isr; fwd=bypass; detail=dynamic", "{path}");
    }
}

#[tokio::test]
async fn lists_run_in_the_pages_context() {
    let site = site();
    let report = site.engine.prerender(2, |_| (), |_| ()).await.unwrap();
    let pages = |route| report.routes.iter().find(|row| row.route == route).map(|row| row.pages);
    assert_eq!((pages("/a/:slug"), pages("/b/:slug"), pages("/")), (Some(2), Some(2), Some(1)));
    assert!(site.cache_status("/b/one").await.starts_with("isr; hit"));
}

#[tokio::test]
async fn path_that_is_not_listed_gets_the_apps_404_page_without_scripts() {
    let site = site();
    let (status, headers, html) = site.get("/b/three").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(headers["cache-status"], "isr; fwd=bypass; detail=not-listed");
    assert!(html.contains("No such page") && !html.contains("modulepreload"), "{html}");
    assert_eq!(site.loads.0.load(Ordering::SeqCst), 0);
    let (status, _, html) = site.get("/nowhere").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains("No such page") && html.contains("modulepreload"), "{html}");
}

/// The engine asks for the 404 page at a path of its own, which must be of no other page.
#[tokio::test]
async fn page_for_all_missing_paths_is_none_of_the_apps_pages() {
    async fn none() -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    #[component]
    fn Deep() -> impl IntoView {
        let closed = || Isr::forever().prerender(none).on_missing(OnMissing::NotFound);
        view! {
            <LeptosRouter>
                <Routes fallback=|| "No such page">
                    <Route path=path!("/closed/:id") view=|| "Closed" ssr=closed().into()/>
                    <Route path=path!("/docs/*rest") view=|| "Docs"/>
                    <Route path=path!("/:a") view=|| "One"/>
                    <Route path=path!("/:a/:b") view=|| "Two"/>
                    <Route path=path!("/:a/:b/:c") view=|| "Three" ssr=Isr::forever().into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    #[component]
    fn CatchAll() -> impl IntoView {
        let closed = || Isr::forever().prerender(none).on_missing(OnMissing::NotFound);
        view! {
            <LeptosRouter>
                <Routes fallback=|| "No such page">
                    <Route path=path!("/closed/:id") view=|| "Closed" ssr=closed().into()/>
                    <Route path=path!("/*any") view=|| "Any"/>
                </Routes>
            </LeptosRouter>
        }
    }
    let options =
        || LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let pages = LeptosPages::discover(Deep, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let app = engine.wrap(pages.router(&engine, options(), |_| view! { <Deep/> }));
    let deep = Site { engine, app, loads: Loads::default() };
    let pages = LeptosPages::discover(CatchAll, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let app = engine.wrap(pages.router(&engine, options(), |_| view! { <CatchAll/> }));
    let catch_all = Site { engine, app, loads: Loads::default() };
    for (site, shown) in [(deep, "No such page"), (catch_all, "There is no such page.\n")] {
        let (status, headers, html) = site.get("/closed/x").await;
        assert!(status == StatusCode::NOT_FOUND && html.contains(shown), "{html}");
        assert_eq!(headers["cache-status"], "isr; fwd=bypass; detail=not-listed");
        assert_eq!(headers["cache-control"], "private, no-store");
    }
}

/// Its files answer for good, whatever the engine stores and purges.
#[tokio::test]
async fn page_of_leptos_static_mode_is_an_error_in_the_log() {
    #[component]
    fn Static() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| ()>
                    <Route path=path!("/about") view=|| "About" ssr=Isr::forever().into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let (log, _guard) = Warnings::collect();
    let root = tempfile::tempdir().unwrap();
    let site_root = root.path().to_str().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root(site_root).build();
    let site = || {
        let pages = LeptosPages::discover(Static, || ()).unwrap();
        let engine = Engine::builder(pages.routes().clone()).build().unwrap();
        let routes = generate_route_list(Static);
        let router = Router::new().leptos_routes(&options, routes, || view! { <Static/> });
        let app = engine.wrap(router.with_state(options.clone()));
        Site { engine, app, loads: Loads::default() }
    };
    let (status, _, html) = site().get("/about").await;
    assert!(status == StatusCode::OK && html.contains("About"), "{html}");
    let text = log.text();
    for part in ["ERROR", "/about\"", "static mode has written", "`LeptosPages::router`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The file of an earlier run.
    site().get("/about").await;
    let text = log.text()[text.len()..].to_owned();
    for part in ["route=\"/about\"", "the page is a file", "`LeptosPages::router`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Where Leptos's routes stand outside of the engine, nothing runs that could notice them.
#[tokio::test]
async fn file_of_leptos_static_mode_is_an_error_in_the_log_at_start() {
    let start = |files: &[&str]| {
        let (log, _guard) = Warnings::collect();
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "<!DOCTYPE html>").unwrap();
        }
        let site_root = root.path().to_str().unwrap();
        let options = LeptosOptions::builder().output_name("app").site_root(site_root).build();
        let pages = LeptosPages::discover(App, || ()).unwrap();
        let engine = Engine::builder(pages.routes().clone()).build().unwrap();
        let _router = pages.router(&engine, options, shell);
        log.text()
    };
    for (file, page) in [("index.html", "page=\"/\""), ("a/one.html", "page=\"/a/one\"")] {
        let text = start(&[file]);
        for part in ["ERROR", page, "`leptos_routes`", "`LeptosPages::router`"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    assert_eq!(start(&["google123.html", "plain.html", "a/one.txt", "pkg/a/one.html"]), "");
}

#[tokio::test]
async fn error_in_a_boundary_takes_no_page_away() {
    for path in ["/stories/later", "/stories/at-once"] {
        let site = site();
        let (status, _, html) = site.get(path).await;
        assert!(status == StatusCode::OK && html.contains("Stories"), "{html}");
        site.loads.0.store(1, Ordering::SeqCst);
        let failed = site.engine.regenerate(&[path]).await.unwrap();
        let error = failed[0].result.clone().unwrap_err().to_string();
        assert!(error.contains("`<ErrorBoundary>`") && error.contains("not_found"), "{error}");
        if path == "/stories/later" {
            assert!(error.contains("the API is"), "{error}");
        }
        let (status, _, html) = site.get(path).await;
        assert!(status == StatusCode::OK && html.contains("Stories"), "{html}");
    }
}

#[tokio::test]
async fn error_in_a_boundary_is_502_where_there_is_no_page_and_404_if_it_says_so() {
    let site = site();
    site.loads.0.store(1, Ordering::SeqCst);
    let (status, headers, html) = site.get("/stories/later").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(html.contains("Error loading stories"), "{html}");
    assert_eq!(headers["cache-control"], "private, no-store");
    assert_eq!(headers["retry-after"], "1");
    let (status, headers, _) = site.get("/stories/absent").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=404; stored");
}

#[tokio::test]
async fn fallback_of_a_router_is_a_404() {
    let (status, _, html) = site().get("/lost/1").await;
    assert!(status == StatusCode::NOT_FOUND && html.contains("No such page"), "{html}");
}

/// The declaration decides, since Leptos's router matches the one spelling only.
#[tokio::test]
async fn page_is_asked_for_with_the_slash_that_its_route_declares() {
    #[component]
    fn Slashes() -> impl IntoView {
        let path = || leptos_router::hooks::use_location().pathname.get_untracked();
        view! {
            <LeptosRouter>
                <Routes fallback=|| "No such page">
                    <Route path=path!("/") view=|| "Home" ssr=Isr::forever().into()/>
                    <Route path=path!("/post/:slug/") view=move || format!("at {}", path())
                        ssr=Isr::forever().prerender(async || Ok::<_, &str>(vec!["a"])).into()/>
                    <ParentRoute path=path!("/p/") view=|| view! { <Outlet/> }>
                        <Route path=path!("") view=move || format!("index {}", path())
                            ssr=Isr::forever().into()/>
                    </ParentRoute>
                    <Route path=path!("/plain/:slug") view=move || format!("at {}", path())
                        ssr=Isr::forever().into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let pages = LeptosPages::discover(Slashes, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, |_| view! { <Slashes/> }));
    let site = Site { engine, app, loads: Loads::default() };
    site.engine.prerender(1, |_| (), |_| ()).await.unwrap();
    for (path, shown) in [
        ("/", "Home"),
        ("/post/a/", "at /post/a/"),
        ("/post/b/", "at /post/b/"),
        ("/p/", "index /p/"),
        ("/plain/a", "at /plain/a"),
    ] {
        let (status, headers, html) = site.get(path).await;
        assert!(status == StatusCode::OK && html.contains(shown), "{path}: {html}");
        let is_built = path != "/post/b/" && path != "/plain/a";
        let hit = headers["cache-status"] == "isr; hit";
        assert_eq!(hit, is_built, "{path} {headers:?}");
    }
    for (path, to) in [
        ("/post/a?x=1", "/post/a/?x=1"),
        ("/post/%61", "/post/a/"),
        ("/p", "/p/"),
        ("/plain/a/", "/plain/a"),
    ] {
        let (status, headers, _) = site.get(path).await;
        assert_eq!(status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(headers["location"], to, "{path}");
    }
}

#[tokio::test]
async fn redirect_for_a_slash_keeps_the_prefix_under_which_the_site_is_nested() {
    #[component]
    fn Slashes() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| "No such page">
                    <Route path=path!("/post/:slug/") view=|| "Post" ssr=Isr::forever().into()/>
                    <Route path=path!("/plain/:slug") view=|| "Plain" ssr=Isr::forever().into()/>
                    <Route path=path!("/dynamic") view=|| "Dynamic"/>
                </Routes>
            </LeptosRouter>
        }
    }
    let pages = LeptosPages::discover(Slashes, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, |_| view! { <Slashes/> }));
    let app = Router::new().nest("/blog", app.clone()).nest("/by/{lang}", app);
    let site = Site { engine, app, loads: Loads::default() };
    for prefix in ["/blog", "/by/en"] {
        for (path, to) in [
            ("/post/a:b?x=1", "/post/a:b/?x=1"),
            ("/plain/a/", "/plain/a"),
            ("/dynamic/?x=1", "/dynamic?x=1"),
        ] {
            let (status, headers, _) = site.get(&format!("{prefix}{path}")).await;
            assert_eq!(status, StatusCode::PERMANENT_REDIRECT, "{path}");
            let asked = reqwest::Url::parse(&format!("http://a{prefix}{path}")).unwrap();
            let led = asked.join(headers["location"].to_str().unwrap()).unwrap();
            assert_eq!(led.as_str(), format!("http://a{prefix}{to}"));
            assert_eq!(site.get(&format!("{prefix}{to}")).await.0, StatusCode::OK, "{to}");
        }
    }
}

/// The same rule as for stored pages. A handler of the app's own that has the other spelling keeps
/// it.
#[tokio::test]
async fn dynamic_page_has_the_slash_that_its_route_declares() {
    #[component]
    fn Dynamic() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| "No such page">
                    <Route path=path!("/search") view=|| "Search"/>
                    <Route path=path!("/own") view=|| "Own"/>
                    <Route path=path!("/folder/:id/") view=|| "Folder"/>
                    <Route path=path!("/rest/*any") view=|| {
                        leptos_isr::not_found();
                        "No rest"
                    }/>
                </Routes>
            </LeptosRouter>
        }
    }
    let pages = LeptosPages::discover(Dynamic, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let router = pages.router(&engine, options, |_| view! { <Dynamic/> });
    let app = engine.wrap(router.route("/own/", axum::routing::get(async || "of a handler")));
    let site = Site { engine, app, loads: Loads::default() };
    for (path, shown) in [
        ("/search", "Search"),
        ("/own", "Own"),
        ("/own/", "of a handler"),
        ("/folder/1/", "Folder"),
    ] {
        let (status, _, html) = site.get(path).await;
        assert!(status == StatusCode::OK && html.contains(shown), "{path}: {html}");
    }
    for (path, to) in [
        ("/search/", "/search"),
        ("/search/?q=a+b", "/search?q=a+b"),
        ("/folder/%61?x=1", "/folder/a/?x=1"),
    ] {
        let (status, headers, _) = site.get(path).await;
        assert_eq!(status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(headers["location"], to, "{path}");
    }
    for path in ["/rest/a/", "/search//", "/nothing/"] {
        assert_eq!(site.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[server(endpoint = "read_titles", input = GetUrl)]
async fn read_titles(section: String, order: Option<String>) -> Result<String, ServerFnError> {
    leptos_isr::tag(format!("section:{section}"));
    Ok(format!("{section} by {order:?}"))
}

fn data_site() -> Site {
    let pages = LeptosPages::discover(App, || provide_context(Loads::default())).unwrap();
    let isr = Isr::revalidate(minutes(1)).query(["section"]);
    let routes = pages.routes().clone().add_data(ReadTitles::PATH, isr).unwrap();
    let engine = Engine::builder(routes).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, shell));
    Site { engine, app, loads: Loads::default() }
}

#[tokio::test]
async fn answer_of_a_data_route_is_purged_by_its_tags() {
    let site = data_site();
    let [a, b] = ["a", "b"].map(|section| format!("{}?section={section}", ReadTitles::PATH));
    for path in [&a, &b] {
        let (_, headers, _) = site.get(path).await;
        assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=200; stored");
        assert_eq!(headers["content-type"], "application/json");
    }
    let purge = Purge { tags: vec!["section:a".to_owned()], ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
    for (path, status) in [(&a, "isr; fwd=stale; fwd-status=200; stored"), (&b, "isr; hit; ttl=60")]
    {
        assert_eq!(site.get(path).await.1["cache-status"], status, "{path}");
    }
}

/// Everybody would get what the function answers without it.
#[tokio::test]
async fn argument_that_a_data_route_does_not_list_reaches_the_function_and_is_warned_of_once() {
    let (warnings, _guard) = Warnings::collect();
    let site = data_site();
    let path = ReadTitles::PATH;
    let (_, headers, body) = site.get(&format!("{path}?section=a")).await;
    assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=200; stored");
    assert_eq!(body, r#""a by None""#);
    for query in ["section=a&order=date", "order=date&section=a&", "section=a&%6Frder=date"] {
        let (status, headers, body) = site.get(&format!("{path}?{query}")).await;
        assert_eq!((status, &*body), (StatusCode::OK, r#""a by Some(\"date\")""#), "{query}");
        assert_eq!(headers["cache-status"], "isr; fwd=bypass; detail=unlisted-argument");
        assert_eq!(headers["cache-control"], "private, no-store");
    }
    for query in ["section=a", "section=a&", "%73ection=a"] {
        let (_, headers, body) = site.get(&format!("{path}?{query}")).await;
        assert!(headers["cache-status"].to_str().unwrap().starts_with("isr; hit"), "{query}");
        assert_eq!(body, r#""a by None""#);
    }
    let text = warnings.text();
    assert_eq!(text.matches("`order`").count(), 1, "{text}");
    assert!(text.contains(&format!("route=\"{path}\"")), "{text}");
}

/// Page 1 for everybody, which only a warning can tell.
#[tokio::test]
async fn parameter_that_a_stored_route_does_not_list_is_warned_of_once() {
    let (warnings, _guard) = Warnings::collect();
    let site = site();
    for query in ["page=2", "utm_source=x&fbclid=y&page=2", "&", "=x", "%70age=1", "msclkid"] {
        site.get(&format!("/a/one?{query}")).await;
    }
    site.get("/plain?sort=x").await;
    assert_eq!(warnings.text(), "");
    for query in ["sort=date", "sort=name", "other=1"] {
        let (_, _, html) = site.get(&format!("/a/one?utm_source=x&{query}")).await;
        assert!(html.contains("page=None"), "{html}");
    }
    let text = warnings.text();
    assert_eq!(text.matches("`sort`").count(), 1, "{text}");
    assert!(text.contains("route=\"/a/:slug\"") && text.contains("`Isr::query`"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn data_without_an_argument_or_with_one_twice_is_400() {
    let site = data_site();
    for query in ["", "?", "?section=a&section=b"] {
        let (status, headers, body) = site.get(&format!("{}{query}", ReadTitles::PATH)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        assert!(body.contains("section"), "{query}: {body}");
        assert_eq!(headers["cache-status"], "isr; fwd=miss; fwd-status=400");
        assert_eq!(headers["cache-control"], "private, no-store");
    }
}

#[tokio::test]
async fn head_of_a_dynamic_page_says_no_length() {
    let request = Request::head("/plain").body(Body::empty()).unwrap();
    let response = site().app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers().get("content-length"), None);
}
