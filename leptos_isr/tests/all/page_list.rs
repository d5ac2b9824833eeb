//! The list of pages: what comes first, and that paging through it names each page once.

use http::Method;
use leptos_isr::{
    inspect::{PageList, PageOrder, PageQuery, PageState},
    minutes, seconds,
    testing::{Answer, RenderFault},
};
use serde_json::Value;

use crate::support::{Renders, Site, routes};

const TOKEN: &str = "the token for purges";

async fn list(site: &Site, sort: PageOrder) -> PageList {
    site.engine.pages(&PageQuery { sort, ..PageQuery::default() }).await.unwrap()
}

fn names(list: &PageList) -> Vec<&str> {
    list.pages.iter().map(|row| &*row.page).collect()
}

#[tokio::test]
async fn pages_are_sorted_by_what_is_asked_and_by_name_where_that_is_equal() {
    let site = Site::new();
    for (path, times) in [("/a/1", 1), ("/a/2", 3), ("/a/3", 2), ("/forever", 2)] {
        for _ in 0..times {
            site.get(path).await;
        }
    }
    let by_demand = list(&site, PageOrder::Demand).await;
    assert_eq!(names(&by_demand), ["/a/2", "/a/3", "/forever", "/a/1"]);
    assert_eq!((by_demand.pages[0].requests, &*by_demand.pages[0].route), (3, "/a/:id"));

    site.behave(Renders::Same(http::StatusCode::OK, "x-a", "b"));
    for paths in [&["/a/3"][..], &["/a/1", "/a/3"]] {
        site.advance(minutes(1));
        for path in paths {
            site.get(path).await.assert_stale();
        }
        site.idle().await;
    }
    // Says nothing on how often the page changes.
    site.regenerate("/a/3").await;
    site.purge_tag("all").await;
    site.advance(seconds(10));
    site.get("/a/2").await;
    site.idle().await;
    let wasted = list(&site, PageOrder::Waste).await;
    assert_eq!(names(&wasted)[0], "/a/3");
    let row = &wasted.pages[0];
    assert_eq!((row.regenerations, row.unchanged, row.renders), (2, 1, 4));
    let stale = list(&site, PageOrder::Staleness).await;
    assert_eq!(names(&stale), ["/a/1", "/a/3", "/forever", "/a/2"]);
    assert_eq!(
        (stale.pages[0].state, stale.pages[0].stale_for),
        (Some(PageState::Purged), seconds(10))
    );
    assert_eq!(stale.pages[3].stale_for, seconds(0));
    let large = list(&site, PageOrder::Size).await;
    assert_eq!((names(&large)[0], large.pages[0].bytes), ("/forever", "/forever #7".len()));
    let costs = list(&site, PageOrder::Cost).await;
    assert!(costs.pages.is_sorted_by_key(|row| std::cmp::Reverse(row.render_time)), "{costs:?}");
}

#[tokio::test]
async fn page_whose_renders_fail_is_listed_though_there_is_none() {
    let site = Site::new();
    site.get("/a/1").await;
    site.fail_renders(RenderFault::Says("the source is down".to_owned()));
    site.get("/a/2").await.assert_status(502);
    let failing = list(&site, PageOrder::Errors).await;
    assert_eq!(names(&failing), ["/a/2", "/a/1"]);
    let row = &failing.pages[0];
    assert_eq!(
        (row.state, row.failures, row.error.as_deref()),
        (None, 1, Some("the source is down"))
    );
    assert_eq!(failing.pages[1].error, None);
}

#[tokio::test]
async fn list_in_parts_names_each_page_once_and_is_searched() {
    let site = Site::new();
    let mut all: Vec<_> = (0..25).map(|n| format!("/a/{n}")).collect();
    for path in &all {
        site.get(path).await;
    }
    site.get("/forever").await;
    site.get("/none").await;
    let mut query = PageQuery { limit: 10, ..PageQuery::default() };
    let mut found = Vec::new();
    for parts in 1.. {
        let list = site.engine.pages(&query).await.unwrap();
        assert_eq!(list.matching, 26);
        found.extend(list.pages.into_iter().map(|row| row.page));
        query.after = list.next;
        if query.after.is_none() {
            assert_eq!(parts, 3);
            break;
        }
    }
    all.push("/forever".to_owned());
    all.sort();
    assert_eq!(found, all);

    let search = PageQuery { search: Some("/1".to_owned()), ..PageQuery::default() };
    assert_eq!(site.engine.pages(&search).await.unwrap().matching, 11);
    let route = PageQuery { route: Some("/forever".to_owned()), ..PageQuery::default() };
    assert_eq!(names(&site.engine.pages(&route).await.unwrap()), ["/forever"]);
}

async fn asked(site: &Site, query: &str) -> Answer {
    let bearer = format!("Bearer {TOKEN}");
    let path = format!("/_isr/pages{query}");
    site.request(Method::GET, &path, &[("authorization", &bearer)]).await
}

#[tokio::test]
async fn list_is_given_as_json_to_whoever_has_the_token() {
    let site = Site::build(routes(), |builder| builder.token(TOKEN));
    for path in ["/a/1", "/a/2", "/a/2?page=2"] {
        site.get(path).await;
    }
    let first = asked(&site, "?sort=demand&limit=2&search=/a/&route=/a/:id").await;
    assert_eq!(first.header("cache-control"), "private, no-store");
    let first: Value = serde_json::from_str(&first.body).unwrap();
    let next = first["next"].as_str().unwrap();
    assert_eq!((first["pages"].as_array().unwrap().len(), &first["matching"]), (2, &3.into()));
    let rest = asked(&site, &format!("?limit=2&after={next}")).await;
    let rest: Value = serde_json::from_str(&rest.body).unwrap();
    assert_eq!((&rest["pages"][0]["page"], &rest["next"]), (&"/a/2?page=2".into(), &Value::Null));
    for query in ["?limit=0", "?limit=201", "?limit=x", "?sort=name", "?after=x", "?order=size"] {
        asked(&site, query).await.assert_status(400);
    }
    site.get("/_isr/pages").await.assert_status(401);
}
