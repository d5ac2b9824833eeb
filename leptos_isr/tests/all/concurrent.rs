//! Leptos pages that are rendered at the same time on one thread.

use std::{fmt, sync::Arc};

use axum::{Router, body::Body, extract::Request};
use http::StatusCode;
use http_body_util::BodyExt;
use leptos::{WasmSplitManifest, prefetch_lazy_fn_on_server, prelude::*};
use leptos_isr::{Engine, Isr, LeptosPages};
use leptos_meta::MetaTags;
use leptos_router::{
    SsrMode,
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tokio::sync::{Barrier, Notify};
use tower::ServiceExt;

/// `/a` and `/b` are stored, `/c` is not; each needs a part of the program of its own.
#[component]
fn App() -> impl IntoView {
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/a") view=|| page("a") ssr=Isr::forever().into()/>
                <Route path=path!("/b") view=|| page("b") ssr=Isr::forever().into()/>
                <Route path=path!("/c") view=|| page("c") ssr=SsrMode::Async/>
            </Routes>
        </LeptosRouter>
    }
}

/// A page that is done when all others are.
fn page(part: &'static str) -> impl IntoView {
    prefetch_lazy_fn_on_server(part);
    let all = use_context::<Arc<Barrier>>();
    let others = Resource::new(
        || (),
        move |()| {
            let all = all.clone();
            async move {
                if let Some(all) = all {
                    all.wait().await;
                }
            }
        },
    );
    view! { <Suspense>{move || others.get().map(|()| format!("page {part}"))}</Suspense> }
}

fn site<IV: IntoView + 'static>(
    app: fn() -> IV,
    context: impl Fn() + Send + Sync + 'static,
) -> Router {
    let pages = LeptosPages::discover(app, context).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    engine.wrap(pages.router(&engine, options, move |_| {
        view! {
            <!DOCTYPE html>
            <html>
                <head><MetaTags/></head>
                <body>{app()}</body>
            </html>
        }
    }))
}

async fn get(app: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn page_names_the_parts_that_it_needs_and_no_other_pages() {
    let all = Arc::new(Barrier::new(3));
    let context = move || {
        let parts = ["a", "b", "c"].map(|part| (part.to_owned(), vec![format!("part_{part}")]));
        let manifest = ("/pkg".to_owned(), parts.into_iter().collect(), "split.js".to_owned());
        provide_context(WasmSplitManifest(ArcStoredValue::new(manifest)));
        provide_context(Arc::clone(&all));
    };
    let app = site(App, context);
    let (a, b, c) = futures::join!(get(&app, "/a"), get(&app, "/b"), get(&app, "/c"));
    for ((_, page), own) in [(a, "a"), (b, "b"), (c, "c")] {
        assert!(page.contains(&format!("page {own}")), "{page}");
        for part in ["a", "b", "c"] {
            let named = page.contains(&format!("/pkg/part_{part}.wasm"));
            assert_eq!(named, part == own, "{part} in the page {own}: {page}");
        }
    }
}

/// When pages go on.
struct Turns {
    both: Barrier,
    failed: Notify,
}

#[component]
fn Bounded() -> impl IntoView {
    let (fails, works) = (|| bounded(false), || bounded(true));
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/stored/fails") view=fails ssr=Isr::forever().into()/>
                <Route path=path!("/stored/works") view=works ssr=Isr::forever().into()/>
                <Route path=path!("/out-of-order/fails") view=fails/>
                <Route path=path!("/out-of-order/works") view=works/>
                <Route path=path!("/in-order/fails") view=fails ssr=SsrMode::InOrder/>
                <Route path=path!("/in-order/works") view=works ssr=SsrMode::InOrder/>
            </Routes>
        </LeptosRouter>
    }
}

fn bounded(works: bool) -> impl IntoView {
    let turns = use_context::<Arc<Turns>>();
    let shown = move || {
        let turns = turns.clone();
        Suspend::new(async move {
            let turns = turns.ok_or(fmt::Error)?;
            turns.both.wait().await;
            if !works {
                return Err(fmt::Error);
            }
            turns.failed.notified().await;
            Ok("It works")
        })
    };
    view! { <ErrorBoundary fallback=|_| "Sorry"><Suspense>{shown}</Suspense></ErrorBoundary> }
}

/// Asks for a page that fails and one that works at the same time.
async fn both(kind: &str) -> [(StatusCode, String); 2] {
    let turns = Arc::new(Turns { both: Barrier::new(2), failed: Notify::new() });
    let context = Arc::clone(&turns);
    let app = site(Bounded, move || provide_context(Arc::clone(&context)));
    let path = |name| format!("/{kind}/{name}");
    let fails = async {
        let answer = get(&app, &path("fails")).await;
        turns.failed.notify_one();
        answer
    };
    futures::join!(fails, async { get(&app, &path("works")).await }).into()
}

/// While a boundary waits for what it shows, Leptos keeps it in the thread, for errors.
#[tokio::test]
async fn error_reaches_the_boundary_of_its_own_page() {
    let [fails, works] = both("stored").await;
    assert!(fails.0 == StatusCode::BAD_GATEWAY && fails.1.contains("Sorry"), "{fails:?}");
    assert!(works.0 == StatusCode::OK && works.1.contains("It works"), "{works:?}");
}

/// A page that is not stored is sent while it is drawn.
#[tokio::test]
async fn error_reaches_the_boundary_of_its_own_page_while_pages_are_sent() {
    for kind in ["out-of-order", "in-order"] {
        let [fails, works] = both(kind).await;
        assert!(fails.1.contains("Sorry"), "{kind}: {fails:?}");
        assert!(works.1.contains("It works") && !works.1.contains("Sorry"), "{kind}: {works:?}");
    }
}
