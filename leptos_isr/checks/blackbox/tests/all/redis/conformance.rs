//! What every store and every ledger guarantees, on a real Redis.

use std::time::{Duration, Instant};

use leptos_isr::{
    store::{Key, Lease, Ledger, RedisStore, Store},
    testing::{ledger_conformance, store_conformance},
};

use super::server::Redis;

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_the_guarantees_of_a_store() {
    let Some(redis) = Redis::start(&[]) else { return };
    store_conformance(async |build| RedisStore::open(&redis.url(), "test", build).await.unwrap())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_the_guarantees_of_a_ledger() {
    let Some(redis) = Redis::start(&[]) else { return };
    ledger_conformance(async || RedisStore::open(&redis.url(), "test", "one").await.unwrap()).await;
}

/// A server has the right to a page for too long: another one gets it, and the first one's page, which
/// comes last, does not take the place of the newer one. Nor does one of no known order.
#[tokio::test(flavor = "multi_thread")]
async fn page_that_comes_late_takes_no_place_of_a_newer_one() {
    let Some(redis) = Redis::start(&[]) else { return };
    let open = async || RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let (one, other) = (open().await, open().await);
    let key: Key = serde_json::from_str("\"/a\"").unwrap();
    let ahead = 1 << 52;
    let late = version(&one, ahead).await;
    // The clock of the other one is years behind.
    let newer = version(&other, 0).await;
    assert!(late >= ahead && newer > late, "{late} {newer}");
    assert!(other.put_unless_newer(&key, "newer".into(), newer).await.unwrap());
    assert!(!one.put_unless_newer(&key, "late".into(), late).await.unwrap());
    assert!(one.put_unless_newer(&key, "of no order".into(), 0).await.unwrap());
    assert_eq!(one.get(&key).await.unwrap().unwrap(), "newer");
    one.remove(&key).await.unwrap();
    assert!(one.put_unless_newer(&key, "of no order".into(), 0).await.unwrap());
    assert_eq!(other.get(&key).await.unwrap().unwrap(), "of no order");
    assert!(other.put_unless_newer(&key, "newer".into(), newer).await.unwrap());
    assert_eq!(one.get(&key).await.unwrap().unwrap(), "newer");
}

/// The version that comes with the lease, which is given back.
async fn version(redis: &RedisStore, at_least: u64) -> u64 {
    loop {
        match redis.lease("a", at_least).await.unwrap() {
            Lease::Granted { version, .. } => return version.unwrap(),
            // Giving it back takes a moment.
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// The right goes on while its process lives, and ends ten seconds after it.
#[tokio::test(flavor = "multi_thread")]
async fn lease_is_extended_while_its_process_lives_and_ends_after_it() {
    let Some(redis) = Redis::start(&[]) else { return };
    let other = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let url = redis.url();
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let lease = runtime.block_on(async {
            RedisStore::open(&url, "test", "one").await.unwrap().lease("killed", 0).await.unwrap()
        });
        // With all that it does, as a process ends.
        runtime.shutdown_background();
        lease
    });
    let killed = killed.join().unwrap();
    let _kept = other.lease("kept", 0).await.unwrap();
    let began = Instant::now();
    while matches!(other.lease("killed", 0).await.unwrap(), Lease::Held) {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() > Duration::from_secs(8), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(matches!(other.lease("kept", 0).await.unwrap(), Lease::Held));
    drop(killed);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_asked_for_most_are_known_to_other_builds() {
    let Some(redis) = Redis::start(&[]) else { return };
    let open = async |build: &str| RedisStore::open(&redis.url(), "test", build).await.unwrap();
    let key = |text: &str| -> Key { serde_json::from_str(&format!("{text:?}")).unwrap() };
    let (old, new) = (open("old").await, open("new").await);
    assert_eq!(new.most_requested(10).await.unwrap(), []);
    old.note_requests(&[(key("/a"), 5), (key("/b?page=2"), 3)]).await.unwrap();
    old.note_requests(&[(key("/b?page=2"), 3), (key("/c"), 1)]).await.unwrap();
    assert_eq!(new.most_requested(2).await.unwrap(), [key("/b?page=2"), key("/a")]);
    // An hour later, then two.
    let hour = redis.say("GET isr1:test:requests:hour");
    assert!(hour.starts_with('$'), "{hour}");
    redis.say("DECR isr1:test:requests:hour");
    new.note_requests(&[(key("/c"), 9)]).await.unwrap();
    let all = [key("/c"), key("/b?page=2"), key("/a")];
    assert_eq!(new.most_requested(10).await.unwrap(), all);
    redis.say("DECR isr1:test:requests:hour");
    new.note_requests(&[(key("/d"), 1)]).await.unwrap();
    assert_eq!(new.most_requested(10).await.unwrap(), [key("/c"), key("/d")]);
    let many: Vec<_> = (0..1500).map(|n| (key(&format!("/{n}")), n + 100)).collect();
    new.note_requests(&many).await.unwrap();
    let most = new.most_requested(5000).await.unwrap();
    assert_eq!((most.len(), &most[0]), (1001, &key("/1499")), "and one of the last hour");
}
