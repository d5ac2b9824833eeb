//! HTTP: what a request is for, and who answers it.
//!
//! [`Engine::classify`] decides once what each request is for. A hit in memory is answered at once,
//! without a future ([`Engine::hit`]); everything else is answered by a future. `response` makes
//! the responses with pages.

pub(crate) mod answer;
pub(crate) mod check;
mod classify;
pub(crate) mod cookie_guard;
mod draft;
mod endpoint;
mod health;
mod inspect;
mod inspector;
mod live;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
mod metrics;
mod periods;
mod response;
mod speculation;
mod visitor;
mod webhook;

use std::{
    convert::Infallible,
    error::Error,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::Request, response::Response};
use futures::future::{BoxFuture, Either};
use http::{HeaderMap, Method, StatusCode, header};
use tower::{Service, ServiceExt};
use tracing::error;

use self::{
    answer::{bad_path, not_listed, redirect},
    classify::{Bypass, Endpoint, NO_ROUTE, OtherRequest, PageRequest, RequestedPage},
    response::{
        PageParts, failed, forward, hit_status, not_prefetched, private, remove_body, stale_by,
    },
};
use crate::{
    access::{draft::Draft, seen_cookie},
    data::reading::Reading,
    engine::{Engine, app_router::AppRouter, lookup::Lookup, stats::stored_result},
    error::RenderError,
    period,
    render::outcome::NewEntry,
    route::{policy::Lifetime, routes::DeclaredRoute, target::Target},
    rules::{
        cache_control,
        cache_status::{CACHE_STATUS, CacheStatus, Forward, past},
        decide::EntryKind,
        headers,
        shared_cache::forbid_storing,
    },
    stats::{AnswerKind, RequestResult},
};

/// The reason in `Cache-Status` if the app has a handler of its own for the path of a stored route.
const OWN_HANDLER: &str = "own-handler";

/// How long the app's 404 page is fresh.
const NOT_FOUND_PERIOD: Duration = period::minutes(5);

/// The service inside the router that [`Engine::wrap`] returns.
#[derive(Clone)]
struct Pages(Arc<WrappedRouter>);

struct WrappedRouter {
    engine: Engine,
    app: Arc<AppRouter>,
}

impl Service<Request> for Pages {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response, Infallible>>,
        BoxFuture<'static, Result<Response, Infallible>>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let is_head = *request.method() == Method::HEAD;
        let wanted = match self.0.engine.classify(&request) {
            Ok(page) => match self.0.engine.hit(&page, request.headers()) {
                Some(mut response) => {
                    if is_head {
                        remove_body(&mut response);
                    }
                    return Either::Left(ready(Ok(response)));
                }
                None => Ok(page.to_owned()),
            },
            Err(other) => Err(other),
        };
        let wrapped = Arc::clone(&self.0);
        Either::Right(Box::pin(async move {
            let WrappedRouter { engine, app } = &*wrapped;
            let mut response = match wanted {
                Ok(page) => engine.answer_page(page, app, request).await,
                Err(other) => engine.answer_other(other, app, request).await,
            };
            if is_head {
                remove_body(&mut response);
            }
            // With a 304, the browser keeps the headers of the page that it has.
            if response.status() != StatusCode::NOT_MODIFIED {
                engine.add_default_headers(response.headers_mut());
            }
            engine.name_build(response.headers_mut());
            Ok(response)
        }))
    }
}

impl Engine {
    /// Puts the stored pages in front of `router`, which renders them.
    ///
    /// Returns a router that answers everything that `router` does. It answers requests for the
    /// engine's routes from the store. Layers of `router` act while a page is rendered. Layers
    /// of the returned router act on each response.
    ///
    /// Keep the returned router for as long as pages are to be rendered: the engine does not, since
    /// handlers may hold the engine. Once it is dropped, with its clones, renders fail. When all of
    /// the engine's handles are dropped too, its threads end and its store is closed.
    ///
    /// # Panics
    ///
    /// Panics when called twice.
    #[must_use = "without the returned router no page is rendered"]
    pub fn wrap(&self, router: Router) -> Router {
        self.wrap_with(router.clone(), router)
    }

    /// Does what [`wrap`](Self::wrap) does with a router that answers visitors and another that renders
    /// what is stored.
    ///
    /// `visitors` has the layers that know who asks, such as sessions: it answers dynamic pages, server
    /// functions, files, and what else is not stored. `renders` has the same routes without these
    /// layers: it makes what is stored, for everybody. So stored pages need no session, and their
    /// answers set no cookie.
    ///
    /// # Panics
    ///
    /// Panics when called after [`wrap`](Self::wrap) or twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, middleware::from_fn, extract::Request, middleware::Next, response::Response};
    /// use leptos_isr::Engine;
    ///
    /// async fn sessions(request: Request, next: Next) -> Response {
    ///     next.run(request).await // your session layer
    /// }
    ///
    /// fn app(isr: &Engine, router: Router) -> Router {
    ///     isr.wrap_with(router.clone().layer(from_fn(sessions)), router)
    /// }
    /// # let _ = app;
    /// ```
    #[must_use = "without the returned router no page is rendered"]
    pub fn wrap_with(&self, visitors: Router, renders: Router) -> Router {
        let app = Arc::new(AppRouter::new(visitors, renders));
        self.set_app(&app);
        self.tell_cdns();
        self.purge_again_when_due();
        self.hear_purges_of_others();
        Router::new().fallback_service(Pages(Arc::new(WrappedRouter { engine: self.clone(), app })))
    }

    /// The response with a page that may be served, if memory has it in the encoding that the
    /// request wants; `None` if more must be done.
    fn hit(&self, page: &PageRequest<'_>, request: &HeaderMap) -> Option<Response> {
        if !page.route.is_known_to_admit(page.path()) {
            return None;
        }
        if seen_cookie::of(request).is_some() {
            return None;
        }
        let entry = self.0.tiers.in_memory(page.key())?;
        let encoding = entry.choose(request);
        let body = entry.body_in(encoding)?;
        let kind = EntryKind::of(page.policy.is_data, entry.is_gone());
        let (freshness, waits) = self.serve_stored(page.lifetime, kind, &entry, || {
            (page.target(), headers::is_prefetch(request))
        })?;
        let (status, result) = (hit_status(freshness), stored_result(freshness, waits));
        let (route, entry) = (page.route, &*entry);
        let hit = PageParts { route, entry, encoding, body, freshness, status, result };
        Some(self.page_response(hit, request))
    }

    async fn answer_page(
        &self,
        page: RequestedPage,
        app: &AppRouter,
        request: Request,
    ) -> Response {
        let RequestedPage { route, path, target } = page;
        if self.own_handler(&route, &target).is_some() {
            // The rules name the route, and cannot except what only the app's router knows.
            if self.0.speculation_rules.is_some() && headers::is_prefetch(request.headers()) {
                self.count(route.slot, RequestResult::NotPrefetched);
                return not_prefetched(Forward::Miss);
            }
            return self.pass(app.visitors(), request, Bypass::of(OWN_HANDLER, &route)).await;
        }
        match self.is_admitted(&route, &path).await {
            Ok(true) => self.respond(&route, &target, request.headers()).await,
            Ok(false) => {
                self.count(route.slot, RequestResult::Bypass);
                self.shared_not_found(request.headers()).await
            }
            Err(error) => {
                error!(
                    route = route.path(),
                    error = &error as &dyn Error,
                    "cannot tell which paths exist"
                );
                self.count(route.slot, RequestResult::Failed);
                failed(RenderError::Failed(error.to_string()).into(), Forward::Miss)
            }
        }
    }

    async fn respond(
        &self,
        route: &DeclaredRoute,
        target: &Target,
        request: &HeaderMap,
    ) -> Response {
        let is_prefetch = headers::is_prefetch(request);
        let lookup = match seen_cookie::of(request) {
            Some(position) => self.serve_after(target, position, is_prefetch).await,
            None => self.serve(target, is_prefetch).await,
        };
        match lookup {
            Lookup::Stored { entry, waits } => {
                let status = |freshness| (hit_status(freshness), stored_result(freshness, waits));
                self.encoded_page(route, &entry, status, request).await
            }
            Lookup::StaleIfError(entry) => {
                let status = |freshness| {
                    let ttl = past(stale_by(freshness));
                    (CacheStatus::StaleIfError { ttl }, RequestResult::StaleError)
                };
                self.encoded_page(route, &entry, status, request).await
            }
            Lookup::Rendered { new, had_page } => {
                let NewEntry { entry, stored, .. } = new;
                let status =
                    CacheStatus::Forwarded { why: forward(had_page), status: entry.status, stored };
                let result = match had_page {
                    true => RequestResult::Expired,
                    false => RequestResult::Miss,
                };
                if stored {
                    self.encoded_page(route, &entry, |_| (status, result), request).await
                } else {
                    self.count(route.slot, result);
                    private(&entry, status)
                }
            }
            Lookup::Failed { failure, had_page } => {
                let result = match failure.error {
                    RenderError::Busy { .. } => RequestResult::Refused,
                    _ => RequestResult::Failed,
                };
                self.count(route.slot, result);
                failed(failure, forward(had_page))
            }
            Lookup::NotPrefetched { had_page } => {
                self.count(route.slot, RequestResult::NotPrefetched);
                not_prefetched(forward(had_page))
            }
        }
    }

    async fn answer_other(
        &self,
        other: OtherRequest,
        app: &AppRouter,
        request: Request,
    ) -> Response {
        match other {
            OtherRequest::Endpoint(endpoint) => self.answer_endpoint(endpoint, request).await,
            OtherRequest::Pass { bypass, declared } => {
                let other = declared.map(|path| redirect(&path, &request));
                let response = self.pass(app.visitors(), request, bypass).await;
                other.filter(|_| response.status() == StatusCode::NOT_FOUND).unwrap_or(response)
            }
            OtherRequest::BadPath(error) => bad_path(error),
            OtherRequest::OtherSlash { route, is_draft, .. }
                if self.own_handler_at(&route, request.uri().path()).is_some() =>
            {
                let bypass = Bypass { is_draft, ..Bypass::of(OWN_HANDLER, &route) };
                self.pass(app.visitors(), request, bypass).await
            }
            OtherRequest::OtherSlash { path, .. } => redirect(&path, &request),
        }
    }

    async fn answer_endpoint(&self, endpoint: Endpoint, request: Request) -> Response {
        let mut response = match endpoint {
            Endpoint::Health(health) => self.answer_health(health, request.method()),
            Endpoint::Live => self.answer_live(request).await,
            Endpoint::Scrape(scrape) => self.answer_scrape(scrape, &request),
            Endpoint::Call(call) => endpoint::answer(self, call, request).await,
            Endpoint::Question(question) => inspect::answer(self, question, request).await,
            Endpoint::Inspector => self.answer_inspector(request).await,
            Endpoint::Webhook(name) => self.answer_webhook(&name, request).await,
            Endpoint::Draft => self.answer_draft(&request),
            Endpoint::Periods => periods::answer(self, request).await,
            Endpoint::SpeculationRules(rules) => speculation::answer(&rules, &request),
        };
        let status = CacheStatus::Bypass { detail: "endpoint" };
        response.headers_mut().entry(CACHE_STATUS).or_insert_with(|| status.to_header());
        response
    }

    /// Lets a router of the app answer: nothing is looked up or stored.
    async fn pass(
        &self,
        router: Router,
        mut request: Request,
        Bypass { detail, is_draft, slot }: Bypass,
    ) -> Response {
        let policy = self.0.csp.as_ref().map(|csp| csp.begin(&mut request));
        let reading = match is_draft {
            true => Reading::of_draft(),
            false => Reading::of_request(Arc::clone(&self.0.reads)),
        };
        if is_draft {
            request.extensions_mut().insert(Draft(()));
        }
        request.extensions_mut().insert(reading.clone());
        let mut response = match reading.scope(router.oneshot(request)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let is_file = [NO_ROUTE, OWN_HANDLER].contains(&detail)
            && response.status().is_success()
            && cache_control::is_file(response.headers());
        // Caches take the headers of a 304 for those of the answer that they keep.
        let is_whole = response.status() != StatusCode::NOT_MODIFIED;
        let answer = if is_whole { AnswerKind::Full } else { AnswerKind::NotModified };
        self.0.counters.request(slot, RequestResult::Bypass, answer);
        let headers = response.headers_mut();
        if let Some(policy) = policy.filter(|_| is_whole) {
            policy.send_with(headers);
        }
        if is_whole && is_draft && !is_file {
            forbid_storing(headers);
        } else if is_whole && !headers.contains_key(header::CACHE_CONTROL) {
            // Caches may keep files. What a handler returns is for its caller alone.
            let cache = if is_file { headers::PUBLIC } else { headers::PRIVATE };
            headers.insert(header::CACHE_CONTROL, cache);
        }
        headers.insert(CACHE_STATUS, CacheStatus::Bypass { detail }.to_header());
        response
    }

    /// The app's own 404 page: one stored page for all paths that do not exist. A plain one if every
    /// path is that of another page.
    async fn shared_not_found(&self, request: &HeaderMap) -> Response {
        let Some(key) = self.0.not_found.clone() else { return not_listed() };
        let target = Target {
            key,
            route: "not found".into(),
            ends_in_slash: false,
            is_data: false,
            max_renders: None,
            lifetime: Lifetime { revalidate: Some(NOT_FOUND_PERIOD), expire: None },
            tags: Vec::new(),
        };
        let entry = match self.serve(&target, headers::is_prefetch(request)).await {
            Lookup::Stored { entry, .. } | Lookup::StaleIfError(entry) => entry,
            Lookup::Rendered { new, .. } => new.entry,
            Lookup::Failed { failure, had_page } => return failed(failure, forward(had_page)),
            Lookup::NotPrefetched { had_page } => return not_prefetched(forward(had_page)),
        };
        let mut response = private(&entry, CacheStatus::Bypass { detail: "not-listed" });
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }
}
