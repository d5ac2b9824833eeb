//! What a check of an app has found.

use std::fmt;

use serde::Serialize;

/// What [`Engine::check`](crate::Engine::check) has found: for a person by `Display`, for programs as
/// JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// One for each route, most specific first.
    pub routes: Vec<RouteFindings>,
}

impl CheckReport {
    /// Whether nothing was found that should be looked at.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.routes.iter().all(|route| route.findings.is_empty())
    }
}

/// What was found of one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteFindings {
    /// The route's path, as declared.
    pub route: String,
    /// How many pages were looked at.
    pub pages: usize,
    /// What should be looked at.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
}

impl RouteFindings {
    pub(super) fn new(route: &str) -> Self {
        Self { route: route.to_owned(), pages: 0, findings: Vec::new(), unseen: Vec::new() }
    }

    pub(super) fn without_pages(mut self, why: Unseen) -> Self {
        self.unseen.push(why);
        self
    }

    pub(super) fn add(&mut self, page: &str, problems: Vec<Problem>) {
        let finding = |problem| Finding { page: page.to_owned(), problem };
        self.findings.extend(problems.into_iter().map(finding));
    }
}

/// One thing that should be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The page's path, or that of its route.
    pub page: String,
    /// What is wrong.
    #[serde(flatten)]
    pub problem: Problem,
}

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// The paths of the route cannot be listed.
    ListFails {
        /// Why.
        cause: String,
    },
    /// A listed page answers with an error: the router's fallback, an error boundary, or a read
    /// that failed.
    Fails {
        /// The status of the answer.
        status: u16,
        /// Why the render failed, if that is what happened.
        cause: Option<String>,
    },
    /// A listed page leads elsewhere.
    Redirects {
        /// The status of the answer.
        status: u16,
        /// Where to.
        location: String,
    },
    /// A path that is not known is a page, with status 200: call
    /// [`not_found`](crate::not_found()).
    UnknownPathIsPage,
    /// The render of a path that is not known fails: call [`not_found`](crate::not_found()).
    UnknownPathFails {
        /// Why.
        cause: String,
    },
    /// The page was served, but not stored.
    NotStored {
        /// The `Cache-Status` of the answer.
        cache_status: String,
        /// Why, as far as the page says it.
        cause: Option<String>,
    },
    /// There is no answer: page code or a layer panics, or hangs. Page code may take
    /// [`Builder::render_timeout`](crate::Builder::render_timeout), and an answer through all layers
    /// sixteen times that, since sixteen pages may wait for one another.
    NoAnswer {
        /// What the request had that it could depend on; `None` if it was as any visitor's.
        to: Option<Influence>,
        /// Why.
        cause: String,
    },
    /// The answer sets a cookie: everybody who gets it gets the cookie.
    SetsCookie,
    /// The page has no `<title>`, or an empty one.
    NoTitle,
    /// The head of the answer is larger than proxies take.
    LargeHead {
        /// The size of its headers.
        bytes: usize,
        /// The limit, which counts what others add too.
        limit: usize,
    },
    /// A file of the site that a page has a browser load, a style or a script, is not served, or there is
    /// a page in its place.
    FileNotServed {
        /// The first page that names it.
        by: String,
        /// The status of the answer.
        status: u16,
        /// What the answer is; empty if it does not say.
        content_type: String,
    },
    /// Page code draws what a stored page has of one visitor, or of one moment, for everybody, or
    /// what only layers for visitors bring, which a stored page lacks.
    DependsOn {
        /// What on.
        on: Influence,
        /// What is around the first place that differs.
        before: String,
        /// The same in the other answer.
        after: String,
    },
    /// A layer outside of the engine changes stored pages for some visitors.
    LayerDependsOn {
        /// What on.
        on: Influence,
        /// What is around the first place that differs.
        before: String,
        /// The same in the other answer.
        after: String,
    },
}

impl Problem {
    pub(super) fn depends_on(on: Influence, (before, after): (String, String)) -> Self {
        Self::DependsOn { on, before, after }
    }

    pub(super) fn is_of_moment(&self) -> bool {
        match self {
            Self::DependsOn { on, .. } | Self::LayerDependsOn { on, .. } => {
                *on == Influence::Moment
            }
            _ => false,
        }
    }
}

/// What a page may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Influence {
    /// A query parameter that the route does not list.
    Query,
    /// A cookie.
    Cookie,
    /// `Accept-Language`.
    Language,
    /// The layers of the router for visitors, such as sessions, in
    /// [`Engine::wrap_with`](crate::Engine::wrap_with).
    Layers,
    /// When it is rendered, or chance.
    Moment,
}

/// What could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "unseen", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unseen {
    /// The route is dynamic: its pages may depend on anything.
    Dynamic,
    /// The route is of data, whose arguments only pages know.
    Data,
    /// The route lists no paths, so only an unknown one was asked for.
    Unlisted,
    /// The page differs each time, so it cannot be told what it has of its visitor.
    DiffersEachTime {
        /// The page's path.
        page: String,
    },
}

impl Influence {
    pub(super) const OF_VISITORS: [Self; 3] = [Self::Query, Self::Cookie, Self::Language];

    pub(super) const OF_PAGE_CODE: [Self; 4] =
        [Self::Layers, Self::Query, Self::Cookie, Self::Language];
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RouteFindings { route, pages, findings, unseen } in &self.routes {
            let state = if findings.is_empty() { "ok" } else { "look at this" };
            writeln!(f, "{route}: {pages} pages, {state}")?;
            for Finding { page, problem } in findings {
                writeln!(f, "  {page} {problem}")?;
            }
            for unseen in unseen {
                writeln!(f, "  not seen: {unseen}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListFails { cause } => write!(f, "cannot be listed: {cause}"),
            Self::Fails { status, cause: None } => {
                write!(f, "is listed, but answers with status {status}")
            }
            Self::Fails { status, cause: Some(cause) } => {
                write!(f, "is listed, but answers with status {status}: {cause}")
            }
            Self::Redirects { status, location } => {
                write!(f, "is listed, but leads to `{location}` ({status}): list that")
            }
            Self::UnknownPathIsPage => {
                f.write_str("is no page of yours, but answers with status 200: call `not_found`")
            }
            Self::UnknownPathFails { cause } => {
                write!(
                    f,
                    "is no page of yours, but fails, where it should call `not_found`: {cause}"
                )
            }
            Self::NotStored { cache_status, cause: None } => {
                write!(f, "is not stored: `{cache_status}`")
            }
            Self::NotStored { cause: Some(cause), .. } => write!(f, "is not stored: {cause}"),
            Self::NoAnswer { to, cause } => {
                let to = match to {
                    Some(Influence::Query) => " to a request with a query",
                    Some(Influence::Cookie) => " to a request with a cookie",
                    Some(Influence::Language) => " to a request with `Accept-Language`",
                    Some(Influence::Layers) => " through the layers that only visitors have",
                    Some(Influence::Moment) | None => "",
                };
                write!(f, "has no answer{to}: {cause}")
            }
            Self::SetsCookie => f.write_str("sets a cookie, for everybody who gets it"),
            Self::NoTitle => f.write_str("has no title"),
            Self::LargeHead { bytes, limit } => {
                write!(f, "has {bytes} bytes of headers: with what others add, more than {limit}")
            }
            Self::FileNotServed { by, status, content_type } => {
                write!(
                    f,
                    "is loaded by {by}, but is answered with status {status} and `{content_type}`. If it \
                     is built and in the site's root, something stands in its place: a `.fallback(…)` \
                     on the router that `LeptosPages::router` returned, which is to be removed, or a \
                     route that matches it, beside which it needs a handler of its own"
                )
            }
            Self::DependsOn { on: Influence::Layers, before, after } => {
                write!(
                    f,
                    "depends on layers that only visitors have, as sessions, and is stored without \
                     them: {before:?}, where a visitor has {after:?}. Read what depends on them after \
                     hydration"
                )
            }
            Self::DependsOn { on, before, after } => {
                write!(
                    f,
                    "depends on {on}, and is the same for everybody once it is stored: \
                    {before:?} or {after:?}"
                )
            }
            Self::LayerDependsOn { on, before, after } => {
                write!(f, "is changed by a layer, which depends on {on}: {before:?} or {after:?}")
            }
        }
    }
}

impl fmt::Display for Influence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "the query",
            Self::Cookie => "cookies",
            Self::Language => "the language",
            Self::Layers => "layers that only visitors have",
            Self::Moment => "the moment, or on chance",
        })
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("the route is dynamic"),
            Self::Data => f.write_str("the route is of data, whose arguments only pages know"),
            Self::Unlisted => f.write_str("the route lists no paths"),
            Self::DiffersEachTime { page } => {
                write!(f, "what {page} has of its visitor, since it differs each time")
            }
        }
    }
}
