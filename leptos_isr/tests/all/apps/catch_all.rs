//! A catch-all that is stored, beside handlers of axum. Which of them answers is told in
//! `own_handlers`.

use axum::{Router, routing::get};
use http::{HeaderMap, Method};
use leptos::prelude::*;
use leptos_isr::{Isr, check::Problem, route::RouteTable};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, assert_in_guide, param};
use crate::support::report::problems;

#[component]
fn Pages() -> impl IntoView {
    let listed = Isr::forever().prerender(async || ["about", "health"]);
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/*any") view=|| format!("The page {}", param("any"))
                    ssr=listed.into()/>
            </Routes>
        </LeptosRouter>
    }
}

/// Handlers on routes of their own, and others in a service of which axum does not tell.
fn own() -> Router {
    let who = async |headers: HeaderMap| format!("{:?}", headers.get("cookie"));
    let of_api = Router::new().route("/who", get(who));
    Router::new().route("/health", get(async || "ok")).nest_service("/api", of_api)
}

#[tokio::test]
async fn page_that_a_handler_answers_for_and_one_for_any_address_are_named() {
    let start = Start::new(Pages);
    let app = start.engine.wrap(start.pages.clone().merge(own()));
    let report = start.engine.check(&app).await;
    assert_eq!(problems(&report, "/about"), [] as [&Problem; 0]);
    let Problem::NotStored { cache_status, cause: Some(cause) } = problems(&report, "/health")[0]
    else {
        panic!("{report}");
    };
    assert_eq!(cache_status, "isr; fwd=bypass; detail=own-handler");
    assert!(cause.contains("a handler of its own, `/health`"), "{cause}");
    assert_eq!(problems(&report, "/isr-check-sentinel"), [&Problem::UnknownPathIsPage]);
}

#[tokio::test]
async fn handler_inside_of_a_service_cannot_be_seen_and_is_left_out_by_hand() {
    let ada = [("cookie", "user=ada")];
    let start = Start::new(Pages);
    let site = start.site(&start.engine.wrap(start.pages.clone().merge(own())));
    let answer = site.request(Method::GET, "/api/who", &ada).await;
    answer.assert_miss_stored().assert_body("None");
    assert_in_guide("`nest_service`");

    let leave_out = |routes: RouteTable| routes.add("/api/*path", Isr::dynamic()).unwrap();
    let start = Start::with(Pages, || (), leave_out);
    let site = start.site(&start.engine.wrap(start.pages.clone().merge(own())));
    let answer = site.request(Method::GET, "/api/who", &ada).await;
    answer.assert_bypass("dynamic").assert_body("Some(\"user=ada\")");
}
