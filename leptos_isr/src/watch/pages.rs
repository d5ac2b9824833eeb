//! The watched pages, by what a purge names.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
};

use crate::{
    address::{key::Key, tag::Tag},
    order::purge::Scope,
    route::target::Target,
};

/// Found without a look at all of them: many are watched, and purges are many too.
#[derive(Default)]
pub(super) struct WatchedPages {
    /// In the order of their keys, so that those below a path stand together.
    pages: BTreeMap<Key, WatchedPage>,
    by_tag: HashMap<Tag, HashSet<Key>>,
}

struct WatchedPage {
    target: Target,
    /// The tags of the stored page; `None` while no page is known.
    tags: Option<Vec<Tag>>,
}

impl WatchedPages {
    pub(super) fn insert(&mut self, target: Target) {
        let page = WatchedPage { target, tags: None };
        self.pages.entry(page.target.key.clone()).or_insert(page);
    }

    pub(super) fn remove(&mut self, key: &Key) {
        self.forget_tags(key);
        self.pages.remove(key);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Whether the page is watched, and its tags are not known.
    pub(super) fn lacks_tags(&self, key: &Key) -> bool {
        self.pages.get(key).is_some_and(|page| page.tags.is_none())
    }

    /// Takes these for the tags of a page, if it is watched.
    pub(super) fn set_tags(&mut self, key: &Key, tags: &[Tag]) {
        if self.pages.get(key).is_none_or(|page| page.tags.as_deref() == Some(tags)) {
            return;
        }
        self.forget_tags(key);
        for tag in tags {
            self.by_tag.entry(tag.clone()).or_default().insert(key.clone());
        }
        if let Some(page) = self.pages.get_mut(key) {
            page.tags = Some(tags.to_vec());
        }
    }

    fn forget_tags(&mut self, key: &Key) {
        let tags = self.pages.get_mut(key).and_then(|page| page.tags.take());
        for tag in tags.into_iter().flatten() {
            if let Some(keys) = self.by_tag.get_mut(&tag) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_tag.remove(&tag);
                }
            }
        }
    }

    /// Those that one of `scopes` reaches and whose stored page is known.
    pub(super) fn reached_by(&self, scopes: &[Scope]) -> Vec<Target> {
        let mut pages = BTreeMap::new();
        for scope in scopes {
            match scope {
                Scope::Path(path) => pages.extend(self.at(path)),
                Scope::Prefix(path) => pages.extend(self.at(path).chain(self.below(path))),
                Scope::Tag(tag) => {
                    let keys = self.by_tag.get(tag).into_iter().flatten();
                    pages.extend(keys.filter_map(|key| self.pages.get_key_value(key)));
                }
            }
        }
        let stored = pages.into_values().filter(|page| page.tags.is_some());
        stored.map(|page| page.target.clone()).collect()
    }

    /// The pages of a path, whatever their query.
    fn at(&self, path: &str) -> impl Iterator<Item = (&Key, &WatchedPage)> {
        self.pages.get_key_value(path).into_iter().chain(self.beginning_with(path, '?'))
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&Key, &WatchedPage)> {
        self.beginning_with(path.trim_end_matches('/'), '/')
    }

    fn beginning_with(&self, path: &str, next: char) -> impl Iterator<Item = (&Key, &WatchedPage)> {
        let from = format!("{path}{next}");
        let until = format!("{path}{}", char::from(next as u8 + 1));
        self.pages.range::<str, _>((Bound::Included(&*from), Bound::Excluded(&*until)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{order::purge::reaches, route::policy::Lifetime};

    fn target(key: &str) -> Target {
        Target {
            key: Key::of_canonical(key),
            route: Arc::from("/:a"),
            ends_in_slash: false,
            is_data: false,
            max_renders: None,
            lifetime: Lifetime { revalidate: None, expire: None },
            tags: Vec::new(),
        }
    }

    fn reached(pages: &WatchedPages, scope: Scope) -> Vec<String> {
        let reached = pages.reached_by(&[scope]).into_iter();
        reached.map(|target| target.key.as_str().to_owned()).collect()
    }

    fn tags(names: &[&str]) -> Vec<Tag> {
        names.iter().map(|name| Tag::new(*name)).collect()
    }

    #[test]
    fn purge_finds_what_a_look_at_all_pages_would_find() {
        let keys = [
            "/",
            "/?page=2",
            "/a",
            "/a?page=2",
            "/a-b",
            "/a%3Fb",
            "/a/b",
            "/a/b?page=2",
            "/a/b/c",
            "/a0",
            "/ab",
            "/b",
        ];
        let mut pages = WatchedPages::default();
        for key in keys {
            pages.insert(target(key));
            pages.set_tags(&Key::of_canonical(key), &tags(&["all", key]));
        }
        // It may be there, and nothing is known of it.
        pages.insert(target("/a/unknown"));
        let paths = ["/", "/a", "/a-b", "/a/b", "/none"];
        let scopes = paths.iter().flat_map(|path| {
            let path = (*path).to_owned();
            [Scope::Path(path.clone()), Scope::Prefix(path)]
        });
        let by_tag = ["all", "/a", "none"].map(|tag| Scope::Tag(Tag::new(tag)));
        for scope in scopes.chain(by_tag) {
            let is_reached = |key: &&str| {
                let path = Key::of_canonical(key);
                reaches(&HashSet::from([&scope]), path.path(), &tags(&["all", key]))
            };
            let mut expected: Vec<_> = keys.into_iter().filter(is_reached).collect();
            expected.sort_unstable();
            assert_eq!(reached(&pages, scope.clone()), expected, "{scope:?}");
        }
    }

    #[test]
    fn page_is_found_by_the_tags_of_its_last_render_until_nobody_watches_it() {
        let key = Key::of_canonical("/a");
        let of_tag = |pages: &WatchedPages, tag| reached(pages, Scope::Tag(Tag::new(tag)));
        let mut pages = WatchedPages::default();
        pages.set_tags(&key, &tags(&["a"]));
        assert!(!pages.lacks_tags(&key) && of_tag(&pages, "a").is_empty(), "nobody watches it");
        pages.insert(target("/a"));
        assert!(pages.lacks_tags(&key));
        pages.set_tags(&key, &tags(&["a", "b"]));
        pages.set_tags(&key, &tags(&["b", "c"]));
        pages.insert(target("/a"));
        assert!(!pages.lacks_tags(&key));
        assert_eq!(["a", "b", "c"].map(|tag| of_tag(&pages, tag).len()), [0, 1, 1]);
        pages.remove(&key);
        assert!(pages.is_empty() && pages.by_tag.is_empty());
    }

    #[test]
    fn purge_costs_the_same_however_many_pages_are_watched() {
        let cost = |watched: usize| {
            let mut pages = WatchedPages::default();
            for n in 0..watched {
                let key = format!("/a/{n}");
                pages.insert(target(&key));
                pages.set_tags(&Key::of_canonical(&key), &tags(&["all", &key]));
            }
            let scopes = [
                Scope::Tag(Tag::new("/a/7")),
                Scope::Path("/a/8".into()),
                Scope::Prefix("/a/9".into()),
            ];
            let count = || assert_eq!(pages.reached_by(&scopes).len(), 3);
            allocation_counter::measure(count).count_total
        };
        assert_eq!(cost(10), cost(1000));
    }
}
