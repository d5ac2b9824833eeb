//! A page of any name, and a catch-all for what is missing: axum refuses their routes side by side.

use axum::{
    Router,
    routing::{get, post},
};
use http::Method;
use leptos::prelude::*;
use leptos_isr::{Isr, LeptosPages, check::Problem};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, param, shell};
use crate::support::report::problems;

#[component]
fn Pages() -> impl IntoView {
    let listed = Isr::forever().prerender(async || ["about"]);
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/books/:author?/:title?") view=Books ssr=Isr::forever().into()/>
                <Route path=path!("/:page") view=|| loaded("page") ssr=listed.into()/>
                <Route path=path!("/:lang/docs/:page") view=|| loaded("page")
                    ssr=Isr::forever().into()/>
                <Route path=path!("/:area/docs/*rest") view=|| loaded("rest")/>
                <Route path=path!("/*any") view=Missing/>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Books() -> impl IntoView {
    format!("The books {} {}", param("author"), param("title"))
}

#[component]
fn Missing() -> impl IntoView {
    leptos_isr::not_found();
    format!("Nothing at {}", param("any"))
}

/// What a stored page may have, if it is not sent out of order.
fn loaded(name: &'static str) -> impl IntoView {
    let text = Resource::new(
        || (),
        move |()| async move {
            tokio::task::yield_now().await;
            format!("The {name} {}", param(name))
        },
    );
    view! { <Suspense>{move || Suspend::new(async move { text.await })}</Suspense> }
}

#[tokio::test]
async fn each_of_them_answers_as_it_is_declared() {
    let start = Start::new(Pages);
    let own = Router::new().route("/health", get(async || "ok"));
    let app = start.engine.wrap(start.pages.clone().merge(own));
    let site = start.site(&app);
    for (path, text) in [
        ("/about", "The page about"),
        ("/en/docs/start", "The page start"),
        ("/books", "The books  "),
        ("/books/ada", "The books ada "),
        ("/books/ada/notes", "The books ada notes"),
    ] {
        site.get(path).await.assert_status(200).assert_miss_stored().assert_body_contains(text);
        site.get(path).await.assert_fresh();
    }
    let rest = site.get("/en/docs/a/b").await;
    rest.assert_status(200).assert_bypass("dynamic").assert_body_contains("The rest a/b");
    let missing = site.get("/a/b").await;
    missing.assert_status(404).assert_bypass("dynamic").assert_body_contains("Nothing at a/b");
    site.get("/health").await.assert_body("ok").assert_bypass("own-handler");
    for path in ["/about", "/a/b"] {
        site.request(Method::POST, path, &[]).await.assert_status(405);
    }
    let report = start.engine.check(&app).await;
    assert_eq!(problems(&report, "/about"), [] as [&Problem; 0]);
}

#[tokio::test]
async fn own_handler_of_another_method_stands_at_the_rest() {
    let start = Start::new(Pages);
    let own = Router::new().route("/{*any}", post(async || "posted"));
    let site = start.site(&start.engine.wrap(start.pages.clone().merge(own)));
    for path in ["/about", "/a/b"] {
        site.request(Method::POST, path, &[]).await.assert_status(200).assert_body("posted");
    }
    site.get("/about").await.assert_miss_stored().assert_body_contains("The page about");
    site.get("/a/b").await.assert_status(404).assert_body_contains("Nothing at a/b");
}

#[tokio::test]
async fn text_wins_over_a_parameter_whatever_the_names_before_it() {
    #[component]
    fn Settings() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <Route path=path!("/:user/settings") view=|| "The settings"/>
                    <Route path=path!("/:category/:slug") view=|| "An article"
                        ssr=Isr::forever().into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let start = Start::new(Settings);
    let site = start.site(&start.wrapped());
    site.get("/ada/settings").await.assert_bypass("dynamic").assert_body_contains("The settings");
    site.get("/ada/notes").await.assert_miss_stored().assert_body_contains("An article");
}

#[tokio::test]
async fn route_that_matches_files_leaves_them_to_be_served() {
    fn stored() -> AnyView {
        let isr = Isr::forever();
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <Route path=path!("/:section/:page") view=|| loaded("page") ssr=isr.into()/>
                </Routes>
            </LeptosRouter>
        }
        .into_any()
    }
    fn dynamic() -> AnyView {
        view! { <Pages/> }.into_any()
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("pkg")).unwrap();
    std::fs::write(root.path().join("pkg/app.css"), "p {}").unwrap();
    let site_root = root.path().to_str().unwrap();
    let apps: [(fn() -> AnyView, _); 2] = [(stored, "own-handler"), (dynamic, "dynamic")];
    for (app, bypass) in apps {
        let mut start = Start::new(app);
        let options = LeptosOptions::builder().output_name("app").site_root(site_root).build();
        let pages = LeptosPages::discover(app, || ()).unwrap();
        start.pages = pages.router(&start.engine, options, move |_| shell(app()));
        let site = start.site(&start.wrapped());
        let file = site.get("/pkg/app.css").await;
        file.assert_status(200).assert_body("p {}").assert_bypass(bypass);
        file.assert_header("cache-control", "public, max-age=0, must-revalidate");
        let missing = site.get("/pkg/other.css").await;
        missing.assert_status(404).assert_header("cache-control", "private, no-store");
    }
}
