//! Periods that are set while the engine runs.
//!
//! `/a/:id` is declared with a minute, and its pages expire after ten.

use http::Method;
use leptos_isr::{
    Error, Isr, days,
    inspect::{RoutePeriod, SetBy},
    minutes,
    route::RouteTable,
    seconds,
    testing::Answer,
};
use serde_json::Value;

use crate::support::{Renders, Site, routes};

const TOKEN: &str = "the token for purges";

async fn set(site: &Site, period: Option<u64>) {
    site.engine.set_period("/a/:id", period.map(seconds)).await.unwrap();
}

fn of(site: &Site, route: &str) -> RoutePeriod {
    site.engine.periods().into_iter().find(|of| of.route == route).unwrap()
}

#[tokio::test]
async fn period_that_is_set_holds_at_once_for_stored_pages_and_can_be_taken_away() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(seconds(30));
    set(&site, Some(300)).await;
    let answer = site.get("/a/1").await;
    answer.assert_cache_status("isr; hit; ttl=270");
    answer.assert_header("cdn-cache-control", "public, max-age=270, stale-while-revalidate=300");
    set(&site, Some(20)).await;
    let page = site.engine.page("/a/1").await.unwrap();
    assert_eq!(
        page.why,
        "stale: its period of 20s (set by an override) was over 10s ago; the next visitor gets it at \
         once and starts a regeneration"
    );
    let stored = page.stored.unwrap();
    assert_eq!(stored.period_set_by, Some(SetBy::Override));
    assert_eq!(stored.period_override, Some(seconds(20)));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=20");
    set(&site, None).await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    assert_eq!((site.renders(), of(&site, "/a/:id").set), (2, None));
}

#[tokio::test]
async fn period_can_be_set_where_none_is_declared() {
    let site = Site::new();
    site.get("/forever").await.assert_miss_stored();
    site.engine.set_period("/forever", Some(minutes(1))).await.unwrap();
    site.get("/forever").await.assert_cache_status("isr; hit; ttl=60");
    site.advance(minutes(1));
    site.get("/forever").await.assert_stale();
}

/// What a page's code and its reads ask for, and a parent's period, are limits as before.
#[tokio::test]
async fn shorter_period_of_page_code_or_of_a_parent_still_limits_the_one_that_is_set() {
    let site = Site::new();
    site.behave(Renders::SaysPeriod(seconds(30)));
    site.get("/a/1").await;
    set(&site, Some(300)).await;
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=30");
    let page = site.engine.page("/a/1").await.unwrap();
    let began = "fresh for another 30s: its period of 30s (set by the page's code, less than the \
                 override of 5m) began 0s ago";
    assert!(page.why.starts_with(began), "{}", page.why);
    let stored = page.stored.unwrap();
    assert_eq!((stored.period, stored.period_set_by), (Some(seconds(30)), Some(SetBy::Code)));
    assert_eq!(stored.period_override, Some(minutes(5)));
    let listed = of(&site, "/a/:id");
    assert_eq!((listed.declared, listed.set), (Some(minutes(1)), Some(minutes(5))));
    assert_eq!((listed.period, listed.set_by), (Some(minutes(5)), Some(SetBy::Override)));
}

#[tokio::test]
async fn period_that_is_set_is_known_after_a_restart_and_so_is_that_it_was_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    first.get_kept("/a/1").await;
    set(&first, Some(300)).await;
    let second = Site::on_disk(folder.path());
    second.advance(minutes(2));
    second.get("/a/1").await.assert_cache_status("isr; hit; ttl=180");
    set(&second, None).await;
    let third = Site::on_disk(folder.path());
    assert_eq!(of(&third, "/a/:id").set, None);
    third.advance(minutes(2));
    third.get("/a/1").await.assert_stale();
}

/// Other routes or another `expire`, as in a build that is rolled out.
#[tokio::test]
async fn period_that_does_not_fit_another_build_does_not_hold_there() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    set(&first, Some(300)).await;
    first.engine.set_period("/forever", Some(days(1))).await.unwrap();
    let other =
        RouteTable::new().add("/a/:id", Isr::revalidate(minutes(1)).expire(minutes(2))).unwrap();
    let second = Site::build(other, |builder| builder.disk(folder.path(), "build-2"));
    assert_eq!(of(&second, "/a/:id").set, None);
    assert_eq!(of(&Site::on_disk(folder.path()), "/a/:id").set, Some(minutes(5)));
}

/// Whatever has the other process ask the ledger: it does so four times a second.
#[tokio::test]
async fn other_process_hears_of_a_period_with_the_purges() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Site::on_disk(folder.path()), Site::on_disk(folder.path()));
    set(&one, Some(300)).await;
    other.purge_tag("any").await;
    assert_eq!(of(&other, "/a/:id").set, Some(minutes(5)));
    set(&other, Some(7)).await;
    one.purge_tag("any").await;
    assert_eq!(of(&one, "/a/:id").set, Some(seconds(7)));
}

#[tokio::test]
async fn unknown_route_and_wrong_period_are_errors_that_name_value_and_remedy() {
    let site = Site::new();
    for (route, period, problem) in [
        ("/a", 5, "`/a`: no such ISR route; there are `/a/:id`, `/forever`"),
        ("/a/dynamic", 5, "`/a/dynamic`: no such ISR route"),
        ("/a/:id", 0, "`/a/:id`: the period is zero"),
        ("/a/:id", 600, "`/a/:id`: `expire` (10m) must be longer than `revalidate` (10m)"),
    ] {
        let error = site.engine.set_period(route, Some(seconds(period))).await.unwrap_err();
        assert!(matches!(error, Error::Override { .. }), "{error:?}");
        assert!(error.to_string().contains(problem), "{error}");
    }
    assert_eq!(of(&site, "/a/:id").set, None);
}

async fn call(site: &Site, method: Method, path: &str, body: &'static str) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    site.send(method, path, &[("authorization", &bearer)], body).await
}

#[tokio::test]
async fn endpoint_sets_one_or_several_periods_and_lists_them() {
    let site = Site::build(routes(), |builder| builder.token(TOKEN));
    let post = async |body| call(&site, Method::POST, "/_isr/periods", body).await;
    let period = |answer: &Answer, route: usize| {
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        json["routes"][route].clone()
    };
    let one = post(r#"{"route":"/a/:id","revalidate":"5m"}"#).await;
    one.assert_status(200).assert_header("cache-control", "private, no-store");
    let route = period(&one, 0);
    assert_eq!((&route["route"], &route["declared"]), (&"/a/:id".into(), &60.0.into()));
    assert_eq!((&route["set"], &route["period"]), (&300.0.into(), &300.0.into()));
    assert_eq!(route["set_by"], "override");
    let two =
        post(r#"[{"route":"/a/:id","revalidate":null},{"route":"/forever","revalidate":"7days"}]"#);
    let two = two.await;
    assert_eq!(period(&two, 0)["set"], Value::Null);
    assert_eq!(period(&two, 1)["set"], 604_800.0);
    let listed = call(&site, Method::GET, "/_isr/periods", "").await;
    assert_eq!(listed.assert_status(200).body, two.body);
}

#[tokio::test]
async fn endpoint_refuses_what_is_wrong_with_the_remedy_and_sets_nothing_of_it() {
    let site = Site::build(routes(), |builder| builder.token(TOKEN));
    for (body, problem) in [
        (
            r#"{"route":"/a","revalidate":"5m"}"#,
            "period override `/a`: no such ISR route; there are",
        ),
        (r#"{"route":"/a/:id","revalidate":"soon"}"#, "period override `/a/:id=soon`: "),
        (r#"{"route":"/a/:id","revalidate":"5"}"#, "write `2s`, `5min`, `1h` or `7days`"),
        (r#"{"route":"/a/:id","revalidate":"0s"}"#, "the period is zero"),
        (r#"{"route":"/a/:id","revalidate":"1h"}"#, "`expire` (10m) must be longer"),
        (r#"{"route":"/a/:id"}"#, "missing field `revalidate`"),
        (r#"{"route":"/a/:id","revalidate":null,"x":1}"#, "unknown field `x`"),
        (r#"{"route":"/a/:id","revalidate":300}"#, "Not a period, `{\"route\""),
        (r#"["/a/:id","5m"]"#, "Not a period"),
        (r#"[["/a/:id","5m"]]"#, "Not a period"),
        ("", "Not a period"),
        (
            r#"[{"route":"/a/:id","revalidate":"5m"},{"route":"/b","revalidate":"5m"}]"#,
            "period override `/b`",
        ),
    ] {
        let answer = call(&site, Method::POST, "/_isr/periods", body).await;
        answer.assert_status(400).assert_body_contains(problem);
        assert_eq!(of(&site, "/a/:id").set, None, "{body}");
    }
    let body = r#"{"route":"/a/:id","revalidate":"5m"}"#;
    site.send(Method::POST, "/_isr/periods", &[], body).await.assert_status(401);
    call(&site, Method::PUT, "/_isr/periods", body).await.assert_status(405);
    let query = call(&site, Method::POST, "/_isr/periods?dry_run=true", body).await;
    query.assert_status(400).assert_body("`?dry_run=true` is not known: send no query.\n");
    assert_eq!(of(&site, "/a/:id").set, None);
    call(&Site::new(), Method::GET, "/_isr/periods", "").await.assert_bypass("no-route");
}
