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

#[tokio::test(flavor = "multi_thread")]
async fn file_of_a_build_is_there_for_others_for_a_day() {
    let Some(redis) = Redis::start(&[]) else { return };
    let open = async |build| RedisStore::open(&redis.url(), "test", build).await.unwrap();
    let (one, other) = (open("one").await, open("two").await);
    assert_eq!(other.file("/pkg/a.js").await.unwrap(), None);
    one.put_file("/pkg/a.js", "a script".into()).await.unwrap();
    assert_eq!(other.file("/pkg/a.js").await.unwrap().unwrap(), "a script");
    redis.say("PEXPIRE isr1:test:file:/pkg/a.js 1000");
    one.put_file("/pkg/a.js", "a script".into()).await.unwrap();
    let left = redis.say("TTL isr1:test:file:/pkg/a.js");
    let left: u64 = left.trim_start_matches(':').parse().unwrap();
    assert!(left > 24 * 60 * 60, "{left}");
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

/// The server refuses the password for a while, then it is a replica for a while.
#[tokio::test(flavor = "multi_thread")]
async fn store_works_again_when_the_server_does() {
    let user = ["--user", "op", "on", "nopass", "~*", "&*", "+@all"];
    let Some(redis) = Redis::start(&user) else { return };
    let store = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let position = store.append("before".into(), 0).await.unwrap();
    let works = async || {
        let began = Instant::now();
        while store.append("again".into(), 0).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    redis.as_user("op", "ACL SETUSER default resetpass >secret");
    redis.as_user("op", "CLIENT KILL USER default");
    let refused = store.append("refused".into(), 0).await.unwrap_err().to_string();
    let still = store.append("refused".into(), 0).await.unwrap_err().to_string();
    assert!(still.contains("password"), "{refused}; {still}");
    redis.as_user("op", "ACL SETUSER default nopass");
    works().await;

    let other = Redis::start(&[]).unwrap();
    redis.say(&format!("REPLICAOF 127.0.0.1 {}", other.addr.port()));
    store.append("refused".into(), 0).await.unwrap_err();
    // It answers those who only read, but this store goes to a server that takes writes.
    let refused = store.since(position).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("name its primary"), "{refused}");
    redis.say("REPLICAOF NO ONE");
    works().await;
}

/// What is rendered for visitors of paths that do not exist leaves nothing behind for long.
#[tokio::test(flavor = "multi_thread")]
async fn lease_that_was_given_back_is_soon_forgotten() {
    let Some(redis) = Redis::start(&[]) else { return };
    let store = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    drop(store.lease("a", 0).await.unwrap());
    let began = Instant::now();
    let ttl = || redis.say("PTTL isr1:test:lease:a")[1..].parse::<i64>().unwrap();
    while ttl() > 30_000 {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let held = store.lease("b", 0).await.unwrap();
    let ttl = || redis.say("PTTL isr1:test:lease:b")[1..].parse::<i64>().unwrap();
    assert!(ttl() > 3_600_000, "{held:?}");
}

/// A server that was away for more purges than are remembered does not make everybody's pages stale.
#[tokio::test(flavor = "multi_thread")]
async fn process_that_was_away_for_long_hears_all_and_a_damaged_record_before() {
    let Some(redis) = Redis::start(&[]) else { return };
    let store = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let first = store.append("first".into(), 0).await.unwrap();
    let second = store.append("second".into(), 0).await.unwrap();
    assert_eq!(store.since(first).await.unwrap().unwrap().len(), 1);
    redis.say("XTRIM isr1:test:positions MAXLEN 1");
    assert_eq!(store.since(first).await.unwrap(), None, "too few to have been trimmed");
    for _ in 0..10_150 {
        store.append("later".into(), 0).await.unwrap();
    }
    let found = store.since(second).await.unwrap().unwrap();
    assert_eq!((found.len(), &found[0].record[..]), (10_151, &b""[..]));
    assert!(found.is_sorted_by_key(|record| record.position));
    let last = found.last().unwrap().position;
    assert_eq!(store.since(last).await.unwrap(), Some(Vec::new()));
}

/// Its clock was set back, so positions follow the last one that a process knows; then the Redis loses
/// what it has. What it gives next must not pass for what was lost.
#[tokio::test(flavor = "multi_thread")]
async fn position_of_a_lost_record_is_not_given_to_another_one() {
    let Some(redis) = Redis::start(&[]) else { return };
    let ledger = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let ahead = 1 << 52;
    let lost = ledger.append("lost".into(), ahead).await.unwrap();
    redis.say("FLUSHALL");
    let next = ledger.append("next".into(), ahead).await.unwrap();
    assert!(lost > ahead && next > ahead && lost != next, "{lost} {next}");
    assert_eq!(ledger.since(lost).await.unwrap(), None);
}

/// The pages are still there, and have seen what the log had.
#[tokio::test(flavor = "multi_thread")]
async fn position_after_a_log_that_is_gone_is_above_those_that_it_gave() {
    let Some(redis) = Redis::start(&[]) else { return };
    let ledger = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let gone = ledger.append("gone".into(), 1 << 52).await.unwrap();
    redis.say("DEL isr1:test:log");
    let next = ledger.append("next".into(), 0).await.unwrap();
    assert!(next > gone, "{next} {gone}");
    assert_eq!(ledger.since(gone).await.unwrap(), None);
}

/// The server before it had a clock that was ahead by years.
#[tokio::test(flavor = "multi_thread")]
async fn lease_by_the_clock_of_another_server_holds_up_nobody() {
    let Some(redis) = Redis::start(&[]) else { return };
    let ledger = RedisStore::open(&redis.url(), "test", "one").await.unwrap();
    let end = 1_u64 << 52;
    redis.say(&format!("HSET isr1:test:lease:a owner other end {end} version 7"));
    let lease = ledger.lease("a", 0).await.unwrap();
    assert!(matches!(lease, Lease::Granted { .. }), "{lease:?}");
}
