//! What a request is for.

use std::{borrow::Cow, sync::Arc};

use axum::extract::Request;
use http::Method;

use super::{endpoint::Call, health::Health, inspect::Question, metrics::Scrape};
use crate::{
    address::{
        key::Key,
        path::{
            CanonicalPath, PathError, PlainSegments, lenient_segments, plain_segments,
            unlisted_parameters,
        },
    },
    engine::Engine,
    route::{
        pattern::RoutePattern,
        policy::{Lifetime, Policy},
        routes::{DeclaredRoute, RouteTable},
        target::Target,
    },
    rules::speculation::SpeculationRules,
    stats::RouteSlot,
    wire,
};

/// The reason in `Cache-Status` if no route matches the path.
pub(super) const NO_ROUTE: &str = "no-route";

/// A request for a page of a stored route.
pub(super) struct PageRequest<'a> {
    pub(super) route: &'a Arc<DeclaredRoute>,
    pub(super) policy: &'a Policy,
    pub(super) lifetime: Lifetime,
    path: RequestPath<'a>,
    /// `None` if the key is the path itself.
    key: Option<Key>,
}

/// The same, without borrows, for a page that memory cannot serve at once.
pub(super) struct RequestedPage {
    pub(super) route: Arc<DeclaredRoute>,
    pub(super) path: String,
    pub(super) target: Target,
}

/// Any other request.
pub(super) enum OtherRequest {
    Endpoint(Endpoint),
    /// The app's router answers.
    Pass {
        bypass: Bypass,
        /// The path as its route declares it, which differs in the slash at its end: for the case
        /// that the app has nothing at this one.
        declared: Option<String>,
    },
    BadPath(PathError),
    /// The page is at `path`, which has a slash at its end if this one has none, and none if it
    /// has.
    OtherSlash {
        route: Arc<DeclaredRoute>,
        path: String,
        is_draft: bool,
    },
}

/// Why a request is answered without the store.
pub(super) struct Bypass {
    /// The reason in `Cache-Status`.
    pub(super) detail: &'static str,
    pub(super) is_draft: bool,
    /// The route that the request counts for.
    pub(super) slot: RouteSlot,
}

impl Bypass {
    pub(super) fn of(detail: &'static str, route: &DeclaredRoute) -> Self {
        Self { detail, is_draft: false, slot: route.slot }
    }
}

/// An endpoint of the engine that is enabled.
pub(super) enum Endpoint {
    Health(Health),
    Live,
    Scrape(Scrape),
    Call(Call),
    Question(Question),
    Inspector,
    /// The webhook of this name.
    Webhook(String),
    Draft,
    Periods,
    SpeculationRules(Arc<SpeculationRules>),
}

/// The path of a request.
enum RequestPath<'a> {
    /// As most paths come: in canonical form, with nothing encoded.
    Plain(&'a str, PlainSegments<'a>),
    Parsed(CanonicalPath),
}

impl Engine {
    /// Decides what a request is for, from its path, method, query and draft cookie alone.
    ///
    /// `Err` is not a failure: it holds any request that is not for a stored page.
    pub(super) fn classify<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<PageRequest<'a>, OtherRequest> {
        let uri = request.uri();
        if let Some(endpoint) = self.endpoint(uri.path()) {
            return Err(OtherRequest::Endpoint(endpoint));
        }
        let is_draft = self.is_of_draft(request);
        let pass = |detail, slot| OtherRequest::Pass {
            bypass: Bypass { detail, is_draft, slot },
            declared: None,
        };
        let none = RouteSlot::NONE;
        let is_read = *request.method() == Method::GET || *request.method() == Method::HEAD;
        let path = match RequestPath::parse(uri.path()) {
            Ok(path) => path,
            Err(_) if !self.is_of_stored_route(uri.path()) => return Err(pass(NO_ROUTE, none)),
            Err(_) if !is_read => return Err(pass("method", none)),
            Err(error) => return Err(OtherRequest::BadPath(error)),
        };
        let route = path.route(&self.0.routes).ok_or_else(|| pass(NO_ROUTE, none))?;
        let pass = |detail| pass(detail, route.slot);
        let Some(policy) = route.policy() else {
            let declared = path.other_slash(&route.pattern);
            let declared = declared.filter(|_| is_read && !route.pattern.has_rest());
            let bypass = Bypass { is_draft, ..Bypass::of("dynamic", route) };
            return Err(OtherRequest::Pass { bypass, declared });
        };
        if !is_read {
            return Err(pass("method"));
        }
        if let Some(path) = path.other_slash(&route.pattern) {
            let route = Arc::clone(route);
            return Err(OtherRequest::OtherSlash { route, path, is_draft });
        }
        if is_draft {
            return Err(pass("draft"));
        }
        if let Some(detail) = self.0.bypass {
            return Err(pass(detail));
        }
        if let Some(query) = uri.query() {
            if !policy.is_data {
                route.warn_of_parameter(query, policy);
            } else if let Some(name) = unlisted_parameters(query, &policy.query).next() {
                route.warn_of_argument(name);
                return Err(pass("unlisted-argument"));
            }
        }
        let key = path.key(uri.query(), policy).map_err(OtherRequest::BadPath)?;
        Ok(PageRequest { route, policy, lifetime: self.lifetime_of(route), path, key })
    }

    /// Whether a path that is none is a wrong spelling of one of a stored route. Any other is for the
    /// app to judge.
    fn is_of_stored_route(&self, path: &str) -> bool {
        let routes = lenient_segments(path).map(|segments| self.0.routes.find(segments.iter()));
        routes.into_iter().flatten().any(|route| route.policy().is_some())
    }

    /// The endpoint at this path, if it is enabled.
    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        if !path.starts_with(wire::ENDPOINTS) {
            return None;
        }
        if let Some(health) = Health::of(path) {
            return Some(Endpoint::Health(health));
        }
        if let Some(name) = path.strip_prefix(wire::WEBHOOKS) {
            return self.0.webhooks.get(name).map(|_| Endpoint::Webhook(name.to_owned()));
        }
        match path {
            wire::LIVE => self.0.watch.is_on().then_some(Endpoint::Live),
            wire::SPECULATION_RULES => {
                self.0.speculation_rules.clone().map(Endpoint::SpeculationRules)
            }
            wire::DRAFT => self.0.draft.is_some().then_some(Endpoint::Draft),
            _ if self.0.token.is_none() => None,
            wire::INSPECTOR => Some(Endpoint::Inspector),
            wire::PERIODS => Some(Endpoint::Periods),
            other => {
                let call = Call::of(other).map(Endpoint::Call);
                let question = || Question::of(other).map(Endpoint::Question);
                let scrape = || Scrape::of(other).map(Endpoint::Scrape);
                call.or_else(question).or_else(scrape)
            }
        }
    }
}

impl<'a> RequestPath<'a> {
    fn parse(raw: &'a str) -> Result<Self, PathError> {
        match plain_segments(raw) {
            Some(segments) => Ok(Self::Plain(raw, segments)),
            None => CanonicalPath::parse(raw).map(Self::Parsed),
        }
    }

    /// The path in canonical form.
    fn text(&self) -> &str {
        match self {
            Self::Plain(text, _) => text,
            Self::Parsed(path) => &path.text,
        }
    }

    fn route<'r>(&self, routes: &'r RouteTable) -> Option<&'r Arc<DeclaredRoute>> {
        match self {
            Self::Plain(_, segments) => routes.find(segments.clone()),
            Self::Parsed(path) => routes.find(path.segments.iter()),
        }
    }

    /// The path as its route declares it, if that differs in the slash at the end.
    fn other_slash(&self, pattern: &RoutePattern) -> Option<String> {
        let slash = if pattern.ends_in_slash { "/" } else { "" };
        let differs = self.ends_in_slash() != pattern.ends_in_slash;
        differs.then(|| format!("{}{slash}", self.text()))
    }

    /// Whether a slash follows the last segment.
    fn ends_in_slash(&self) -> bool {
        match self {
            Self::Plain(..) => false,
            Self::Parsed(path) => path.had_trailing_slash && !path.segments.is_empty(),
        }
    }

    fn parsed(&self) -> Result<Cow<'_, CanonicalPath>, PathError> {
        match self {
            Self::Plain(text, _) => CanonicalPath::parse(text).map(Cow::Owned),
            Self::Parsed(path) => Ok(Cow::Borrowed(path)),
        }
    }

    /// The key of the page; `None` if it is the path itself.
    fn key(&self, query: Option<&str>, policy: &Policy) -> Result<Option<Key>, PathError> {
        if query.is_none() || policy.query.is_empty() {
            return Ok(None);
        }
        Key::new(&*self.parsed()?, query, &policy.query).map(Some)
    }

    /// The decoded segments.
    fn segments(&self) -> Vec<String> {
        match self {
            Self::Plain(_, segments) => segments.clone().map(str::to_owned).collect(),
            Self::Parsed(path) => path.segments.clone(),
        }
    }
}

impl PageRequest<'_> {
    /// The page's path in canonical form.
    pub(super) fn path(&self) -> &str {
        self.path.text()
    }

    /// The text of the page's key.
    pub(super) fn key(&self) -> &str {
        self.key.as_ref().map_or_else(|| self.path(), Key::as_str)
    }

    pub(super) fn target(&self) -> Target {
        let key = self.key.clone().unwrap_or_else(|| Key::of_canonical(self.path()));
        Target::new(key, self.route, self.policy, self.lifetime, &self.path.segments())
    }

    /// The request without its borrows.
    pub(super) fn to_owned(&self) -> RequestedPage {
        RequestedPage {
            route: Arc::clone(self.route),
            path: self.path().to_owned(),
            target: self.target(),
        }
    }
}
