//! The last renders and purges, for who follows them.

use http::Method;
use leptos_isr::purge::Purge;
use serde_json::{Value, json};

use crate::support::{Renders, Site, routes};

const BEARER: (&str, &str) = ("authorization", "Bearer the token for purges");

fn site() -> Site {
    Site::build(routes(), |builder| builder.token("the token for purges"))
}

async fn events(site: &Site, query: &str) -> Vec<Value> {
    let answer = site.request(Method::GET, &format!("/_isr/events{query}"), &[BEARER]).await;
    let list: Value = serde_json::from_str(&answer.assert_status(200).body).unwrap();
    assert_eq!(list["replica"].as_str().unwrap().len(), 8);
    list["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn renders_and_purges_are_events_in_their_order_and_requests_are_none() {
    let site = site();
    for _ in 0..3 {
        site.get("/a/1?page=2").await;
    }
    site.purge_tag("a:1").await;
    site.behave(Renders::SaysFailed);
    site.get("/a/1?page=2").await;
    site.idle().await;
    let hard = Purge { paths: vec!["/a/2".to_owned()], hard: true, ..Purge::default() };
    site.engine.purge(&hard).await.unwrap();
    let all = events(&site, "").await;
    let of = |name: &str| all.iter().map(|event| event[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("number"), [1, 2, 3, 4]);
    assert_eq!(of("kind"), ["render", "purge", "render", "purge"]);
    assert_eq!(of("page")[2], "/a/1?page=2");
    assert_eq!((of("reason")[0].clone(), of("outcome")[0].clone()), (json!("miss"), json!("new")));
    assert_eq!((&of("reason")[2], &of("outcome")[2]), (&json!("purge"), &json!("failed")));
    assert_eq!(of("error")[2], "the source is down");
    assert_eq!(of("names")[1], json!([{ "tag": "a:1" }]));
    assert_eq!((&of("by")[3], &of("hard")[3]), (&json!("code"), &json!(true)));

    assert_eq!(events(&site, "?after=3").await, all[3..]);
    assert!(events(&site, "?after=4").await.is_empty());
}

#[tokio::test]
async fn purge_of_another_process_is_an_event_once_it_holds_here() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        Site::build(routes(), |builder| {
            builder.token("the token for purges").disk(folder.path(), "build-1")
        })
    };
    open().purge_tag("before").await;
    let (site, other) = (open(), open());
    other.purge_tag("all").await;
    site.purge_tag("a:1").await;
    let tags: Vec<_> = events(&site, "").await.iter().map(|of| of["names"][0].clone()).collect();
    assert_eq!(tags, [json!({ "tag": "all" }), json!({ "tag": "a:1" })]);
}

#[tokio::test]
async fn events_are_for_bearers_only_and_a_wrong_number_is_said() {
    let site = site();
    site.get("/_isr/events").await.assert_status(401);
    for wrong in ["?after=x", "?after=1&after=2", "?since=1"] {
        let path = format!("/_isr/events{wrong}");
        site.request(Method::GET, &path, &[BEARER]).await.assert_status(400);
    }
    let other = site.request(Method::POST, "/_isr/events", &[BEARER]).await;
    other.assert_status(405).assert_header("allow", "GET, HEAD");
}
