//! Settings that touch each other: their order makes no difference, and those that contradict each
//! other are errors at start that name both.

use axum::Router;
use leptos_isr::{Builder, Engine, Isr, OnMissing, minutes, route::RouteTable, store::DiskStore};

use crate::support::{Site, log::Warnings, page_files, routes};

#[tokio::test]
async fn limit_of_the_disk_counts_wherever_it_is_written() {
    let setters: [fn(Builder, &std::path::Path) -> Builder; 2] = [
        |builder, folder| builder.disk(folder, "build-1").disk_limit(4096),
        |builder, folder| builder.disk_limit(4096).disk(folder, "build-1"),
    ];
    for set in setters {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::build(routes(), |builder| set(builder.memory(0), folder.path()));
        site.get_kept("/a/1").await;
        site.get_kept("/a/2").await;
        assert_eq!(page_files(folder.path()).len(), 1, "one page fills the disk's limit");
    }
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_an_error_that_names_both() {
    type Spoil = fn(Builder, &std::path::Path) -> Builder;
    let cases: [(&[&str], Spoil); 6] = [
        (&["`disk`", "`build_id`", "`b1`", "`b2`"], |builder, folder| {
            builder.disk(folder, "b1").build_id("b2")
        }),
        (&["`disk`", "`build_id`", "`b1`", "`b2`"], |builder, folder| {
            builder.build_id("b2").disk(folder, "b1")
        }),
        (&["`store`", "`ledger`"], |builder, folder| {
            builder.disk(folder, "b1").store(DiskStore::open(folder.join("own"), "b1").unwrap())
        }),
        (&["`store`", "`ledger`"], |builder, folder| {
            builder.store(DiskStore::open(folder, "b1").unwrap())
        }),
        (&["`ledger`", "`store`"], |builder, folder| {
            builder.ledger(DiskStore::open(folder, "b1").unwrap())
        }),
        (&["`max_renders`", "1 or more"], |builder, _| builder.max_renders(0)),
    ];
    for (said, spoil) in cases {
        let folder = tempfile::tempdir().unwrap();
        let error = spoil(Engine::builder(routes()), folder.path()).build().unwrap_err();
        let error = error.to_string();
        assert!(said.iter().all(|part| error.contains(part)), "{said:?}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    Engine::builder(routes()).build_id("b1").disk(folder.path(), "b1").build().unwrap();
}

#[test]
fn store_of_a_build_whose_id_is_no_folder_name_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for id in ["", ".", "..", "../../outside", "a/b", "a b"] {
        let error = DiskStore::open(folder.path().join("isr"), id).unwrap_err().to_string();
        assert!(error.contains(id) && error.contains("up to 64 letters"), "{error}");
    }
    assert!(folder.path().read_dir().unwrap().next().is_none(), "nothing was made");
}

#[test]
fn route_that_is_declared_twice_is_an_error_that_names_both() {
    let isr = || Isr::revalidate(minutes(1));
    let table = || RouteTable::new().add("/a/:id", isr()).unwrap();
    for twice in ["/a/:id", "/a/:slug", "/a/:id/"] {
        for error in [table().add(twice, isr()), table().add_data(twice, isr())] {
            let error = error.unwrap_err().to_string();
            let names = [format!("route `{twice}`"), "`/a/:id`".to_owned()];
            assert!(names.iter().all(|name| error.contains(name)), "{error}");
        }
    }
    for other in ["/a/new", "/a/:id/b", "/a/*rest", "/:a/:b"] {
        table().add(other, isr()).unwrap();
    }
}

#[test]
fn dynamic_route_that_declares_how_pages_are_stored_is_an_error() {
    for (isr, name) in [
        (Isr::dynamic().expire(minutes(1)), "expire"),
        (Isr::dynamic().query(["page"]), "query"),
        (Isr::dynamic().tag("all"), "tag"),
        (Isr::dynamic().on_missing(OnMissing::Render), "on_missing"),
        (Isr::dynamic().max_renders(1), "max_renders"),
        (Isr::dynamic().prerender(async || Ok::<_, String>(vec!["a"])), "prerender"),
        (Isr::dynamic().optional_at_build(), "optional_at_build"),
    ] {
        let error = RouteTable::new().add("/a/:id", isr).unwrap_err().to_string();
        let expected = [format!("`{name}`"), "`Isr::dynamic()`".to_owned(), "`/a/:id`".to_owned()];
        assert!(expected.iter().all(|part| error.contains(part)), "{name}: {error}");
    }
}

#[tokio::test]
async fn server_whose_router_does_not_go_through_the_engine_is_warned_of() {
    let (warnings, _guard) = Warnings::collect();
    let engine = || Engine::builder(routes()).build().unwrap();
    let served = engine();
    let _app = served.wrap(Router::new());
    served.begin_service().await;
    assert_eq!(warnings.text(), "");

    engine().begin_service().await;
    let dropped = engine();
    drop(dropped.wrap(Router::new()));
    dropped.begin_service().await;
    let text = warnings.text();
    assert_eq!(text.matches("router that `Engine::wrap` returns").count(), 2, "{text}");
}
