//! What a store has, compared with what it should have.

use super::{Check, bytes::show};
use crate::store::{Key, Store};

/// Checks that the page of `key` is `expected`.
pub(super) async fn page_is(store: &impl Store, key: &Key, expected: &[u8], when: &str) -> Check {
    let found = store.get(key).await?;
    if found.as_deref() == Some(expected) {
        return Ok(());
    }
    let (found, expected) = (show(found.as_deref()), show(Some(expected)));
    Err(format!("{when}, `get({key})` is {found}, not {expected}").into())
}

/// Checks that there is no page of `key`.
pub(super) async fn page_is_none(store: &impl Store, key: &Key, when: &str) -> Check {
    match store.get(key).await? {
        None => Ok(()),
        found => {
            let found = show(found.as_deref());
            Err(format!("{when}, `get({key})` is {found}, though there should be no page").into())
        }
    }
}

/// Checks that the value under `name` is `expected`.
pub(super) async fn value_is(store: &impl Store, name: &str, expected: &[u8], when: &str) -> Check {
    let found = store.value(name).await?;
    if found.as_deref() == Some(expected) {
        return Ok(());
    }
    let (found, expected) = (show(found.as_deref()), show(Some(expected)));
    Err(format!("{when}, `value({name:?})` is {found}, not {expected}").into())
}
