//! When each path, prefix and tag was last purged.
//!
//! A purge scans nothing, it only notes its position. A page is compared with the purges of its path,
//! of the folders above it and of its tags when it is read. So a purge costs the same for ten pages
//! and for a million.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    address::tag::Tag,
    entry::{Entry, Position, Seen, ServedEntry},
    order::purge::{Scope, prefixes},
    rules::freshness::PurgeKind,
};

/// The last soft and the last hard purge of one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LastPurges {
    soft: Position,
    hard: Position,
}

/// The last purge that reaches a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastPurge {
    pub(crate) scope: Scope,
    pub(crate) kind: PurgeKind,
    pub(crate) position: Position,
}

/// How many paths, prefixes and tags are remembered, each a few dozen bytes.
const REMEMBERED: usize = 100_000;

/// When each scope was last purged.
///
/// Bounded: when there are too many, the older half becomes one purge of everything, with the
/// latest of their positions. It does not reach pages whose render began later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PurgeTimes(HashMap<Scope, LastPurges>);

impl PurgeTimes {
    pub(crate) fn note(&mut self, scope: Scope, kind: PurgeKind, position: Position) {
        let marks = self.0.entry(scope).or_default();
        match kind {
            PurgeKind::Soft => marks.soft = marks.soft.max(position),
            PurgeKind::Hard => marks.hard = marks.hard.max(position),
        }
        if self.0.len() > REMEMBERED {
            self.forget_older_half();
        }
    }

    fn forget_older_half(&mut self) {
        let mut positions: Vec<_> =
            self.0.values().map(|marks| marks.soft.max(marks.hard)).collect();
        let middle = positions.len() / 2;
        let (_, &mut last, _) = positions.select_nth_unstable(middle);
        let mut forgotten = LastPurges::default();
        self.0.retain(|_, marks| {
            let stays = marks.soft.max(marks.hard) > last;
            if !stays {
                forgotten.soft = forgotten.soft.max(marks.soft);
                forgotten.hard = forgotten.hard.max(marks.hard);
            }
            stays
        });
        let everything = self.0.entry(Scope::everything()).or_default();
        everything.soft = everything.soft.max(forgotten.soft);
        everything.hard = everything.hard.max(forgotten.hard);
    }

    /// Has each purge count at `position`.
    fn raise(&mut self, position: Position) {
        for LastPurges { soft, hard } in self.0.values_mut() {
            for at in [soft, hard].into_iter().filter(|at| **at > 0) {
                *at = position;
            }
        }
    }

    /// Whether a purge after `seen` reaches `entry`.
    pub(crate) fn is_purged_after(&self, entry: &Entry, seen: Seen) -> bool {
        let last = self.last_of(entry);
        last.soft.max(last.hard) > seen.0
    }

    /// The last purge of a page of this path with these tags. If `seen` is given, a hard one after it
    /// counts before any that is soft.
    pub(crate) fn last_purge_of(
        &self,
        path: &str,
        tags: &[Tag],
        seen: Option<Seen>,
    ) -> Option<LastPurge> {
        let of_path = std::iter::once(Scope::Path(path.to_owned()));
        let of_prefixes = prefixes(path).map(|prefix| Scope::Prefix(prefix.to_owned()));
        let of_tags = tags.iter().map(|tag| Scope::Tag(tag.clone()));
        let purges = of_path.chain(of_prefixes).chain(of_tags).filter_map(|scope| {
            let marks = *self.0.get(&scope)?;
            Some(
                [(PurgeKind::Soft, marks.soft), (PurgeKind::Hard, marks.hard)]
                    .map(|(kind, position)| LastPurge { scope: scope.clone(), kind, position }),
            )
        });
        let decides = |purge: &LastPurge| {
            purge.kind == PurgeKind::Hard && seen.is_some_and(|seen| purge.position > seen.0)
        };
        let purges = purges.flatten().filter(|purge| purge.position > 0);
        purges.max_by_key(|purge| (decides(purge), purge.position))
    }

    fn last_of(&self, entry: &Entry) -> LastPurges {
        let mut last = LastPurges::default();
        if self.0.is_empty() {
            return last;
        }
        let path = entry.key.path();
        self.look_up(&Scope::Path(path.to_owned()), &mut last);
        for prefix in prefixes(path) {
            self.look_up(&Scope::Prefix(prefix.to_owned()), &mut last);
        }
        for tag in &entry.tags {
            self.look_up(&Scope::Tag(tag.clone()), &mut last);
        }
        last
    }

    /// How `entry` was purged since its render began, if it was.
    pub(crate) fn since(&self, entry: &Entry) -> Option<PurgeKind> {
        let last = self.last_of(entry);
        if last.hard > entry.seen.0 {
            Some(PurgeKind::Hard)
        } else if last.soft > entry.seen.0 {
            Some(PurgeKind::Soft)
        } else {
            None
        }
    }

    /// Whether one of `tags` was purged after `seen`.
    pub(crate) fn is_purged<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Tag>,
        seen: Seen,
    ) -> bool {
        let mut last = LastPurges::default();
        if !self.0.is_empty() {
            tags.into_iter().for_each(|tag| self.look_up(&Scope::Tag(tag.clone()), &mut last));
        }
        last.soft.max(last.hard) > seen.0
    }

    /// When the page at `path` was last purged by its path or a prefix.
    pub(crate) fn last_of_path(&self, path: &str) -> Position {
        let mut last = LastPurges::default();
        self.look_up(&Scope::Path(path.to_owned()), &mut last);
        for prefix in prefixes(path) {
            self.look_up(&Scope::Prefix(prefix.to_owned()), &mut last);
        }
        last.soft.max(last.hard)
    }

    /// When `tag` was last purged.
    pub(crate) fn last_of_tag(&self, tag: Tag) -> Position {
        let mut last = LastPurges::default();
        self.look_up(&Scope::Tag(tag), &mut last);
        last.soft.max(last.hard)
    }

    fn look_up(&self, scope: &Scope, last: &mut LastPurges) {
        if let Some(marks) = self.0.get(scope) {
            last.soft = last.soft.max(marks.soft);
            last.hard = last.hard.max(marks.hard);
        }
    }

    /// Every purge that still counts, for rewriting the log.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&Scope, PurgeKind, Position)> {
        self.0.iter().flat_map(|(scope, marks)| {
            [(scope, PurgeKind::Soft, marks.soft), (scope, PurgeKind::Hard, marks.hard)]
                .into_iter()
                .filter(|(_, _, position)| *position > 0)
        })
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// When each scope was last purged, shared by all threads.
#[derive(Debug)]
pub(crate) struct Purges {
    times: RwLock<PurgeTimes>,
    /// The position of the last purge.
    applied: AtomicU64,
    /// Grows with each purge. A page that was compared with all of them is not compared again until
    /// there is another.
    generation: AtomicU64,
}

impl Purges {
    /// The purges so far, of which the last one is at `applied`.
    pub(crate) fn new(times: PurgeTimes, applied: Position) -> Self {
        // Not 0, which a page has before it was ever compared.
        let generation = AtomicU64::new(1);
        Self { times: RwLock::new(times), applied: AtomicU64::new(applied), generation }
    }

    /// Notes a purge, and returns the position at which it counts: `position`, unless one that no
    /// ledger keeps was noted at a later one.
    pub(crate) fn note<'a>(
        &self,
        scopes: impl IntoIterator<Item = (&'a Scope, PurgeKind)>,
        position: Position,
    ) -> Position {
        let mut times = self.times.write().unwrap_or_else(PoisonError::into_inner);
        let position = position.max(self.applied().saturating_add(1));
        for (scope, kind) in scopes {
            times.note(scope.clone(), kind, position);
        }
        // Under the lock: whoever has seen this position finds the purge.
        self.applied.store(position, Ordering::Release);
        self.generation.fetch_add(1, Ordering::Release);
        position
    }

    /// Has each purge count again, after `position`.
    pub(crate) fn count_again_after(&self, position: Position) -> Position {
        let mut times = self.times.write().unwrap_or_else(PoisonError::into_inner);
        let position = position.max(self.applied()).saturating_add(1);
        times.raise(position);
        self.applied.store(position, Ordering::Release);
        self.generation.fetch_add(1, Ordering::Release);
        position
    }

    pub(crate) fn applied(&self) -> Position {
        self.applied.load(Ordering::Acquire)
    }

    /// How `entry` was purged since its render began, if it was. Takes no lock if the page was
    /// found unpurged after the last purge of anything.
    pub(crate) fn since(&self, entry: &ServedEntry) -> Option<PurgeKind> {
        let generation = self.generation();
        if entry.is_unpurged_at(generation) {
            return None;
        }
        let purged = self.read(|times| times.since(entry));
        if purged.is_none() {
            entry.set_unpurged_at(generation);
        }
        purged
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&PurgeTimes) -> T) -> T {
        look(&self.times.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::{key::Key, path::CanonicalPath},
        entry::RenderStart,
        order::purge::Purge,
    };
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::UNIX_EPOCH;

    fn entry(path: &str, tags: &[&str], position: Position) -> Entry {
        let path = CanonicalPath::parse(path).unwrap();
        let key = Key::new(&path, Some("page=2"), &["page".to_owned()]).unwrap();
        let start = RenderStart::new(UNIX_EPOCH, position);
        let mut entry =
            Entry::new(key, StatusCode::OK, HeaderMap::new(), Bytes::from_static(b"x"), start);
        entry.tags = tags.iter().map(|tag| Tag::new(*tag)).collect();
        entry
    }

    fn times(purge: &Purge, position: Position) -> PurgeTimes {
        let kind = purge.kind();
        let mut times = PurgeTimes::default();
        for scope in purge.scopes().unwrap() {
            times.note(scope, kind, position);
        }
        times
    }

    #[test]
    fn purge_reaches_its_paths_prefixes_and_tags() {
        let one = |list: &str| vec![list.to_owned()];
        let paths = |path| Purge { paths: one(path), ..Purge::default() };
        let prefixes = |path| Purge { prefixes: one(path), ..Purge::default() };
        let tags = |tag| Purge { tags: one(tag), ..Purge::default() };
        for (purge, path, reached) in [
            (paths("/a/b"), "/a/b", true),
            (paths("/a/b/"), "/a/b", true),
            (paths("/caf\u{e9}"), "/caf%C3%A9", true),
            (paths("/a"), "/a/b", false),
            (paths("/"), "/a", false),
            (prefixes("/a"), "/a/b", true),
            (prefixes("/a/"), "/a", true),
            (prefixes("/a"), "/ab", false),
            (prefixes("/a/b"), "/a", false),
            (prefixes("/"), "/a/b", true),
            (prefixes("/"), "/", true),
            (tags("t"), "/a", true),
            (tags("T"), "/a", false),
            (Purge::default(), "/a", false),
        ] {
            let found = times(&purge, 10).since(&entry(path, &["s", "t"], 5));
            assert_eq!(found, reached.then_some(PurgeKind::Soft), "{purge:?} {path}");
        }
    }

    #[test]
    fn purge_reaches_only_renders_that_began_before_it() {
        let purge = Purge { tags: vec!["t".to_owned()], hard: true, ..Purge::default() };
        let mut times = times(&purge, 10);
        assert_eq!(times.since(&entry("/a", &["t"], 9)), Some(PurgeKind::Hard));
        assert_eq!(times.since(&entry("/a", &["t"], 11)), None);
        times.note(Scope::Tag(Tag::new("t")), PurgeKind::Soft, 20);
        assert_eq!(times.since(&entry("/a", &["t"], 11)), Some(PurgeKind::Soft));
        assert_eq!(times.since(&entry("/a", &["t"], 9)), Some(PurgeKind::Hard));
    }

    #[test]
    fn last_purge_of_a_page_is_the_one_that_decides_and_otherwise_the_latest() {
        let mut times = PurgeTimes::default();
        assert_eq!(times.last_purge_of("/a/b", &[], None), None);
        let tag = || Scope::Tag(Tag::new("t"));
        times.note(Scope::Prefix("/a".to_owned()), PurgeKind::Hard, 10);
        times.note(tag(), PurgeKind::Soft, 20);
        let hard = LastPurge {
            scope: Scope::Prefix("/a".to_owned()),
            kind: PurgeKind::Hard,
            position: 10,
        };
        let soft = LastPurge { scope: tag(), kind: PurgeKind::Soft, position: 20 };
        let tags = [Tag::new("s"), Tag::new("t")];
        for (tags, seen, last) in [
            (&tags[..], None, &soft),
            (&tags, Some(5), &hard),
            (&tags, Some(10), &soft),
            (&tags, Some(20), &soft),
            (&tags[..1], Some(20), &hard),
        ] {
            let found = times.last_purge_of("/a/b", tags, seen.map(Seen));
            assert_eq!(found.as_ref(), Some(last), "{tags:?} {seen:?}");
        }
    }

    #[test]
    fn too_many_purges_become_one_of_everything_that_was_rendered_before() {
        let mut times = PurgeTimes::default();
        for position in 1..=REMEMBERED as Position + 1 {
            times.note(Scope::Tag(Tag::new(format!("t{position}"))), PurgeKind::Soft, position);
        }
        assert!(times.len() <= REMEMBERED / 2 + 2);
        let half = REMEMBERED as Position / 2;
        assert_eq!(times.since(&entry("/a", &["t7"], 5)), Some(PurgeKind::Soft));
        assert_eq!(times.since(&entry("/a", &["other"], half)), Some(PurgeKind::Soft));
        assert_eq!(times.since(&entry("/a", &["other"], half + 2)), None);
        let last = format!("t{}", REMEMBERED + 1);
        assert_eq!(times.since(&entry("/a", &[&last], half + 2)), Some(PurgeKind::Soft));
    }

    #[test]
    fn page_is_compared_again_after_each_purge_of_anything() {
        let purges = Purges::new(PurgeTimes::default(), 0);
        let page = ServedEntry::new(entry("/a", &["t"], 5));
        let note = |tag, position| {
            purges.note([(&Scope::Tag(Tag::new(tag)), PurgeKind::Soft)], position);
        };
        assert_eq!(purges.since(&page), None);
        note("other", 6);
        assert_eq!((purges.since(&page), purges.since(&page)), (None, None));
        note("t", 7);
        assert_eq!(purges.since(&page), Some(PurgeKind::Soft));
        assert_eq!(purges.since(&page), Some(PurgeKind::Soft));
        assert_eq!(purges.since(&ServedEntry::new(entry("/a", &["t"], 8))), None);
    }
}
