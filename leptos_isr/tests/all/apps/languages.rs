//! A site in two languages, each below an address of its own.

use http::Method;
use leptos::prelude::*;
use leptos_axum::redirect;
use leptos_isr::{
    Isr,
    check::{Influence, Problem},
};
use leptos_router::{
    components::{Outlet, ParentRoute, Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, param};
use crate::support::report::problems;

#[component]
fn Site() -> impl IntoView {
    let languages = Isr::forever().prerender(async || ["en", "fr"]);
    let posts = Isr::forever().prerender(async || ["one", "two"]);
    let language = || {
        if !["en", "fr"].contains(&&*param("lang")) {
            leptos_isr::not_found();
        }
        view! { <Outlet/> }
    };
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/") view=|| redirect(if is_french() { "/fr" } else { "/en" })/>
                <ParentRoute path=path!("/:lang") view=language ssr=languages.into()>
                    <Route path=path!("") view=|| greeting(&param("lang"))/>
                    <Route path=path!("/posts/:slug") view=Post ssr=posts.into()/>
                </ParentRoute>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Post() -> impl IntoView {
    let slug = param("slug");
    if !["one", "two"].contains(&&*slug) {
        leptos_isr::not_found();
    }
    format!("{}: post {slug}", greeting(&param("lang")))
}

fn greeting(language: &str) -> &'static str {
    if language == "fr" { "Bonjour" } else { "Welcome" }
}

/// Whether that is the visitor's first language.
fn is_french() -> bool {
    let parts = use_context::<http::request::Parts>();
    let accepted = parts.as_ref().and_then(|parts| parts.headers.get("accept-language"));
    accepted.is_some_and(|accepted| accepted.as_bytes().starts_with(b"fr"))
}

/// What a browser sends. Leptos leads elsewhere only who takes HTML.
const FRENCH: [(&str, &str); 2] = [("accept", "text/html"), ("accept-language", "fr,en;q=0.5")];

#[tokio::test]
async fn each_language_has_its_pages_and_the_front_leads_to_one() {
    let start = Start::new(Site);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    for (page, shown) in [
        ("/en", "Welcome"),
        ("/fr", "Bonjour"),
        ("/en/posts/one", "Welcome: post one"),
        ("/fr/posts/two", "Bonjour: post two"),
    ] {
        let page = site.request(Method::GET, page, &FRENCH).await;
        page.assert_fresh().assert_body_contains(shown);
    }
    for (headers, to) in [(&FRENCH[..], "/fr"), (&FRENCH[..1], "/en")] {
        let front = site.request(Method::GET, "/", headers).await;
        front.assert_status(302).assert_bypass("dynamic").assert_header("location", to);
    }
    for absent in ["/de", "/de/posts/one", "/en/posts/three"] {
        site.get(absent).await.assert_status(404);
    }
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn stored_front_that_leads_or_speaks_by_the_visitors_language_is_named() {
    #[component]
    fn ByVisitor() -> impl IntoView {
        let isr = || Isr::forever().into();
        // As for a default language without an address of its own.
        let or_away = || {
            if is_french() {
                redirect("/fr");
            }
            "Welcome"
        };
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <Route path=path!("/leads") ssr=isr()
                        view=|| redirect(if is_french() { "/fr" } else { "/en" })/>
                    <Route path=path!("/speaks") ssr=isr()
                        view=|| greeting(if is_french() { "fr" } else { "en" })/>
                    <Route path=path!("/leads-some") view=or_away ssr=isr()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let start = Start::new(ByVisitor);
    let report = start.engine.check(&start.wrapped()).await;
    let to_english = Problem::Redirects { status: 302, location: "/en".to_owned() };
    assert_eq!(problems(&report, "/leads"), [&to_english]);
    let of_language = |page: &str, part: &str| match problems(&report, page)[..] {
        [Problem::DependsOn { on: Influence::Language, after, .. }] => after.contains(part),
        _ => false,
    };
    assert!(of_language("/speaks", "Bonjour"), "{report}");
    assert!(of_language("/leads-some", "302 `/fr`"), "{report}");
}
