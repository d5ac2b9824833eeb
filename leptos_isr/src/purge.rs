//! Which pages a purge reaches.
//!
//! Nothing is scanned: a purge notes when it came, and a page is compared with
//! the purges of its path, of the folders above it and of its tags when it is
//! read. The cost is the same for ten pages and for a million.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Stamp, entry::Entry, error::Error, freshness::PurgeKind, path::CanonicalPath, tag::Tag,
};

/// Pages to regenerate before their period is over.
///
/// A purge is soft by default: the pages stay servable while they are
/// regenerated. A hard purge lets the next visitor wait for the new page; the
/// old one is served only if its render fails. Empty lists reach nothing.
///
/// As JSON: `{"paths":[],"prefixes":[],"tags":[],"hard":false}`, each field
/// optional, unknown fields refused.
///
/// # Examples
///
/// ```
/// use leptos_isr::Purge;
///
/// let purge = Purge { tags: vec!["article:42".into()], ..Purge::default() };
/// assert!(!purge.hard);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Purge {
    /// Paths, in any spelling, without a query: every page of that path,
    /// whatever its query parameters.
    pub paths: Vec<String>,
    /// Paths that stand for themselves and everything below them; `/` for all
    /// pages. `/blog` reaches `/blog` and `/blog/a`, not `/blogroll`.
    pub prefixes: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Whether the pages must not be served any more unless a render fails.
    pub hard: bool,
}

/// One part of a purge, in canonical form, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    Path(String),
    Prefix(String),
    Tag(Tag),
}

impl Scope {
    /// Every page there is.
    pub(crate) fn everything() -> Self {
        Self::Prefix("/".to_owned())
    }
}

impl Purge {
    /// The parts in canonical form.
    ///
    /// # Errors
    ///
    /// Names the path that cannot be one.
    pub(crate) fn scopes(&self) -> Result<Vec<Scope>, Error> {
        let mut scopes = Vec::new();
        for path in &self.paths {
            scopes.push(Scope::Path(canonical(path)?));
        }
        for prefix in &self.prefixes {
            scopes.push(Scope::Prefix(canonical(prefix)?));
        }
        scopes.extend(self.tags.iter().map(|tag| Scope::Tag(Tag::new(tag.as_str()))));
        Ok(scopes)
    }
}

/// Whether one of `scopes` is of the page at `path` with `tags`.
pub(crate) fn reaches(scopes: &HashSet<&Scope>, path: &str, tags: &[Tag]) -> bool {
    scopes.contains(&Scope::Path(path.to_owned()))
        || prefixes(path).any(|prefix| scopes.contains(&Scope::Prefix(prefix.to_owned())))
        || tags.iter().any(|tag| scopes.contains(&Scope::Tag(tag.clone())))
}

fn canonical(path: &str) -> Result<String, Error> {
    let wrong = |problem: String| Error::PurgePath { path: path.to_owned(), problem };
    if path.contains(['?', '#']) {
        return Err(wrong("a purge takes paths without query or fragment".to_owned()));
    }
    let parsed = CanonicalPath::parse(path).map_err(|error| wrong(error.to_string()))?;
    Ok(parsed.text)
}

/// When something was last purged, softly and hard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    soft: Stamp,
    hard: Stamp,
}

/// How many paths, prefixes and tags are remembered, each a few dozen bytes.
const REMEMBERED: usize = 100_000;

/// When everything was last purged.
///
/// Bounded: when there are too many, the older half counts as one purge of
/// everything, at the time of its latest. Pages rendered since are not touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PurgeTimes(HashMap<Scope, Marks>);

impl PurgeTimes {
    pub(crate) fn note(&mut self, scope: Scope, kind: PurgeKind, stamp: Stamp) {
        let marks = self.0.entry(scope).or_default();
        match kind {
            PurgeKind::Soft => marks.soft = marks.soft.max(stamp),
            PurgeKind::Hard => marks.hard = marks.hard.max(stamp),
        }
        if self.0.len() > REMEMBERED {
            self.forget_older_half();
        }
    }

    fn forget_older_half(&mut self) {
        let mut stamps: Vec<_> = self.0.values().map(|marks| marks.soft.max(marks.hard)).collect();
        let middle = stamps.len() / 2;
        let (_, &mut last, _) = stamps.select_nth_unstable(middle);
        let mut forgotten = Marks::default();
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

    /// How `entry` was purged since its render began, if it was.
    pub(crate) fn since(&self, entry: &Entry) -> Option<PurgeKind> {
        if self.0.is_empty() {
            return None;
        }
        let path = entry.key.path();
        let mut last = Marks::default();
        self.look_up(&Scope::Path(path.to_owned()), &mut last);
        for prefix in prefixes(path) {
            self.look_up(&Scope::Prefix(prefix.to_owned()), &mut last);
        }
        for tag in &entry.tags {
            self.look_up(&Scope::Tag(tag.clone()), &mut last);
        }
        if last.hard > entry.stamp {
            Some(PurgeKind::Hard)
        } else if last.soft > entry.stamp {
            Some(PurgeKind::Soft)
        } else {
            None
        }
    }

    /// Whether one of `tags` was purged after `stamp`.
    pub(crate) fn is_purged<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a Tag>,
        stamp: Stamp,
    ) -> bool {
        let mut last = Marks::default();
        if !self.0.is_empty() {
            tags.into_iter().for_each(|tag| self.look_up(&Scope::Tag(tag.clone()), &mut last));
        }
        last.soft.max(last.hard) > stamp
    }

    /// When the page at `path` was last purged by its path or a prefix.
    pub(crate) fn last_of_path(&self, path: &str) -> Stamp {
        let mut last = Marks::default();
        self.look_up(&Scope::Path(path.to_owned()), &mut last);
        for prefix in prefixes(path) {
            self.look_up(&Scope::Prefix(prefix.to_owned()), &mut last);
        }
        last.soft.max(last.hard)
    }

    fn look_up(&self, scope: &Scope, last: &mut Marks) {
        if let Some(marks) = self.0.get(scope) {
            last.soft = last.soft.max(marks.soft);
            last.hard = last.hard.max(marks.hard);
        }
    }

    /// Every purge that still counts, for writing the log anew.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&Scope, PurgeKind, Stamp)> {
        self.0.iter().flat_map(|(scope, marks)| {
            [(scope, PurgeKind::Soft, marks.soft), (scope, PurgeKind::Hard, marks.hard)]
                .into_iter()
                .filter(|(_, _, stamp)| *stamp > 0)
        })
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// When everything was last purged, for all threads.
#[derive(Debug)]
pub(crate) struct Purges {
    times: RwLock<PurgeTimes>,
    /// Grows with each purge, so that a page which was compared with them all
    /// is not compared again until there is another.
    generation: AtomicU64,
}

impl Purges {
    pub(crate) fn new(times: PurgeTimes) -> Self {
        // A page that was compared with none has 0.
        Self { times: RwLock::new(times), generation: AtomicU64::new(1) }
    }

    /// Notes a purge with the stamp that `stamp` takes, and returns that: whoever
    /// takes a later one finds the purge.
    pub(crate) fn note(
        &self,
        scopes: &[Scope],
        kind: PurgeKind,
        stamp: impl FnOnce() -> Stamp,
    ) -> Stamp {
        let mut times = self.times.write().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp();
        scopes.iter().for_each(|scope| times.note(scope.clone(), kind, stamp));
        self.generation.fetch_add(1, Ordering::Release);
        stamp
    }

    /// How `entry` was purged since its render began, if it was. Takes no lock
    /// for a page that was found not purged since the last purge of anything.
    pub(crate) fn since(&self, entry: &Entry) -> Option<PurgeKind> {
        let generation = self.generation.load(Ordering::Acquire);
        if entry.ready.is_unpurged_at(generation) {
            return None;
        }
        let purged = self.read(|times| times.since(entry));
        if purged.is_none() {
            entry.ready.set_unpurged_at(generation);
        }
        purged
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&PurgeTimes) -> T) -> T {
        look(&self.times.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `/`, `/a`, `/a/b` for `/a/b`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(i, _)| &path[..i]);
    let whole = (path != "/").then_some(path);
    std::iter::once("/").chain(inner).chain(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Began, key::Key};
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::UNIX_EPOCH;

    fn entry(path: &str, tags: &[&str], stamp: Stamp) -> Entry {
        let path = CanonicalPath::parse(path).unwrap();
        let key = Key::new(&path, Some("page=2"), &["page".to_owned()]).unwrap();
        let began = Began { at: UNIX_EPOCH, stamp };
        let mut entry =
            Entry::new(key, StatusCode::OK, HeaderMap::new(), Bytes::from_static(b"x"), began);
        entry.tags = tags.iter().map(|tag| Tag::new(*tag)).collect();
        entry
    }

    fn times(purge: &Purge, stamp: Stamp) -> PurgeTimes {
        let kind = if purge.hard { PurgeKind::Hard } else { PurgeKind::Soft };
        let mut times = PurgeTimes::default();
        for scope in purge.scopes().unwrap() {
            times.note(scope, kind, stamp);
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
    fn too_many_purges_become_one_of_everything_that_was_rendered_before() {
        let mut times = PurgeTimes::default();
        for stamp in 1..=REMEMBERED as Stamp + 1 {
            times.note(Scope::Tag(Tag::new(format!("t{stamp}"))), PurgeKind::Soft, stamp);
        }
        assert!(times.len() <= REMEMBERED / 2 + 2);
        let half = REMEMBERED as Stamp / 2;
        assert_eq!(times.since(&entry("/a", &["t7"], 5)), Some(PurgeKind::Soft));
        assert_eq!(times.since(&entry("/a", &["other"], half)), Some(PurgeKind::Soft));
        assert_eq!(times.since(&entry("/a", &["other"], half + 2)), None);
        let last = format!("t{}", REMEMBERED + 1);
        assert_eq!(times.since(&entry("/a", &[&last], half + 2)), Some(PurgeKind::Soft));
    }

    #[test]
    fn page_is_compared_again_after_each_purge_of_anything() {
        let purges = Purges::new(PurgeTimes::default());
        let page = entry("/a", &["t"], 5);
        let note = |tag, stamp| {
            purges.note(&[Scope::Tag(Tag::new(tag))], PurgeKind::Soft, || stamp);
        };
        assert_eq!(purges.since(&page), None);
        note("other", 6);
        assert_eq!((purges.since(&page), purges.since(&page)), (None, None));
        note("t", 7);
        assert_eq!(purges.since(&page), Some(PurgeKind::Soft));
        assert_eq!(purges.since(&page), Some(PurgeKind::Soft));
        assert_eq!(purges.since(&entry("/a", &["t"], 8)), None);
    }

    #[test]
    fn wrong_path_is_named() {
        for path in ["a", "/a?page=2", "/%zz", "/a//b"] {
            let purge = Purge { paths: vec![path.to_owned()], ..Purge::default() };
            assert!(purge.scopes().unwrap_err().to_string().contains(path), "{path}");
        }
    }
}
