//! Pages in an object store: in memory, in a folder, and in S3 as far as `object_store` asks for it.

mod meanwhile;
mod s3;

use std::{
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::Router;
use bytes::Bytes;
use futures::{FutureExt, TryStreamExt, future::join_all};
use http::StatusCode;
use leptos_isr::{
    store::{BucketStore, Key, OtherBuild, Store},
    testing::store_conformance,
};
use object_store::{
    ObjectStore, ObjectStoreExt, local::LocalFileSystem, memory::InMemory, path::Path,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::{meanwhile::Meanwhile, s3::S3};
use crate::support::{Site, ledger::MemoryLedger, routes};

/// An empty object store of each kind.
struct Kinds {
    _folder: TempDir,
    folder: Arc<dyn ObjectStore>,
    memory: Arc<dyn ObjectStore>,
    s3: Arc<dyn ObjectStore>,
}

impl Kinds {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder: Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap()),
            _folder: folder,
            memory: Arc::new(InMemory::new()),
            s3: S3::start().await.client(),
        }
    }

    fn all(&self) -> [&Arc<dyn ObjectStore>; 3] {
        [&self.folder, &self.memory, &self.s3]
    }

    /// Those that replace an object only if it is still the one that was compared.
    fn conditional(&self) -> [&Arc<dyn ObjectStore>; 2] {
        [&self.memory, &self.s3]
    }
}

fn open(objects: &Arc<dyn ObjectStore>, build: &str) -> BucketStore {
    BucketStore::new(Arc::clone(objects), "news/isr", build).unwrap()
}

fn key(text: &str) -> Key {
    serde_json::from_value(text.into()).unwrap()
}

fn page(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

async fn names(objects: &dyn ObjectStore) -> Vec<String> {
    let all: Vec<_> = objects.list(None).try_collect().await.unwrap();
    let mut names: Vec<_> = all.into_iter().map(|object| object.location.to_string()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_in_memory_keeps_the_guarantees_of_stores() {
    let kinds = Kinds::new().await;
    store_conformance(async |build| open(&kinds.memory, &build)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_is_a_folder_keeps_the_guarantees_of_stores() {
    let kinds = Kinds::new().await;
    store_conformance(async |build| open(&kinds.folder, &build)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_of_s3_keeps_the_guarantees_of_stores() {
    let kinds = Kinds::new().await;
    store_conformance(async |build| open(&kinds.s3, &build)).await;
}

#[tokio::test]
async fn page_gives_way_to_a_newer_one_and_one_of_no_order_to_any() {
    let kinds = Kinds::new().await;
    let steps = [
        (0, "of no order", true, "of no order"),
        (0, "of no order, later", true, "of no order"),
        (5, "five", true, "five"),
        (4, "four", false, "five"),
        (5, "five again", true, "five again"),
        (0, "of no order, at last", true, "five again"),
        (u64::MAX, "the last", true, "the last"),
    ];
    for objects in kinds.all() {
        let (one, two) = (open(objects, "b1"), open(objects, "b1"));
        for (version, text, is_kept, then) in steps {
            let put = one.put_unless_newer(&key("/a"), page(text), version).await.unwrap();
            assert_eq!(put, is_kept, "{objects}: {text}");
            assert_eq!(two.get(&key("/a")).await.unwrap().unwrap(), then, "{objects}: {text}");
        }
    }
}

#[tokio::test]
async fn newer_page_stays_though_an_older_one_is_written_in_the_same_moment() {
    let kinds = Kinds::new().await;
    for objects in kinds.conditional() {
        let held = Meanwhile::new(Arc::clone(objects));
        let slow = BucketStore::new(held.clone(), "news/isr", "b1").unwrap();
        let quick = Arc::new(open(objects, "b1"));
        slow.put(&key("/other"), page("the first write marks the build")).await.unwrap();
        // Where there is no page, and where there is one.
        for (old, new) in [(1, 2), (3, 4)] {
            let quick = Arc::clone(&quick);
            held.next(
                async move {
                    let put = quick.put_unless_newer(&key("/a"), page("newer"), new).await;
                    assert!(put.unwrap());
                }
                .boxed(),
            );
            let put = slow.put_unless_newer(&key("/a"), page("older"), old).await.unwrap();
            assert!(!put, "{objects}: version {old}");
            assert_eq!(slow.get(&key("/a")).await.unwrap().unwrap(), "newer", "{objects}");
        }
        // Removed in the same moment: it is written all the same.
        let remove = async move { quick.remove(&key("/a")).await.unwrap() };
        held.next(remove.boxed());
        assert!(slow.put_unless_newer(&key("/a"), page("last"), 5).await.unwrap(), "{objects}");
        assert_eq!(slow.get(&key("/a")).await.unwrap().unwrap(), "last", "{objects}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_at_once_the_newest_page_stays() {
    let kinds = Kinds::new().await;
    for objects in kinds.conditional() {
        for round in 0..10 {
            let key = key(&format!("/{round}"));
            let writers = [3_u64, 8, 1, 6, 7, 2, 5, 4].map(|version| {
                let (store, key) = (open(objects, "b1"), key.clone());
                tokio::spawn(async move {
                    let page = Bytes::from(version.to_string());
                    store.put_unless_newer(&key, page, version).await.unwrap()
                })
            });
            join_all(writers).await.into_iter().for_each(|put| assert!(put.is_ok()));
            let found = open(objects, "b1").get(&key).await.unwrap().unwrap();
            assert_eq!(found, "8", "{objects}");
        }
    }
}

#[tokio::test]
async fn object_of_another_format_counts_as_absent_and_is_replaced() {
    let kinds = Kinds::new().await;
    for objects in kinds.all() {
        let store = open(objects, "b1");
        store.put(&key("/a"), page("a page")).await.unwrap();
        let names = names(&**objects).await;
        let place = names.iter().find(|name| name.starts_with("news/isr/pages/b1/")).unwrap();
        let place = Path::from(place.as_str());
        let whole = objects.get(&place).await.unwrap().bytes().await.unwrap();
        let mut other = whole.to_vec();
        other[5] += 1;
        for foreign in [page("<p>no page</p>"), Bytes::new(), whole.slice(..15), other.into()] {
            for version in [0, 7] {
                objects.put(&place, foreign.clone().into()).await.unwrap();
                assert_eq!(store.get(&key("/a")).await.unwrap(), None, "{objects}: {foreign:?}");
                let listed: Vec<_> = store.pages().unwrap().try_collect().await.unwrap();
                assert!(listed.is_empty(), "{objects}: {foreign:?}");
                assert!(store.put_unless_newer(&key("/a"), page("new"), version).await.unwrap());
                assert_eq!(store.get(&key("/a")).await.unwrap().unwrap(), "new", "{objects}");
            }
        }
    }
}

#[tokio::test]
async fn build_before_the_last_is_removed_and_what_the_store_did_not_make_stays() {
    let kinds = Kinds::new().await;
    for objects in kinds.all() {
        let of_no_build = format!("news/isr/pages/_notes/{}", "0".repeat(32));
        let foreign = ["news/isr/pages/a/notes", of_no_build.as_str(), "news/other"];
        for name in foreign {
            objects.put(&Path::from(name), "foreign".into()).await.unwrap();
        }
        let builds = ["a", "b", "c", "never-served"];
        let [a, b, c, next] = builds.map(|build| open(objects, build));
        for store in [&a, &b, &c, &next] {
            for path in ["/1", "/2", "/3"] {
                store.put(&key(path), page("a page")).await.unwrap();
            }
            store.put_value("paths", page("a value")).await.unwrap();
        }
        for store in [&a, &b, &c] {
            store.begin_service().await.unwrap();
        }
        c.remove_old_builds().await.unwrap();
        for store in [&b, &c, &next] {
            assert_eq!(store.get(&key("/1")).await.unwrap().unwrap(), "a page", "{store:?}");
            assert_eq!(store.value("paths").await.unwrap().unwrap(), "a value", "{store:?}");
        }
        let names = names(&**objects).await;
        let of_a: Vec<_> = names.iter().filter(|name| name.contains("/a/")).collect();
        assert_eq!(of_a, [foreign[0]], "{objects}");
        assert!(foreign.iter().all(|name| names.iter().any(|left| left == name)), "{objects}");
        let other = |id: &str| OtherBuild { id: id.to_owned(), is_in_use: false };
        assert_eq!(c.other_builds().await.unwrap(), [other("b")], "{objects}");
        // It is back in service, and the build that was is the previous one.
        b.begin_service().await.unwrap();
        b.remove_old_builds().await.unwrap();
        assert!(c.contains(&key("/1")).await.unwrap(), "{objects}");
        assert_eq!(b.other_builds().await.unwrap(), [other("c")], "{objects}");
    }
}

#[tokio::test]
async fn pages_of_one_server_are_served_by_another_on_the_same_bucket() {
    let kinds = Kinds::new().await;
    let ledger = MemoryLedger::default();
    let site = || {
        let store = open(&kinds.s3, "b1");
        Site::build(routes(), |builder| builder.store(store).ledger(ledger.clone()))
    };
    let (one, two) = (site(), site());
    one.get_kept("/a/1").await.assert_miss_stored();
    two.get("/a/1").await.assert_fresh().assert_body("/a/1 #1");
    assert_eq!(two.renders(), 0);
}

#[tokio::test]
async fn no_part_of_an_address_is_part_of_a_name() {
    let kinds = Kinds::new().await;
    let store = open(&kinds.s3, "b1");
    store.put(&key("/..%2Fsecret?q=name"), page("a page")).await.unwrap();
    store.put_value("../secret name", page("a value")).await.unwrap();
    let names = names(&*kinds.s3).await.join(" ");
    assert!(
        !names.contains("secret") && !names.contains("name") && !names.contains(".."),
        "{names}"
    );
}

#[test]
fn wrong_address_or_build_is_an_error_that_names_it_and_what_to_do() {
    for (address, shown) in [
        ("pages/news", "`pages/news`"),
        ("ftp://pages/news", "`ftp://pages/news`"),
        ("memory:///news", "`memory:///news`"),
        ("https://pages.example/news", "`https://pages.example/news`"),
    ] {
        let error = BucketStore::from_url(address, "b1").unwrap_err().to_string();
        assert!(error.contains(shown) && error.contains("`s3://bucket/prefix`"), "{error}");
    }
    for address in ["s3://key:hidden@pages/news", "s3://pages/news?secret=hidden"] {
        let error = BucketStore::from_url(address, "b1").unwrap_err().to_string();
        assert!(error.contains("pages/news`") && error.contains("environment"), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let error = BucketStore::new(Arc::clone(&objects), "a//b", "b1").unwrap_err().to_string();
    assert!(error.contains("`a//b`") && error.contains("`site/pages`"), "{error}");
    let error = BucketStore::new(objects, "", "../b1").unwrap_err().to_string();
    assert!(error.contains("`../b1`"), "{error}");
    let error = BucketStore::from_url("file:///srv/isr", "../b1").unwrap_err().to_string();
    assert!(error.contains("`../b1`"), "{error}");
}

#[tokio::test]
async fn debug_output_names_the_build_and_no_secret() {
    let shown = format!("{:?}", open(&S3::start().await.client(), "b1"));
    assert!(shown.contains("news/isr/pages/b1"), "{shown}");
    assert!(!shown.contains(s3::SECRET) && !shown.contains(s3::KEY), "{shown}");
}

/// Set for a process that has settings in its environment.
const ALONE: &str = "ISR_TEST_BUCKET";

/// Runs a test of this file in a process of its own, with settings for S3 at `endpoint`.
fn alone(test: &str, endpoint: &str) -> Command {
    let mut alone = Command::new(env::current_exe().unwrap());
    alone.args(["--exact", &format!("bucket::{test}")]).env(ALONE, "1");
    alone.env("AWS_ENDPOINT_URL", endpoint).env("AWS_ALLOW_HTTP", "true");
    alone.env("AWS_ACCESS_KEY_ID", s3::KEY).env("AWS_SECRET_ACCESS_KEY", s3::SECRET);
    alone
}

#[tokio::test]
async fn address_of_s3_is_opened_by_the_settings_of_the_environment() {
    if env::var_os(ALONE).is_some() {
        let store = BucketStore::from_url("s3://bucket/news/isr", "b1").unwrap();
        assert!(store.put_unless_newer(&key("/a"), page("a page"), 1).await.unwrap());
        assert_eq!(store.get(&key("/a")).await.unwrap().unwrap(), "a page");
        return;
    }
    let bucket = S3::start().await;
    let test = "address_of_s3_is_opened_by_the_settings_of_the_environment";
    let mut alone = alone(test, &bucket.endpoint);
    let run = tokio::task::spawn_blocking(move || alone.output().unwrap()).await.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    let objects: Arc<dyn ObjectStore> = bucket.objects;
    assert_eq!(open(&objects, "b1").get(&key("/a")).await.unwrap().unwrap(), "a page");
}

/// In a process in which nothing else has chosen a crypto provider.
#[tokio::test]
async fn s3_is_asked_by_tls_without_a_setting() {
    use tokio::io::AsyncReadExt;

    if env::var_os(ALONE).is_some() {
        let store = BucketStore::from_url("s3://bucket/news", "b1").unwrap();
        store.get(&key("/a")).await.unwrap_err();
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let mut alone = alone("s3_is_asked_by_tls_without_a_setting", &endpoint);
    let run = tokio::task::spawn_blocking(move || alone.output().unwrap());
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 22, "RFC 8446, section 5.1: a handshake");
    drop((stream, listener));
    let run = run.await.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[tokio::test]
async fn request_that_fails_is_tried_again_a_few_times_only() {
    let test = "request_that_fails_is_tried_again_a_few_times_only";
    if env::var_os(ALONE).is_some() {
        let store = BucketStore::from_url("s3://bucket/news", "b1").unwrap();
        store.get(&key("/a")).await.unwrap_err();
        return;
    }
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let failing = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::SERVICE_UNAVAILABLE }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut alone = alone(test, &format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, failing).await });
    let run = tokio::task::spawn_blocking(move || alone.output().unwrap()).await.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    let requests = requests.load(Ordering::SeqCst);
    assert!((2..=6).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn address_of_a_folder_needs_no_setting() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("file://{}/news", folder.path().display());
    let store = BucketStore::from_url(&address, "b1").unwrap();
    store.put(&key("/a"), page("a page")).await.unwrap();
    let again = BucketStore::from_url(&address, "b1").unwrap();
    assert_eq!(again.get(&key("/a")).await.unwrap().unwrap(), "a page");
    assert!(folder.path().join("news/pages/b1").is_dir());
}
