//! What is left when the process ends and another one starts on its folder.

mod support;

use std::fs;

use http::StatusCode;
use leptos_isr::{Isr, OnMissing, PageOutcome, Routes, minutes, seconds};
use support::{Renders, Site, routes};

#[tokio::test]
async fn page_and_its_age_survive() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    let etag = first.get("/a/1").await.header("etag").to_owned();
    let second = Site::on_disk(folder.path());
    second.advance(seconds(20));
    let page = second.get("/a/1").await;
    page.assert_cache_status("isr; hit; ttl=40").assert_body("/a/1 #1");
    assert_eq!(page.header("etag"), etag);
    assert_eq!(second.renders(), 0);
}

#[tokio::test]
async fn answered_purge_survives_before_any_visit() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    first.get("/a/1").await;
    first.get("/forever").await;
    first.purge_tag("a:1").await;
    let second = Site::on_disk(folder.path());
    second.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    second.get("/forever").await.assert_cache_status("isr; hit");
    second.idle().await;
    let third = Site::on_disk(folder.path());
    third.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn clock_set_back_over_a_restart_freezes_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    first.get("/a/1").await;
    let second = Site::on_disk(folder.path());
    second.set_back(minutes(60));
    second.get("/a/1").await.assert_cache_status("isr; hit; ttl=0");
    second.idle().await;
    second.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    second.purge_tag("a:1").await;
    second.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    second.idle().await;
    assert_eq!(second.renders(), 2);
}

#[tokio::test]
async fn redirect_and_not_found_that_replaced_a_page_survive() {
    for (result, status) in [
        (Renders::Redirect("/there"), StatusCode::FOUND),
        (Renders::Status(StatusCode::GONE), StatusCode::GONE),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let first = Site::on_disk(folder.path());
        first.get("/a/1").await;
        first.behave(result);
        first.purge_hard("/a/1").await;
        first.get("/a/1").await;
        let second = Site::on_disk(folder.path());
        let page = second.get("/a/1").await;
        page.assert_cache_status("isr; hit; ttl=60");
        assert_eq!(page.status, status);
        if status == StatusCode::FOUND {
            assert_eq!(page.header("location"), "/there");
        }
    }
}

#[tokio::test]
async fn probing_paths_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.behave(Renders::Status(StatusCode::NOT_FOUND));
    for i in 0..50 {
        site.get(&format!("/a/{i}")).await;
    }
    let pages = folder.path().join("pages/build-1");
    let folders = fs::read_dir(pages)
        .unwrap()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(folders.count(), 0);
}

#[tokio::test]
async fn other_build_does_not_serve_the_page() {
    let folder = tempfile::tempdir().unwrap();
    Site::on_disk(folder.path()).get("/a/1").await;
    let next = Site::build(routes(), |builder| builder.disk(folder.path(), "build-2"));
    next.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
}

#[tokio::test]
async fn overridden_period_holds_for_stored_pages() {
    let folder = tempfile::tempdir().unwrap();
    Site::on_disk(folder.path()).get("/a/1").await;
    let mut shorter = routes();
    shorter.override_revalidate("/a/:id = 5s").unwrap();
    let site = Site::build(shorter, |builder| builder.disk(folder.path(), "build-1"));
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=5");
}

#[tokio::test]
async fn unusable_store_serves_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    let pages = folder.path().join("pages/build-1");
    fs::remove_dir_all(&pages).unwrap();
    fs::write(&pages, "a file where the folder was").unwrap();
    site.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
}

fn listed(paths: &'static [&'static str]) -> Isr {
    Isr::revalidate(minutes(1)).prerender(async move || Ok::<_, String>(paths.to_vec()))
}

#[tokio::test]
async fn prerendered_pages_are_served_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let routes = || routes().add("/b/:id", listed(&["x", "y z"])).unwrap();
    let build = Site::build(routes(), |builder| builder.disk(folder.path(), "build-1"));
    let (mut planned, mut seen) = (0, Vec::new());
    let report =
        build.engine.prerender(2, |n| planned = n, |page| seen.push(page.path.clone())).await;
    let report = report.unwrap();
    seen.sort();
    assert_eq!((planned, seen), (3, ["/b/x", "/b/y%20z", "/forever"].map(String::from).to_vec()));
    assert!(report.is_success());
    let rows: Vec<_> =
        report.routes.iter().map(|row| (row.route.as_str(), row.is_listed, row.pages)).collect();
    let expected = [
        ("/a/dynamic", false, 0),
        ("/a/:id", false, 0),
        ("/b/:id", true, 2),
        ("/forever", true, 1),
    ];
    assert_eq!(rows, expected);

    let served = Site::build(routes(), |builder| builder.disk(folder.path(), "build-1"));
    for path in ["/b/x", "/b/y%20z"] {
        served.get(path).await.assert_cache_status("isr; hit; ttl=60");
    }
    assert_eq!(served.renders(), 0);
}

#[tokio::test]
async fn page_that_fails_fails_the_build_unless_it_may_be_rendered_later() {
    for (isr, is_success) in
        [(listed(&["x"]), false), (listed(&["x"]).on_missing(OnMissing::Render), true)]
    {
        let site = Site::build(Routes::new().add("/b/:id", isr).unwrap(), |builder| builder);
        site.behave(Renders::SaysFailed);
        let report = site.engine.prerender(1, |_| (), |_| ()).await.unwrap();
        assert_eq!(report.is_success(), is_success);
        let [page] = &report.failures[..] else { panic!("one page failed: {report:?}") };
        let (PageOutcome::Failed { cause } | PageOutcome::LeftForLater { cause }) = &page.outcome
        else {
            panic!("{page:?}")
        };
        assert_eq!((page.path.as_str(), cause.as_str()), ("/b/x", "the source is down"));
        assert_eq!(site.renders(), 3, "it was tried twice more");
    }
    let gone = Site::build(Routes::new().add("/b/:id", listed(&["x"])).unwrap(), |builder| builder);
    gone.behave(Renders::Status(StatusCode::NOT_FOUND));
    assert!(!gone.engine.prerender(1, |_| (), |_| ()).await.unwrap().is_success());
}

#[tokio::test]
async fn list_that_fails_fails_the_build_with_its_cause() {
    let isr = Isr::forever().prerender(async || Err::<Vec<String>, _>("the source is down"));
    let site = Site::build(Routes::new().add("/b/:id", isr).unwrap(), |builder| builder);
    let error = site.engine.prerender(1, |_| (), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("/b/:id") && error.contains("the source is down"), "{error}");
}

#[tokio::test]
async fn built_list_decides_which_paths_exist() {
    let folder = tempfile::tempdir().unwrap();
    let routes = |paths| Routes::new().add("/b/:id", listed(paths).on_missing(OnMissing::NotFound));
    let site = |paths| {
        Site::build(routes(paths).unwrap(), |builder| builder.disk(folder.path(), "build-1"))
    };
    site(&["x"]).engine.prerender(1, |_| (), |_| ()).await.unwrap();
    let served = site(&["x", "new"]);
    assert_eq!(served.get("/b/x").await.status, StatusCode::OK);
    assert_eq!(served.get("/b/new").await.status, StatusCode::NOT_FOUND);
}
