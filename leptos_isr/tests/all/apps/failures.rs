//! Pages whose source is down, and which say so with status 200.

use leptos::prelude::*;
use leptos_isr::{
    Isr,
    check::Problem,
    data::data,
    minutes,
    testing::{DataDown, Outage},
};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};

use super::{Start, assert_in_guide};
use crate::support::report::problems;

#[component]
fn News() -> impl IntoView {
    let isr = || Isr::forever().tag("news");
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/read") view=ReadByData ssr=isr().into()/>
                <Route path=path!("/thrown") view=Thrown ssr=isr().into()/>
                <Route path=path!("/caught") view=|| caught(|| ()) ssr=isr().into()/>
                <Route path=path!("/told") view=|| caught(|| leptos_isr::failed("no news"))
                    ssr=isr().into()/>
            </Routes>
        </LeptosRouter>
    }
}

/// A client that the app has brought along: nothing of it is known to the library.
async fn foreign() -> Result<String, DataDown> {
    expect_context::<Outage>().check().map(|()| "All the news".to_owned())
}

/// Reads by the library, and handles the error.
#[component]
fn ReadByData() -> impl IntoView {
    let news = Resource::new(
        || (),
        |()| async {
            let source = expect_context::<Outage>();
            let load = async move || source.check().map(|()| "All the news".to_owned());
            let read = data("news").revalidate(minutes(1)).tags(["news"]).load(load);
            read.await.unwrap_or_else(|_| "Sorry, no news".to_owned())
        },
    );
    view! { <Suspense>{move || news.get()}</Suspense> }
}

/// Reads by a foreign client, and throws the error into a boundary.
#[component]
fn Thrown() -> impl IntoView {
    let news = Resource::new(|| (), |()| async { foreign().await.map_err(|_| ()) });
    view! {
        <ErrorBoundary fallback=|_| "Sorry, no news">
            <Suspense>
                {move || Suspend::new(async move { news.await.map_err(|()| DataDown) })}
            </Suspense>
        </ErrorBoundary>
    }
}

/// Reads by a foreign client, and handles the error.
fn caught(on_error: fn()) -> impl IntoView {
    let news = Resource::new(
        || (),
        move |()| async move {
            foreign().await.unwrap_or_else(|_| {
                on_error();
                "Sorry, no news".to_owned()
            })
        },
    );
    view! { <Suspense>{move || news.get()}</Suspense> }
}

fn start() -> (Start, Outage) {
    let outage = Outage::new();
    let context = outage.clone();
    (Start::with(News, move || provide_context(context.clone()), |routes| routes), outage)
}

#[tokio::test]
async fn failure_takes_no_page_away_unless_code_keeps_it_to_itself() {
    let (start, outage) = start();
    let site = start.site(&start.wrapped());
    let pages = ["/read", "/thrown", "/caught", "/told"];
    for page in pages {
        site.get(page).await.assert_miss_stored().assert_body_contains("All the news");
    }
    outage.begin();
    site.purge_tag("news").await;
    for page in pages {
        site.get(page).await.assert_purged();
    }
    site.idle().await;
    for page in ["/read", "/thrown", "/told"] {
        site.get(page).await.assert_status(200).assert_body_contains("All the news");
    }
    site.get("/caught").await.assert_fresh().assert_body_contains("Sorry, no news");
    assert_in_guide("`Err(_) =>`");
}

#[tokio::test]
async fn failure_is_named_unless_code_keeps_it_to_itself() {
    let (start, outage) = start();
    outage.begin();
    let report = start.engine.check(&start.wrapped()).await;
    for (page, part) in
        [("/read", "a read failed"), ("/thrown", "`<ErrorBoundary>`"), ("/told", "no news")]
    {
        let [Problem::Fails { status: 502, cause: Some(cause) }] = problems(&report, page)[..]
        else {
            panic!("{report}");
        };
        assert!(cause.contains(part), "{report}");
    }
    assert_eq!(problems(&report, "/caught"), [] as [&Problem; 0]);
}
