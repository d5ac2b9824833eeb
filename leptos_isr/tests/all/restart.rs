//! What is left when the process ends and another one starts on its folder.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use leptos_isr::{
    Builder, Engine, Error, Isr, OnMissing, hours, minutes,
    prerender::{PageOutcome, PrerenderError},
    purge::Purge,
    route::RouteTable,
    seconds,
    testing::TestClock,
};
use tokio::{task::yield_now, time::timeout};

use crate::support::{Renders, Site, log::Warnings, page_files, page_files_of, routes};

#[tokio::test]
async fn page_and_its_age_survive() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    let etag = first.get_kept("/a/1").await.header("etag").to_owned();
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
    first.get_kept("/forever").await;
    first.purge_tag("a:1").await;
    let second = Site::on_disk(folder.path());
    second.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    second.get("/forever").await.assert_cache_status("isr; hit");
    second.idle().await;
    let third = Site::on_disk(folder.path());
    third.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
}

/// A build on another machine, whose clock is a little ahead; or the clock was
/// corrected before the server started.
#[tokio::test]
async fn purge_reaches_a_page_whose_render_seems_to_begin_later() {
    for hard in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let build = Site::on_disk(folder.path());
        build.advance(seconds(4));
        build.get_kept("/a/1").await;
        let server = Site::on_disk(folder.path());
        let purge = Purge { tags: vec!["a:1".into()], hard, ..Purge::default() };
        server.engine.purge(&purge).await.unwrap();
        let page = server.get("/a/1").await;
        page.assert_cache_status(match hard {
            false => "isr; hit; ttl=0; detail=purged",
            true => "isr; fwd=stale; fwd-status=200; stored",
        });
        server.idle().await;
        server.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    }
}

#[tokio::test]
async fn clock_set_back_over_a_restart_freezes_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    first.get_kept("/a/1").await;
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
        first.get_kept("/a/1").await;
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
    for (answer, kind) in
        [(Renders::Status(StatusCode::NOT_FOUND), "none"), (Renders::Redirect("/a/x"), "moved")]
    {
        site.behave(answer);
        for i in 0..50 {
            site.get(&format!("/a/{kind}-{i}")).await.assert_miss_stored();
        }
    }
    site.idle().await;
    let pages = folder.path().join("pages/build-1");
    let folders = fs::read_dir(pages)
        .unwrap()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(folders.count(), 0);
}

#[tokio::test]
async fn other_build_does_not_serve_the_page() {
    let folder = tempfile::tempdir().unwrap();
    Site::on_disk(folder.path()).get_kept("/a/1").await;
    let next = Site::build(routes(), |builder| builder.disk(folder.path(), "build-2"));
    next.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
}

#[tokio::test]
async fn overridden_period_holds_for_stored_pages() {
    let folder = tempfile::tempdir().unwrap();
    Site::on_disk(folder.path()).get_kept("/a/1").await;
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
    site.get_kept("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    let page = site.regenerate("/a/1").await;
    assert_eq!(page.result, Ok((StatusCode::OK, false)), "it is in memory only");
}

/// A place where nobody may make a folder, root included.
#[cfg(target_os = "linux")]
const FORBIDDEN: &str = "/sys/isr";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn store_that_cannot_be_made_costs_durability_only() {
    let site = Site::build(routes(), |builder| builder.disk(FORBIDDEN, "build-1"));
    site.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60");
    let purge = Purge { tags: vec!["a:1".to_owned()], ..Purge::default() };
    let error = site.engine.purge(&purge).await.unwrap_err();
    assert!(matches!(error, Error::PurgeNotKept(_)), "a restart forgets it: {error:?}");
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    let error = site.engine.prerender(1, |_| (), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains(FORBIDDEN), "a build that stores nothing has failed: {error}");
}

#[test]
fn place_that_cannot_be_a_store_fails_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Engine::builder(routes()).disk(&file, "build-1").build().unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

/// Somebody gave the root of a project, which has a folder of this name.
#[tokio::test]
async fn folder_of_somebody_else_is_an_error_that_names_it_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("pages/src/main.rs");
    fs::create_dir_all(source.parent().unwrap()).unwrap();
    fs::write(&source, "fn main() {}").unwrap();
    let builder = Engine::builder(routes()).disk(folder.path(), "build-1");
    let error = builder.build().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("pages/src") && cause.contains("a folder of its own"), "{cause}");
    assert!(source.is_file() && !folder.path().join("pages/build-1").exists());
}

#[tokio::test]
async fn pages_of_an_older_format_are_misses_and_the_log_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let before = Site::on_disk(folder.path());
    before.get("/a/1").await;
    before.get_kept("/a/2").await;
    for file in page_files(folder.path()) {
        let mut page = fs::read(&file).unwrap();
        page[..4].copy_from_slice(b"ISR2");
        let content = page.len() - 16;
        let checksum = xxhash_rust::xxh3::xxh3_128(&page[..content]).to_le_bytes();
        page[content..].copy_from_slice(&checksum);
        fs::write(&file, page).unwrap();
    }
    let (warnings, _guard) = Warnings::collect();
    let after = Site::on_disk(folder.path());
    for path in ["/a/1", "/a/2"] {
        after.get(path).await.assert_miss_stored();
        after.get_kept(path).await.assert_fresh();
    }
    let text = warnings.text();
    assert_eq!(text.matches("another version").count(), 1, "{text}");
    assert!(!text.contains("damaged"), "{text}");
    let again = Site::on_disk(folder.path());
    again.get("/a/1").await.assert_fresh();
}

#[tokio::test]
async fn damaged_pages_are_misses_and_damaged_purges_make_all_pages_stale() {
    let folder = tempfile::tempdir().unwrap();
    let first = Site::on_disk(folder.path());
    for path in ["/a/1", "/a/2", "/forever"] {
        first.get_kept(path).await;
    }
    first.purge_tag("unrelated").await;
    first.purge_tag("also unrelated").await;
    drop(first);
    let log = folder.path().join("purges.log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("unrelated", "unrelatex", 1)).unwrap();
    let files = page_files(folder.path());
    assert_eq!(files.len(), 3);
    for file in files {
        let mut bytes = fs::read(&file).unwrap();
        if !bytes.windows(4).any(|part| part == b"/a/1") {
            continue;
        }
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    let second = Site::on_disk(folder.path());
    second.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
    second.get("/a/2").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
    second.idle().await;
    second.get("/a/2").await.assert_cache_status("isr; hit; ttl=60");
}

#[tokio::test]
async fn old_purges_are_compacted_and_still_hold() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.get_kept("/a/1").await;
    site.purge_tag("a:1").await;
    for _ in 0..2000 {
        site.purge_tag("busy").await;
    }
    let log = fs::read_to_string(folder.path().join("purges.log")).unwrap();
    assert!(log.lines().count() < 1100, "{} lines", log.lines().count());
    drop(site);
    let next = Site::on_disk(folder.path());
    next.get("/a/1").await.assert_cache_status("isr; hit; ttl=0; detail=purged");
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

#[tokio::test(start_paused = true)]
async fn page_that_fails_fails_the_build_unless_it_may_be_rendered_later() {
    for (isr, is_success) in [
        (listed(&["x"]), false),
        (listed(&["x"]).on_missing(OnMissing::Render), false),
        (listed(&["x"]).on_missing(OnMissing::NotFound), false),
        (listed(&["x"]).optional_at_build(), true),
        (listed(&["x"]).on_missing(OnMissing::NotFound).optional_at_build(), true),
    ] {
        let site = Site::build(RouteTable::new().add("/b/:id", isr).unwrap(), |builder| builder);
        site.behave(Renders::SaysFailed);
        let rendered = site.engine.prerender(1, |_| (), |_| ()).await;
        assert_eq!(rendered.is_ok(), is_success);
        let report = match rendered {
            Ok(report) => report,
            Err(PrerenderError::Pages(report)) => *report,
            Err(error) => panic!("{error}"),
        };
        let [page] = &report.failures[..] else { panic!("one page failed: {report:?}") };
        let (PageOutcome::Failed { cause } | PageOutcome::LeftForLater { cause }) = &page.outcome
        else {
            panic!("{page:?}")
        };
        assert_eq!((page.path.as_str(), cause.as_str()), ("/b/x", "the source is down"));
        assert_eq!(site.renders(), 3, "it was tried twice more");
    }
    let gone =
        Site::build(RouteTable::new().add("/b/:id", listed(&["x"])).unwrap(), |builder| builder);
    gone.behave(Renders::Status(StatusCode::NOT_FOUND));
    let error = gone.engine.prerender(1, |_| (), |_| ()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "1 of 1 pages could not be rendered\n  /b/x: a listed page answered with status 404 Not Found"
    );
}

#[tokio::test]
async fn listed_page_that_leads_elsewhere_is_in_the_report() {
    let site = Site::build(RouteTable::new().add("/b/:id", listed(&["x"])).unwrap(), |it| it);
    site.behave(Renders::Redirect("/elsewhere"));
    let report = site.engine.prerender(1, |_| (), |_| ()).await.unwrap();
    let [page] = &report.redirects[..] else { panic!("{report:?}") };
    let outcome = PageOutcome::Redirected { status: 302, location: "/elsewhere".to_owned() };
    assert_eq!((&*page.path, &page.outcome), ("/b/x", &outcome));
    assert_eq!((report.routes[0].pages, report.failures.len()), (1, 0));
    site.get("/b/x").await.assert_status(302).assert_fresh();
}

#[tokio::test(start_paused = true)]
async fn error_of_a_build_names_the_first_pages_that_failed_and_why() {
    const IDS: [&str; 7] = ["0", "1", "2", "3", "4", "5", "6"];
    let isr = listed(&IDS);
    let routes = routes().add("/b/:id", isr.optional_at_build()).unwrap();
    let site = Site::build(routes, |builder| builder);
    site.behave(Renders::SaysFailed);
    let error = site.engine.prerender(1, |_| (), |_| ()).await.unwrap_err().to_string();
    assert_eq!(error, "1 of 8 pages could not be rendered\n  /forever: the source is down");

    let isr = listed(&IDS);
    let site = Site::build(RouteTable::new().add("/b/:id", isr).unwrap(), |builder| builder);
    site.behave(Renders::SaysFailed);
    let error = site.engine.prerender(1, |_| (), |_| ()).await.unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string(), "as `main` prints it");
    let error = error.to_string();
    assert!(error.starts_with("7 of 7 pages could not be rendered"), "{error}");
    assert!(error.ends_with("  /b/4: the source is down\n  and 2 more"), "{error}");
}

#[tokio::test]
async fn list_that_fails_fails_the_build_with_its_cause() {
    let isr = Isr::forever().prerender(async || Err::<Vec<String>, _>("the source is down"));
    let site = Site::build(RouteTable::new().add("/b/:id", isr).unwrap(), |builder| builder);
    let error = site.engine.prerender(1, |_| (), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("/b/:id") && error.contains("the source is down"), "{error}");
}

#[tokio::test]
async fn built_list_decides_which_paths_exist() {
    let folder = tempfile::tempdir().unwrap();
    let routes =
        |paths| RouteTable::new().add("/b/:id", listed(paths).on_missing(OnMissing::NotFound));
    let site = |paths| {
        Site::build(routes(paths).unwrap(), |builder| builder.disk(folder.path(), "build-1"))
    };
    site(&["x"]).engine.prerender(1, |_| (), |_| ()).await.unwrap();
    let served = site(&["x", "new"]);
    assert_eq!(served.get("/b/x").await.status, StatusCode::OK);
    assert_eq!(served.get("/b/new").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn list_that_fails_is_asked_again_only_later_and_one_at_a_time() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let list = move || {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            if number == 0 { Err("the source is down") } else { Ok(vec!["x"]) }
        }
    };
    let isr = Isr::forever().prerender(list).on_missing(OnMissing::NotFound);
    let site = Site::build(RouteTable::new().add("/b/:id", isr).unwrap(), |builder| builder);
    for request in [site.start("/b/x"), site.start("/b/x"), site.start("/b/y")] {
        assert_eq!(request.await.unwrap().status, StatusCode::BAD_GATEWAY);
    }
    let failed = site.get("/b/x").await;
    failed.assert_status(502).assert_cache_status("isr; fwd=miss; fwd-status=502");
    assert_eq!(failed.header("retry-after"), "1");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    site.advance(seconds(1));
    assert_eq!(site.get("/b/x").await.status, StatusCode::OK);
    assert_eq!(site.get("/b/y").await.status, StatusCode::NOT_FOUND);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn list_that_hangs_is_given_up() {
    let list = || std::future::pending::<Result<Vec<String>, String>>();
    let isr = Isr::forever().prerender(list).on_missing(OnMissing::NotFound);
    let site = Site::build(RouteTable::new().add("/b/:id", isr).unwrap(), |builder| {
        builder.render_timeout(Duration::from_millis(20))
    });
    site.get("/b/x").await.assert_status(502);
    assert_eq!(site.renders(), 0);
}

/// Deployed twice without a start in between: who comes back finds the pages that were served.
#[tokio::test]
async fn build_that_was_served_keeps_its_pages_while_others_are_only_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let site = |build: &str| {
        clock.advance(hours(1));
        Site::build_at(clock.clone(), routes(), |builder| builder.disk(folder.path(), build))
    };
    let served = site("build-1");
    served.get("/forever").await;
    served.engine.begin_service().await;
    drop(served);
    for build in ["build-2", "build-3"] {
        site(build).engine.prerender(1, |_| (), |_| ()).await.unwrap();
    }
    site("build-1").get("/forever").await.assert_cache_status("isr; hit");

    let next = site("build-3");
    next.engine.begin_service().await;
    site("build-1").get("/forever").await.assert_cache_status("isr; hit");
    next.advance(hours(24));
    // The threads that counted the files of the others may not have ended yet.
    let gone = async {
        while fs::read_dir(folder.path().join("pages")).unwrap().count() > 1 {
            next.engine.begin_service().await;
        }
    };
    timeout(seconds(20), gone).await.unwrap();
    next.get("/forever").await.assert_cache_status("isr; hit");
}

/// As after `strip`, which makes another program of the one that has rendered the pages.
#[tokio::test]
async fn server_that_finds_pages_of_other_builds_only_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let site = |build: &str| {
        Site::build_at(TestClock::new(), routes(), |builder| builder.disk(folder.path(), build))
    };
    let (warnings, _collecting) = Warnings::collect();
    let first = site("build-1");
    first.engine.begin_service().await;
    first.get_kept("/forever").await;
    drop(first);
    site("build-1").engine.begin_service().await;
    assert_eq!(warnings.text(), "");

    site("build-2").engine.begin_service().await;
    let warned = warnings.text();
    let parts = ["build-1", "build-2", "ISR_BUILD_ID"];
    assert!(parts.iter().all(|part| warned.contains(part)), "{warned}");
}

/// Deployed while the old server still runs.
#[tokio::test]
async fn old_build_goes_without_a_restart_when_its_time_is_over_and_its_server_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let site = |build: &str| {
        clock.advance(hours(1));
        Site::build_at(clock.clone(), routes(), |builder| builder.disk(folder.path(), build))
    };
    let builds = || {
        let builds = fs::read_dir(folder.path().join("pages")).unwrap();
        let mut builds: Vec<_> = builds.map(|build| build.unwrap().file_name()).collect();
        builds.sort();
        builds
    };
    let old = site("build-1");
    old.get_kept("/forever").await;
    old.engine.begin_service().await;
    let ended = site("build-2");
    ended.engine.begin_service().await;
    drop(ended);
    let new = site("build-3");
    new.engine.begin_service().await;
    new.advance(hours(23));
    new.idle().await;
    assert_eq!(builds(), ["build-1", "build-2", "build-3"]);
    // The thread that counted the files of each may not have ended yet.
    let look_until = async |left: &[&str]| {
        while builds() != left {
            new.advance(hours(1));
            new.idle().await;
            yield_now().await;
        }
    };
    timeout(seconds(20), look_until(&["build-1", "build-3"])).await.expect("build-2 is there");
    old.get("/forever").await.assert_cache_status("isr; hit");
    drop(old);
    timeout(seconds(20), look_until(&["build-3"])).await.expect("build-1 is there");
}

#[tokio::test]
async fn pages_of_all_builds_count_and_this_one_keeps_half_beside_those_that_run() {
    let folder = tempfile::tempdir().unwrap();
    let site = |build: &str, pages: u64| {
        let disk = |builder: Builder| builder.disk(folder.path(), build).disk_limit(pages * 4096);
        Site::build(routes(), disk)
    };
    let (old, new) = (site("build-1", 100), site("build-2", 8));
    old.engine.begin_service().await;
    for (pages_of_old, pages_of_new) in [(0, 8), (3, 5), (8, 4)] {
        for page in 0..pages_of_old {
            old.get_kept(&format!("/a/{page}")).await;
        }
        // It counts those of others when it begins to serve.
        new.engine.begin_service().await;
        for page in 0..8 {
            new.get_kept(&format!("/a/{page}")).await;
            new.regenerate(&format!("/a/{page}")).await;
        }
        let left = ["build-1", "build-2"].map(|build| page_files_of(folder.path(), build).len());
        assert_eq!(left, [pages_of_old, pages_of_new]);
    }
}
