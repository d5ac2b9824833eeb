//! A site of which the Leptos app is a part, below a prefix.

use axum::{Router, routing::get};
use leptos::prelude::*;
use leptos_isr::{Isr, check::Problem};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    hooks::use_location,
    path,
};

use super::{Start, param};
use crate::support::report::problems;

#[component]
fn Pages() -> impl IntoView {
    let post = || {
        if param("slug") != "first" {
            leptos_isr::not_found();
        }
        format!("At {}", use_location().pathname.get_untracked())
    };
    view! {
        <Routes fallback=leptos_isr::fallback(|| "No such page")>
            <Route path=path!("/") view=|| "All posts" ssr=Isr::forever().into()/>
            <Route path=path!("/posts/:slug") view=post
                ssr=Isr::forever().prerender(async || ["first"]).into()/>
            <Route path=path!("/search") view=|| "Search"/>
        </Routes>
    }
}

#[component]
fn BelowNews() -> impl IntoView {
    view! { <LeptosRouter base="/news"><Pages/></LeptosRouter> }
}

#[component]
fn AtTheRoot() -> impl IntoView {
    view! { <LeptosRouter><Pages/></LeptosRouter> }
}

/// What the rest of the site has.
fn rest() -> Router {
    Router::new()
        .route("/", get(async || "The front page"))
        .route("/shop", get(async || "The shop"))
}

#[tokio::test]
async fn base_of_the_router_puts_the_pages_below_a_prefix() {
    let start = Start::new(BelowNews);
    let app = rest().merge(start.wrapped());
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    site.get("/news").await.assert_fresh().assert_body_contains("All posts");
    site.get("/news/posts/first").await.assert_fresh().assert_body_contains("At /news/posts/first");
    site.get("/news/search").await.assert_bypass("dynamic").assert_body_contains("Search");
    for (path, shown) in [("/", "The front page"), ("/shop", "The shop")] {
        site.get(path).await.assert_body(shown);
    }
    for absent in ["/posts/first", "/news/posts/second", "/nothing"] {
        site.get(absent).await.assert_status(404);
    }
}

#[tokio::test]
async fn nested_pages_are_not_where_they_were_declared_and_are_named() {
    let start = Start::new(AtTheRoot);
    let app = Router::new().nest("/news", start.wrapped());
    let report = start.engine.check(&app).await;
    for page in ["/", "/posts/first"] {
        let absent = Problem::Fails { status: 404, cause: None };
        assert_eq!(problems(&report, page), [&absent], "{report}");
    }
}
