//! Purges, compared with a model that keeps all of them and scans them.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::{collection::vec, prelude::*, sample::select};

use super::spelling::{Spelling, spelling};
use crate::{
    address::{key::Key, path::CanonicalPath, tag::Tag},
    clock::Stamp,
    entry::{Entry, RenderStart},
    order::{purge::Purge, times::PurgeTimes},
    rules::freshness::PurgeKind,
};

pub(super) fn entry(key: Key, tags: Vec<Tag>, stamp: Stamp) -> Entry {
    let start = RenderStart::new(UNIX_EPOCH, stamp);
    let body = Bytes::from_static(b"x");
    let mut entry = Entry::new(key, StatusCode::OK, HeaderMap::new(), body, start);
    entry.tags = tags;
    entry
}

type Segments = Vec<&'static str>;

/// Similar paths: one may be a prefix of another as text but not as a path, or have a slash inside
/// a segment.
fn segments() -> impl Strategy<Value = Segments> {
    vec(select(vec!["a", "b", "ab", "a/b", "\u{e9}"]), 0..4)
}

fn tag() -> impl Strategy<Value = &'static str> {
    select(vec!["t", "T", "/a", "t "])
}

#[derive(Clone, Debug)]
enum Reach {
    Path(Segments),
    Prefix(Segments),
    Tag(&'static str),
}

/// One purge as it was asked for.
#[derive(Clone, Debug)]
struct Asked {
    reach: Vec<Reach>,
    kind: PurgeKind,
    stamp: Stamp,
    spelling: Spelling,
}

fn asked() -> impl Strategy<Value = Asked> {
    let reach = prop_oneof![
        segments().prop_map(Reach::Path),
        segments().prop_map(Reach::Prefix),
        tag().prop_map(Reach::Tag),
    ];
    let kind = select(vec![PurgeKind::Soft, PurgeKind::Hard]);
    (vec(reach, 0..3), kind, 1..10_u64, spelling())
        .prop_map(|(reach, kind, stamp, spelling)| Asked { reach, kind, stamp, spelling })
}

/// One page that was rendered.
#[derive(Clone, Debug)]
struct Page {
    segments: Segments,
    tags: Vec<&'static str>,
    stamp: Stamp,
}

fn page() -> impl Strategy<Value = Page> {
    (segments(), vec(tag(), 0..3), 0..10_u64).prop_map(|(segments, tags, stamp)| Page {
        segments,
        tags,
        stamp,
    })
}

impl Reach {
    fn reaches(&self, page: &Page) -> bool {
        match self {
            Self::Path(path) => *path == page.segments,
            Self::Prefix(prefix) => page.segments.starts_with(prefix),
            Self::Tag(tag) => page.tags.contains(tag),
        }
    }
}

/// The model: of all purges that reach the page and came after its render began, a hard one wins
/// over a soft one.
fn since(history: &[Asked], page: &Page) -> Option<PurgeKind> {
    let reached: Vec<_> = history
        .iter()
        .filter(|asked| asked.stamp > page.stamp)
        .filter(|asked| asked.reach.iter().any(|reach| reach.reaches(page)))
        .map(|asked| asked.kind)
        .collect();
    let is_hard = reached.contains(&PurgeKind::Hard);
    if is_hard { Some(PurgeKind::Hard) } else { reached.first().copied() }
}

fn owned(segments: &Segments) -> Vec<String> {
    segments.iter().map(ToString::to_string).collect()
}

impl Asked {
    fn to_purge(&self) -> Purge {
        let mut purge = Purge { hard: self.kind == PurgeKind::Hard, ..Purge::default() };
        for reach in &self.reach {
            match reach {
                Reach::Path(path) => purge.paths.push(self.spelling.path(&owned(path))),
                Reach::Prefix(path) => purge.prefixes.push(self.spelling.path(&owned(path))),
                Reach::Tag(tag) => purge.tags.push((*tag).to_owned()),
            }
        }
        purge
    }
}

fn times<'a>(history: impl IntoIterator<Item = &'a Asked>) -> PurgeTimes {
    let mut times = PurgeTimes::default();
    for asked in history {
        for scope in asked.to_purge().scopes().unwrap() {
            times.note(scope, asked.kind, asked.stamp);
        }
    }
    times
}

fn to_entry(page: &Page) -> Entry {
    let path = CanonicalPath::parse(&crate::address::path::encode(&page.segments)).unwrap();
    let key = Key::new(&path, Some("page=2"), &["page".to_owned()]).unwrap();
    entry(key, page.tags.iter().map(|tag| Tag::new(*tag)).collect(), page.stamp)
}

proptest! {
    #[test]
    fn purges_reach_what_a_scan_of_all_of_them_would(
        history in vec(asked(), 0..8), pages in vec(page(), 1..6),
    ) {
        let times = times(&history);
        for page in &pages {
            prop_assert_eq!(times.since(&to_entry(page)), since(&history, page), "{:?}", page);
        }
    }

    #[test]
    fn log_may_be_read_in_any_order_and_written_anew(
        history in vec(asked(), 0..8), pages in vec(page(), 1..6),
    ) {
        let backwards = times(history.iter().rev());
        let mut anew = PurgeTimes::default();
        for (scope, kind, stamp) in backwards.records() {
            anew.note(scope.clone(), kind, stamp);
        }
        for page in &pages {
            prop_assert_eq!(backwards.since(&to_entry(page)), since(&history, page));
            prop_assert_eq!(anew.since(&to_entry(page)), since(&history, page));
        }
    }

    #[test]
    fn any_body_is_a_purge_of_canonical_paths_or_refused(
        paths in vec(any::<String>(), 0..3), tags in vec(any::<String>(), 0..3), hard: bool,
    ) {
        let slashed = paths.iter().map(|path| format!("/{path}")).collect();
        for paths in [paths, slashed] {
            let purge = Purge {
                prefixes: paths.clone(), paths, tags: tags.clone(), hard, ..Purge::default()
            };
            crate::fuzzing::purge(&serde_json::to_vec(&purge).unwrap());
        }
    }
}
