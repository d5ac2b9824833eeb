//! What the declarations of a route and its parents add up to.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;

use crate::{
    address::tag::{Tag, TagTemplate},
    error::panic_message,
    route::{
        isr::{Isr, ListFn, OnMissing, PathParams},
        pattern::RoutePattern,
    },
};

/// How long a page is fresh, and how long a stale page may be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// A page is fresh while it is younger than this. `None`: it never becomes stale by time.
    pub revalidate: Option<Duration>,
    /// A page is expired from this age on. `None`: a stale page may always be served.
    pub expire: Option<Duration>,
}

impl Lifetime {
    /// Returns this lifetime, with its period shortened to what a render asked for.
    #[must_use]
    pub fn within(self, asked: Option<Duration>) -> Self {
        Self { revalidate: least(self.revalidate, asked), ..self }
    }
}

/// What declares the period of a route's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeriodSource {
    /// The route's own declaration.
    Route,
    /// That of a route that it is part of.
    Parent,
    /// [`override_revalidate`](crate::route::RouteTable::override_revalidate), or
    /// [`set_period`](crate::Engine::set_period).
    Override,
}

/// The rules for the pages of one route: its own declaration combined with those of its parents.
#[derive(Clone)]
pub struct Policy {
    pub(crate) lifetime: Lifetime,
    /// What declares the period, if there is one.
    pub(crate) period_source: Option<PeriodSource>,
    /// The least period of the parents, which limits one that is set while the engine runs.
    parent_period: Option<Duration>,
    pub(crate) query: Vec<String>,
    pub(crate) tags: Vec<TagTemplate>,
    pub(crate) on_missing: OnMissing,
    /// Whether a build may do without a listed page, which is then rendered on demand.
    pub(crate) is_optional_at_build: bool,
    /// Whether the answers are data for pages, not pages.
    pub(crate) is_data: bool,
    /// How many pages of the route are rendered at once; `None` for no limit.
    pub(crate) max_renders: Option<usize>,
    lists: Vec<ListFn>,
}

impl Policy {
    /// Combines the declarations of a route and its parents.
    ///
    /// # Errors
    ///
    /// Says which declaration is wrong, and what it should be.
    pub(crate) fn combine(
        pattern: &RoutePattern,
        declarations: &[Arc<Isr>],
    ) -> Result<Self, String> {
        let params = pattern.params();
        let mut policy = Self {
            lifetime: Lifetime::default(),
            period_source: None,
            parent_period: None,
            query: Vec::new(),
            tags: Vec::new(),
            on_missing: OnMissing::Render,
            is_optional_at_build: false,
            is_data: false,
            max_renders: None,
            lists: Vec::new(),
        };
        for (place, isr) in declarations.iter().enumerate() {
            let lifetime = &mut policy.lifetime;
            if let Some(period) = isr.revalidate
                && lifetime.revalidate.is_none_or(|least| period <= least)
            {
                let is_own = place + 1 == declarations.len();
                let source = if is_own { PeriodSource::Route } else { PeriodSource::Parent };
                policy.period_source = Some(source);
            }
            if place + 1 < declarations.len() {
                policy.parent_period = least(policy.parent_period, isr.revalidate);
            }
            lifetime.revalidate = least(lifetime.revalidate, isr.revalidate);
            lifetime.expire = least(lifetime.expire, isr.expire);
            policy.query.extend(isr.query.iter().cloned());
            for tag in &isr.tags {
                policy.tags.push(TagTemplate::parse(tag, &params)?);
            }
            if let Some(action) = isr.on_missing {
                policy.on_missing = action;
            }
            policy.is_optional_at_build |= isr.is_optional_at_build;
            if isr.max_renders == Some(0) {
                return Err("`max_renders(0)` would render no page: use 1 or more".to_owned());
            }
            policy.max_renders = least(policy.max_renders, isr.max_renders);
            policy.lists.extend(isr.list.clone());
        }
        policy.query.sort_unstable();
        policy.query.dedup();
        check_lifetime(policy.lifetime)?;
        if policy.on_missing == OnMissing::NotFound && !policy.is_listed(pattern) {
            return Err(
                "`on_missing(OnMissing::NotFound)` needs a list of paths: add `.prerender(…)`"
                    .to_owned(),
            );
        }
        Ok(policy)
    }

    /// How long the route's pages live.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Whether it is known which paths to render at build.
    pub(crate) fn is_listed(&self, pattern: &RoutePattern) -> bool {
        pattern.params().is_empty() || !self.lists.is_empty()
    }

    /// Replaces the period.
    ///
    /// # Errors
    ///
    /// Says so if the period is zero or not below `expire`.
    pub(crate) fn set_revalidate(&mut self, period: Duration) -> Result<(), String> {
        self.lifetime.revalidate = Some(period);
        self.period_source = Some(PeriodSource::Override);
        check_lifetime(self.lifetime)
    }

    /// How long the route's pages live if this period was set while the engine runs.
    pub(crate) fn lifetime_with(&self, set: Option<Duration>) -> Lifetime {
        match set {
            None => self.lifetime,
            Some(_) => Lifetime { revalidate: least(set, self.parent_period), ..self.lifetime },
        }
    }

    /// What the period is then from, if there is one.
    pub(crate) fn period_source_with(&self, set: Option<Duration>) -> Option<PeriodSource> {
        match (set, self.parent_period) {
            (None, _) => self.period_source,
            (Some(set), Some(least)) if least < set => Some(PeriodSource::Parent),
            (Some(_), _) => Some(PeriodSource::Override),
        }
    }

    /// Says why this period may not be set.
    pub(crate) fn check_period(&self, period: Duration) -> Result<(), String> {
        check_lifetime(Lifetime { revalidate: Some(period), ..self.lifetime })
    }

    pub(crate) fn tags_of(&self, pattern: &RoutePattern, segments: &[String]) -> Vec<Tag> {
        let values = pattern.values(segments);
        self.tags.iter().map(|template| template.fill(&values)).collect()
    }

    /// The encoded paths to render at build.
    ///
    /// If parent and child both list, every value of the one is combined with every value of the
    /// other.
    ///
    /// # Errors
    ///
    /// Returns what the list function says, also if it panics, or names the missing parameter.
    pub(crate) async fn paths(&self, pattern: &RoutePattern) -> Result<Vec<String>, String> {
        if pattern.params().is_empty() {
            return Ok(vec![pattern.fill(&PathParams::Named(Vec::new()))?]);
        }
        let mut combined: Option<Vec<PathParams>> = None;
        for list in &self.lists {
            let listing = AssertUnwindSafe(async { list().await }).catch_unwind();
            let listed = listing.await.unwrap_or_else(|panic| {
                Err(format!("the list function panicked: {}", panic_message(&*panic)))
            })?;
            combined = Some(match combined {
                None => listed,
                Some(outer) => product(pattern, &outer, &listed)?,
            });
        }
        let mut known = HashSet::new();
        let mut paths = Vec::new();
        for params in combined.unwrap_or_default() {
            let path = pattern.fill(&params)?;
            if known.insert(path.clone()) {
                paths.push(path);
            }
        }
        Ok(paths)
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("lifetime", &self.lifetime)
            .field("query", &self.query)
            .field("on_missing", &self.on_missing)
            .finish_non_exhaustive()
    }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn check_lifetime(lifetime: Lifetime) -> Result<(), String> {
    match (lifetime.revalidate, lifetime.expire) {
        (Some(Duration::ZERO), _) => {
            Err("the period is zero: for a page that must never be stored, \
             use `Isr::dynamic()` or another `SsrMode`"
                .to_owned())
        }
        (Some(revalidate), Some(expire)) if expire <= revalidate => Err(format!(
            "`expire` ({}) must be longer than `revalidate` ({})",
            humantime::format_duration(expire),
            humantime::format_duration(revalidate),
        )),
        (None, Some(_)) => {
            Err("`expire` needs `revalidate`: a page without a period never becomes \
                                stale by time"
                .to_owned())
        }
        _ => Ok(()),
    }
}

/// Every value of the parents, combined with every value of the child.
fn product(
    pattern: &RoutePattern,
    outer: &[PathParams],
    inner: &[PathParams],
) -> Result<Vec<PathParams>, String> {
    let params = pattern.params();
    let named = |values: &PathParams, is_inner: bool| match values {
        PathParams::Named(pairs) => Ok(pairs.clone()),
        PathParams::InOrder(values) => {
            let Some(spare) = params.len().checked_sub(values.len()) else {
                return Err(pattern.other_count(values));
            };
            let names = params[if is_inner { spare } else { 0 }..].iter();
            Ok(names.map(|name| (*name).to_owned()).zip(values.iter().cloned()).collect())
        }
    };
    let mut all = Vec::new();
    for a in outer {
        for b in inner {
            let mut pairs = named(b, true)?;
            pairs.extend(named(a, false)?);
            all.push(PathParams::Named(pairs));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::period::{self, days, minutes, seconds};

    fn combine(path: &str, declarations: impl IntoIterator<Item = Isr>) -> Result<Policy, String> {
        let declarations: Vec<_> = declarations.into_iter().map(Arc::new).collect();
        Policy::combine(&RoutePattern::parse(path).unwrap(), &declarations)
    }

    #[test]
    fn least_period_of_parent_and_child_holds() {
        let parent = Isr::revalidate(minutes(1)).tag("site").query(["page"]);
        let child = Isr::revalidate(minutes(5)).expire(days(1)).tag("a:{id}").query(["page", "q"]);
        let policy = combine("/a/:id", [parent, child]).unwrap();
        assert_eq!(
            policy.lifetime,
            Lifetime { revalidate: Some(minutes(1)), expire: Some(days(1)) }
        );
        assert_eq!(policy.query, ["page", "q"]);
        let pattern = RoutePattern::parse("/a/:id").unwrap();
        let tags = policy.tags_of(&pattern, &["a".to_owned(), "7".to_owned()]);
        assert_eq!(tags, [Tag::new("site"), Tag::new("a:7")]);
    }

    #[test]
    fn period_is_that_of_the_declaration_with_the_least_and_the_routes_own_if_two_have_it() {
        let of = |seconds: Option<u64>| match seconds {
            Some(n) => Isr::revalidate(period::seconds(n)),
            None => Isr::forever(),
        };
        for (parent, own, source) in [
            (Some(60), Some(30), Some(PeriodSource::Route)),
            (Some(30), Some(60), Some(PeriodSource::Parent)),
            (Some(60), Some(60), Some(PeriodSource::Route)),
            (Some(60), None, Some(PeriodSource::Parent)),
            (None, None, None),
        ] {
            let mut policy = combine("/a/:id", [of(parent), of(own)]).unwrap();
            assert_eq!(policy.period_source, source, "{parent:?} {own:?}");
            policy.set_revalidate(seconds(7)).unwrap();
            assert_eq!(policy.period_source, Some(PeriodSource::Override));
        }
    }

    #[test]
    fn period_that_is_set_replaces_the_routes_own_and_not_that_of_a_parent() {
        let of = |parent: Isr, own: Isr| combine("/a/:id", [parent, own]).unwrap();
        let minute = || Isr::revalidate(minutes(1)).expire(minutes(10));
        for (policy, set, period, source) in [
            (of(Isr::forever(), minute()), 7, Some(7), PeriodSource::Override),
            (of(Isr::forever(), minute()), 300, Some(300), PeriodSource::Override),
            (of(Isr::revalidate(seconds(90)), minute()), 300, Some(90), PeriodSource::Parent),
            (of(Isr::revalidate(seconds(90)), minute()), 30, Some(30), PeriodSource::Override),
            (of(Isr::forever(), Isr::forever()), 30, Some(30), PeriodSource::Override),
        ] {
            let (set, period) = (Some(seconds(set)), period.map(seconds));
            assert_eq!(
                policy.lifetime_with(set),
                Lifetime { revalidate: period, ..policy.lifetime }
            );
            assert_eq!(policy.period_source_with(set), Some(source));
            assert_eq!(policy.lifetime_with(None), policy.lifetime);
            assert_eq!(policy.period_source_with(None), policy.period_source);
        }
        let policy = of(Isr::forever(), minute());
        assert!(policy.check_period(minutes(10)).unwrap_err().contains("must be longer"));
        assert!(policy.check_period(seconds(0)).unwrap_err().contains("the period is zero"));
        assert_eq!(policy.check_period(seconds(599)), Ok(()));
    }

    #[test]
    fn wrong_declarations_say_what_is_wrong() {
        for (isr, problem) in [
            (Isr::revalidate(seconds(0)), "the period is zero"),
            (Isr::revalidate(minutes(5)).expire(minutes(5)), "`expire` (5m) must be longer"),
            (Isr::forever().expire(minutes(5)), "`expire` needs `revalidate`"),
            (Isr::revalidate(minutes(5)).tag("a:{slug}"), "`slug`, which the path lacks"),
            (Isr::forever().on_missing(OnMissing::NotFound), "needs a list of paths"),
            (Isr::forever().max_renders(0), "use 1 or more"),
        ] {
            let error = combine("/a/:id", [isr]).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[tokio::test]
    async fn lists_of_parent_and_child_are_multiplied() {
        let parent = Isr::forever().prerender(async || Ok::<_, String>(vec!["en", "de"]));
        let child = Isr::forever().prerender(async || Ok::<_, String>(vec!["a", "b", "a"]));
        let pattern = RoutePattern::parse("/:lang/:slug").unwrap();
        let policy = Policy::combine(&pattern, &[Arc::new(parent), Arc::new(child)]).unwrap();
        assert_eq!(policy.paths(&pattern).await.unwrap(), ["/en/a", "/en/b", "/de/a", "/de/b"]);
        let parent = Isr::forever().prerender(async || ["en"]);
        let child = Isr::forever().prerender(async || [(2026, "a"), (2026, "b")]);
        let pattern = RoutePattern::parse("/:lang/:year/:slug").unwrap();
        let policy = Policy::combine(&pattern, &[Arc::new(parent), Arc::new(child)]).unwrap();
        assert_eq!(policy.paths(&pattern).await.unwrap(), ["/en/2026/a", "/en/2026/b"]);

        let parent = Isr::forever().prerender(async || ["en"]);
        let child = Isr::forever().prerender(async || [("en", 2026, "a")]);
        let pattern = RoutePattern::parse("/:lang/:slug").unwrap();
        let policy = Policy::combine(&pattern, &[Arc::new(parent), Arc::new(child)]).unwrap();
        let error = policy.paths(&pattern).await.unwrap_err();
        assert!(error.contains("`en`, `2026`, `a`") && error.contains("2 parameters"), "{error}");
    }

    #[tokio::test]
    async fn list_is_written_as_one_would() {
        async fn rows() -> std::io::Result<Vec<(i32, String)>> {
            Ok(vec![(7, "a".to_owned())])
        }
        let owned = || vec!["a".to_owned()];
        let boxed = || async { Box::<dyn std::error::Error>::from("down") };
        for (path, isr, paths) in [
            ("/:a", Isr::forever().prerender(async || vec!["a", "b"]), Ok(&["/a", "/b"][..])),
            ("/:a", Isr::forever().prerender(async || ["a"]), Ok(&["/a"])),
            ("/:a", Isr::forever().prerender(move || ready(owned())), Ok(&["/a"])),
            ("/:a", Isr::forever().prerender(|| async { vec![1, 2] }), Ok(&["/1", "/2"])),
            ("/:a/:b", Isr::forever().prerender(async || vec![("a", "b")]), Ok(&["/a/b"])),
            ("/:a/:b", Isr::forever().prerender(rows), Ok(&["/7/a"])),
            (
                "/:a/:b",
                Isr::forever().prerender(async || vec![vec![("b", "x"), ("a", "y")]]),
                Ok(&["/y/x"]),
            ),
            (
                "/:a",
                Isr::forever().prerender(move || async move { Err::<[&str; 1], _>(boxed().await) }),
                Err("down".to_owned()),
            ),
        ] {
            let pattern = RoutePattern::parse(path).unwrap();
            let policy = Policy::combine(&pattern, &[Arc::new(isr)]).unwrap();
            let listed = policy.paths(&pattern).await;
            let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
            assert_eq!(listed, paths);
        }
    }
}
