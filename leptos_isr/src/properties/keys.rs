//! One key for each page.

use std::collections::BTreeMap;

use http::Uri;
use proptest::{collection::vec, prelude::*, sample::select};

use super::spelling::{Spelling, segments, spelling, text};
use crate::address::{key::Key, path::CanonicalPath};

type Pairs = Vec<(String, String)>;

const LISTED: [&str; 3] = ["page", "q", "caf\u{e9} +"];
const UNLISTED: [&str; 5] = ["utm_source", "pag", "Page", "page ", "page%"];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), select(vec!["1".to_owned(), "2".to_owned()]), text()]
}

fn listed_pairs() -> impl Strategy<Value = Pairs> {
    vec((select(&LISTED[..]).prop_map(str::to_owned), value()), 0..4)
}

fn unlisted_pairs() -> impl Strategy<Value = Pairs> {
    vec((select(&UNLISTED[..]).prop_map(str::to_owned), value()), 0..3)
}

fn key(segments: &[String], pairs: &Pairs, spelling: &Spelling) -> Key {
    let path = CanonicalPath::parse(&spelling.path(segments)).unwrap();
    let query = spelling.query(pairs);
    Key::new(&path, Some(&query), &LISTED.map(str::to_owned)).unwrap()
}

/// The values of each parameter, in the order given.
fn by_name(pairs: &Pairs) -> BTreeMap<&str, Vec<&str>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        all.entry(name.as_str()).or_default().push(value.as_str());
    }
    all
}

/// The pairs in another order. Pairs of one name keep theirs.
fn shuffled(pairs: &Pairs, order: &[usize]) -> Pairs {
    let mut groups: Vec<Pairs> = Vec::new();
    for pair in pairs {
        match groups.iter_mut().find(|group| group[0].0 == pair.0) {
            Some(group) => group.push(pair.clone()),
            None => groups.push(vec![pair.clone()]),
        }
    }
    let mut all = Pairs::new();
    for turn in order.iter().cycle() {
        groups.retain(|group| !group.is_empty());
        if groups.is_empty() {
            return all;
        }
        let picked = turn % groups.len();
        all.push(groups[picked].remove(0));
    }
    all
}

proptest! {
    #[test]
    fn keys_are_equal_exactly_if_path_and_listed_parameters_are(
        a in segments(), b in segments(), is_same_path: bool,
        one in listed_pairs(), two in listed_pairs(), s in spelling(), t in spelling(),
    ) {
        let b = if is_same_path { a.clone() } else { b };
        let is_same = a == b && by_name(&one) == by_name(&two);
        prop_assert_eq!(key(&a, &one, &s) == key(&b, &two, &t), is_same);
    }

    #[test]
    fn order_spelling_and_unlisted_parameters_change_no_key(
        path in segments(), listed in listed_pairs(), unlisted in unlisted_pairs(),
        order in vec(any::<usize>(), 1..8), s in spelling(), t in spelling(),
    ) {
        let mixed = shuffled(&[listed.clone(), unlisted].concat(), &order);
        prop_assert_eq!(key(&path, &listed, &s), key(&path, &mixed, &t));
    }

    #[test]
    fn key_is_a_url_that_has_the_same_key_and_the_same_parameters(
        path in segments(), pairs in listed_pairs(), spelling in spelling(),
    ) {
        let key = key(&path, &pairs, &spelling);
        let uri: Uri = key.as_str().parse().unwrap();
        prop_assert_eq!(uri.path(), key.path());
        let parsed = CanonicalPath::parse(uri.path()).unwrap();
        prop_assert_eq!(&parsed.segments, &path);
        let again = Key::new(&parsed, uri.query(), &LISTED.map(str::to_owned)).unwrap();
        prop_assert_eq!(&again, &key);
        // As the page's code reads them.
        let read: Pairs = uri.query().map_or_else(Vec::new, |query| {
            query.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| {
                let decode = |text| {
                    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
                };
                (decode(name), decode(value))
            }).collect()
        });
        prop_assert_eq!(by_name(&read), by_name(&pairs));
    }

    #[test]
    fn no_request_has_the_key_of_the_shared_404_page(
        query in proptest::option::of(any::<String>()), spelling in spelling(),
    ) {
        let segments = ["_isr".to_owned(), "not-found".to_owned()];
        let path = CanonicalPath::parse(&spelling.path(&segments)).unwrap();
        for listed in [&[][..], &[String::new()], &["page".to_owned()]] {
            if let Ok(key) = Key::new(&path, query.as_deref(), listed) {
                prop_assert!(!key.is_shared_not_found(), "{:?}", query);
            }
        }
    }
}
