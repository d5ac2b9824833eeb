//! Checks of the list of pages, for stores that have one.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use futures::StreamExt;

use super::{
    Check, Data,
    bytes::{noise, page, show},
    keys::key,
    wait::{Boxed, at_once},
};
use crate::{address::key::Key, store::Store};

/// How often the pages are listed while one of them is written again and again.
const ROUNDS: u64 = 20;

/// The listed pages; `None` if the store cannot list them.
async fn listed(store: &impl Store) -> Result<Option<Vec<Bytes>>, crate::store::StoreError> {
    let Some(mut pages) = store.pages() else { return Ok(None) };
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        listed.push(page?);
    }
    Ok(Some(listed))
}

/// Checks that the store lists what `get` gives for `keys`: each page once, and nothing else.
async fn agrees(store: &impl Store, keys: &[Key], when: &str) -> Check {
    let Some(mut listed) = listed(store).await? else { return Ok(()) };
    for key in keys {
        let Some(page) = store.get(key).await? else { continue };
        let Some(place) = listed.iter().position(|listed| *listed == page) else {
            return Err(format!("{when}, `pages` lacks the page of `{key}`").into());
        };
        listed.swap_remove(place);
    }
    match listed.first() {
        None => Ok(()),
        Some(other) => {
            let other = show(Some(other));
            Err(format!("{when}, `pages` lists {other}, a duplicate or no stored page").into())
        }
    }
}

pub(super) async fn each_once<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("listed").await;
    agrees(&store, &[], "in an empty store").await?;
    let keys: Vec<_> = ["/", "/a", "/A", "/a?page=1", "/replaced", "/removed", "/empty"]
        .into_iter()
        .chain(["/b", "/c", "/d", "/e"])
        .map(key)
        .collect();
    for key in &keys {
        store.put(key, page(&format!("old {key}"))).await?;
    }
    store.put(&key("/replaced"), page("new")).await?;
    store.put(&key("/empty"), Bytes::new()).await?;
    store.remove(&key("/removed")).await?;
    store.put_value("paths", page("value")).await?;
    data.open("listed-other").await.put(&key("/a"), page("another build")).await?;
    agrees(&store, &keys, "after `put` and `remove`").await?;
    agrees(&store, &keys, "when listed again").await?;
    agrees(&data.open("listed").await, &keys, "in a store opened later").await
}

pub(super) async fn whole<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = Arc::new(data.open("listed-whole").await);
    let key = key("/a");
    let pages: Arc<BTreeSet<Bytes>> =
        (0..4).map(|n| noise(n, 30_000 + 7 * n as usize)).collect::<BTreeSet<_>>().into();
    store.put(&key, noise(0, 30_000)).await?;
    let writer = {
        let (store, pages) = (Arc::clone(&store), Arc::clone(&pages));
        Box::pin(async move {
            for page in pages.iter().cycle().take(10 * ROUNDS as usize) {
                store.put(&key, page.clone()).await?;
                tokio::task::yield_now().await;
            }
            Ok(())
        }) as Boxed
    };
    let reader = Box::pin(async move {
        for _ in 0..ROUNDS {
            let torn =
                listed(&*store).await?.into_iter().flatten().find(|page| !pages.contains(page));
            if let Some(torn) = torn {
                let torn = show(Some(&torn));
                return Err(format!("while `put` ran, `pages` gave {torn}, never put").into());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }) as Boxed;
    at_once([writer, reader]).await
}
