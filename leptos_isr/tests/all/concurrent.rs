//! Leptos pages that are rendered at the same time on one thread.

use std::sync::Arc;

use axum::{Router, body::Body, extract::Request};
use http_body_util::BodyExt;
use leptos::{WasmSplitManifest, prefetch_lazy_fn_on_server, prelude::*};
use leptos_isr::{Engine, Isr, LeptosPages};
use leptos_meta::MetaTags;
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tokio::sync::Barrier;
use tower::ServiceExt;

/// `/a` and `/b` are stored, `/c` is not; each needs a part of the program of its own.
#[component]
fn App() -> impl IntoView {
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <Route path=path!("/a") view=|| page("a") ssr=Isr::forever().into()/>
                <Route path=path!("/b") view=|| page("b") ssr=Isr::forever().into()/>
                <Route path=path!("/c") view=|| page("c") ssr=leptos_router::SsrMode::Async/>
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

fn shell(_options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html>
            <head><MetaTags/></head>
            <body><App/></body>
        </html>
    }
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
    let pages = LeptosPages::discover(App, context).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app: Router = engine.wrap(pages.router(&engine, options, shell));
    let get = async |part: &str| {
        let request = Request::get(format!("/{part}")).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let (a, b, c) = futures::join!(get("a"), get("b"), get("c"));
    for (page, own) in [(a, "a"), (b, "b"), (c, "c")] {
        assert!(page.contains(&format!("page {own}")), "{page}");
        for part in ["a", "b", "c"] {
            let named = page.contains(&format!("/pkg/part_{part}.wasm"));
            assert_eq!(named, part == own, "{part} in the page {own}: {page}");
        }
    }
}
