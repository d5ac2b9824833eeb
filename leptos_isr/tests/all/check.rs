//! The check of an app: what it finds, what it says that it cannot see, and that a clean app is clean.

use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{Html, Response},
};
use http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::{ResponseOptions, redirect};
use leptos_isr::{
    Builder, Engine, Isr, LeptosPages,
    check::{CheckReport, Influence, Problem, Unseen},
};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    hooks::use_params_map,
    path,
};

use crate::support::{log::Warnings, report::problems};

/// How often the page that differs by chance was rendered.
static CHANCES: AtomicUsize = AtomicUsize::new(0);

#[component]
fn App() -> impl IntoView {
    provide_meta_context();
    let listed = async || {
        let pages = [
            "good",
            "moment",
            "chance",
            "query",
            "cookie",
            "language",
            "missing",
            "broken",
            "boundary",
            "moved",
            "sets-cookie",
            "untitled",
            "long-head",
        ];
        Ok::<_, String>(pages.to_vec())
    };
    let unlisted = async || Err::<Vec<String>, _>("the source is down");
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/clean") view=|| view! { <Title text="Clean"/> }
                    ssr=Isr::forever().into()/>
                <Route path=path!("/pages/:name") view=Page
                    ssr=Isr::forever().prerender(listed).into()/>
                <Route path=path!("/unlisted/:name") view=Unlisted ssr=Isr::forever().into()/>
                <Route path=path!("/down/:name") view=Unlisted
                    ssr=Isr::forever().prerender(unlisted).into()/>
                <Route path=path!("/dynamic") view=|| "Dynamic"/>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Unlisted() -> impl IntoView {
    view! { <Title text="Anything"/> }
}

#[component]
fn Page() -> impl IntoView {
    static RENDERS: AtomicUsize = AtomicUsize::new(0);
    let name = use_params_map().read_untracked().get("name").unwrap_or_default();
    let seen = |part: fn(&Parts) -> Option<String>| use_context::<Parts>().and_then(|it| part(&it));
    let set = |name, value| expect_context::<ResponseOptions>().insert_header(name, value);
    let shown = match name.as_str() {
        "good" => None,
        // As by chance, at some later render.
        "chance" => {
            let before = CHANCES.fetch_add(1, Ordering::SeqCst);
            (before == 3).then(|| "another".to_owned())
        }
        "moment" => Some(RENDERS.fetch_add(1, Ordering::SeqCst).to_string()),
        "query" => seen(|parts| Some(format!("{:?}", parts.uri.query()))),
        "cookie" => seen(|parts| Some(format!("{:?}", parts.headers.get("cookie")))),
        "language" => seen(|parts| Some(format!("{:?}", parts.headers.get("accept-language")))),
        "broken" => {
            leptos_isr::failed("the source is down");
            None
        }
        "moved" => {
            redirect("/pages/good");
            None
        }
        "sets-cookie" => {
            set(header::SET_COOKIE, HeaderValue::from_static("a=b"));
            None
        }
        "long-head" => {
            set(header::LINK, HeaderValue::try_from("x".repeat(4000)).unwrap());
            None
        }
        "boundary" | "untitled" => None,
        _ => {
            leptos_isr::not_found();
            None
        }
    };
    let fails = (name == "boundary").then_some(Err::<&str, _>(std::fmt::Error));
    view! {
        {(name != "untitled").then(|| view! { <Title text="A page"/> })}
        <p>{shown}</p>
        <ErrorBoundary fallback=|_| "Sorry">{fails}</ErrorBoundary>
    }
}

fn shell() -> impl IntoView {
    view! { <!DOCTYPE html><html><head><MetaTags/></head><body><App/></body></html> }
}

fn site(configure: impl FnOnce(Builder) -> Builder) -> (Engine, Router) {
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let engine = configure(Engine::builder(pages.routes().clone())).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, |_| shell()));
    (engine, app)
}

/// What the page depends on.
fn influences(report: &CheckReport, page: &str) -> Vec<Influence> {
    let on = |problem: &&Problem| match problem {
        Problem::DependsOn { on, .. } => *on,
        other => panic!("{page}: {other}"),
    };
    problems(report, page).iter().map(on).collect()
}

#[tokio::test]
async fn what_would_surprise_is_found_and_what_cannot_be_seen_is_said() {
    let (warnings, _guard) = Warnings::collect();
    // Other tests of this process check the page too.
    CHANCES.store(0, Ordering::SeqCst);
    let (engine, app) = site(|builder| builder);
    let report = engine.check(&app).await;
    let fails = |page: &str| match problems(&report, page)[..] {
        [Problem::Fails { status, cause }] => (*status, cause.clone().unwrap_or_default()),
        ref other => panic!("{page}: {other:?}"),
    };
    for page in ["/clean", "/pages/good"] {
        assert_eq!(problems(&report, page), [] as [&Problem; 0], "{page}");
    }
    assert!(!warnings.text().contains("query parameter"), "{}", warnings.text());
    assert_eq!(influences(&report, "/pages/moment"), [Influence::Moment]);
    assert_eq!(influences(&report, "/pages/chance"), [Influence::Moment]);
    assert_eq!(influences(&report, "/pages/query"), [Influence::Query]);
    assert_eq!(influences(&report, "/pages/cookie"), [Influence::Cookie]);
    assert_eq!(influences(&report, "/pages/language"), [Influence::Language]);
    assert_eq!(fails("/pages/missing"), (404, String::new()));
    assert!(fails("/pages/broken").1.contains("the source is down"));
    assert_eq!(fails("/pages/boundary").0, 502);
    let moved = Problem::Redirects { status: 302, location: "/pages/good".to_owned() };
    assert_eq!(problems(&report, "/pages/moved"), [&moved]);
    let not_stored = match problems(&report, "/pages/sets-cookie")[..] {
        [problem @ Problem::NotStored { .. }] => problem.to_string(),
        ref other => panic!("{other:?}"),
    };
    assert!(not_stored.contains("it sets the cookie `a` (a layer"), "{not_stored}");
    assert_eq!(problems(&report, "/pages/untitled"), [&Problem::NoTitle]);
    assert!(matches!(problems(&report, "/pages/long-head")[..], [Problem::LargeHead { .. }]));
    assert_eq!(problems(&report, "/unlisted/isr-check-sentinel"), [&Problem::UnknownPathIsPage]);
    assert!(matches!(problems(&report, "/down/:name")[..], [Problem::ListFails { .. }]));
    let unseen =
        |route: &str| &report.routes.iter().find(|found| found.route == route).unwrap().unseen;
    assert_eq!(unseen("/dynamic"), &[Unseen::Dynamic]);
    assert_eq!(unseen("/unlisted/:name"), &[Unseen::Unlisted]);
    let differing =
        ["moment", "chance"].map(|name| Unseen::DiffersEachTime { page: format!("/pages/{name}") });
    assert_eq!(unseen("/pages/:name"), &differing);
    assert!(!report.is_clean());
    let text = report.to_string();
    for line in ["/clean: 1 pages, ok", "  /pages/untitled has no title", "  not seen: the route"] {
        assert!(text.contains(line), "{text}");
    }
    let json = serde_json::to_value(&report.routes[0].findings).unwrap();
    assert_eq!(json, serde_json::json!([]));
    let moved = report.routes.iter().flat_map(|route| &route.findings);
    let moved = moved.filter(|finding| finding.page == "/pages/moved").collect::<Vec<_>>();
    let expected = serde_json::json!([{
        "page": "/pages/moved", "problem": "redirects", "status": 302, "location": "/pages/good",
    }]);
    assert_eq!(serde_json::to_value(moved).unwrap(), expected);
}

#[tokio::test]
async fn app_that_goes_past_the_engine_is_found() {
    let (engine, _app) = site(|builder| builder);
    let past = Router::new().fallback(async || Html("<title>Clean</title>"));
    let report = engine.check(&past).await;
    let [problem @ Problem::NotStored { .. }] = problems(&report, "/clean")[..] else {
        panic!("{report}");
    };
    assert!(problem.to_string().contains("did not reach the router that `Engine::wrap` returned"));
}

#[tokio::test]
async fn layer_that_knows_its_visitor_is_found() {
    async fn greet(request: Request, next: Next) -> Response {
        let is_known = request.headers().contains_key(header::COOKIE);
        let mut response = next.run(request).await;
        if is_known {
            *response.body_mut() = "<title>Hello again</title>".into();
        }
        response.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static("a=b"));
        response
    }
    let (engine, app) = site(|builder| builder.csp("script-src 'self'; style-src 'self'"));
    let report = engine.check(&app.layer(from_fn(greet))).await;
    let found = problems(&report, "/clean");
    assert_eq!(found[0], &Problem::SetsCookie);
    let [Problem::LayerDependsOn { on: Influence::Cookie, after, .. }] = &found[1..] else {
        panic!("{found:?}");
    };
    assert!(after.contains("Hello again"), "{after}");
}

#[tokio::test]
async fn layer_that_differs_by_chance_depends_on_no_visitor() {
    async fn some(request: Request, next: Next) -> Response {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let is_second =
            request.uri().path() == "/clean" && ASKED.fetch_add(1, Ordering::SeqCst) == 1;
        let mut response = next.run(request).await;
        if is_second {
            *response.body_mut() = "<title>Another</title>".into();
        }
        response
    }
    let (engine, app) = site(|builder| builder);
    let report = engine.check(&app.layer(from_fn(some))).await;
    let found = problems(&report, "/clean");
    let [Problem::LayerDependsOn { on: Influence::Moment, .. }] = found[..] else {
        panic!("{found:?}");
    };
}

#[tokio::test(start_paused = true)]
async fn page_that_hangs_or_panics_for_a_visitor_is_found_and_the_others_are_looked_at() {
    #[component]
    fn Breaks() -> impl IntoView {
        let listed = async || ["cookie", "query", "good"];
        let never = async || pending::<Vec<String>>().await;
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <Route path=path!("/:name") view=Broken
                        ssr=Isr::forever().prerender(listed).into()/>
                    <Route path=path!("/never/:name") view=Broken
                        ssr=Isr::forever().prerender(never).into()/>
                    <Route path=path!("/unlisted/:name") view=|| pending_text(true)
                        ssr=Isr::forever().into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    #[component]
    fn Broken() -> impl IntoView {
        let name = use_params_map().read_untracked().get("name").unwrap_or_default();
        let parts = use_context::<Parts>();
        let has = |part: fn(&Parts) -> bool| parts.as_ref().is_some_and(part);
        assert!(name != "cookie" || !has(|it| it.headers.contains_key("cookie")), "of a cookie");
        pending_text(name == "query" && has(|it| it.uri.query().is_some()))
    }
    fn pending_text(hangs: bool) -> impl IntoView {
        let load =
            move |()| async move { if hangs { pending().await } else { "A text".to_owned() } };
        let text = Resource::new(|| (), load);
        view! { <Title text="A page"/><Suspense>{move || text.get()}</Suspense> }
    }
    async fn layer(request: Request, next: Next) -> Response {
        let is_good = request.uri().path() == "/good";
        assert!(!is_good || !request.headers().contains_key("accept-language"), "of a language");
        next.run(request).await
    }
    let pages = LeptosPages::discover(Breaks, || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let shell =
        |_| view! { <!DOCTYPE html><html><head><MetaTags/></head><body><Breaks/></body></html> };
    let app = engine.wrap(pages.router(&engine, options, shell)).layer(from_fn(layer));
    let report = engine.check(&app).await;
    for (page, to, why, text) in [
        ("/cookie", Influence::Cookie, "panicked: of a cookie", "to a request with a cookie"),
        ("/query", Influence::Query, "longer than 30s", "to a request with a query"),
        ("/good", Influence::Language, "panicked: of a language", "with `Accept-Language`"),
    ] {
        let [problem @ Problem::NoAnswer { to: Some(found), cause }] = problems(&report, page)[..]
        else {
            panic!("{report}");
        };
        assert!(*found == to && cause.contains(why), "{problem:?}");
        assert!(problem.to_string().contains(text), "{problem}");
    }
    let [Problem::ListFails { cause }] = problems(&report, "/never/:name")[..] else {
        panic!("{report}");
    };
    assert_eq!(cause, "it took longer than 30s");
    let [Problem::UnknownPathFails { cause }] =
        problems(&report, "/unlisted/isr-check-sentinel")[..]
    else {
        panic!("{report}");
    };
    assert!(cause.contains("longer than 30s"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn file_that_a_page_names_and_nobody_serves_is_found() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("pkg")).unwrap();
    std::fs::write(root.path().join("pkg/app.css"), "p {}").unwrap();
    let shell = |_| {
        view! {
            <!DOCTYPE html>
            <html>
                <head>
                    <MetaTags/>
                    <link rel="stylesheet" href="/pkg/app.css"/>
                    <link rel="stylesheet" href="https://fonts.example/a.css"/>
                </head>
                <body><Styled/></body>
            </html>
        }
    };
    #[component]
    fn Styled() -> impl IntoView {
        let listed = async || ["a", "b"];
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <Route path=path!("/pages/:name") view=|| view! { <Title text="A page"/> }
                        ssr=Isr::forever().prerender(listed).into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let check = async |own: fn(Router) -> Router| {
        let pages = LeptosPages::discover(Styled, || ()).unwrap();
        let engine = Engine::builder(pages.routes().clone()).build().unwrap();
        let site_root = root.path().to_str().unwrap();
        let options = LeptosOptions::builder().output_name("app").site_root(site_root).build();
        let app = engine.wrap(own(pages.router(&engine, options, shell)));
        engine.check(&app).await
    };
    let of_style = |report: &CheckReport| match problems(report, "/pkg/app.css")[..] {
        [] => None,
        [problem] => Some(problem.to_string()),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(of_style(&check(|pages| pages).await), None);
    let page = check(|pages| pages.fallback(async || Html("<p>My page</p>"))).await;
    let page = of_style(&page).unwrap();
    for part in ["is loaded by /pages/a", "status 200", "`text/html", "a `.fallback(…)`"] {
        assert!(page.contains(part), "{page}");
    }
    let nothing = check(|pages| pages.fallback(async || StatusCode::NOT_FOUND)).await;
    assert!(of_style(&nothing).unwrap().contains("status 404"), "{nothing}");
    std::fs::remove_dir_all(root.path()).unwrap();
    assert!(of_style(&check(|pages| pages).await).unwrap().contains("status 404"));
}
