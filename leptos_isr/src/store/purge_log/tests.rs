use std::{
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::*;
use crate::{
    address::{key::Key, tag::Tag},
    clock::SystemClock,
    entry::{Entry, RenderStart, Seen},
    order::origins::PurgeOrigin,
    store::{
        DiskStore, Ledger,
        line::{seal, unseal},
    },
};

fn at(position: Position, purge: &NewPurge) -> LedgerRecord {
    LedgerRecord { position, record: write(purge, false) }
}

fn purge(scopes: &[Scope], kind: PurgeKind) -> NewPurge {
    NewPurge::of(scopes.to_vec(), kind)
}

fn soft(name: &str) -> NewPurge {
    purge(&[tag(name)], PurgeKind::Soft)
}

fn tag(text: &str) -> Scope {
    Scope::Tag(Tag::new(text))
}

/// The records after the log was rewritten.
fn rewritten(history: PurgeHistory) -> Vec<LedgerRecord> {
    let PurgeHistory { times, later, origins, last, .. } = history;
    let order = Order::after(Arc::new(SystemClock), last, times, later);
    let known = Known { last, ..Known::default() };
    records(&order.with_origins(origins), &known)
}

#[test]
fn who_made_a_purge_is_known_after_a_restart_and_after_the_log_was_rewritten() {
    let origin = PurgeOrigin {
        by: PurgeSource::Webhook("cms".into()),
        at: std::time::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
        replica: crate::order::origins::ReplicaId(0xab),
    };
    let made = NewPurge { origin: Some(origin.clone()), ..soft("a") };
    let log = [at(7, &made), at(9, &soft("b"))];
    let history = replay(&log, 20);
    assert_eq!((history.origins.of(7), history.origins.of(9)), (Some(origin.clone()), None));
    let anew = replay(&rewritten(history), 20);
    assert_eq!((anew.origins.of(7), anew.origins.of(9)), (Some(origin), None));
}

#[test]
fn record_of_before_says_not_who_made_it_and_one_of_a_later_version_is_read() {
    let with = |origin: &str| {
        let json = format!(r#"{{"hard":true,"scopes":[{{"tag":"a"}}]{origin}}}"#);
        replay(&[LedgerRecord { position: 7, record: seal(&json) }], 20)
    };
    let before = with("");
    let later = with(r#","origin":{"by":"console","at":5,"replica":1,"host":"a"},"more":2"#);
    assert_eq!((before.times.len(), before.origins.of(7)), (1, None));
    assert_eq!(before.times, later.times);
    assert_eq!(later.origins.of(7).unwrap().by, PurgeSource::Unknown);
}

#[test]
fn records_are_read_again() {
    let log = [
        at(7, &purge(&[tag("a"), Scope::Path("/x".into())], PurgeKind::Soft)),
        at(9, &purge(&[tag("a")], PurgeKind::Hard)),
    ];
    let history = replay(&log, 20);
    let times = history.times.clone();
    assert_eq!((times.len(), history.last), (2, 9));
    let mut found: Vec<_> = times.records().map(|(_, kind, at)| (at, kind)).collect();
    found.sort_by_key(|(at, _)| *at);
    assert_eq!(found, [(7, PurgeKind::Soft), (7, PurgeKind::Soft), (9, PurgeKind::Hard)]);
    let rewritten = rewritten(history);
    assert!(rewritten.is_sorted_by_key(|record| record.position));
    assert_eq!(replay(&rewritten, 20).times, times);
}

#[test]
fn what_is_to_be_done_once_more_waits_until_a_later_record_has_done_it() {
    let first = |position, due| at(position, &NewPurge { again: Some(due), ..soft("a") });
    let done = |position| at(position, &purge(&[tag("a"), tag("b")], PurgeKind::Soft));
    let due = |log: &[LedgerRecord]| replay(log, 100).later.next();
    assert_eq!(due(&[first(7, 17)]), Some(17));
    assert_eq!(due(&[first(7, 17), done(16)]), Some(17));
    assert_eq!(due(&[first(7, 17), first(9, 19), done(17)]), Some(19));
    assert_eq!(due(&[first(7, 17), done(17)]), None);
    let hour = 3_600_000_000;
    assert_eq!(due(&[first(7, Position::MAX)]), Some(100 + hour), "a clock set back");

    let log = rewritten(replay(&[first(7, 17), at(8, &soft("b"))], 100));
    let again = replay(&log, 100);
    assert_eq!((again.later.next(), again.last), (Some(17), 8));
    let of_a = again.times.records().find(|(scope, ..)| **scope == tag("a"));
    assert_eq!(of_a.map(|(_, _, position)| position), Some(7), "it was not purged again");
}

#[test]
fn every_flipped_bit_makes_all_pages_stale() {
    let log = [at(7, &soft("a")), at(9, &soft("b"))];
    for bit in 0..log[0].record.len() * 8 {
        let mut flipped = log[0].record.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let flipped = LedgerRecord { position: 7, record: flipped.into() };
        let PurgeHistory { times, .. } = replay(&[flipped, log[1].clone()], 20);
        let everything = times.records().find(|(scope, ..)| **scope == Scope::everything());
        assert_eq!(
            everything.map(|(_, kind, position)| (kind, position)),
            Some((PurgeKind::Soft, 7))
        );
    }
    assert!(replay(&log, 20).times.records().all(|(scope, ..)| *scope != Scope::everything()));
}

/// A process on the ledger of a folder.
struct Process {
    store: Guarded,
    log: PurgeLog,
    order: Order,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let store = Arc::new(DiskStore::open(folder, "build").unwrap());
        let PurgeHistory { log, times, later, last, .. } = replay(&store.records().unwrap(), 0);
        let order = Order::after(Arc::new(SystemClock), last, times, later);
        let store = Guarded::new(store.clone(), store, Duration::from_secs(30));
        Self { store, log, order }
    }

    async fn purge(&self, purge: NewPurge) -> Vec<Vec<Scope>> {
        let mut applied = Vec::new();
        let on_heard = |heard: Heard| applied = heard.purges;
        self.log.append(&self.store, purge, &self.order, on_heard).await.unwrap();
        applied.into_iter().map(|(_, purge)| purge.scopes).collect()
    }

    async fn set_period(&self, period: SetPeriod) {
        let periods = vec![period];
        self.log.set_periods(&self.store, periods, &self.order, |_| {}).await.unwrap();
    }

    async fn hear_periods(&self) -> Vec<SetPeriod> {
        let mut periods = Vec::new();
        let on_heard = |heard: Heard| periods = heard.periods;
        self.log.hear(&self.store, &self.order, on_heard).await.unwrap();
        periods
    }

    async fn hear(&self) -> usize {
        heard(&self.log, &self.store, &self.order).await.unwrap()
    }

    fn render(&self) -> Seen {
        self.order.begin().began.seen
    }

    fn is_all_purged(&self, seen: Seen) -> bool {
        self.order.purges().read(|times| times.last_of_path("/any")) > seen.0
    }

    fn is_purged(&self, name: &str, seen: Seen) -> bool {
        self.order.is_purged(&[Tag::new(name)], seen)
    }
}

#[tokio::test]
async fn what_began_before_a_purge_of_another_process_was_heard_is_purged_in_both() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    one.purge(soft("a")).await;
    let (here, there) = (one.render(), other.render());
    assert!(!one.is_purged("a", here) && one.is_purged("a", there));
    assert_eq!((other.hear().await, other.hear().await), (1, 0));
    assert!(!other.is_purged("a", here) && other.is_purged("a", there));
    let later = other.render();
    assert!(!one.is_purged("a", later) && !other.is_purged("a", later));
}

#[tokio::test]
async fn purges_of_two_processes_count_in_the_order_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    assert_eq!(one.purge(soft("a")).await, [[tag("a")]]);
    assert_eq!(other.purge(soft("b")).await, [[tag("a")], [tag("b")]]);
    let seen = other.render();
    one.purge(soft("c")).await;
    for process in [one, other, Process::start(folder.path())] {
        process.hear().await;
        assert_eq!(["a", "b", "c"].map(|name| process.is_purged(name, seen)), [false, false, true]);
    }
}

#[tokio::test]
async fn log_of_two_processes_is_rewritten_and_both_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    one.purge(NewPurge { again: Some(Position::MAX), ..soft("again") }).await;
    other.hear().await;
    for n in 0..2 * SUPERSEDED {
        let process = if n % 2 == 0 { &one } else { &other };
        process.purge(soft("busy")).await;
    }
    let records = one.store.purges_since(0).await.unwrap().unwrap();
    assert!(records.len() < SUPERSEDED, "{} records", records.len());
    one.hear().await;
    let seen = one.render();
    other.purge(soft("after")).await;
    assert_eq!(one.hear().await, 1);
    let anew = Process::start(folder.path());
    for process in [one, other, anew] {
        assert!(process.is_purged("after", seen) && !process.is_purged("busy", seen));
        assert!(!process.is_purged("again", seen) && process.order.next_again().is_some());
    }
}

fn period(route: &str, seconds: u64) -> SetPeriod {
    SetPeriod { route: route.to_owned(), period: Some(Duration::from_secs(seconds)) }
}

fn of_period(position: Position, periods: &[SetPeriod]) -> LedgerRecord {
    LedgerRecord { position, record: write_periods(periods) }
}

#[test]
fn period_is_a_purge_of_nothing_to_a_server_that_does_not_know_of_periods() {
    #[derive(Deserialize)]
    struct Before {
        hard: bool,
        scopes: Vec<Scope>,
    }
    let LedgerRecord { record, .. } = of_period(7, &[period("/a", 5)]);
    let before: Before = serde_json::from_slice(unseal(&record).unwrap()).unwrap();
    assert_eq!((before.hard, before.scopes), (false, Vec::new()));
    let history = replay(&[at(5, &soft("a")), of_period(7, &[period("/a", 5)])], 20);
    assert_eq!((history.times.len(), history.last), (1, 7));
    assert_eq!(history.heard.periods, [period("/a", 5)]);
}

#[tokio::test]
async fn periods_are_heard_by_other_processes_and_kept_by_a_rewritten_log() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    one.set_period(period("/a", 5)).await;
    one.set_period(period("/b", 6)).await;
    assert_eq!(other.hear_periods().await, [period("/a", 5), period("/b", 6)]);
    other.set_period(period("/a", 7)).await;
    for _ in 0..2 * SUPERSEDED {
        other.purge(soft("busy")).await;
    }
    let records = one.store.purges_since(0).await.unwrap().unwrap();
    assert!(records.len() < SUPERSEDED, "{} records", records.len());
    let PurgeHistory { heard, .. } = replay(&records, 0);
    assert_eq!(heard.periods, [period("/a", 7), period("/b", 6)]);
    one.hear().await;
    other.set_period(period("/c", 8)).await;
    assert_eq!(one.hear_periods().await, [period("/c", 8)], "both go on");
}

#[tokio::test]
async fn periods_that_the_ledger_has_lost_are_set_again() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    let log = folder.path().join("purges.log");
    one.set_period(period("/a", 5)).await;
    let kept = std::fs::read(&log).unwrap();
    one.set_period(period("/a", 7)).await;
    other.hear().await;
    std::fs::write(&log, kept).unwrap();
    assert_eq!(one.hear_periods().await, [period("/a", 5), period("/a", 7)]);
    assert_eq!(other.hear_periods().await.last(), Some(&period("/a", 7)));
    let records = one.store.purges_since(0).await.unwrap().unwrap();
    assert_eq!(records.len(), 3, "the first period, the second, a purge of everything");
    assert_eq!(replay(&records, 0).heard.periods.last(), Some(&period("/a", 7)));
}

/// As if a replica took over that lacks the last purges, or somebody emptied the ledger.
#[tokio::test]
async fn purges_that_the_ledger_has_lost_are_made_up_for_once_by_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
    one.purge(NewPurge { again: Some(Position::MAX), ..soft("again") }).await;
    one.purge(soft("a")).await;
    other.hear().await;
    let seen = other.render();
    std::fs::remove_file(folder.path().join("purges.log")).unwrap();

    for process in [&one, &other] {
        process.hear().await;
        assert!(process.is_all_purged(seen) && !process.is_all_purged(process.render()));
        let hard = process
            .order
            .purges()
            .read(|times| times.records().filter(|(_, kind, _)| *kind == PurgeKind::Hard).count());
        assert_eq!(hard, 1);
        let origin = process.order.origins().of(process.order.seen().0).unwrap();
        assert_eq!(origin.by, PurgeSource::LostPurges);
        assert_eq!(process.hear().await, 0);
    }
    let records = one.store.purges_since(0).await.unwrap().unwrap();
    assert_eq!(records.len(), 3, "one of everything, one that is hard, one again");
    let fresh = Process::start(folder.path());
    assert!(fresh.is_all_purged(seen) && fresh.is_purged("gone", seen));
    assert!(fresh.order.next_again().is_some());
}

/// The ledger was emptied while no process ran, and its clock is behind by now.
#[tokio::test]
async fn purge_reaches_a_page_that_has_seen_what_the_ledger_has_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
    other.hear().await;
    let heard = other.render();
    for (ahead, is_lost) in [(Duration::from_micros(3), false), (Duration::from_secs(30), true)] {
        let start =
            RenderStart::new(SystemTime::UNIX_EPOCH, heard.0 + ahead.as_micros() as Position);
        let key = Key::of_canonical("/a");
        let mut page =
            Entry::new(key, StatusCode::OK, HeaderMap::new(), Bytes::from_static(b"x"), start);
        other.order.observe(&mut page);
        other.hear().await;
        assert_eq!(other.is_purged("gone", page.seen), is_lost, "{ahead:?}");
        assert_eq!(other.is_purged("gone", heard), is_lost, "{ahead:?}");
        one.purge(soft("later")).await;
        other.hear().await;
        assert!(!is_lost || other.is_purged("later", page.seen));
    }
}

/// A later hard purge of the same is lost, but the first one is still there.
#[tokio::test]
async fn lost_hard_purge_is_made_up_for_though_an_earlier_one_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    let log = folder.path().join("purges.log");
    one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
    other.hear().await;
    let (kept, seen) = (std::fs::read(&log).unwrap(), other.render());
    one.purge(purge(&[tag("gone")], PurgeKind::Hard)).await;
    std::fs::write(&log, kept).unwrap();

    one.hear().await;
    other.hear().await;
    let hard = other.order.purges().read(|times| {
        times.records().filter(|(_, kind, at)| *kind == PurgeKind::Hard && *at > seen.0).count()
    });
    assert_eq!(hard, 1, "a page of before is served to nobody");
}

/// Loses the last record after some of the calls.
#[derive(Debug, Default)]
struct ForgetfulLedger {
    records: std::sync::Mutex<Vec<LedgerRecord>>,
    /// After how many appended records it loses the last one.
    loses_in: std::sync::atomic::AtomicUsize,
    cannot_be_read: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl Ledger for ForgetfulLedger {
    fn records(&self) -> Result<Vec<LedgerRecord>, StoreError> {
        Ok(self.records.lock().unwrap().clone())
    }

    async fn append(&self, record: Bytes, after: Position) -> Result<Position, StoreError> {
        let mut records = self.records.lock().unwrap();
        let position = records.last().map_or(0, |last| last.position).max(after) + 10;
        records.push(LedgerRecord { position, record });
        if self.loses_in.fetch_sub(1, Relaxed) == 1 {
            records.pop();
        }
        Ok(position)
    }

    async fn since(&self, at: Position) -> Result<Option<Vec<LedgerRecord>>, StoreError> {
        if self.cannot_be_read.load(Relaxed) {
            return Err("it cannot be read".into());
        }
        let records = self.records.lock().unwrap();
        let has_it = at == 0 || records.iter().any(|record| record.position == at);
        Ok(has_it.then(|| records.iter().filter(|it| it.position > at).cloned().collect()))
    }

    async fn replace(&self, _: Vec<LedgerRecord>) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// How many purges are heard.
async fn heard(log: &PurgeLog, store: &Guarded, order: &Order) -> Result<usize, StoreError> {
    let mut count = 0;
    log.hear(store, order, |heard| count = heard.purges.len()).await?;
    Ok(count)
}

async fn keep(
    log: &PurgeLog,
    store: &Guarded,
    purge: NewPurge,
    order: &Order,
) -> Result<(), StoreError> {
    log.append(store, purge, order, drop).await
}

fn on_forgetful_ledger(folder: &Path) -> (Arc<ForgetfulLedger>, Guarded, Order) {
    let pages = Arc::new(DiskStore::open(folder, "one").unwrap());
    let ledger = Arc::new(ForgetfulLedger::default());
    let store = Guarded::new(pages, Arc::clone(&ledger) as _, Duration::from_secs(5));
    let order = Order::after(Arc::new(SystemClock), 0, PurgeTimes::default(), Later::default());
    (ledger, store, order)
}

#[tokio::test]
async fn purge_that_is_lost_or_cannot_be_read_back_once_it_is_kept_is_not_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, store, order) = on_forgetful_ledger(folder.path());
    let log = PurgeLog::default();
    assert!(keep(&log, &store, soft("a"), &order).await.is_ok());
    let seen = order.begin().began.seen;
    ledger.loses_in.store(1, Relaxed);
    assert!(keep(&log, &store, soft("b"), &order).await.is_err());
    assert!(order.is_purged(&[Tag::new("b")], seen), "it counts here");
    ledger.cannot_be_read.store(true, Relaxed);
    assert!(keep(&log, &store, soft("c"), &order).await.is_err());
    assert!(order.is_purged(&[Tag::new("c")], seen));
    ledger.cannot_be_read.store(false, Relaxed);
    assert!(keep(&log, &store, soft("b"), &order).await.is_ok());
}

#[tokio::test]
async fn ledger_that_loses_again_what_makes_up_for_a_loss_is_noticed_again() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, store, order) = on_forgetful_ledger(folder.path());
    let log = PurgeLog::default();
    keep(&log, &store, soft("a"), &order).await.unwrap();
    keep(&log, &store, soft("a"), &order).await.unwrap();
    ledger.records.lock().unwrap().pop();
    ledger.loses_in.store(1, Relaxed);
    assert!(heard(&log, &store, &order).await.is_err());
    assert_eq!(ledger.records.lock().unwrap().len(), 1);
    heard(&log, &store, &order).await.unwrap();
    assert_eq!(ledger.records.lock().unwrap().len(), 2, "one of everything");
    assert_eq!(heard(&log, &store, &order).await.unwrap(), 0);
}

/// A process that was cut off has purged something at a position that another one has passed.
#[tokio::test]
async fn purge_at_a_position_that_was_passed_is_heard_with_what_makes_up_for_losses() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    one.purge(soft("a")).await;
    one.purge(soft("a")).await;
    std::fs::remove_file(folder.path().join("purges.log")).unwrap();
    let early = write(&purge(&[tag("gone")], PurgeKind::Hard), false);
    std::fs::write(folder.path().join("purges.log"), {
        let mut line = seal(&format!("7 {}", std::str::from_utf8(&early).unwrap())).to_vec();
        line.push(b'\n');
        line
    })
    .unwrap();
    let seen = one.render();
    one.hear().await;
    assert!(one.is_purged("gone", seen));
    let hard = one.order.purges().read(|times| {
        times.records().filter(|(_, kind, at)| *kind == PurgeKind::Hard && *at > seen.0).count()
    });
    assert_eq!(hard, 1, "still hard");
    other.hear().await;
    assert_eq!(one.store.purges_since(0).await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn purge_that_the_ledger_does_not_keep_counts_here_and_those_of_others_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Process::start(folder.path()), Process::start(folder.path()));
    let before = one.render();
    soft("here").apply_here(&one.order);
    assert!(one.is_purged("here", before) && !one.is_purged("here", one.render()));
    // As by a clock that is ahead, and set back after it.
    let ahead = one.order.due_after(Duration::from_secs(60));
    one.order.apply(&[tag("ahead")], PurgeKind::Soft, ahead);
    let between = one.render();
    other.purge(soft("there")).await;
    one.hear().await;
    assert!(one.is_purged("there", between) && !one.is_purged("there", one.render()));
}
