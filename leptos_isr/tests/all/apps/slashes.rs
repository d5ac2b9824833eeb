//! A blog whose addresses end in a slash, with a page for all other addresses.

use axum::{
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
};
use leptos::prelude::*;
use leptos_isr::{Isr, check::Problem};
use leptos_router::{
    components::{Outlet, ParentRoute, Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, param};
use crate::support::report::problems;

#[component]
fn Blog() -> impl IntoView {
    let posts = Isr::forever().prerender(async || ["first"]);
    let elsewhere = || {
        leptos_isr::not_found();
        "Nothing here"
    };
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/") view=|| "Home" ssr=Isr::forever().into()/>
                <ParentRoute path=path!("/posts/") view=|| view! { <Outlet/> }>
                    <Route path=path!("") view=|| "All posts" ssr=Isr::forever().into()/>
                </ParentRoute>
                <Route path=path!("/posts/:slug/") view=Post ssr=posts.into()/>
                <Route path=path!("/*any") view=elsewhere ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Post() -> impl IntoView {
    let slug = param("slug");
    if slug != "first" {
        leptos_isr::not_found();
    }
    format!("The post {slug}")
}

#[tokio::test]
async fn pages_are_at_their_slash_and_not_at_the_catch_all() {
    let start = Start::new(Blog);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    for (path, shown) in [("/posts/", "All posts"), ("/posts/first/", "The post first")] {
        site.get(path).await.assert_status(200).assert_fresh().assert_body_contains(shown);
    }
    for (path, slashed) in [("/posts", "/posts/"), ("/posts/first?a=b", "/posts/first/?a=b")] {
        let answer = site.get(path).await;
        answer.assert_status(308);
        let asked = reqwest::Url::parse(&format!("http://a{path}")).unwrap();
        let led = asked.join(answer.header("location")).unwrap();
        assert_eq!(led.as_str(), format!("http://a{slashed}"));
    }
    let absent = site.get("/posts/second/").await;
    absent.assert_status(404).assert_body_contains("The post second");
    site.get("/about").await.assert_status(404).assert_body_contains("Nothing here");
}

/// Such layers are common in front of axum, which has no rule of its own: here they lead in a circle.
#[tokio::test]
async fn layer_that_takes_slashes_away_is_named() {
    async fn trim(mut request: Request, next: Next) -> Response {
        let trimmed = request.uri().path().trim_end_matches('/').to_owned();
        if !trimmed.is_empty() {
            *request.uri_mut() = trimmed.parse().unwrap();
        }
        next.run(request).await
    }
    let start = Start::new(Blog);
    let report = start.engine.check(&start.wrapped().layer(from_fn(trim))).await;
    for page in ["/posts/", "/posts/first/"] {
        let found = problems(&report, page);
        assert!(matches!(found[..], [Problem::Redirects { status: 308, .. }]), "{report}");
    }
}
