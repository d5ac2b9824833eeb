//! Two engines on one folder, as in two processes.

use std::time::Duration;

use leptos_isr::{minutes, seconds, testing::TestClock};
use tokio::time::timeout;

use crate::support::{Renders, Site, routes};

#[tokio::test]
async fn page_that_is_rendered_for_too_long_gives_way_to_a_newer_one_of_another_engine() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let engine = |limit| {
        Site::build_at(clock.clone(), routes(), |builder| {
            builder.disk(folder.path(), "build-1").render_timeout(limit)
        })
    };
    let slow = engine(minutes(1));
    slow.behave(Renders::Gate);
    let waiting = slow.start("/a/1");
    slow.begun().await;
    clock.advance(seconds(11));
    // It waits for the other no longer than for a render of its own.
    let other = engine(Duration::from_millis(100));
    other.get("/a/1").await.assert_body("/a/1 #1");
    assert!(other.regenerate("/a/1").await.result.unwrap().1, "it is stored");
    slow.let_pass();
    waiting.await.unwrap().assert_body("/a/1 #2");
    slow.idle().await;
    for site in [slow, other, engine(minutes(1))] {
        site.get("/a/1").await.assert_fresh().assert_body("/a/1 #2");
    }
}

#[tokio::test]
async fn page_that_only_waits_for_its_turn_in_one_engine_is_rendered_by_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let busy =
        Site::build(routes(), |builder| builder.disk(folder.path(), "build-1").max_renders(1));
    busy.behave(Renders::Gate);
    let first = busy.start("/a/1");
    busy.begun().await;
    // It waits for the turn of the first one.
    let second = busy.start("/a/2");
    let other = Site::on_disk(folder.path());
    let page = timeout(seconds(5), other.get("/a/2")).await.expect("it waits");
    page.assert_body("/a/2 #1");
    other.idle().await;
    busy.let_pass();
    first.await.unwrap().assert_body("/a/1 #1");
    second.await.unwrap().assert_body("/a/2 #1");
    assert_eq!(busy.renders(), 1, "it took the page of the other");
}

/// Each visitor gets a render of their own there, so nobody waits for that of another engine.
#[tokio::test]
async fn page_that_may_not_be_stored_holds_up_nobody_in_another_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Site::on_disk(folder.path()), Site::on_disk(folder.path()));
    one.behave(Renders::SaysNoStore);
    one.get("/a/1").await.assert_status(200);
    one.begun().await;
    one.behave(Renders::Gate);
    let waiting = one.start("/a/1");
    one.begun().await;
    let page = timeout(seconds(5), other.get("/a/1")).await.expect("it waits");
    page.assert_body("/a/1 #1");
    one.let_pass();
    waiting.await.unwrap().assert_status(200);
}
