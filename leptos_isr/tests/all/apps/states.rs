//! An app with a state, parts of which are given to handlers.

use axum::{
    Router,
    extract::{FromRef, State},
    routing::get,
};
use http::Method;
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_isr::{Isr, check::Problem};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, param};
use crate::support::report::problems;

#[derive(Clone)]
struct AppState {
    db: Db,
    motto: &'static str,
}

/// The names of what is in the database.
#[derive(Clone)]
struct Db(&'static [&'static str]);

impl FromRef<AppState> for Db {
    fn from_ref(state: &AppState) -> Self {
        state.db.clone()
    }
}

#[component]
fn Books() -> impl IntoView {
    let listed = async || expect_context::<AppState>().db.0.to_vec();
    let motto = || expect_context::<AppState>().motto;
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/books/:name") view=Book
                    ssr=Isr::forever().prerender(listed).into()/>
                <Route path=path!("/") view=motto
                    ssr=Isr::forever().into()/>
                <Route path=path!("/latest/:name") view=Book ssr=Isr::forever().into()/>
                <Route path=path!("/desk") view=Desk/>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Book() -> impl IntoView {
    let name = param("name");
    if !expect_context::<AppState>().db.0.contains(&&*name) {
        leptos_isr::not_found();
    }
    format!("The book {name}")
}

#[component]
fn Desk() -> impl IntoView {
    let count = Resource::new(|| (), |()| count_books());
    view! { <Suspense>{move || count.get().map(|count| count.ok())}</Suspense> }
}

#[server]
async fn count_books() -> Result<usize, ServerFnError> {
    Ok(expect_context::<AppState>().db.0.len())
}

async fn health(State(Db(books)): State<Db>) -> String {
    books.join(" and ")
}

#[tokio::test]
async fn pages_lists_functions_and_handlers_have_the_state() {
    let state = AppState { db: Db(&["one", "two"]), motto: "Read" };
    let own = Router::new().route("/health", get(health)).with_state(state.clone());
    let start = Start::with(Books, move || provide_context(state.clone()), |routes| routes);
    let app = start.engine.wrap(start.pages.clone().merge(own));
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    for (page, shown) in
        [("/", "Read"), ("/books/one", "The book one"), ("/books/two", "The book two")]
    {
        site.get(page).await.assert_fresh().assert_body_contains(shown);
    }
    site.get("/books/three").await.assert_status(404);
    site.get("/desk").await.assert_bypass("dynamic").assert_body_contains("2");
    let count = site.request(Method::POST, CountBooks::PATH, &[("accept", "application/json")]);
    count.await.assert_status(200).assert_body("2");
    site.get("/health").await.assert_body("one and two").assert_bypass("no-route");
}

#[tokio::test]
async fn state_that_nobody_gave_to_the_pages_is_named() {
    let start = Start::new(Books);
    let report = start.engine.check(&start.wrapped()).await;
    let missing = |cause: &str| cause.contains("AppState");
    let [Problem::Fails { status: 500, cause: Some(cause) }] = problems(&report, "/")[..] else {
        panic!("{report}");
    };
    assert!(missing(cause), "{report}");
    let [Problem::ListFails { cause }] = &problems(&report, "/books/:name")[..] else {
        panic!("{report}");
    };
    assert!(cause.contains("panicked"), "{report}");
    let [Problem::UnknownPathFails { cause }] =
        &problems(&report, "/latest/isr-check-sentinel")[..]
    else {
        panic!("{report}");
    };
    assert!(missing(cause), "{report}");
}
