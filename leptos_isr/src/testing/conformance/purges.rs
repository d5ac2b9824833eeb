//! Checks of purge records.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use super::{
    Check, Data,
    bytes::show,
    wait::{Boxed, at_once, cancelled_after},
};
use crate::store::Store;

fn record(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

/// Checks that the records are `expected`, in this order and no others.
fn are(found: &[Bytes], expected: &[Bytes], when: &str) -> Check {
    if found == expected {
        return Ok(());
    }
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    let at = |records: &[Bytes]| show(records.get(same).map(|record| &**record));
    Err(format!(
        "{when}, there are {} purge records, not {}; the first that differs, number {same}, is {}, \
         not {}",
        found.len(),
        expected.len(),
        at(found),
        at(expected)
    )
    .into())
}

/// The `records` that begin with `start`.
fn of(records: &[Bytes], start: &str) -> Vec<Bytes> {
    records.iter().filter(|record| record.starts_with(start.as_bytes())).cloned().collect()
}

fn records() -> Vec<Bytes> {
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

pub(super) async fn in_order<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("purges").await;
    let mut expected = store.purges()?;
    for record in records() {
        store.append_purge(record.clone()).await?;
        expected.push(record);
        are(&store.purges()?, &expected, "after `append_purge`")?;
    }
    Ok(())
}

pub(super) async fn survive_reopening<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("purges").await;
    let mut expected = store.purges()?;
    for record in records() {
        store.append_purge(record.clone()).await?;
        expected.push(record);
        // As after a crash: the first store has not been closed.
        let beside = data.open("purges").await;
        are(&beside.purges()?, &expected, "in a store opened beside the first")?;
    }
    drop(store);
    let later = data.open("purges").await;
    are(&later.purges()?, &expected, "in a store opened after the first was dropped")
}

pub(super) async fn shared_by_builds<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let (one, two) = (data.open("purges-1").await, data.open("purges-2").await);
    let mut expected = one.purges()?;
    are(&two.purges()?, &expected, "in another build")?;
    for (store, text) in [(&one, "of one"), (&two, "of two"), (&one, "of one again")] {
        store.append_purge(record(text)).await?;
        expected.push(record(text));
        are(&one.purges()?, &expected, "when two builds append")?;
        are(&two.purges()?, &expected, "when two builds append")?;
    }
    Ok(())
}

pub(super) async fn concurrent<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    const EACH: usize = 25;
    let before = data.open("purges").await.purges()?;
    let (one, two) = (data.open("purges").await, data.open("purges").await);
    let stores = [Arc::new(one), Arc::new(two)];
    let name = |task: usize| format!("task {task:02}: ");
    let tasks = (0..8).map(|task| {
        let store = Arc::clone(&stores[task % 2]);
        Box::pin(async move {
            for number in 0..EACH {
                let text = format!("{}{number} {}", name(task), "x".repeat(task * 100));
                store.append_purge(record(&text)).await?;
            }
            Ok(())
        }) as Boxed
    });
    at_once(tasks).await?;
    let found = data.open("purges").await.purges()?;
    let (old, new) = found.split_at(before.len().min(found.len()));
    are(old, &before, "after concurrent appending")?;
    if new.len() != 8 * EACH {
        let (kept, made) = (new.len(), 8 * EACH);
        return Err(format!("of {made} purges appended at once, {kept} are kept").into());
    }
    for task in 0..8 {
        let expected: Vec<_> = (0..EACH)
            .map(|number| record(&format!("{}{number} {}", name(task), "x".repeat(task * 100))))
            .collect();
        are(&of(new, &name(task)), &expected, "of one of several tasks that append")?;
    }
    Ok(())
}

pub(super) async fn cancelled<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("purges").await;
    let mut expected = store.purges()?;
    for round in 0..20 {
        let given_up = record(&format!("given up {round} {}", "x".repeat(5000)));
        cancelled_after(1 + round % 4, store.append_purge(given_up.clone())).await;
        let kept = record(&format!("kept {round}"));
        store.append_purge(kept.clone()).await?;
        // The cancelled record may be there or not; if it is, it comes before the next one, or
        // after it if the call went on.
        let found: Vec<_> = data
            .open("purges")
            .await
            .purges()?
            .into_iter()
            .filter(|r| !r.starts_with(b"given up"))
            .collect();
        expected.push(kept);
        are(&found, &expected, "after an `append_purge` that was cancelled")?;
    }
    let found = data.open("purges").await.purges()?;
    let torn = of(&found, "given up").into_iter().find(|record| !record.ends_with(&[b'x'; 5000]));
    torn.map_or(Ok(()), |torn| {
        Err(format!("a purge that was cancelled is kept in part: {}", show(Some(&torn))).into())
    })
}

/// Replaces all records through the only store that is open. Returns the records that are kept.
async fn replace<S: Store>(
    data: &Data<impl AsyncFn(String) -> S>,
    store: &S,
    records: &[Bytes],
) -> Result<Vec<Bytes>, crate::store::StoreError> {
    let before = store.purges()?;
    let is_replaced = store.replace_purges(records.to_vec()).await?;
    let expected = if is_replaced { records.to_vec() } else { before };
    let when = format!("after `replace_purges` returned {is_replaced}");
    are(&store.purges()?, &expected, &when)?;
    are(
        &data.open("purges").await.purges()?,
        &expected,
        &format!("{when}, in a store opened later"),
    )?;
    Ok(expected)
}

pub(super) async fn replaced<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    for new in [records(), vec![record("the only one")], Vec::new()] {
        let store = data.open("purges").await;
        store.append_purge(record("before")).await?;
        replace(data, &store, &new).await?;
    }
    Ok(())
}

pub(super) async fn after_replacing<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    for new in [vec![record("a"), record("b")], Vec::new()] {
        let store = data.open("purges").await;
        let mut expected = replace(data, &store, &new).await?;
        for text in ["after", "after that"] {
            store.append_purge(record(text)).await?;
            expected.push(record(text));
            are(&store.purges()?, &expected, "appended after `replace_purges`")?;
            let later = data.open("purges").await;
            are(
                &later.purges()?,
                &expected,
                "appended after `replace_purges`, in a store opened later",
            )?;
        }
    }
    Ok(())
}

pub(super) async fn others_are_kept<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let (one, other) = (data.open("purges").await, data.open("purges-other").await);
    let mut known = one.purges()?;
    other.purges()?;
    other.append_purge(record("of another process")).await?;
    known.push(record("of one process"));
    one.append_purge(record("of one process")).await?;
    let is_replaced = one.replace_purges(known).await?;
    other.append_purge(record("of another process, later")).await?;
    let found = data.open("purges").await.purges()?;
    for text in ["of another process", "of another process, later"] {
        if !found.contains(&record(text)) {
            return Err(format!(
                "`replace_purges` returned {is_replaced}, and lost a purge \"{text}\""
            )
            .into());
        }
    }
    let (one, other) = (Arc::new(one), Arc::new(other));
    others_are_kept_meanwhile(one, other).await?;
    let found = data.open("purges").await.purges()?;
    let expected: Vec<_> = meanwhile().map(|text| record(&text)).collect();
    are(&of(&found, "meanwhile "), &expected, "after `replace_purges` while another appended")
}

fn meanwhile() -> impl Iterator<Item = String> {
    (0..100).map(|number| format!("meanwhile {number}"))
}

/// One process replaces the records with what it reads, again and again, while another one appends.
async fn others_are_kept_meanwhile<S: Store>(one: Arc<S>, other: Arc<S>) -> Check {
    let is_appended = Arc::new(AtomicBool::new(false));
    let appending = {
        let is_appended = Arc::clone(&is_appended);
        Box::pin(async move {
            for text in meanwhile() {
                other.append_purge(record(&text)).await?;
            }
            is_appended.store(true, Ordering::SeqCst);
            Ok(())
        }) as Boxed
    };
    let replacing = Box::pin(async move {
        while !is_appended.load(Ordering::SeqCst) {
            let records = one.purges()?;
            one.replace_purges(records).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    at_once([appending, replacing]).await
}
