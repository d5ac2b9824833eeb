//! A list that is read entry by entry.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::value::RawValue;
use tracing::warn;

/// How many entries are remembered as named in the log; then all are named anew.
const MOST_NAMED: usize = 1000;

/// The entries of a list that can be read. One that cannot is left out, so that it keeps no other
/// from the readers, and named once in the log. If none can be read, the list cannot.
pub(super) struct Entries<T> {
    pub(super) read: Vec<T>,
    /// The slugs of those that are left out, as far as they have one.
    pub(super) left_out: Vec<String>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        let mut entries = Self { read: Vec::new(), left_out: Vec::new() };
        let mut first = None;
        for entry in Vec::<Box<RawValue>>::deserialize(list)? {
            match serde_json::from_str(entry.get()) {
                Ok(entry) => entries.read.push(entry),
                Err(error) => {
                    let slug = slug(entry.get());
                    name(entry.get(), slug.as_deref(), &error);
                    entries.left_out.extend(slug);
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if entries.read.is_empty() => {
                Err(D::Error::custom(format!("no entry can be read; the first: {error}")))
            }
            _ => Ok(entries),
        }
    }
}

fn slug(entry: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        slug: String,
    }

    serde_json::from_str(entry).ok().map(|named: Named| named.slug)
}

fn name(entry: &str, slug: Option<&str>, error: &serde_json::Error) {
    static NAMED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());
    let mut hasher = DefaultHasher::new();
    entry.hash(&mut hasher);
    let mut all = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_NAMED {
        all.clear();
    }
    if all.insert(hasher.finish()) {
        warn!(slug, %error, "an entry of a list cannot be read and is left out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Entry {
        title: String,
    }

    #[test]
    fn entry_that_cannot_be_read_keeps_no_other_away() {
        for bad in [r#"{"title":null}"#, "{}", r#"{"title":"\ud800"}"#, "3", "null", "[[]]"] {
            let list = format!(r#"[{{"title":"a"}},{bad},{{"title":"b"}}]"#);
            let entries: Entries<Entry> = serde_json::from_slice(list.as_bytes()).unwrap();
            let titles: Vec<_> = entries.read.iter().map(|entry| &*entry.title).collect();
            assert_eq!(titles, ["a", "b"], "{bad}");
        }
    }

    #[test]
    fn list_without_a_readable_entry_is_refused() {
        let read = serde_json::from_str::<Entries<Entry>>(r#"[{"name":"a"},{"name":"b"}]"#);
        let error = read.err().unwrap().to_string();
        assert!(
            error.contains("no entry can be read; the first: missing field `title`"),
            "{error}"
        );
        assert!(serde_json::from_str::<Entries<Entry>>("[]").unwrap().read.is_empty());
    }

    #[test]
    fn what_is_no_whole_list_is_refused() {
        for list in ["{}", "null", r#"[{"title":"a"}"#, r#"[{"title":"a"},"#, "<html>"] {
            assert!(serde_json::from_str::<Entries<Entry>>(list).is_err(), "{list}");
        }
    }
}
