//! Which route a path belongs to.

use std::{
    collections::HashSet,
    iter,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tracing::warn;

use crate::{
    address::path::unlisted_parameter,
    error::Error,
    route::{
        isr::{Isr, OnMissing},
        pattern::RoutePattern,
        policy::{Lifetime, Policy},
    },
    stats::RouteSlot,
};

/// One route: its path pattern and, unless it is dynamic, the rules for its pages.
#[derive(Clone, Debug)]
pub struct DeclaredRoute {
    /// Where its requests are counted.
    pub(crate) slot: RouteSlot,
    pub(crate) name: Arc<str>,
    pub(crate) pattern: RoutePattern,
    /// `None` if the pages are rendered for each request.
    pub(crate) policy: Option<Policy>,
    /// Whether its answers are pages of the Leptos app.
    is_of_leptos: bool,
    /// The paths that exist, if the route admits only those that it lists.
    pub(crate) admitted: OnceLock<HashSet<String>>,
    /// A query parameter that was asked for and that this does not list, which was warned of.
    unlisted: OnceLock<String>,
}

/// Whether the pages of a route with these declarations, its own and its parents', are stored.
pub(crate) fn are_stored(declarations: &[Arc<Isr>]) -> bool {
    !declarations.is_empty() && !declarations.iter().any(|isr| isr.is_dynamic)
}

impl DeclaredRoute {
    fn new(pattern: RoutePattern, declarations: &[Arc<Isr>]) -> Result<Self, Error> {
        let wrong = |problem| Error::Declaration { route: pattern.as_str().to_owned(), problem };
        if let Some(name) = declarations.iter().find_map(|isr| without_effect(isr)) {
            return Err(wrong(format!(
                "`{name}` is about stored pages, and `Isr::dynamic()` stores none: remove it"
            )));
        }
        let policy = match are_stored(declarations) {
            true => Some(Policy::combine(&pattern, declarations).map_err(wrong)?),
            false => None,
        };
        let name = pattern.as_str().into();
        let (slot, admitted, unlisted) = (RouteSlot::NONE, OnceLock::new(), OnceLock::new());
        Ok(Self { slot, name, pattern, policy, is_of_leptos: false, admitted, unlisted })
    }

    /// The route's path as declared, for example `/articles/:slug`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.pattern.as_str()
    }

    /// The rules for the route's pages; `None` if they are rendered for each request.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// Whether its answers are stored pages of the Leptos app, and so neither feeds nor data.
    pub(crate) fn has_stored_pages(&self) -> bool {
        self.is_of_leptos && self.policy.as_ref().is_some_and(|policy| !policy.is_data)
    }

    /// How long the pages of a stored route live if this period was set while the engine runs.
    pub(crate) fn lifetime_with(&self, set: Option<Duration>) -> Lifetime {
        self.policy.as_ref().expect("a dynamic route has no stored pages").lifetime_with(set)
    }

    /// Warns of the first argument that was asked for and that the route, which is of data, does not
    /// list.
    pub(crate) fn warn_of_argument(&self, name: &str) {
        if self.unlisted.set(name.to_owned()).is_ok() {
            warn!(
                route = self.path(),
                "the route does not list the argument `{name}`, so what is asked for with it is \
                 not stored: name it in `Isr::query`"
            );
        }
    }

    /// Warns of the first query parameter that was asked for and that the route, which is of pages, does
    /// not list, unless it is one of tracking.
    pub(crate) fn warn_of_parameter(&self, query: &str, policy: &Policy) {
        if self.unlisted.get().is_some() {
            return;
        }
        if let Some(name) = unlisted_parameter(query, &policy.query)
            && self.unlisted.set(name.to_owned()).is_ok()
        {
            warn!(
                route = self.path(),
                "visitors send the query parameter `{name}`, which the route does not list: the page is \
                 the same without it. If the page reads it, name it in `Isr::query`"
            );
        }
    }

    /// Whether `path` is known to exist, without a call of the list function.
    pub(crate) fn is_known_to_admit(&self, path: &str) -> bool {
        match self.policy.as_ref().map(|policy| policy.on_missing) {
            Some(OnMissing::NotFound) => {
                self.admitted.get().is_some_and(|paths| paths.contains(path))
            }
            Some(OnMissing::Render) => true,
            None => false,
        }
    }
}

/// The routes that an [`Engine`](crate::Engine) knows, most specific first.
///
/// # Examples
///
/// ```
/// use leptos_isr::{Isr, minutes, route::RouteTable};
///
/// let mut routes = RouteTable::new().add("/feed.xml", Isr::revalidate(minutes(5)))?;
/// routes.override_revalidate("/feed.xml=2s")?;
/// assert!(RouteTable::new().add("/a/:id", Isr::forever().tag("a:{slug}")).is_err());
/// # Ok::<(), leptos_isr::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RouteTable(Vec<Arc<DeclaredRoute>>);

impl RouteTable {
    /// Makes a table without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route, for example a feed that a plain axum handler answers.
    ///
    /// A parameter is written `:name`, the rest of a path `*name`. If the path ends in a slash, so do
    /// those of its pages.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Declaration`] if the path or the declaration is wrong, or if there is a route
    /// of the same paths: a Leptos route declares itself.
    pub fn add(mut self, path: &str, isr: Isr) -> Result<Self, Error> {
        let wrong = |problem| Error::Declaration { route: path.to_owned(), problem };
        let pattern = RoutePattern::parse(path).map_err(wrong)?;
        if let Some(known) = self.0.iter().find(|route| route.pattern.is_alike(&pattern)) {
            return Err(wrong(format!(
                "there is the route `{}` of the same paths; declare them once",
                known.path()
            )));
        }
        self.insert(pattern, &[Arc::new(isr)])?;
        Ok(self)
    }

    /// Adds a route whose answers are data that pages read in the browser, for example a server
    /// function that answers `GET`.
    ///
    /// Following a link then costs no more than opening the page. It shows nothing older either:
    /// unlike a page, stale data is not served, unless it cannot be read again.
    ///
    /// The arguments are query parameters, so list them with [`Isr::query`]. The answers take their
    /// tags and their period from what they read, as pages do. What is asked for with another
    /// argument is answered by the function itself and not stored, with a warning: without the
    /// argument it would be another answer. The engine makes the request, as it
    /// does for pages, so a function that reads a cookie or a header of its visitor must not be
    /// added. If the function calls `not_found`, its answer is kept with the 404s.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Declaration`] if the path or the declaration is wrong, or if there is a route
    /// of the same paths.
    pub fn add_data(self, path: &str, isr: Isr) -> Result<Self, Error> {
        let mut routes = self.add(path, isr)?;
        let added = routes.0.iter_mut().find(|route| route.path() == path);
        if let Some(policy) = added.and_then(|route| Arc::make_mut(route).policy.as_mut()) {
            policy.is_data = true;
        }
        Ok(routes)
    }

    /// Adds a route of a Leptos app; see [`insert`](Self::insert).
    pub(crate) fn insert_of_leptos(
        &mut self,
        pattern: &RoutePattern,
        declarations: &[Arc<Isr>],
    ) -> Result<(), Error> {
        self.insert(pattern.clone(), declarations)?;
        for route in self.0.iter_mut().filter(|route| route.pattern == *pattern) {
            Arc::make_mut(route).is_of_leptos = true;
        }
        Ok(())
    }

    /// Adds a route with its own declaration and those of its parents. A route without any is
    /// dynamic. Of several routes with one pattern the first counts.
    fn insert(&mut self, pattern: RoutePattern, declarations: &[Arc<Isr>]) -> Result<(), Error> {
        if self.0.iter().all(|route| route.pattern != pattern) {
            self.0.push(Arc::new(DeclaredRoute::new(pattern, declarations)?));
            self.0.sort_by(|a, b| a.pattern.by_specificity(&b.pattern));
            for (place, route) in self.0.iter_mut().enumerate() {
                Arc::make_mut(route).slot = RouteSlot(place);
            }
        }
        Ok(())
    }

    /// Replaces periods: `/articles/:slug=2s; /=1s`.
    ///
    /// A route is named by its path as declared. Durations are written `2s`, `5min`, `1h 30min`,
    /// `7days`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Override`] for an unknown or dynamic route, a wrong
    /// duration, or a period that is zero or not below the route's `expire`.
    pub fn override_revalidate(&mut self, text: &str) -> Result<(), Error> {
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            self.override_one(part)
                .map_err(|problem| Error::Override { given: part.to_owned(), problem })?;
        }
        Ok(())
    }

    fn override_one(&mut self, part: &str) -> Result<(), String> {
        let (path, period) =
            part.rsplit_once('=').ok_or("write a route and a duration: `/articles/:slug=2s`")?;
        let (path, period) = (path.trim(), parse_period(period.trim())?);
        self.stored(path)?;
        let route = self.0.iter_mut().find(|route| route.path() == path);
        let policy = route.and_then(|route| Arc::make_mut(route).policy.as_mut());
        policy.map_or(Ok(()), |policy| policy.set_revalidate(period))
    }

    /// The stored route that is declared as `path`.
    ///
    /// # Errors
    ///
    /// Says which there are, if it is none of them.
    pub(crate) fn stored(&self, path: &str) -> Result<(&DeclaredRoute, &Policy), String> {
        let mut stored = self.iter().filter_map(|route| Some((route, route.policy()?)));
        let found = stored.clone().find(|(route, _)| route.path() == path);
        found.ok_or_else(|| {
            let known = stored.by_ref().map(|(route, _)| format!("`{}`", route.path()));
            format!("no such ISR route; there are {}", known.collect::<Vec<_>>().join(", "))
        })
    }

    /// The routes, most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &DeclaredRoute> + Clone {
        self.0.iter().map(|route| &**route)
    }

    /// A path that no route matches; `None` if there is none, as beside a catch-all.
    pub(crate) fn path_of_no_route(&self) -> Option<String> {
        let deepest = self.0.iter().map(|route| route.pattern.depth()).max().unwrap_or_default();
        let path = |depth| iter::once("_isr").chain(iter::repeat_n("not-found", depth));
        (1..=deepest)
            .chain([0])
            .map(path)
            .find(|path| self.find(path.clone()).is_none())
            .map(|path| path.fold(String::new(), |text, segment| format!("{text}/{segment}")))
    }

    /// The route of a path, given its decoded segments.
    pub(crate) fn find<S: AsRef<str>>(
        &self,
        segments: impl Iterator<Item = S> + Clone,
    ) -> Option<&Arc<DeclaredRoute>> {
        self.0.iter().find(|route| route.pattern.matches(segments.clone()))
    }
}

/// Reads a period as people write it.
///
/// # Errors
///
/// Says what is wrong, and how to write it.
pub(crate) fn parse_period(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write `2s`, `5min`, `1h` or `7days`"))
}

/// What a dynamic route declares of pages that are stored, if anything.
fn without_effect(isr: &Isr) -> Option<&'static str> {
    let declared = [
        ("expire", isr.expire.is_some()),
        ("query", !isr.query.is_empty()),
        ("tag", !isr.tags.is_empty()),
        ("on_missing", isr.on_missing.is_some()),
        ("optional_at_build", isr.is_optional_at_build),
        ("max_renders", isr.max_renders.is_some()),
        ("prerender", isr.list.is_some()),
    ];
    let mut declared = declared.into_iter().filter(|_| isr.is_dynamic);
    declared.find(|(_, is_declared)| *is_declared).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::path::CanonicalPath,
        period::{days, minutes, seconds},
    };

    fn routes() -> RouteTable {
        RouteTable::new()
            .add("/articles/:slug", Isr::revalidate(minutes(5)).expire(days(7)))
            .and_then(|routes| routes.add("/articles/drafts", Isr::dynamic()))
            .and_then(|routes| routes.add("/", Isr::forever()))
            .unwrap()
    }

    #[test]
    fn most_specific_route_counts() {
        let routes = routes();
        for (path, route) in [
            ("/articles/a", Some("/articles/:slug")),
            ("/articles/drafts", Some("/articles/drafts")),
            ("/", Some("/")),
            ("/other", None),
        ] {
            let segments = CanonicalPath::parse(path).unwrap().segments;
            assert_eq!(routes.find(segments.iter()).map(|route| route.path()), route, "{path}");
        }
    }

    #[test]
    fn path_of_no_route_is_one_if_there_is_any() {
        for (patterns, path) in [
            (&["/", "/articles/:slug"][..], Some("/_isr/not-found")),
            (&["/:a/:b"], Some("/_isr/not-found/not-found")),
            (&["/:a/*rest"], Some("/_isr")),
            (&["/:a", "/:a/:b", "/docs/*rest"], Some("/_isr/not-found/not-found")),
            (&["/", "/*any"], None),
            (&["/:a", "/:a/*rest"], None),
            (&[], Some("/_isr")),
        ] {
            let add = |table: RouteTable, path: &&str| table.add(path, Isr::dynamic());
            let table = patterns.iter().try_fold(RouteTable::new(), add).unwrap();
            assert_eq!(table.path_of_no_route().as_deref(), path, "{patterns:?}");
        }
    }

    #[test]
    fn periods_can_be_overridden() {
        let mut routes = routes();
        routes.override_revalidate("/articles/:slug=2s; /=1min;").unwrap();
        let period = |path: &str| {
            let route = routes.iter().find(|route| route.path() == path).unwrap();
            route.policy().unwrap().lifetime().revalidate
        };
        assert_eq!(period("/articles/:slug"), Some(seconds(2)));
        assert_eq!(period("/"), Some(seconds(60)));
    }

    #[test]
    fn wrong_override_names_the_part_and_the_remedy() {
        for (text, problem) in [
            ("/articles=2s", "no such ISR route; there are `/`, `/articles/:slug`"),
            ("/articles/drafts=2s", "no such ISR route"),
            ("/=2", "write `2s`"),
            ("/=soon", "write `2s`"),
            ("/", "write a route and a duration"),
            ("/=0s", "the period is zero"),
            ("/articles/:slug=8days", "must be longer"),
        ] {
            let error = routes().override_revalidate(text).unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains(text), "{text}: {error}");
        }
    }
}
