//! A guest book: the address of its page takes what guests send, too.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    response::Redirect,
    routing::{get, post},
};
use http::Method;
use leptos::prelude::*;
use leptos_isr::{Engine, Isr, check::Problem, purge::Purge};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, assert_in_guide};
use crate::support::report::problems;

#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<String>>>);

#[component]
fn Guests() -> impl IntoView {
    let names = || expect_context::<Book>().0.lock().unwrap().join(", ");
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/guests") view=move || format!("Guests: {}", names())
                    ssr=Isr::forever().into()/>
                <Route path=path!("/desk") view=|| "The desk"/>
            </Routes>
        </LeptosRouter>
    }
}

async fn sign(State((book, engine)): State<(Book, Engine)>, name: String) -> Redirect {
    book.0.lock().unwrap().push(name);
    let purge = Purge { paths: vec!["/guests".to_owned()], hard: true, ..Purge::default() };
    engine.purge(&purge).await.unwrap();
    Redirect::to("/guests")
}

/// The pages, and the handlers.
fn start() -> (Start, Router) {
    let book = Book::default();
    let context = book.clone();
    let start = Start::with(Guests, move || provide_context(context.clone()), |routes| routes);
    let own = Router::new()
        .route("/guests", post(sign))
        .route("/desk", post(async |paper: String| paper))
        .route("/health", get(async || "ok"))
        .with_state((book, start.engine.clone()));
    (start, own)
}

#[tokio::test]
async fn what_is_sent_to_a_page_reaches_the_handler_and_then_the_page() {
    let (start, own) = start();
    let app = start.engine.wrap(start.pages.clone().merge(own));
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    site.get("/guests").await.assert_fresh();
    for _ in 0..2 {
        let answer = site.send(Method::POST, "/guests", &[], "Ada").await;
        answer.assert_status(303).assert_bypass("method").assert_header("location", "/guests");
    }
    site.get("/guests").await.assert_replaced().assert_body_contains("Guests: Ada, Ada");
    site.get("/guests").await.assert_fresh();
    site.send(Method::POST, "/desk", &[], "a paper").await.assert_body("a paper");
    site.get("/desk").await.assert_bypass("dynamic").assert_body_contains("The desk");
    site.request(Method::DELETE, "/guests", &[]).await.assert_status(405);
    site.get("/health").await.assert_body("ok");
    // Without the purge the page of before would stay.
    assert_in_guide("`post(…)`");
}

/// Axum gives a path to the routes of one router.
#[tokio::test]
async fn handlers_around_the_pages_take_their_paths_and_are_named() {
    let (start, own) = start();
    let app = own.merge(start.wrapped());
    let report = start.engine.check(&app).await;
    let refused = Problem::Fails { status: 405, cause: None };
    assert_eq!(problems(&report, "/guests"), [&refused], "{report}");
}
