//! The pages. Each shows its parameters, the query and the request as its code
//! saw them, and the text that the source has for it.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_isr::{Isr, OnMissing, route::PathParams, seconds};
use leptos_router::{
    ParamSegment, StaticSegment,
    components::{Outlet, ParentRoute, Route, Router, Routes},
    hooks::{use_params_map, use_query_map},
    path,
};

use crate::source::{Is, Source};

/// The period of everything that has one.
pub(crate) const PERIOD: Duration = seconds(2);

/// The whole app.
pub(crate) fn app() -> impl IntoView {
    view! { <App/> }
}

#[component]
fn App() -> impl IntoView {
    let isr = || Isr::revalidate(PERIOD);
    let closed = |isr: Isr| isr.on_missing(OnMissing::NotFound);
    view! {
        <Router>
            <Routes fallback=|| view! { <p id="text">"No such page"</p> }>
                <Route path=path!("/") view=|| page("static", &[]) ssr=Isr::forever().into()/>
                <Route path=path!("/blog/:post") view=|| page("blog", &["post"])
                    ssr=isr().prerender(|| list("blog")).tag("posts").tag("post:{post}").into()/>
                <Route path=path!("/closed/:slug") view=|| page("closed", &["slug"])
                    ssr=closed(isr().prerender(|| list("closed"))).into()/>
                <Route path=path!("/open/:slug") view=|| page("open", &["slug"]) ssr=isr().into()/>
                <Route path=path!("/later/:slug") view=|| page("later", &["slug"])
                    ssr=isr().prerender(|| list("later")).optional_at_build().into()/>
                <Route path=path!("/catchall/*rest") view=|| page("catchall", &["rest"])
                    ssr=isr().prerender(|| list("catchall")).into()/>
                <Route path=path!("/docs/*rest") view=|| page("docs", &["rest"])
                    ssr=closed(isr().prerender(|| list("docs"))).into()/>
                <Route path=path!("/optional/:slug?") view=|| page("optional", &["slug"])
                    ssr=isr().prerender(|| list("optional")).into()/>
                <ParentRoute path=path!("/shop/:section") view=Shop
                    ssr=closed(isr().prerender(sections).tag("section:{section}")).into()>
                    <Route path=path!("/:item") view=|| page("shop", &["section", "item"])
                        ssr=Isr::forever().prerender(items).into()/>
                </ParentRoute>
                <Route path=path!("/forever/:slug") view=|| page("forever", &["slug"])
                    ssr=Isr::forever().prerender(|| list("forever")).into()/>
                <Route path=path!("/limited/:slug") view=|| page("limited", &["slug"])
                    ssr=isr().expire(seconds(10)).into()/>
                <Route path=path!("/list") view=List ssr=isr().query(["page"]).into()/>
                <Route path=path!("/moved/:slug") view=|| page("moved", &["slug"])
                    ssr=isr().prerender(|| list("moved")).into()/>
                <Route path=(StaticSegment("%C3%BCber"), ParamSegment("slug"))
                    view=|| page("ueber", &["slug"]) ssr=isr().into()/>
                <Route path=path!("/api-docs/:x") view=|| page("api-docs", &["x"]) ssr=isr().into()/>
                <Route path=path!("/live") view=|| page("live", &[])/>
            </Routes>
        </Router>
    }
}

/// The document around the app.
pub(crate) fn shell(_: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head><title>"blackbox"</title></head>
            <body>{app()}</body>
        </html>
    }
}

#[component]
fn Shop() -> impl IntoView {
    let params = use_params_map();
    view! {
        <p id="section">{move || params.read().get("section")}</p>
        <Outlet/>
    }
}

#[component]
fn List() -> impl IntoView {
    let query = use_query_map();
    let page = query.read_untracked().get("page").unwrap_or_else(|| "first".to_owned());
    view(format!("list:{page}"))
}

fn page(kind: &'static str, names: &[&str]) -> impl IntoView + use<> {
    let params = use_params_map().read_untracked().clone();
    let values: Vec<_> = names.iter().map(|name| params.get(name).unwrap_or_default()).collect();
    view(format!("{kind}:{}", values.join("/")))
}

fn view(key: String) -> impl IntoView {
    let params = pairs(use_params_map().get_untracked());
    let query = pairs(use_query_map().get_untracked());
    let text = Resource::new(move || key.clone(), text);
    view! {
        <p id="params">{params}</p>
        <p id="query">{query}</p>
        <p id="request">{request()}</p>
        <Suspense><p id="text">{move || text.get()}</p></Suspense>
    }
}

fn pairs(map: leptos_router::params::ParamsMap) -> String {
    map.into_iter().map(|(name, value)| format!("{name}={value};")).collect()
}

/// The request as the page's code sees it: its method and header names.
fn request() -> String {
    let parts = expect_context::<Parts>();
    let mut names: Vec<_> = parts.headers.keys().map(header::HeaderName::as_str).collect();
    names.sort_unstable();
    format!("{} {}", parts.method, names.join(" "))
}

/// Loads what the page shows, and says what the data say of it.
async fn text(key: String) -> String {
    let source = expect_context::<Source>();
    let document = match source.load(&key).await {
        Ok(document) => document,
        Err(cause) => {
            leptos_isr::failed(cause);
            return "Out of order".to_owned();
        }
    };
    document.tags.into_iter().for_each(leptos_isr::tag);
    if let Some(within) = document.within {
        leptos_isr::revalidate_within(seconds(within));
    }
    match document.is {
        Is::Found(text) => String::from_utf8_lossy(&text).into_owned(),
        Is::Gone => {
            leptos_isr::not_found();
            "Not here".to_owned()
        }
        Is::Moved { status, to } => {
            redirect(status, &to);
            "Moved".to_owned()
        }
    }
}

fn redirect(status: u16, to: &str) {
    let (Ok(status), Ok(to)) = (StatusCode::from_u16(status), HeaderValue::from_str(to)) else {
        return leptos_isr::failed(format!("cannot redirect with {status} to `{to}`"));
    };
    let response = expect_context::<ResponseOptions>();
    response.set_status(status);
    response.insert_header(header::LOCATION, to);
}

async fn list(name: &'static str) -> Result<Vec<String>, String> {
    expect_context::<Source>().list(name).await
}

async fn sections() -> Result<Vec<PathParams>, String> {
    let sections = list("sections").await?;
    Ok(sections.into_iter().map(|section| [("section", section)].into()).collect())
}

async fn items() -> Result<Vec<PathParams>, String> {
    let items = list("items").await?;
    Ok(items.into_iter().map(|item| [("item", item)].into()).collect())
}
