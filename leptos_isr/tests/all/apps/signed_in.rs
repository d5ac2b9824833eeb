//! An app with sessions, which shows who is signed in. What layers of sessions make of stored pages is
//! told in `sessions`.

use axum::{
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
};
use http::{Method, header, request::Parts};
use leptos::prelude::*;
use leptos_isr::{
    Isr,
    check::{Influence, Problem},
    cookie_guard,
};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, assert_in_guide};
use crate::{
    sessions::{SIGNED_IN, Session, sessions},
    support::report::problems,
};

/// Who asks, as server code finds it.
fn visitor() -> String {
    let session = use_context::<Parts>().and_then(|it| it.extensions.get::<Session>().cloned());
    session.map_or_else(|| "nobody".to_owned(), |session| session.0)
}

/// The app's pages.
#[component]
fn Pages() -> impl IntoView {
    view! {
        <Routes fallback=leptos_isr::fallback(|| "No such page")>
            <Route path=path!("/") view=|| "All posts" ssr=Isr::forever().into()/>
            <Route path=path!("/account") view=|| format!("Account of {}", visitor())/>
        </Routes>
    }
}

#[component]
fn App() -> impl IntoView {
    view! { <LeptosRouter><Pages/></LeptosRouter> }
}

/// With a line that all pages have.
#[component]
fn Greeting() -> impl IntoView {
    let user = Resource::new(|| (), |()| async { visitor() });
    view! {
        <header><Suspense>"Hello, " {move || user.get()}</Suspense></header>
        <App/>
    }
}

/// As session layers do that begin one only for who signs in.
async fn known(mut request: Request, next: Next) -> Response {
    let cookie = request.headers().get(header::COOKIE).and_then(|cookie| cookie.to_str().ok());
    if let Some(id) = cookie.and_then(|cookie| cookie.strip_prefix("id=")) {
        let session = Session(id.to_owned());
        request.extensions_mut().insert(session);
    }
    next.run(request).await
}

#[tokio::test]
async fn sessions_are_of_dynamic_pages_alone() {
    let start = Start::new(App);
    let visitors = start.pages.clone().layer(from_fn(sessions));
    let app = start.engine.wrap_with(visitors, start.pages.clone()).layer(cookie_guard());
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    for headers in [&[][..], &SIGNED_IN] {
        let page = site.request(Method::GET, "/", headers).await;
        page.assert_fresh().assert_public().assert_body_contains("All posts");
    }
    let account = site.request(Method::GET, "/account", &SIGNED_IN).await;
    account.assert_bypass("dynamic").assert_body_contains("Account of ada");
    let account = site.get("/account").await;
    account.assert_header("cache-control", "private, no-store");
    assert!(account.header("set-cookie").starts_with("id=new-"), "{account:?}");
}

#[tokio::test]
async fn sessions_inside_and_outside_of_the_engine_are_named() {
    let start = Start::new(App);
    let inside = start.engine.wrap(start.pages.clone().layer(from_fn(sessions)));
    let report = start.engine.check(&inside).await;
    let [Problem::NotStored { cause: Some(cause), .. }] = problems(&report, "/")[..] else {
        panic!("{report}");
    };
    assert!(cause.contains("the cookie `id`") && cause.contains("wrap_with"), "{report}");

    let start = Start::new(App);
    let outside = start.wrapped().layer(from_fn(sessions));
    let report = start.engine.check(&outside).await;
    assert_eq!(problems(&report, "/"), [&Problem::SetsCookie], "{report}");
}

/// Who has a session from the first request on is somebody else each time.
#[tokio::test]
async fn line_of_the_visitor_that_a_stored_page_lacks_is_named() {
    let start = Start::new(Greeting);
    let visitors = start.pages.clone().layer(from_fn(sessions));
    let app = start.engine.wrap_with(visitors, start.pages.clone());
    let report = start.engine.check(&app).await;
    let found = problems(&report, "/");
    let [problem @ Problem::DependsOn { on: Influence::Layers, before, after }] = found[..] else {
        panic!("{report}");
    };
    assert!(before.contains("nobody") && after.contains("new-"), "{report}");
    assert!(problem.to_string().ends_with("after hydration"), "{report}");
    let unseen = &report.routes.iter().find(|route| route.route == "/").unwrap().unseen;
    assert!(unseen.is_empty(), "{report}");
}

#[tokio::test]
async fn line_of_who_signed_in_is_that_of_nobody_and_cannot_be_seen() {
    let start = Start::new(Greeting);
    let app = start.engine.wrap(start.pages.clone().layer(from_fn(known)));
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    let page = site.request(Method::GET, "/", &SIGNED_IN).await;
    page.assert_fresh().assert_body_contains("nobody").assert_body_lacks("ada");
    let account = site.request(Method::GET, "/account", &SIGNED_IN).await;
    account.assert_body_contains("ada").assert_body_lacks("nobody");
    assert_in_guide("the signed-in name");
}
