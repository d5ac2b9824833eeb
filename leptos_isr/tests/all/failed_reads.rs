//! What becomes of a page one of whose reads fails, although its code goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use leptos_isr::{
    Engine, Isr, RenderError,
    data::{DataError, Read, data},
    minutes,
    prerender::{PageOutcome, PrerenderError},
    route::RouteTable,
    seconds,
    testing::{TestClock, TestSite},
};

/// A source that is down while this is set.
#[derive(Clone, Default)]
struct Down(Arc<AtomicBool>);

impl Down {
    fn set(&self, is_down: bool) {
        self.0.store(is_down, Ordering::SeqCst);
    }

    /// `read` of a text that is there unless the source is down.
    async fn text(self, read: Read) -> Result<String, DataError> {
        read.load(async move || match self.0.load(Ordering::SeqCst) {
            true => Err("the source is down"),
            false => Ok("good".to_owned()),
        })
        .await
    }
}

fn title() -> Read {
    data("title").revalidate(minutes(1)).tags(["title"])
}

/// Every page is fresh for ever, but for what it reads. `/sorry`, `/none` and `/away` draw an answer
/// of their own if the title cannot be read; `/optional` can do without it; `/nested` and `/around`
/// read a value that swallows the failure, and `/around` can do without that.
fn site() -> (TestSite, Down) {
    let (clock, down) = (TestClock::new(), Down::default());
    let routes = ["/sorry", "/none", "/away", "/bare", "/optional", "/nested", "/around"]
        .into_iter()
        .try_fold(RouteTable::new(), |table, path| table.add(path, Isr::forever()));
    let engine = Engine::builder(routes.unwrap()).clock(clock.clone()).build().unwrap();
    let or = |read: fn() -> Read, otherwise: fn() -> Response| {
        let down = down.clone();
        get(async move || match down.text(read()).await {
            Ok(text) => text.into_response(),
            Err(_) => otherwise(),
        })
    };
    let within = |outer: fn() -> Read| {
        let down = down.clone();
        get(async move || {
            let load = async move || {
                let inner = down.text(title()).await;
                Ok::<_, DataError>(inner.unwrap_or_else(|_| "swallowed".to_owned()))
            };
            outer().load(load).await.unwrap_or_else(|_| "sorry".to_owned())
        })
    };
    let router = Router::new()
        .route("/sorry", or(title, || "sorry".into_response()))
        .route("/none", or(title, || (StatusCode::NOT_FOUND, "sorry").into_response()))
        .route(
            "/away",
            or(title, || (StatusCode::FOUND, [("location", "/sorry")], "sorry").into_response()),
        )
        .route("/bare", or(title, || (StatusCode::FOUND, [("location", "/sorry")]).into_response()))
        .route("/optional", or(|| title().optional(), || "without it".into_response()))
        .route("/nested", within(|| data("outer").revalidate(minutes(10))))
        .route("/around", within(|| data("around").revalidate(minutes(10)).optional()));
    let site = TestSite::new(&engine, engine.wrap(router), clock);
    (site, down)
}

const PAGES: [&str; 4] = ["/sorry", "/none", "/away", "/nested"];

#[tokio::test]
async fn page_whose_read_fails_does_not_take_the_place_of_a_good_one() {
    for path in PAGES {
        let (site, down) = site();
        site.get(path).await.assert_miss_stored().assert_body("good");
        down.set(true);
        site.advance(minutes(1));
        site.get(path).await.assert_stale().assert_body("good");
        site.idle().await;
        site.get(path).await.assert_stale().assert_body("good");
        site.purge_tag_hard("title").await;
        site.get(path).await.assert_stale_if_error().assert_body("good");
        down.set(false);
        site.purge_tag("title").await;
        site.get(path).await;
        site.idle().await;
        site.get(path).await.assert_fresh().assert_body("good");
    }
}

#[tokio::test]
async fn without_a_page_the_visitor_gets_what_was_drawn_as_502() {
    for path in PAGES {
        let (site, down) = site();
        down.set(true);
        let failed = site.get(path).await;
        failed.assert_status(502).assert_body("sorry");
        failed.assert_cache_status("isr; fwd=miss; fwd-status=502");
        assert_eq!(failed.header("cache-control"), "private, no-store");
        assert_eq!((failed.header("retry-after"), failed.header("location")), ("1", ""));
        down.set(false);
        site.advance(seconds(1));
        site.get(path).await.assert_miss_stored().assert_body("good");
    }
}

#[tokio::test]
async fn failed_redirect_leads_nowhere_and_says_so() {
    let (site, down) = site();
    down.set(true);
    let failed = site.get("/bare").await;
    failed.assert_status(502);
    assert_eq!((failed.header("location"), failed.header("retry-after")), ("", "1"));
    assert!(failed.body.contains("try again"), "{failed:?}");
}

#[tokio::test]
async fn failure_names_the_cause_and_the_way_to_do_without() {
    let (site, down) = site();
    down.set(true);
    let error = site.regenerate("/sorry").await.result.unwrap_err();
    assert!(matches!(error, RenderError::Read { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("the source is down") && text.contains("`optional()`"), "{text}");

    let error = site.engine().prerender(1, |_| (), |_| ()).await.unwrap_err();
    let PrerenderError::Pages(report) = error else { panic!("{error}") };
    let page = report.failures.iter().find(|page| page.path == "/sorry").unwrap();
    let PageOutcome::Failed { cause } = &page.outcome else { panic!("{page:?}") };
    assert!(cause.contains("`optional()`"), "{page:?}");
}

#[tokio::test]
async fn page_does_without_an_optional_read_until_that_is_tried_again() {
    // When the reads within a read are tried again is not known to it.
    for (path, next_try) in [("/optional", 1), ("/around", 5)] {
        let (site, down) = site();
        down.set(true);
        let without = site.get(path).await;
        assert_ne!(without.body, "good", "{path}");
        without.assert_miss_stored();
        site.get(path)
            .await
            .assert_fresh()
            .assert_cache_status(&format!("isr; hit; ttl={next_try}"));
        down.set(false);
        site.advance(seconds(next_try));
        site.get(path).await.assert_stale();
        site.idle().await;
        site.get(path).await.assert_fresh().assert_body("good");
    }
}

#[tokio::test]
async fn optional_read_that_fails_leaves_what_it_gave_before() {
    let (site, down) = site();
    site.get("/optional").await.assert_body("good");
    down.set(true);
    site.advance(minutes(1));
    site.get("/optional").await;
    site.idle().await;
    site.get("/optional").await.assert_fresh().assert_body("good");
    site.purge_tag("title").await;
    site.get("/optional").await;
    site.idle().await;
    site.get("/optional").await.assert_fresh().assert_body("without it");
}
