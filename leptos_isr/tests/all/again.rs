//! Purges that are done once more, since the source may answer with what was before for a while.
//!
//! The page `/forever` has no period and the tag `all`.

use std::time::Duration;

use http::{Method, StatusCode};
use leptos_isr::{hours, minutes, purge::Purge, seconds};
use tokio::time::timeout;

use crate::support::{Renders, Site, routes};

const FRESH: &str = "isr; hit";
const PURGED: &str = "isr; hit; ttl=0; detail=purged";

async fn purge(site: &Site, after: Duration) {
    let tags = vec!["all".to_owned()];
    let purge = Purge { tags, again_after: Some(after), ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
}

/// Serves the page and lets what follows end.
async fn assert_forever(site: &Site, cache_status: &str) {
    site.idle().await;
    site.get("/forever").await.assert_cache_status(cache_status);
    site.idle().await;
}

#[tokio::test]
async fn page_made_of_what_was_before_is_purged_once_more() {
    let site = Site::new();
    site.behave(Renders::Reads(1));
    site.get("/forever").await.assert_body("1");
    purge(&site, minutes(1)).await;
    assert_forever(&site, PURGED).await;
    site.get("/forever").await.assert_body("1");
    site.behave(Renders::Reads(2));
    site.advance(seconds(59));
    assert_forever(&site, FRESH).await;
    site.advance(seconds(1));
    assert_forever(&site, PURGED).await;
    site.advance(hours(2));
    assert_forever(&site, FRESH).await;
}

#[tokio::test]
async fn purges_of_the_same_are_done_once_more_together() {
    let site = Site::new();
    site.get("/forever").await;
    purge(&site, minutes(1)).await;
    site.advance(seconds(30));
    purge(&site, minutes(1)).await;
    assert_forever(&site, PURGED).await;
    site.advance(seconds(30));
    assert_forever(&site, FRESH).await;
    site.advance(seconds(30));
    assert_forever(&site, PURGED).await;
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn second_purge_is_done_after_a_restart_and_then_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    first.get("/forever").await;
    purge(&first, minutes(1)).await;
    assert_forever(&first, PURGED).await;
    drop(first);
    let second = Site::on_disk(folder.path());
    assert_forever(&second, FRESH).await;
    second.advance(minutes(1));
    assert_forever(&second, PURGED).await;
    drop(second);
    let third = Site::on_disk(folder.path());
    third.advance(minutes(2));
    assert_forever(&third, FRESH).await;
}

#[tokio::test]
async fn second_purge_that_was_due_while_no_process_ran_is_done_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    first.get("/forever").await;
    purge(&first, minutes(1)).await;
    assert_forever(&first, PURGED).await;
    drop(first);
    let second = Site::on_disk(folder.path());
    second.advance(minutes(10));
    assert_forever(&second, PURGED).await;
}

#[tokio::test]
async fn second_purge_survives_that_the_log_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.get("/forever").await;
    purge(&site, minutes(1)).await;
    assert_forever(&site, PURGED).await;
    for _ in 0..2000 {
        site.purge_tag("busy").await;
    }
    let log = std::fs::read_to_string(folder.path().join("purges.log")).unwrap();
    assert!(log.lines().count() < 100, "{} lines", log.lines().count());
    drop(site);
    let next = Site::on_disk(folder.path());
    next.advance(minutes(1));
    assert_forever(&next, PURGED).await;
}

#[tokio::test]
async fn second_purge_is_done_without_being_asked_for() {
    let site = Site::new();
    site.get("/forever").await;
    let soon = Duration::from_millis(1);
    purge(&site, soon).await;
    let until = async |cache_status: &str| {
        while site.get("/forever").await.header("cache-status") != cache_status {
            tokio::task::yield_now().await;
        }
    };
    timeout(seconds(20), until(FRESH)).await.unwrap();
    site.advance(soon);
    timeout(seconds(20), until(PURGED)).await.unwrap();
}

#[tokio::test]
async fn time_until_the_second_purge_is_an_hour_at_most() {
    let site = Site::build(routes(), |builder| builder.token("the token for purges"));
    site.get("/forever").await;
    let call = async |after: &str| {
        let body = format!(r#"{{"tags":["all"],"again_after":{after}}}"#);
        let headers = [("authorization", "Bearer the token for purges")];
        site.send(Method::POST, "/_isr/purge", &headers, body).await
    };
    for wrong in ["3601", "1.5", "-1", "\"60\""] {
        let answer = call(wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        let problem = if wrong == "3601" { "1h 1s: at most an hour" } else { "Not a purge" };
        assert!(answer.body.contains(problem), "{answer:?}");
    }
    assert_forever(&site, FRESH).await;
    for (after, again) in [("0", FRESH), ("null", FRESH), ("3600", PURGED)] {
        assert_eq!(call(after).await.status, StatusCode::NO_CONTENT, "{after}");
        assert_forever(&site, PURGED).await;
        site.advance(hours(1));
        assert_forever(&site, again).await;
    }
}
