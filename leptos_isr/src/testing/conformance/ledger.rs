//! Checks of ledgers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use super::{
    Check,
    bytes::show,
    wait::{Boxed, at_once, cancelled_after},
};
use crate::store::{Lease, Ledger, LedgerRecord, StoreError};

/// Opens ledgers on the data under test.
pub(super) struct Data<O>(pub(super) O);

impl<L: Ledger, O: AsyncFn() -> L> Data<O> {
    async fn open(&self) -> L {
        (self.0)().await
    }
}

fn record(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

/// Checks that these are `expected`, in this order and no others, each at its position.
fn are(found: &[LedgerRecord], expected: &[LedgerRecord], when: &str) -> Check {
    if found == expected {
        return Ok(());
    }
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    let at = |records: &[LedgerRecord]| match records.get(same) {
        Some(LedgerRecord { position, record }) => format!("{} at {position}", show(Some(record))),
        None => "none".to_owned(),
    };
    Err(format!(
        "{when}, there are {} records, not {}; the first that differs, number {same}, is {}, not {}",
        found.len(),
        expected.len(),
        at(found),
        at(expected)
    )
    .into())
}

/// Checks that positions grow.
fn grow(records: &[LedgerRecord], when: &str) -> Check {
    match records.windows(2).find(|two| two[0].position >= two[1].position) {
        None => Ok(()),
        Some(two) => {
            let (one, other) = (two[0].position, two[1].position);
            Err(format!("{when}, a record at {one} is followed by one at {other}").into())
        }
    }
}

/// The texts that begin with `start`.
fn of(records: &[LedgerRecord], start: &str) -> Vec<Bytes> {
    let of = records.iter().filter(|record| record.record.starts_with(start.as_bytes()));
    of.map(|record| record.record.clone()).collect()
}

fn texts() -> Vec<Bytes> {
    let mut records = [
        "1 {\"tags\":[\"a\"]}",
        "2",
        // An equal record counts again.
        "2",
        "10 % ' \" \\ \\n \t ; -- , |",
        "  spaces around  ",
        "caf\u{e9} \u{4e2d}\u{6587} \u{1f980} \u{85} \u{2028}",
        "0 the order is that of appending",
    ]
    .map(record)
    .to_vec();
    records.push(record(&"a long record ".repeat(10_000)));
    records
}

/// Appends, and adds what the ledger must have then.
async fn append(
    ledger: &impl Ledger,
    text: Bytes,
    expected: &mut Vec<LedgerRecord>,
) -> Result<(), StoreError> {
    let after = expected.last().map_or(0, |record| record.position);
    let position = ledger.append(text.clone(), after).await?;
    expected.push(LedgerRecord { position, record: text });
    grow(expected, "after `append`")
}

pub(super) async fn in_order<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let ledger = data.open().await;
    let mut expected = ledger.records()?;
    for text in texts() {
        append(&ledger, text, &mut expected).await?;
        are(&ledger.records()?, &expected, "after `append`")?;
    }
    Ok(())
}

pub(super) async fn survive_reopening<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let ledger = data.open().await;
    let mut expected = ledger.records()?;
    for text in texts() {
        append(&ledger, text, &mut expected).await?;
        // As after a crash: the first ledger has not been closed.
        let beside = data.open().await;
        are(&beside.records()?, &expected, "in a ledger opened beside the first")?;
    }
    drop(ledger);
    let later = data.open().await;
    are(&later.records()?, &expected, "in a ledger opened after the first was dropped")
}

pub(super) async fn heard_by_all<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let (one, two) = (data.open().await, data.open().await);
    let mut expected = one.records()?;
    are(&two.records()?, &expected, "in another ledger on the same data")?;
    let before = expected.len();
    for (ledger, text) in [(&one, "of one"), (&two, "of two"), (&two, "again"), (&one, "of one")] {
        append(ledger, record(text), &mut expected).await?;
        for ledger in [&one, &two] {
            for from in before.saturating_sub(1)..expected.len() {
                let (position, later) = (expected[from].position, &expected[from + 1..]);
                are(&since(ledger, position).await?, later, &format!("`since({position})`"))?;
            }
        }
    }
    are(&since(&one, 0).await?, &expected, "`since(0)`")
}

async fn since(ledger: &impl Ledger, position: u64) -> Result<Vec<LedgerRecord>, StoreError> {
    let lost = || format!("`since({position})` says that records are lost").into();
    ledger.since(position).await?.ok_or_else(lost)
}

/// As if a replica took over that lacks the last records: a process has heard what is not there.
pub(super) async fn ahead<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    const HOUR: u64 = 3_600_000_000;
    let ledger = data.open().await;
    ledger.records()?;
    let last = ledger.append(record("the last one"), 0).await?;
    let ahead = last + HOUR;
    if let Some(records) = ledger.since(ahead).await? {
        let found = records.len();
        return Err(format!("`since({ahead})` gives {found} records after {last}, the last").into());
    }
    match ledger.append(record("after what was lost"), ahead).await? {
        position if position > ahead => Ok(()),
        position => Err(format!("`append` after {ahead} gives the position {position}").into()),
    }
}

pub(super) async fn positions_are_times<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    // The ledger's clock may be another one, so this looks only for what is none.
    const YEAR_2020: u64 = 1_577_836_800_000_000;
    match data.open().await.append(record("now"), 0).await? {
        YEAR_2020.. => Ok(()),
        position => Err(format!("the position {position} is no time in microseconds").into()),
    }
}

/// The lease, if it is granted within a second: giving one back may take a moment.
async fn granted(
    ledger: &impl Ledger,
    name: &str,
    version: u64,
) -> Result<Option<Lease>, StoreError> {
    for _ in 0..1000 {
        match ledger.lease(name, version).await? {
            Lease::Held => tokio::time::sleep(Duration::from_millis(1)).await,
            lease => return Ok(Some(lease)),
        }
    }
    Ok(None)
}

pub(super) async fn one_has_a_lease<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let (one, two) = (data.open().await, data.open().await);
    one.records()?;
    for name in ["build /a", "build /a?page=2"] {
        let lease = one.lease(name, 0).await?;
        match lease {
            Lease::Unknown => return Ok(()),
            Lease::Held => return Err(format!("`lease({name})` is held, but by nobody").into()),
            Lease::Granted { .. } => {}
        }
        if !matches!(two.lease(name, 0).await?, Lease::Held) {
            return Err(format!("`lease({name})` is granted to two").into());
        }
        drop(lease);
        if granted(&two, name, 0).await?.is_none() {
            return Err(format!("`lease({name})` is held after it was dropped").into());
        }
    }
    let lease = one.lease("build /b", 0).await?;
    drop(one);
    drop(lease);
    match granted(&two, "build /b", 0).await? {
        Some(_) => Ok(()),
        None => Err("a lease is held after its ledger was dropped".into()),
    }
}

/// Each that has the lease after another one has a higher version.
pub(super) async fn versions_grow<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let (one, two) = (data.open().await, data.open().await);
    one.records()?;
    let mut before = 0;
    for (ledger, asked) in [(&one, 1_000), (&two, 0), (&one, u64::from(u32::MAX)), (&two, 5)] {
        let lease = granted(ledger, "build /versions", asked).await?;
        let Some(Lease::Granted { version: Some(version), .. }) = lease else { return Ok(()) };
        if version < asked || version <= before {
            return Err(format!(
                "`lease` of at least version {asked} gives version {version} after {before}"
            )
            .into());
        }
        before = version;
    }
    Ok(())
}

pub(super) async fn concurrent<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    const EACH: usize = 25;
    let before = data.open().await.records()?;
    let ledgers = [Arc::new(data.open().await), Arc::new(data.open().await)];
    let name = |task: usize| format!("task {task:02}: ");
    let text = move |task, number| format!("{}{number} {}", name(task), "x".repeat(task * 100));
    let tasks = (0..8).map(|task| {
        let ledger = Arc::clone(&ledgers[task % 2]);
        Box::pin(async move {
            for number in 0..EACH {
                ledger.append(record(&text(task, number)), 0).await?;
            }
            Ok(())
        }) as Boxed
    });
    at_once(tasks).await?;
    let found = data.open().await.records()?;
    let (old, new) = found.split_at(before.len().min(found.len()));
    are(old, &before, "after concurrent appending")?;
    grow(&found, "after concurrent appending")?;
    if new.len() != 8 * EACH {
        let (kept, made) = (new.len(), 8 * EACH);
        return Err(format!("of {made} records appended at once, {kept} are kept").into());
    }
    for task in 0..8 {
        let expected: Vec<_> = (0..EACH).map(|number| record(&text(task, number))).collect();
        if of(new, &name(task)) != expected {
            return Err("records that one task appended are not in their order".into());
        }
    }
    Ok(())
}

pub(super) async fn cancelled<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let ledger = data.open().await;
    let without = |records: Vec<LedgerRecord>| -> Vec<_> {
        records.into_iter().filter(|record| !record.record.starts_with(b"given up")).collect()
    };
    let mut expected = without(ledger.records()?);
    for round in 0..20 {
        let given_up = record(&format!("given up {round} {}", "x".repeat(5000)));
        cancelled_after(1 + round % 4, ledger.append(given_up.clone(), 0)).await;
        append(&ledger, record(&format!("kept {round}")), &mut expected).await?;
        // The cancelled record may be there or not; if it is, it comes before the next one, or
        // after it if the call went on.
        let found = without(data.open().await.records()?);
        are(&found, &expected, "after an `append` that was cancelled")?;
    }
    let found = of(&data.open().await.records()?, "given up");
    let torn = found.into_iter().find(|record| !record.ends_with(&[b'x'; 5000]));
    torn.map_or(Ok(()), |torn| {
        Err(format!("a record that was cancelled is kept in part: {}", show(Some(&torn))).into())
    })
}

/// What a log is rewritten to: fewer records, some of them at one position, the last of which stays.
fn shorter(records: &[LedgerRecord]) -> Vec<LedgerRecord> {
    let Some(LedgerRecord { position, .. }) = records.last() else { return Vec::new() };
    let at = |position, text| LedgerRecord { position, record: record(text) };
    let before = position.saturating_sub(1);
    vec![at(before, "rewritten"), at(*position, "rewritten"), at(*position, "rewritten too")]
}

/// Replaces all records. Returns those that are kept.
async fn replace<L: Ledger>(
    data: &Data<impl AsyncFn() -> L>,
    ledger: &L,
    records: Vec<LedgerRecord>,
) -> Result<Vec<LedgerRecord>, StoreError> {
    let before = ledger.records()?;
    let is_replaced = ledger.replace(records.clone()).await?;
    let expected = if is_replaced { records } else { before };
    let when = format!("after `replace` returned {is_replaced}");
    are(&ledger.records()?, &expected, &when)?;
    let later = data.open().await;
    are(&later.records()?, &expected, &format!("{when}, in a ledger opened later"))?;
    Ok(expected)
}

pub(super) async fn replaced<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    for _ in 0..2 {
        let ledger = data.open().await;
        ledger.append(record("before"), 0).await?;
        ledger.append(record("before that"), 0).await?;
        let records = shorter(&ledger.records()?);
        replace(data, &ledger, records).await?;
    }
    Ok(())
}

pub(super) async fn after_replacing<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let (ledger, other) = (data.open().await, data.open().await);
    ledger.append(record("before"), 0).await?;
    let records = ledger.records()?;
    // The other one has heard of everything so far.
    let heard = records.last().map_or(0, |record| record.position);
    are(&since(&other, 0).await?, &records, "`since(0)`")?;
    let mut expected = replace(data, &ledger, shorter(&records)).await?;
    let before = expected.len();
    for text in ["after", "after that"] {
        let position = ledger.append(record(text), 0).await?;
        expected.push(LedgerRecord { position, record: record(text) });
        are(&ledger.records()?, &expected, "appended after `replace`")?;
        let later = data.open().await;
        are(&later.records()?, &expected, "appended after `replace`, in a ledger opened later")?;
        let when = "`since` what was heard before `replace`";
        are(&since(&other, heard).await?, &expected[before..], when)?;
    }
    grow(&expected[before - 1..], "appended after `replace`")
}

pub(super) async fn others_are_kept<L: Ledger>(data: &Data<impl AsyncFn() -> L>) -> Check {
    let (one, other) = (data.open().await, data.open().await);
    let position = one.append(record("of one process"), 0).await?;
    let known = vec![LedgerRecord { position, record: record("of one process") }];
    other.append(record("of another process"), 0).await?;
    let is_replaced = one.replace(known).await?;
    other.append(record("of another process, later"), 0).await?;
    let found = data.open().await.records()?;
    for text in ["of another process", "of another process, later"] {
        if !found.iter().any(|found| found.record == record(text)) {
            return Err(format!(
                "`replace` returned {is_replaced}, and lost the record \"{text}\""
            )
            .into());
        }
    }
    others_are_kept_meanwhile(Arc::new(one), Arc::new(other)).await?;
    let found = of(&data.open().await.records()?, "meanwhile ");
    let expected: Vec<_> = meanwhile().map(|text| record(&text)).collect();
    if found == expected {
        return Ok(());
    }
    let (kept, made) = (found.len(), expected.len());
    Err(format!("of {made} records appended during `replace`, {kept} are kept").into())
}

fn meanwhile() -> impl Iterator<Item = String> {
    (0..100).map(|number| format!("meanwhile {number}"))
}

/// One process replaces the records with what it reads, again and again, while another one appends.
async fn others_are_kept_meanwhile<L: Ledger>(one: Arc<L>, other: Arc<L>) -> Check {
    let is_appended = Arc::new(AtomicBool::new(false));
    let appending = {
        let is_appended = Arc::clone(&is_appended);
        Box::pin(async move {
            for text in meanwhile() {
                other.append(record(&text), 0).await?;
            }
            is_appended.store(true, Ordering::SeqCst);
            Ok(())
        }) as Boxed
    };
    let replacing = Box::pin(async move {
        while !is_appended.load(Ordering::SeqCst) {
            let records = one.records()?;
            one.replace(records).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    at_once([appending, replacing]).await
}
