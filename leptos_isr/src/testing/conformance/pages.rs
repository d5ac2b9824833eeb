//! Checks of pages.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures::future::{Either, select};

use super::{
    Check, Data,
    bytes::{all_bytes, noise, page, show},
    kept::{page_is, page_is_none, value_is},
    keys::{key, look_alikes},
    wait::{Boxed, at_once, cancelled_after},
};
use crate::{address::key::Key, store::Store};

const MIB: usize = 1 << 20;

/// How often a check repeats what it wants to catch halfway.
const ROUNDS: u64 = 50;

/// How often readers look while a page is written again and again.
const READS: usize = 400;

async fn contains(store: &impl Store, key: &Key, expected: bool, when: &str) -> Check {
    let found = store.contains(key).await?;
    if found == expected {
        return Ok(());
    }
    Err(format!("{when}, `contains({key})` is {found}").into())
}

pub(super) async fn read_as_written<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("written").await;
    for (name, page) in [
        ("/empty", Bytes::new()),
        ("/one", Bytes::from_static(b"x")),
        ("/nul", Bytes::from_static(b"\0")),
        ("/line", Bytes::from_static(b"\r\n \n")),
        ("/all", all_bytes()),
        ("/large", noise(1, MIB)),
    ] {
        let key = key(name);
        store.put(&key, page.clone()).await?;
        page_is(&store, &key, &page, "after `put`").await?;
        page_is(&store, &key, &page, "when read again").await?;
    }
    Ok(())
}

pub(super) async fn later_takes_the_place<S: Store>(
    data: &Data<impl AsyncFn(String) -> S>,
) -> Check {
    let store = data.open("later").await;
    let key = key("/a");
    for (seed, len) in [(1, 10_000), (2, 10), (3, 20_000), (4, 0), (5, 1)] {
        let page = noise(seed, len);
        store.put(&key, page.clone()).await?;
        page_is(&store, &key, &page, "after another `put`").await?;
    }
    Ok(())
}

pub(super) async fn absent_is_none<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("absent").await;
    for when in ["in an empty store", "beside other pages"] {
        for text in look_alikes() {
            page_is_none(&store, &key(&text), when).await?;
        }
        store.put(&key("/other"), page("/other")).await?;
    }
    Ok(())
}

pub(super) async fn removed_is_gone<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("removed").await;
    let gone = key("/a");
    let others: Vec<_> = ["/", "/A", "/a/", "/a/b", "/ab", "/a?page=1", "/a%2Fb"].map(key).into();
    store.remove(&gone).await?;
    for other in others.iter().chain([&gone]) {
        store.put(other, page(other.as_str())).await?;
    }
    for when in ["after `remove`", "after another `remove`"] {
        store.remove(&gone).await?;
        page_is_none(&store, &gone, when).await?;
        for other in &others {
            page_is(&store, other, &page(other.as_str()), &format!("{when} of `/a`")).await?;
        }
    }
    store.remove(&key("/*")).await?;
    page_is(&store, &others[4], &page("/ab"), "after `remove` of `/*`").await?;
    store.put(&gone, page("/a, again")).await?;
    page_is(&store, &gone, &page("/a, again"), "put again after `remove`").await
}

pub(super) async fn contains_agrees<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("contains").await;
    let (a, empty) = (key("/a"), key("/empty"));
    contains(&store, &a, false, "in an empty store").await?;
    store.put(&a, page("/a")).await?;
    store.put(&empty, Bytes::new()).await?;
    contains(&store, &a, true, "after `put`").await?;
    contains(&store, &empty, true, "after `put` of an empty page").await?;
    contains(&store, &key("/a/"), false, "beside `/a`").await?;
    contains(&store, &key("/A"), false, "beside `/a`").await?;
    contains(&data.open("contains-other").await, &a, false, "in another build").await?;
    contains(&data.open("contains").await, &a, true, "in a store opened later").await?;
    store.remove(&a).await?;
    contains(&store, &a, false, "after `remove`").await?;
    contains(&store, &empty, true, "after `remove` of another page").await
}

pub(super) async fn keys_are_apart<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("keys").await;
    let texts = look_alikes();
    for text in &texts {
        store.put(&key(text), page(text)).await?;
    }
    for text in &texts {
        page_is(&store, &key(text), &page(text), "beside keys that look alike").await?;
    }
    Ok(())
}

pub(super) async fn builds_are_apart<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let key = key("/a");
    let one = data.open("build-1").await;
    one.put(&key, page("build 1")).await?;
    let eleven = data.open("build-11").await;
    page_is_none(&eleven, &key, "in another build").await?;
    eleven.put(&key, page("build 11")).await?;
    page_is(&one, &key, &page("build 1"), "after `put` in another build").await?;
    page_is(&eleven, &key, &page("build 11"), "in its own build").await?;
    one.remove(&key).await?;
    page_is(&eleven, &key, &page("build 11"), "after `remove` in another build").await
}

pub(super) async fn survive_reopening<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let (kept, gone) = (key("/kept"), key("/gone"));
    let store = data.open("reopened").await;
    store.put(&kept, noise(1, MIB)).await?;
    store.put(&kept, noise(2, MIB)).await?;
    store.put(&gone, page("/gone")).await?;
    store.remove(&gone).await?;
    // As after a crash: the first store has not been closed.
    let beside = data.open("reopened").await;
    page_is(&beside, &kept, &noise(2, MIB), "in a store opened beside the first").await?;
    page_is_none(&beside, &gone, "in a store opened after `remove`").await?;
    drop((store, beside));
    let later = data.open("reopened").await;
    page_is(&later, &kept, &noise(2, MIB), "in a store opened after the first was dropped").await
}

pub(super) async fn concurrent_puts<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = Arc::new(data.open("concurrent").await);
    let key = key("/a");
    let page = |writer: u64| noise(writer, 1000 + 997 * writer as usize);
    for round in 0..ROUNDS / 5 {
        let writers = 16 * round..16 * (round + 1);
        let tasks = writers.clone().map(|writer| {
            let (store, key) = (Arc::clone(&store), key.clone());
            Box::pin(async move { store.put(&key, page(writer)).await }) as Boxed
        });
        at_once(tasks).await?;
        let left = store.get(&key).await?;
        if !writers.clone().any(|writer| left.as_ref() == Some(&page(writer))) {
            let left = show(left.as_deref());
            return Err(
                format!("after 16 calls of `put` at once, {left} is none of their pages").into()
            );
        }
    }
    Ok(())
}

pub(super) async fn no_torn_page<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = Arc::new(data.open("torn").await);
    let key = key("/a");
    let pages: Arc<[Bytes]> = [noise(1, 200_000), noise(2, 500), noise(3, 90_000)].into();
    store.put(&key, pages[0].clone()).await?;
    for page in pages.iter() {
        // In one task, so that some reads fall between the steps of `put`, however the threads run.
        let put = store.put(&key, page.clone());
        let reads = pin!(whole_pages_without_end(&*store, &key, &pages));
        match select(put, reads).await {
            Either::Left((put, _)) => put?,
            Either::Right((torn, _)) => return torn,
        }
    }
    let reads = Arc::new(AtomicUsize::new(0));
    let writer = {
        let (store, key, pages) = (Arc::clone(&store), key.clone(), Arc::clone(&pages));
        let reads = Arc::clone(&reads);
        Box::pin(async move {
            // Until the readers have seen enough of it.
            for (round, page) in pages.iter().cycle().enumerate() {
                if round >= ROUNDS as usize && reads.load(Ordering::SeqCst) >= READS {
                    break;
                }
                store.put(&key, page.clone()).await?;
                tokio::task::yield_now().await;
            }
            Ok(())
        }) as Boxed
    };
    let readers = (0..4).map(|_| {
        let (store, key, pages) = (Arc::clone(&store), key.clone(), Arc::clone(&pages));
        let reads = Arc::clone(&reads);
        Box::pin(async move {
            let seen = only_whole_pages(&*store, &key, &pages, &reads).await;
            // The writer need not continue for a reader that has seen enough.
            reads.fetch_add(READS, Ordering::SeqCst);
            seen
        }) as Boxed
    });
    at_once(readers.chain([writer])).await
}

/// Checks that each of [`READS`] reads, counted in `reads`, gives one of `pages`.
async fn only_whole_pages(
    store: &impl Store,
    key: &Key,
    pages: &[Bytes],
    reads: &AtomicUsize,
) -> Check {
    while reads.fetch_add(1, Ordering::SeqCst) < READS {
        one_whole_page(store, key, pages).await?;
    }
    Ok(())
}

/// Ends only with a read that does not give one of `pages`.
async fn whole_pages_without_end(store: &impl Store, key: &Key, pages: &[Bytes]) -> Check {
    loop {
        one_whole_page(store, key, pages).await?;
    }
}

async fn one_whole_page(store: &impl Store, key: &Key, pages: &[Bytes]) -> Check {
    let found = store.get(key).await?;
    if !found.as_ref().is_some_and(|found| pages.contains(found)) {
        let found = show(found.as_deref());
        return Err(format!("while `put` ran, `get` gave {found}, which was never put").into());
    }
    tokio::task::yield_now().await;
    Ok(())
}

pub(super) async fn cancelled_put<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("cancelled").await;
    let key = key("/a");
    let mut pages = vec![noise(0, 100_000)];
    store.put(&key, pages[0].clone()).await?;
    for round in 1..=ROUNDS {
        let new = noise(round, 30_000 * (1 + round as usize % 5));
        pages.push(new.clone());
        cancelled_after(1 + round as usize % 4, store.put(&key, new)).await;
        let found = store.get(&key).await?;
        if !found.as_ref().is_some_and(|found| pages.contains(found)) {
            let found = show(found.as_deref());
            return Err(format!("after a `put` that was cancelled, `get` gives {found}").into());
        }
    }
    Ok(())
}

pub(super) async fn dropped_is_none<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("dropped").await;
    store.set_in_use(Arc::new(|key| key.path() == "/0"));
    let page = |i: u64| noise(i, 80_000);
    for i in 0..250 {
        store.put(&key(&format!("/{i}")), page(i)).await?;
    }
    for i in 0..250 {
        let found = store.get(&key(&format!("/{i}"))).await?;
        if found.as_ref().is_some_and(|found| *found != page(i)) {
            let found = show(found.as_deref());
            return Err(format!("among many pages, `get(/{i})` gives {found}, not its page").into());
        }
    }
    Ok(())
}

pub(super) async fn old_builds_go<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    data.open("old").await.put(&key("/a"), page("old")).await?;
    let store = data.open("new").await;
    let key = key("/a");
    store.put(&key, page("new")).await?;
    store.put_value("paths", page("paths")).await?;
    store.begin_service().await?;
    for when in ["after `remove_old_builds`", "after another `remove_old_builds`"] {
        store.remove_old_builds().await?;
        page_is(&store, &key, &page("new"), when).await?;
        value_is(&store, "paths", &page("paths"), when).await?;
    }
    Ok(())
}
