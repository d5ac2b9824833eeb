//! The engine on a store of one's own: whatever the store does, visitors get
//! their page.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use leptos_isr::{
    Error, hours, minutes,
    purge::Purge,
    seconds,
    stats::{StoreOperation, StoreOutcome},
    store::{Key, Ledger, LedgerRecord, Store, StoreError},
};

use crate::support::{Renders, Site, ledger::MemoryLedger, routes};

/// How the store's calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Works,
    Fails,
    Hangs,
    /// `begin_service` waits for another mood.
    Starts,
    /// `get` answers bytes that are no page.
    GivesGarbage,
    /// `get` answers what was put for another key.
    GivesAnotherPage,
    /// `get` answers half of the page.
    GivesHalf,
    /// `get` answers the page with other letters in it.
    GivesAlteredPage,
}

/// Pages and purges in memory. Clones are the same store.
#[derive(Clone, Debug)]
struct OwnStore(Arc<State>);

#[derive(Debug)]
struct State {
    mood: Mutex<Mood>,
    pages: Mutex<HashMap<Key, Bytes>>,
    purges: MemoryLedger,
    calls: Mutex<Vec<&'static str>>,
    requests: Mutex<Vec<(Key, u64)>>,
    /// Calls at this moment, and the most at any.
    under_way: Mutex<(usize, usize)>,
}

/// A call that is under way until this is dropped.
struct UnderWay<'a>(&'a Mutex<(usize, usize)>);

impl<'a> UnderWay<'a> {
    fn begin(calls: &'a Mutex<(usize, usize)>) -> Self {
        let mut count = calls.lock().unwrap();
        *count = (count.0 + 1, count.1.max(count.0 + 1));
        drop(count);
        Self(calls)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().0 -= 1;
    }
}

impl OwnStore {
    fn new(mood: Mood) -> Self {
        Self(Arc::new(State {
            mood: Mutex::new(mood),
            pages: Mutex::default(),
            purges: MemoryLedger::default(),
            calls: Mutex::default(),
            requests: Mutex::default(),
            under_way: Mutex::default(),
        }))
    }

    fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.0.mood.lock().unwrap()
    }

    fn calls(&self, name: &str) -> usize {
        self.0.calls.lock().unwrap().iter().filter(|call| **call == name).count()
    }

    /// The most calls that were under way at once.
    fn at_once(&self) -> usize {
        self.0.under_way.lock().unwrap().1
    }

    async fn call(&self, name: &'static str) -> Result<(), StoreError> {
        self.0.calls.lock().unwrap().push(name);
        let _under_way = UnderWay::begin(&self.0.under_way);
        match self.mood() {
            Mood::Fails => Err("the store is down".into()),
            Mood::Hangs => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Store for OwnStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.call("get").await?;
        let pages = self.0.pages.lock().unwrap();
        Ok(match self.mood() {
            Mood::GivesGarbage => Some(Bytes::from_static(b"<p>no page</p>")),
            Mood::GivesAnotherPage => {
                pages.iter().find(|(other, _)| *other != key).map(|(_, page)| page.clone())
            }
            Mood::GivesHalf => pages.get(key).map(|page| page.slice(..page.len() / 2)),
            Mood::GivesAlteredPage => pages.get(key).map(|page| altered(page)),
            _ => pages.get(key).cloned(),
        })
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        self.call("put").await?;
        self.0.pages.lock().unwrap().insert(key.clone(), page);
        Ok(())
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.call("remove").await?;
        self.0.pages.lock().unwrap().remove(key);
        Ok(())
    }

    async fn put_value(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        self.call("put_value").await
    }

    async fn value(&self, _: &str) -> Result<Option<Bytes>, StoreError> {
        self.call("value").await?;
        Ok(None)
    }

    async fn note_requests(&self, counts: &[(Key, u64)]) -> Result<(), StoreError> {
        self.0.requests.lock().unwrap().extend_from_slice(counts);
        Ok(())
    }

    async fn most_requested(&self, count: usize) -> Result<Vec<Key>, StoreError> {
        let requests = self.0.requests.lock().unwrap();
        Ok(requests.iter().map(|(key, _)| key.clone()).take(count).collect())
    }

    async fn begin_service(&self) -> Result<(), StoreError> {
        self.0.calls.lock().unwrap().push("begin_service");
        while self.mood() == Mood::Starts {
            tokio::time::sleep(seconds(1)).await;
        }
        Ok(())
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        self.call("remove_old_builds").await
    }
}

#[async_trait]
impl Ledger for OwnStore {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        match self.mood() {
            Mood::Fails => Err("the store is down".into()),
            _ => self.0.purges.records(),
        }
    }

    async fn append(&self, record: Bytes, after: u64) -> Result<u64, StoreError> {
        self.call("append").await?;
        self.0.purges.append(record, after).await
    }

    async fn since(&self, position: u64) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        self.0.calls.lock().unwrap().push("since");
        match self.mood() {
            Mood::Fails => Err("the store is down".into()),
            Mood::Hangs => std::future::pending().await,
            _ => self.0.purges.since(position).await,
        }
    }

    async fn replace(&self, records: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        self.call("replace").await?;
        self.0.purges.replace(records).await
    }
}

fn altered(page: &[u8]) -> Bytes {
    page.iter().map(|byte| if *byte == b'#' { b'!' } else { *byte }).collect()
}

/// The site on the store, with a short limit for writing to it.
/// A site whose renders and store may take long.
fn patient_site_on(store: &OwnStore) -> Site {
    Site::build(routes(), |builder| builder.store(store.clone()).ledger(store.clone()))
}

fn site_on(store: &OwnStore) -> Site {
    let store = store.clone();
    let limit = std::time::Duration::from_millis(50);
    Site::build(routes(), |builder| {
        builder.store(store.clone()).ledger(store).render_timeout(limit)
    })
}

/// How many reads and writes have come to this.
fn counted(site: &Site, outcome: StoreOutcome) -> [u64; 2] {
    let stats = site.engine.stats();
    [StoreOperation::Read, StoreOperation::Write].map(|operation| {
        let mut counts = stats.store_operations.iter();
        counts.find(|of| (of.operation, of.outcome) == (operation, outcome)).unwrap().count
    })
}

/// Waits until the store was called so.
async fn called(store: &OwnStore, name: &str) {
    let called = async {
        while store.calls(name) == 0 {
            tokio::time::sleep(seconds(1)).await;
        }
    };
    tokio::time::timeout(minutes(1), called).await.expect("it is not called");
}

#[tokio::test]
async fn pages_and_purges_survive_in_it() {
    let store = OwnStore::new(Mood::Works);
    let first = site_on(&store);
    for path in ["/a/1", "/a/2", "/forever"] {
        first.get_kept(path).await.assert_miss_stored();
    }
    first.purge_tag("a:1").await;
    let second = site_on(&store);
    second.get("/a/1").await.assert_purged().assert_body("/a/1 #1");
    second.get("/a/2").await.assert_fresh().assert_body("/a/2 #2");
    second.idle().await;
    let third = site_on(&store);
    third.get("/a/1").await.assert_fresh().assert_body("/a/1 #1");
    assert_eq!((second.renders(), third.renders()), (1, 0));
}

#[tokio::test]
async fn page_of_it_that_expired_is_kept_for_errors() {
    let store = OwnStore::new(Mood::Works);
    site_on(&store).get_kept("/a/1").await;
    let site = site_on(&store);
    site.behave(Renders::SaysFailed);
    site.advance(minutes(11));
    site.get("/a/1").await.assert_stale_if_error().assert_body("/a/1 #1");
}

#[tokio::test]
async fn store_that_answers_wrongly_costs_a_render_and_no_visitor_their_page() {
    for mood in
        [Mood::GivesGarbage, Mood::GivesAnotherPage, Mood::GivesHalf, Mood::GivesAlteredPage]
    {
        let store = OwnStore::new(Mood::Works);
        let first = site_on(&store);
        first.get("/a/1").await;
        first.get_kept("/a/2").await;
        store.set(mood);
        let second = site_on(&store);
        second.get("/a/1").await.assert_status(200).assert_miss_stored().assert_body("/a/1 #1");
        second.get_kept("/a/1").await.assert_fresh();
        assert_eq!(second.renders(), 1, "{mood:?}");
        store.set(Mood::Works);
        let third = site_on(&store);
        third.get("/a/1").await.assert_fresh().assert_body("/a/1 #1");
        third.get("/a/2").await.assert_fresh().assert_body("/a/2 #2");
    }
}

#[tokio::test]
async fn store_that_fails_leaves_pages_in_memory() {
    let store = OwnStore::new(Mood::Works);
    let site = site_on(&store);
    let works = || site.engine.stats().store_works;
    site.get_kept("/a/1").await.assert_miss_stored();
    assert_eq!(works(), Some(true));
    store.set(Mood::Fails);
    site.get("/a/1").await.assert_fresh();
    site.get_kept("/a/2").await.assert_status(200).assert_miss_stored();
    site.get("/a/2").await.assert_fresh();
    site.advance(minutes(1));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    site.get("/a/1").await.assert_fresh().assert_body("/a/1 #3");
    assert_eq!((store.calls("get"), store.calls("put")), (3, 3), "it is asked all the same");
    assert_eq!(counted(&site, StoreOutcome::Failed), [2, 2]);
    assert_eq!(works(), Some(false));
    store.set(Mood::Works);
    site_on(&store).get("/a/1").await.assert_body("/a/1 #1");
    site.get_kept("/a/3").await.assert_miss_stored();
    assert_eq!(works(), Some(true));
}

#[tokio::test]
async fn store_that_never_answers_holds_no_visitor_for_longer_than_its_limit() {
    let store = OwnStore::new(Mood::Hangs);
    let site = site_on(&store);
    let visitors = [site.start("/a/1"), site.start("/a/1"), site.start("/a/2")];
    for visitor in visitors {
        visitor.await.unwrap().assert_status(200);
    }
    site.get("/a/1").await.assert_fresh();
    assert_eq!(site.renders(), 2, "the later of two visitors may find the page of the other");
}

#[tokio::test]
async fn store_that_hangs_is_asked_once_at_a_time_until_it_answers() {
    let store = OwnStore::new(Mood::Hangs);
    let site = site_on(&store);
    site.get("/a/0").await.assert_miss_stored();
    let visitors: Vec<_> = (1..30).map(|page| site.start(&format!("/a/{page}"))).collect();
    for visitor in visitors {
        visitor.await.unwrap().assert_miss_stored();
    }
    assert_eq!((store.at_once(), store.calls("get")), (1, 1));
    assert_eq!(counted(&site, StoreOutcome::NoAnswer)[0], 30, "also what was not asked");
    assert_eq!(site.engine.stats().store_works, Some(false));
    let regenerated = site.regenerate("/a/1").await;
    assert_eq!(regenerated.result, Ok((http::StatusCode::OK, false)), "the store does not have it");
    store.set(Mood::Works);
    site.idle().await;
    assert_eq!(site.engine.stats().store_works, Some(true));
    let next = site_on(&store);
    for page in 0..30 {
        next.get(&format!("/a/{page}")).await.assert_fresh();
    }
}

/// Without a page to write, visitors' requests are what tries it.
#[tokio::test]
async fn store_that_answers_again_is_read_again() {
    let store = OwnStore::new(Mood::Works);
    site_on(&store).get_kept("/a/1").await;
    let site = site_on(&store);
    site.behave(Renders::SaysFailed);
    store.set(Mood::Hangs);
    site.get("/a/1").await.assert_cache_status("isr; fwd=miss; fwd-status=502");
    store.set(Mood::Works);
    let mut answer = site.get("/a/1").await;
    while answer.status != http::StatusCode::OK {
        // The store is read behind the visitor.
        tokio::task::yield_now().await;
        answer = site.get("/a/1").await;
    }
    answer.assert_fresh().assert_body("/a/1 #1");
}

#[tokio::test]
async fn purge_that_it_cannot_keep_is_said_to_the_caller_and_holds_here() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let store = OwnStore::new(Mood::Works);
        let site = site_on(&store);
        site.get("/a/1").await;
        store.set(mood);
        let purge = Purge { tags: vec!["a:1".to_owned()], ..Purge::default() };
        let error = site.engine.purge(&purge).await.unwrap_err();
        assert!(matches!(error, Error::PurgeNotKept(_)), "{mood:?}: {error:?}");
        site.get("/a/1").await.assert_purged();
    }
}

#[tokio::test]
async fn period_that_it_cannot_keep_is_said_to_the_caller_and_changes_nothing() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let store = OwnStore::new(Mood::Works);
        let site = site_on(&store);
        store.set(mood);
        let error = site.engine.set_period("/a/:id", Some(minutes(5))).await.unwrap_err();
        assert!(matches!(error, Error::PeriodNotKept(_)), "{mood:?}: {error:?}");
        assert!(site.engine.periods().iter().all(|route| route.set.is_none()));
    }
}

#[tokio::test]
async fn store_that_cannot_say_its_purges_fails_at_start() {
    let store = OwnStore::new(Mood::Fails);
    let built = leptos_isr::Engine::builder(routes()).store(store.clone()).ledger(store).build();
    assert!(matches!(built, Err(Error::Purges(_))), "{built:?}");
}

#[tokio::test]
async fn not_found_goes_to_it_only_in_the_place_of_a_page() {
    let store = OwnStore::new(Mood::Works);
    let site = site_on(&store);
    site.get_kept("/a/1").await;
    site.behave(Renders::Status(http::StatusCode::NOT_FOUND));
    site.get_kept("/a/2").await.assert_status(404).assert_miss_stored();
    assert_eq!(store.calls("put"), 1);
    site.purge_hard("/a/1").await;
    site.get_kept("/a/1").await.assert_status(404).assert_replaced();
    assert_eq!(store.calls("put"), 2);
    site_on(&store).get("/a/1").await.assert_fresh().assert_status(404);
}

#[tokio::test(start_paused = true)]
async fn old_builds_are_removed_from_it_when_this_one_begins_to_serve_and_each_hour() {
    let store = OwnStore::new(Mood::Works);
    let site = site_on(&store);
    let removed = async || {
        tokio::time::sleep(minutes(60)).await;
        site.idle().await;
        store.calls("remove_old_builds")
    };
    site.advance(hours(2));
    assert_eq!(removed().await, 0, "it does not serve yet");
    site.engine.begin_service().await;
    assert_eq!(store.calls("remove_old_builds"), 1);
    tokio::time::sleep(minutes(1)).await;
    site.advance(minutes(59));
    assert_eq!(removed().await, 1);
    site.advance(minutes(1));
    tokio::time::sleep(minutes(60)).await;
    assert_eq!(store.calls("remove_old_builds"), 2, "by a timer of its own");
    site.set_back(hours(24));
    assert_eq!(removed().await, 3, "the clock was set back");
    assert_eq!(removed().await, 3);
}

#[tokio::test(start_paused = true)]
async fn server_is_not_ready_until_the_store_has_noted_that_its_build_serves() {
    let store = OwnStore::new(Mood::Starts);
    let site = site_on(&store);
    site.get("/_isr/ready").await.assert_status(200);
    let engine = site.engine.clone();
    let _starting = tokio::spawn(async move { engine.begin_service().await });
    called(&store, "begin_service").await;
    site.get("/_isr/ready")
        .await
        .assert_status(503)
        .assert_body(r#"{"ready":false,"ledger":"connected"}"#);
    site.get("/_isr/alive").await.assert_status(200);
    site.get("/a/1").await.assert_status(200);
    store.set(Mood::Hangs);
    called(&store, "remove_old_builds").await;
    site.get("/_isr/ready").await.assert_status(200);
}

#[tokio::test(start_paused = true)]
async fn store_that_hangs_while_a_server_starts_keeps_it_from_visitors_for_ten_seconds() {
    let store = OwnStore::new(Mood::Starts);
    let site = site_on(&store);
    let engine = site.engine.clone();
    let starting = tokio::spawn(async move { engine.begin_service().await });
    tokio::time::sleep(seconds(9)).await;
    site.get("/_isr/ready").await.assert_status(503);
    tokio::time::sleep(seconds(2)).await;
    site.get("/_isr/ready").await.assert_status(200);
    assert_eq!(store.calls("remove_old_builds"), 0, "its build is not noted yet");
    store.set(Mood::Works);
    starting.await.unwrap();
    assert_eq!(store.calls("remove_old_builds"), 1);
}

#[tokio::test]
async fn ledger_is_not_asked_again_and_again_while_a_second_purge_waits() {
    let store = OwnStore::new(Mood::Works);
    let site = site_on(&store);
    let again_after = Some(minutes(1));
    let tags = vec!["all".to_owned()];
    site.engine.purge(&Purge { tags, again_after, ..Purge::default() }).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let asked = store.calls("since");
    assert!(asked < 10, "it was asked {asked} times");
}

/// Its pages are in memory, so no visitor's request tries the store.
#[tokio::test]
async fn purges_of_others_are_heard_again_once_a_store_that_hung_answers() {
    let store = OwnStore::new(Mood::Works);
    let (site, other) = (site_on(&store), site_on(&store));
    site.get_kept("/a/1").await;
    store.set(Mood::Hangs);
    let asked = store.calls("since");
    while store.calls("since") < asked + 4 {
        tokio::task::yield_now().await;
    }
    store.set(Mood::Works);
    site.get("/a/1").await.assert_fresh();
    other.purge_tag("all").await;
    let heard = async {
        while site.get("/a/1").await.cache_status().contains("ttl=60") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(seconds(20), heard).await.expect("the purge is not heard");
}

#[tokio::test]
async fn server_whose_ledger_does_not_answer_says_that_it_is_cut_off_and_serves_on() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let store = OwnStore::new(Mood::Works);
        let (site, other) = (site_on(&store), site_on(&store));
        site.get_kept("/a/1").await;
        let connected = site.get("/a/1").await;
        site.get("/_isr/ready").await.assert_body(r#"{"ready":true,"ledger":"connected"}"#);
        store.set(mood);
        let cut_off = async {
            loop {
                let page = site.get("/a/1").await;
                if page.cache_status().contains("cut-off") {
                    return page;
                }
                assert_eq!(page.cache_status(), connected.cache_status());
                tokio::task::yield_now().await;
            }
        };
        let page = tokio::time::timeout(seconds(10), cut_off).await.expect("it is cut off");
        page.assert_status(200).assert_body("/a/1 #1");
        assert_eq!(page.cache_status(), "isr; hit; ttl=60; detail=cut-off");
        assert!(page.header("cdn-cache-control").contains("max-age=2,"), "{page:?}");
        let ready = site.get("/_isr/ready").await;
        ready.assert_status(200).assert_body(r#"{"ready":true,"ledger":"cut off"}"#);
        // Pages are rendered for this server.
        site.get("/a/2").await.assert_status(200).assert_body("/a/2 #2");
        store.set(Mood::Works);
        other.purge_tag("all").await;
        // Once it is connected again, it knows what was purged.
        let heard = async {
            loop {
                let page = site.get("/a/1").await;
                match page.cache_status().contains("cut-off") {
                    true => tokio::task::yield_now().await,
                    false => return page,
                }
            }
        };
        let page = tokio::time::timeout(seconds(20), heard).await.expect("it is connected");
        page.assert_stale();
    }
}

#[tokio::test]
async fn report_of_a_page_on_a_server_that_is_cut_off_says_that_and_since_when() {
    let store = OwnStore::new(Mood::Works);
    let (site, other) = (site_on(&store), site_on(&store));
    site.get_kept("/a/1").await;
    let page = site.engine.page("/a/1").await.unwrap();
    assert_eq!(page.cut_off_since, None);
    store.set(Mood::Fails);
    let began = page.at;
    let cut_off = async {
        while !site.get("/a/1").await.cache_status().contains("cut-off") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(seconds(10), cut_off).await.expect("it is cut off");
    site.advance(seconds(20));
    let page = site.engine.page("/a/1").await.unwrap();
    assert_eq!(page.cut_off_since, Some(began));
    let said = "fresh for another 40s: its period of 1m (set by the route) began 20s ago; no purge of \
                its path or of its tags is known; this server has been cut off from the ledger for \
                20s, so what others have purged since is not known to it";
    assert_eq!(page.why, said);
    store.set(Mood::Works);
    other.purge_tag("a:1").await;
    let heard = async {
        while site.engine.page("/a/1").await.unwrap().cut_off_since.is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(seconds(20), heard).await.expect("it is connected");
    let page = site.engine.page("/a/1").await.unwrap();
    let replica = page.last_purge.as_ref().unwrap().replica.clone().unwrap();
    assert_ne!(page.replica, replica);
    assert!(page.why.contains(&format!("by the app's code on the server {replica}")), "{page:?}");
}

/// Its disk has a page, and a copy of the purges of before.
#[tokio::test]
async fn server_that_starts_says_that_it_is_cut_off_until_it_knows_what_was_purged_meanwhile() {
    let (store, folder) = (OwnStore::new(Mood::Works), tempfile::tempdir().unwrap());
    let on_disk = || {
        let store = store.clone();
        Site::build(routes(), |builder| {
            builder.store(store.clone()).ledger(store).disk(folder.path(), "build-1")
        })
    };
    let before = on_disk();
    before.purge_tag("other").await;
    before.get_kept("/a/1").await.assert_miss_stored();
    drop(before);
    site_on(&store).purge_tag("all").await;
    store.set(Mood::Fails);
    let site = on_disk();
    site.get("/a/1").await.assert_cache_status("isr; hit; ttl=60; detail=cut-off");
    store.set(Mood::Works);
    let heard = async {
        while site.get("/a/1").await.cache_status().contains("cut-off") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(seconds(20), heard).await.expect("it is connected");
    site.get("/a/1").await.assert_purged().assert_body("/a/1 #1");
}

#[tokio::test]
async fn whoever_has_caused_a_purge_sees_the_new_page_on_every_server() {
    let store = OwnStore::new(Mood::Works);
    let (site, other) = (patient_site_on(&store), patient_site_on(&store));
    for path in ["/a/1", "/a/2"] {
        other.get_kept(path).await;
    }
    for _ in 0..20 {
        let (one, two) = (other.get("/a/1").await, other.get("/a/2").await);
        one.assert_fresh();
        two.assert_fresh();
        site.purge_tag("all").await;
        let cookie = site.engine.seen_cookie();
        let cookie = format!("x=y; {}", cookie.to_str().unwrap().split(';').next().unwrap());
        let headers = [("cookie", &*cookie)];
        let new = other.request(http::Method::GET, "/a/1", &headers).await;
        assert_ne!(new.body, one.body);
        let again = other.request(http::Method::GET, "/a/1", &headers).await;
        again.assert_fresh().assert_body(&new.body);
        // Others wait for nobody.
        other.get("/a/2").await.assert_stale().assert_body(&two.body);
        other.idle().await;
    }
}

#[tokio::test]
async fn pages_that_are_asked_for_most_are_rendered_before_a_new_server_is_ready() {
    let store = OwnStore::new(Mood::Works);
    let old = patient_site_on(&store);
    for (path, times) in [("/a/1", 3), ("/a/2", 5), ("/a/3?page=2", 1), ("/missing", 9)] {
        for _ in 0..times {
            old.get(path).await;
        }
    }
    assert!(old.engine.shut_down(seconds(20)).await);
    let key = |text: &str| -> Key { serde_json::from_str(&format!("{text:?}")).unwrap() };
    let noted = store.0.requests.lock().unwrap().clone();
    assert_eq!(noted, [(key("/a/2"), 5), (key("/a/1"), 3), (key("/a/3?page=2"), 1)]);

    // Another build has none of the pages.
    store.0.pages.lock().unwrap().remove(&key("/a/2"));
    store.0.requests.lock().unwrap().push((key("/no-route"), 1));
    let new = patient_site_on(&store);
    new.behave(Renders::Gate);
    let begun = tokio::spawn({
        let engine = new.engine.clone();
        async move { engine.begin_service().await }
    });
    new.begun().await;
    new.get("/_isr/ready").await.assert_status(503);
    new.get("/a/1").await.assert_fresh();
    new.let_pass();
    begun.await.unwrap();
    new.get("/_isr/ready").await.assert_status(200);
    new.get("/a/2").await.assert_fresh();
    assert_eq!(new.renders(), 1, "the other pages were there");
}
