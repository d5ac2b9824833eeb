//! Checks of the small values of a build.

use bytes::Bytes;

use super::{
    Check, Data,
    bytes::{all_bytes, noise, page, show},
    kept::{page_is, page_is_none, value_is},
    keys::{key, look_alikes},
};
use crate::store::Store;

async fn is_none(store: &impl Store, name: &str, when: &str) -> Check {
    match store.value(name).await? {
        None => Ok(()),
        found => {
            let found = show(found.as_deref());
            Err(format!("{when}, `value({name:?})` is {found}, though there should be none").into())
        }
    }
}

pub(super) async fn read_as_written<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("value").await;
    is_none(&store, "paths of /a/:b", "in an empty store").await?;
    for value in [noise(1, 300_000), Bytes::new(), all_bytes(), Bytes::from_static(b"[]")] {
        store.put_value("paths of /a/:b", value.clone()).await?;
        value_is(&store, "paths of /a/:b", &value, "after `put_value`").await?;
    }
    Ok(())
}

pub(super) async fn names_are_apart<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("names").await;
    let mut names = look_alikes();
    names.extend(
        ["", " ", "../a", "a\0b", "paths of /a", "paths of /A", "caf\u{e9}"].map(Into::into),
    );
    for name in &names {
        store.put_value(name, page(name)).await?;
    }
    for name in &names {
        value_is(&store, name, &page(name), "beside names that look alike").await?;
    }
    Ok(())
}

pub(super) async fn apart_from_pages<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("apart").await;
    let key = key("/a");
    store.put_value("/a", page("the value")).await?;
    page_is_none(&store, &key, "beside a value of this name").await?;
    store.put(&key, page("/a")).await?;
    value_is(&store, "/a", &page("the value"), "beside a page of this key").await?;
    page_is(&store, &key, &page("/a"), "beside a value of this name").await?;
    store.remove(&key).await?;
    value_is(&store, "/a", &page("the value"), "after `remove` of a page of this key").await
}

pub(super) async fn builds_are_apart<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let one = data.open("value-1").await;
    one.put_value("paths", page("build 1")).await?;
    let eleven = data.open("value-11").await;
    is_none(&eleven, "paths", "in another build").await?;
    eleven.put_value("paths", page("build 11")).await?;
    value_is(&one, "paths", &page("build 1"), "after `put_value` in another build").await
}

pub(super) async fn survive<S: Store>(data: &Data<impl AsyncFn(String) -> S>) -> Check {
    let store = data.open("value-survives").await;
    store.put_value("paths", page("paths")).await?;
    for i in 0..40 {
        store.put(&key(&format!("/{i}")), noise(i, 200_000)).await?;
    }
    value_is(&store, "paths", &page("paths"), "after many pages").await?;
    let beside = data.open("value-survives").await;
    value_is(&beside, "paths", &page("paths"), "in a store opened beside the first").await?;
    drop((store, beside));
    let later = data.open("value-survives").await;
    value_is(&later, "paths", &page("paths"), "in a store opened after the first was dropped").await
}
