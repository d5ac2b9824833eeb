//! Why a page is as old as it is: what the report of a page says, for each way to be old.
//!
//! Pages of `/a/:id` are fresh for a minute, expire after ten, and carry the tags `all` and
//! `a:{id}`.

use std::time::Duration;

use axum::{Extension, Router, routing::get};
use http::{Method, StatusCode};
use leptos_isr::{
    Engine, Error, Isr, OnMissing,
    data::{DataError, data},
    inspect::{PageQuery, PageReport, PageState, SetBy},
    minutes,
    page::RenderScope,
    purge::{Mapping, Purge, Webhook},
    route::RouteTable,
    seconds,
    stats::{RenderOutcome, RenderReason},
    testing::{RenderFault, TestClock, TestSite},
};
use serde_json::Value;

use crate::support::{Renders, Site, routes};

const TOKEN: &str = "the token for purges";

async fn why(site: &Site, path: &str) -> String {
    site.engine.page(path).await.unwrap().why
}

async fn state(site: &Site, path: &str) -> PageState {
    site.engine.page(path).await.unwrap().state
}

/// Somebody changed the content and sees the old page: nothing was purged, and the period is not
/// over.
#[tokio::test]
async fn page_whose_period_is_not_over_and_that_nobody_purged() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(seconds(20));
    let page = site.engine.page("/a/1").await.unwrap();
    assert_eq!(
        page.why,
        "fresh for another 40s: its period of 1m (set by the route) began 20s ago; no purge of its \
         path or of its tags is known"
    );
    let stored = page.stored.unwrap();
    assert_eq!((page.state, page.last_purge), (PageState::Fresh, None));
    assert_eq!((stored.age, stored.period), (seconds(20), Some(minutes(1))));
    assert_eq!((stored.expire, stored.status), (Some(minutes(10)), 200));
    site.purge_tag("a:2").await;
    site.purge_path("/a/11").await;
    assert!(why(&site, "/a/1").await.ends_with("no purge of its path or of its tags is known"));
    site.get("/forever").await;
    assert!(why(&site, "/forever").await.starts_with("fresh until it is purged: nothing sets a"));
}

#[tokio::test]
async fn page_whose_period_is_over_and_then_every_window() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(seconds(100));
    let stale = "stale: its period of 1m (set by the route) was over 40s ago; ";
    let next = "the next visitor gets it at once and starts a regeneration";
    assert_eq!(why(&site, "/a/1").await, format!("{stale}{next}"));
    site.hold_renders();
    site.get("/a/1").await.assert_stale();
    site.renders_begun(2).await;
    assert_eq!(why(&site, "/a/1").await, format!("{stale}one regeneration is running"));
    site.release_renders();
    site.idle().await;
    assert_eq!(state(&site, "/a/1").await, PageState::Fresh);
    site.advance(minutes(11));
    assert_eq!(
        why(&site, "/a/1").await,
        "expired: its period of 1m (set by the route) was over 10m ago, and it may be served up to \
         an age of 10m; the next visitor waits for a render"
    );
    site.set_back(minutes(30));
    assert!(why(&site, "/a/1").await.starts_with("stale: its render began in the future"));
}

#[tokio::test]
async fn page_that_waits_for_its_turn() {
    let site = Site::build(routes(), |builder| builder.max_renders(1));
    for path in ["/a/1", "/a/2", "/a/3"] {
        site.get(path).await;
    }
    site.advance(seconds(61));
    site.hold_renders();
    site.get("/a/1").await.assert_stale();
    site.renders_begun(4).await;
    for path in ["/a/2", "/a/3", "/a/3"] {
        site.get(path).await.assert_stale();
    }
    for (path, place) in [("/a/3", 1), ("/a/2", 2)] {
        let said = format!("its regeneration waits in the queue, at place {place}");
        assert!(why(&site, path).await.ends_with(&said), "{path}");
    }
    assert!(why(&site, "/a/1").await.ends_with("one regeneration is running"));
    site.release_renders();
}

#[tokio::test]
async fn page_that_was_purged_says_when_by_whom_how_and_through_what() {
    let hook = Webhook::strapi("a secret of the sender", Mapping::new().tag("a:{slug}"));
    let site = Site::build(routes(), |builder| builder.webhook("cms", hook).token(TOKEN));
    site.get("/a/1").await;
    site.advance(seconds(30));
    let headers = [("authorization", "Bearer a secret of the sender")];
    let body = r#"{"slug":"1"}"#;
    site.send(Method::POST, "/_isr/hooks/cms", &headers, body).await.assert_status(204);
    site.advance(seconds(2));
    assert_eq!(
        why(&site, "/a/1").await,
        "purged softly 2s ago by the webhook `cms`, through the tag `a:1`; the next visitor gets it \
         at once and starts a regeneration"
    );
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", &*bearer)];
    let body = r#"{"prefixes":["/"],"hard":true}"#;
    site.send(Method::POST, "/_isr/purge", &headers, body).await.assert_status(204);
    site.advance(seconds(3));
    // A soft one after a hard one does not make the page servable.
    site.purge_path("/a/1").await;
    assert_eq!(
        why(&site, "/a/1").await,
        "purged hard 3s ago by a call of `/_isr/purge`, through the prefix `/`; the next visitor \
         waits for a render"
    );
    assert_eq!(state(&site, "/a/1").await, PageState::Purged);
    site.advance(seconds(4));
    site.get("/a/1").await.assert_replaced();
    assert_eq!(
        why(&site, "/a/1").await,
        "fresh for another 1m: its period of 1m (set by the route) began 0s ago; it was rendered \
         after its last purge, softly 4s ago by the app's code, through its path"
    );
}

#[tokio::test]
async fn page_whose_purge_came_while_it_was_being_rendered() {
    let site = Site::new();
    site.behave(Renders::Gate);
    let visitor = site.start("/a/1");
    site.begun().await;
    site.purge_tag("a:1").await;
    site.let_pass();
    // A second render follows, since the first may have read what was before.
    site.begun().await;
    let page = site.engine.page("/a/1").await.unwrap();
    assert_eq!(
        page.why,
        "purged softly 0s ago by the app's code, through the tag `a:1`, while it was being rendered; \
         one regeneration is running"
    );
    site.let_pass();
    visitor.await.unwrap().assert_body("/a/1 #2");
    let said =
        "it was rendered after its last purge, softly 0s ago by the app's code, through the tag";
    assert!(why(&site, "/a/1").await.contains(said));
}

#[tokio::test]
async fn page_whose_source_fails_says_since_how_many_tries_and_when_the_next_is() {
    let site = Site::new();
    site.get("/a/1").await;
    site.fail_renders(RenderFault::Says("the source is down".to_owned()));
    site.advance(minutes(1));
    for _ in 0..3 {
        site.advance(seconds(10));
        site.get("/a/1").await.assert_stale();
        site.idle().await;
    }
    let page = site.engine.page("/a/1").await.unwrap();
    let failing = page.failing.clone().unwrap();
    assert_eq!((failing.failures, failing.error.as_deref()), (3, Some("the source is down")));
    assert!(failing.retry_in > seconds(1) && failing.retry_in <= seconds(4), "{failing:?}");
    let said = "stale: its period of 1m (set by the route) was over 30s ago; its last 3 renders failed \
                (lastly: the source is down), and the next try is in ";
    assert!(page.why.starts_with(said), "{}", page.why);
    let renders: Vec<_> =
        page.renders.iter().map(|render| (render.reason, render.outcome)).collect();
    let failed = (RenderReason::Time, RenderOutcome::Failed);
    let first = (RenderReason::Miss, RenderOutcome::New);
    assert_eq!(renders, [failed, failed, failed, first]);
    site.advance(seconds(5));
    assert!(why(&site, "/a/1").await.ends_with("and the next visitor starts another try"));
    // A purge is worth one at once.
    site.set_back(seconds(5));
    site.purge_path("/a/1").await;
    assert!(why(&site, "/a/1").await.ends_with("and the next visitor starts another try"));
    site.repair_renders();
    site.get("/a/1").await;
    site.idle().await;
    let page = site.engine.page("/a/1").await.unwrap();
    assert_eq!((page.state, page.failing), (PageState::Fresh, None));
}

#[tokio::test]
async fn page_that_there_is_none_of_and_whose_source_fails() {
    let site = Site::new();
    site.fail_renders(RenderFault::Says("the source is down".to_owned()));
    assert_eq!(
        why(&site, "/a/1").await,
        "missing: nothing is stored for it; the next visitor waits for a render"
    );
    site.get("/a/1").await.assert_status(502);
    let page = site.engine.page("/a/1").await.unwrap();
    let said = "missing: nothing is stored for it; its last render failed (the source is down), and the \
                next try is in ";
    assert!(page.why.starts_with(said), "{}", page.why);
    assert!(page.stored.is_none() && page.state == PageState::Missing);
}

/// A new build has not rendered it; a build that lists its pages does not have it at all.
#[tokio::test]
async fn page_that_this_build_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let listed = |paths: &[&'static str]| {
        let paths = paths.to_vec();
        let list = move || {
            let paths = paths.clone();
            async move { Ok::<_, String>(paths) }
        };
        let isr = Isr::forever().prerender(list).on_missing(OnMissing::NotFound);
        routes().add("/b/:id", isr).unwrap()
    };
    let build = |paths: &[&'static str], id: &str| {
        Site::build(listed(paths), |builder| builder.disk(folder.path(), id))
    };
    let before = build(&["old", "both"], "build-1");
    before.engine.prerender(1, |_| (), |_| ()).await.unwrap();
    assert_eq!(state(&before, "/b/old").await, PageState::Fresh);
    let after = build(&["both"], "build-2");
    after.engine.prerender(1, |_| (), |_| ()).await.unwrap();
    let page = after.engine.page("/b/old").await.unwrap();
    assert_eq!((page.state, page.route.as_deref()), (PageState::NotAPage, Some("/b/:id")));
    assert_eq!(
        page.why,
        "not a page: `/b/:id` admits only the paths that it lists, and the list of this build does \
         not have this one"
    );
    assert_eq!(page.build.as_deref(), Some("build-2"));
    assert_eq!(
        why(&after, "/a/1").await,
        "missing: nothing is stored for it in the build `build-2`; the next visitor waits for a render"
    );
}

#[tokio::test]
async fn path_that_is_no_stored_page_says_why_and_a_malformed_one_is_an_error() {
    let site = Site::new();
    for (path, said) in [
        ("/none", "not a page: it is of no stored route"),
        (
            "/a/dynamic",
            "not a page: `/a/dynamic` is rendered for each request, and nothing of it is",
        ),
    ] {
        let page = site.engine.page(path).await.unwrap();
        assert!(page.why.starts_with(said), "{}", page.why);
        assert_eq!(page.state, PageState::NotAPage);
    }
    for path in ["a", "/%zz", "/a//b", ""] {
        let error = site.engine.page(path).await.unwrap_err();
        assert!(matches!(error, Error::PagePath { .. }), "{error}");
    }
    let bypassed = Site::build(routes(), |builder| builder.bypass("watch"));
    let said = "missing: nothing is stored in this mode (`watch`)";
    assert_eq!(why(&bypassed, "/a/1").await, said);
}

#[tokio::test]
async fn page_that_a_later_render_may_not_replace() {
    let site = Site::new();
    site.get("/a/1").await;
    site.behave(Renders::SaysNoStore);
    site.advance(minutes(1));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    let page = site.engine.page("/a/1").await.unwrap();
    let said = "expired: a later render gave a page that may not be stored, so this one is for \
                failures only; its last render left nothing to store";
    assert!(page.why.starts_with(said), "{}", page.why);
    assert_eq!(
        (page.state, page.renders[0].outcome),
        (PageState::Expired, RenderOutcome::Unstored)
    );
}

/// A page of `/p/:id` that reads one value, has a tag of its own, and asks for a period.
fn site_with_reads(clock: &TestClock, folder: &std::path::Path) -> TestSite {
    let page = async |Extension(scope): Extension<RenderScope>| {
        let read = data("titles").tags(["titles"]).revalidate(seconds(30));
        let titles = read.load(async || Ok::<_, DataError>("titles".to_owned())).await.unwrap();
        scope.tag("own");
        scope.revalidate_within(seconds(45));
        titles
    };
    let routes = RouteTable::new().add("/p/:id", Isr::revalidate(minutes(1)).tag("all")).unwrap();
    let engine = Engine::builder(routes).clock(clock.clone()).disk(folder, "build-1").token(TOKEN);
    let engine = engine.build().unwrap();
    let app = engine.wrap(Router::new().route("/p/{id}", get(page)));
    TestSite::new(&engine, app, clock.clone())
}

fn set_by(page: &PageReport, tag: &str) -> SetBy {
    let tags = &page.stored.as_ref().unwrap().tags;
    tags.iter().find(|report| report.tag == tag).unwrap().set_by.clone()
}

#[tokio::test]
async fn who_set_the_period_and_each_tag_and_what_was_read_is_known_after_a_restart() {
    let (clock, folder) = (TestClock::new(), tempfile::tempdir().unwrap());
    let site = site_with_reads(&clock, folder.path());
    site.get("/p/1").await.assert_miss_stored();
    site.advance(seconds(10));
    site.get("/p/2").await.assert_miss_stored();
    // The value was read ten seconds before the first of these renders, so its period ends sooner.
    for wait in [20, 30] {
        site.advance(seconds(wait));
        site.get("/p/2").await.assert_stale();
        site.idle().await;
    }
    let before = site.engine().page("/p/2").await.unwrap();
    drop(site);
    let site = site_with_reads(&clock, folder.path());
    let after = site.engine().page("/p/2").await.unwrap();
    for page in [&before, &after] {
        let stored = page.stored.as_ref().unwrap();
        let read = SetBy::Read("titles".to_owned());
        assert_eq!(
            (stored.period, &stored.period_set_by),
            (Some(seconds(30)), &Some(read.clone()))
        );
        let sources = ["all", "own", "titles"].map(|tag| set_by(page, tag));
        assert_eq!(sources, [SetBy::Route, SetBy::Code, read]);
        let reads: Vec<_> = stored.reads.iter().map(|read| (&*read.name, read.age)).collect();
        assert_eq!(reads, [("titles", Duration::ZERO)]);
        let tally = (stored.by_time.count, stored.by_time.changed, stored.by_time.interval);
        assert_eq!((tally, stored.last_change), ((2, 0, seconds(50)), None), "{page:?}");
        assert!(page.why.contains("its period of 30s (set by the read `titles`)"), "{}", page.why);
    }
    let of_read = |name: &str| PageQuery { read: Some(name.to_owned()), ..PageQuery::default() };
    for (name, pages) in [("titles", 1), ("other", 0)] {
        assert_eq!(site.engine().pages(&of_read(name)).await.unwrap().matching, pages, "{name}");
    }
    assert_eq!((before.renders.len(), after.renders.len()), (3, 0));
    assert_ne!(before.replica, after.replica);
}

#[tokio::test]
async fn period_of_page_code_or_of_an_override_is_named() {
    let site = Site::new();
    site.behave(Renders::SaysPeriod(seconds(10)));
    site.get("/a/1").await;
    assert!(why(&site, "/a/1").await.contains("its period of 10s (set by the page's code)"));
    site.behave(Renders::SaysPeriod(minutes(5)));
    site.get("/a/2").await;
    assert!(why(&site, "/a/2").await.contains("its period of 1m (set by the route)"));
    let mut overridden = routes();
    overridden.override_revalidate("/a/:id=2s").unwrap();
    let site = Site::build(overridden, |builder| builder);
    site.get("/a/1").await;
    assert!(why(&site, "/a/1").await.contains("its period of 2s (set by an override)"));
}

#[tokio::test]
async fn regenerations_are_counted_as_changed_or_the_same_by_time_and_by_purge() {
    let site = Site::new();
    let again = async |site: &Site| {
        site.get("/a/1").await;
        site.idle().await;
    };
    again(&site).await;
    site.advance(minutes(1));
    again(&site).await;
    site.behave(Renders::Same(http::StatusCode::OK, "x-a", "b"));
    for _ in 0..2 {
        site.advance(minutes(1));
        again(&site).await;
    }
    let last_change = site.engine.page("/a/1").await.unwrap().at - minutes(1);
    site.advance(seconds(5));
    site.purge_path("/a/1").await;
    again(&site).await;
    let page = site.engine.page("/a/1").await.unwrap();
    let stored = page.stored.unwrap();
    let tally =
        |tally: leptos_isr::inspect::Regenerations| (tally.count, tally.changed, tally.interval);
    assert_eq!(tally(stored.by_time), (3, 2, minutes(3)));
    assert_eq!(tally(stored.by_purge), (1, 0, seconds(5)));
    // However soon a page takes the place of the one that is being served.
    assert_eq!((stored.last_change, stored.requests), (Some(last_change), 5));
    let results: Vec<_> = page.renders.iter().map(|render| render.outcome).collect();
    use RenderOutcome::{Changed, New, Same};
    assert_eq!(results, [Same, Same, Changed, Changed, New]);
}

#[tokio::test]
async fn who_purged_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.get_kept("/a/1").await;
    site.advance(seconds(1));
    let purge = Purge { tags: vec!["all".to_owned()], ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
    let before = site.engine.page("/a/1").await.unwrap();
    drop(site);
    let site = Site::on_disk(folder.path());
    let after = site.engine.page("/a/1").await.unwrap();
    assert_eq!(before.last_purge, after.last_purge);
    let purge = after.last_purge.unwrap();
    assert_eq!((purge.at, purge.replica), (Some(before.at), Some(before.replica)));
}

async fn asked(site: &TestSite, query: &str) -> leptos_isr::testing::Answer {
    let bearer = format!("Bearer {TOKEN}");
    let path = format!("/_isr/page{query}");
    site.request(Method::GET, &path, &[("authorization", &bearer)]).await
}

/// Visitors can ask for any path: those renders would take the place of those of pages.
#[tokio::test]
async fn renders_of_a_page_that_there_never_was_are_not_kept() {
    let site = Site::new();
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    site.get("/a/none").await.assert_status(404);
    assert_eq!(site.engine.page("/a/none").await.unwrap().renders, []);
    site.behave(Renders::Page);
    site.get("/a/1").await;
    site.advance(minutes(1));
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    let outcomes = site.engine.page("/a/1").await.unwrap().renders.into_iter();
    let outcomes: Vec<_> = outcomes.map(|render| render.outcome).collect();
    assert_eq!(outcomes, [RenderOutcome::Gone, RenderOutcome::New]);
}

#[tokio::test]
async fn report_is_given_as_json_to_whoever_has_the_token_and_kept_by_nobody() {
    let site = Site::build(routes(), |builder| builder.token(TOKEN));
    site.get("/a/caf%C3%A9?page=2&utm=x").await.assert_miss_stored();
    // As somebody copies it from the address bar, encoded once more as a value.
    let answer = asked(&site, "?path=/a/caf%25c3%25a9%3Fpage%3D2%26utm%3Dy").await;
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    let page: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&page["page"], &page["state"]), (&"/a/caf%C3%A9?page=2".into(), &"fresh".into()));
    assert_eq!(page["stored"]["period"], 60.0);
    assert_eq!(page["stored"]["period_set_by"], "route");
    assert_eq!(page["stored"]["rendered_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(page["stored"]["forms"][0]["encoding"], "identity");
    assert_eq!(page["renders"][0]["outcome"], "new");
    assert_eq!(site.renders(), 1, "asking renders nothing");

    for query in ["", "?path=", "?path=%2Fa%2F%25zz", "?path=/a/1&path=/a/2", "?page=/a/1"] {
        asked(&site, query).await.assert_status(400);
    }
    asked(&site, "?path=/none").await.assert_status(200).assert_body_contains("\"not_a_page\"");
    let without = site.get("/_isr/page?path=/a/1").await;
    assert_eq!(without.assert_status(401).header("www-authenticate"), "Bearer");
    let posted = site.request(Method::POST, "/_isr/page?path=/a/1", &[]).await;
    posted.assert_status(405);
    let closed = Site::new();
    closed
        .get("/_isr/page?path=/a/1")
        .await
        .assert_cache_status("isr; fwd=bypass; detail=no-route");
}
