//! What every store and every ledger guarantees, on a real Redis.

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
    let late = version(one.lease("a", ahead).await.unwrap());
    // The clock of the other one is years behind.
    let newer = version(other.lease("a", 0).await.unwrap());
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
fn version(lease: Lease) -> u64 {
    match lease {
        Lease::Granted { version, .. } => version.unwrap(),
        other => panic!("{other:?}"),
    }
}
