//! A list that is read entry by entry.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use newsroom::Section;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::value::RawValue;
use tracing::warn;

/// How many entries are remembered as named in the log; then all are named anew.
const MOST_NAMED: usize = 1000;

/// What the log says of the entries that were left out.
static NAMED: Mutex<BTreeMap<u64, String>> = Mutex::new(BTreeMap::new());

/// A line for each entry of a list that this process has left out because it cannot be read.
#[must_use]
pub fn left_out() -> Vec<String> {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
}

/// The entries of a list that can be read. One that cannot is left out, so that it keeps no other
/// from the readers, and named once in the log. If none can be read, the list cannot.
pub(super) struct Entries<T> {
    pub(super) read: Vec<T>,
    /// The slugs of those that are left out, as far as they have one.
    pub(super) left_out: Vec<String>,
    /// Whether none is left out.
    pub(super) is_whole: bool,
}

/// The sections that could be read.
pub(super) struct Sections {
    pub(super) read: Vec<Section>,
    /// Whether these are all.
    pub(super) is_whole: bool,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        let mut entries = Self { read: Vec::new(), left_out: Vec::new(), is_whole: true };
        let mut first = None;
        for entry in Vec::<Box<RawValue>>::deserialize(list)? {
            match serde_json::from_str(entry.get()) {
                Ok(entry) => entries.read.push(entry),
                Err(error) => {
                    let slug = slug(entry.get());
                    name(entry.get(), slug.as_deref(), &error);
                    entries.is_whole = false;
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
    let mut hasher = DefaultHasher::new();
    entry.hash(&mut hasher);
    let mut all = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_NAMED {
        all.clear();
    }
    all.entry(hasher.finish()).or_insert_with(|| {
        let line = match slug {
            Some(slug) => format!("`{slug}` cannot be read and is left out of its lists: {error}"),
            None => format!("an entry of a list cannot be read and is left out: {error}"),
        };
        warn!("{line}");
        line
    });
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
    fn entry_that_is_left_out_is_named_once() {
        for _ in 0..3 {
            let list = r#"[{"title":"a"},{"title":null,"slug":"of-the-report"}]"#;
            serde_json::from_str::<Entries<Entry>>(list).unwrap();
        }
        let named = left_out();
        let named: Vec<_> = named.iter().filter(|line| line.contains("`of-the-report`")).collect();
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(named[0].contains("invalid type: null"), "{named:?}");
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
