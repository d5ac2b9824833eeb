//! The HTTP face: which requests are for a page, and the responses.

use std::{
    convert::Infallible,
    error::Error,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::future::{BoxFuture, Either};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tower::{Service, ServiceExt};
use tracing::error;

use crate::{
    cache_status::{CACHE_STATUS, CacheStatus, Forward, past, ttl},
    draft,
    encoding::Encoding,
    endpoint::{self, Call},
    engine::{self, Decision, Engine, Fresh, Served, Target},
    entry::Entry,
    error::RenderError,
    freshness::{Freshness, StaleReason},
    headers::{self, CACHE_TAG, CDN_CACHE_CONTROL, CdnLifetime},
    key::Key,
    live, new_build,
    path::{self, CanonicalPath, PathError},
    period,
    policy::Lifetime,
    ready::{Head, Shown},
    render::Failure,
    routes::Route,
    scope::Reading,
};

/// Where the engine's endpoints are.
const ENDPOINTS: &str = "/_isr/";

/// How long the app's 404 page is fresh.
const NOT_FOUND_PERIOD: Duration = period::minutes(5);

/// One form of a body: the coding, and the bytes.
type Form<'a> = (Option<Encoding>, &'a Bytes);

impl Engine {
    /// Puts the stored pages in front of `router`, which renders them.
    ///
    /// The returned router answers everything that `router` does; requests for
    /// the engine's routes are answered from the store. Layers of `router`
    /// act while a page is rendered, layers of the returned router on each
    /// response.
    ///
    /// # Panics
    ///
    /// Panics when called twice.
    pub fn wrap(&self, router: Router) -> Router {
        self.set_router(router);
        self.0.outbound.start();
        Router::new().fallback_service(Pages(self.clone()))
    }

    /// The answer to a request for a page that is in memory, in the form that is
    /// wanted, and may be served; `None` if anything else is to be looked at.
    fn answer_from_memory(&self, request: &Request) -> Option<Response> {
        let path = request.uri().path();
        let is_read = *request.method() == Method::GET || *request.method() == Method::HEAD;
        if !is_read || self.0.bypass.is_some() || path.starts_with(ENDPOINTS) {
            return None;
        }
        let segments = path::plain_segments(path)?;
        let route = self.0.routes.find(segments.clone())?;
        let policy = route.policy()?;
        let has_other_pages = request.uri().query().is_some() && !policy.query.is_empty();
        if has_other_pages || !route.is_known_to_admit(path) || self.is_of_draft(request) {
            return None;
        }
        let entry = self.0.memory.get(path)?;
        let encoding = entry.choose(request.headers());
        let body = entry.body_in(encoding)?;
        let freshness = self.freshness(policy.lifetime, &entry);
        match engine::decide(&entry, policy.is_data, freshness) {
            Decision::Serve => {}
            Decision::Regenerate(reason) => {
                if !headers::is_prefetch(request.headers()) {
                    self.regenerate_behind(&entry.key, reason, || {
                        let segments: Vec<_> = segments.map(str::to_owned).collect();
                        Target::new(entry.key.clone(), route, policy, &segments)
                    });
                }
            }
            Decision::Render => return None,
        }
        let form = (encoding, body);
        let status = hit(freshness);
        Some(self.page(policy.lifetime, &entry, form, freshness, status, request.headers()))
    }

    /// The form of the page's body that a request gets; it is made if nobody has
    /// asked for it yet.
    async fn form<'a>(&self, entry: &'a Arc<Entry>, request: &HeaderMap) -> Form<'a> {
        loop {
            let encoding = entry.choose(request);
            match (encoding, entry.body_in(encoding)) {
                (_, Some(body)) => return (encoding, body),
                (None, None) => unreachable!("the body as it is was rendered"),
                (Some(encoding), None) => {
                    let (engine, entry) = (self.clone(), Arc::clone(entry));
                    // A visitor who leaves does not stop it: the next one would begin it again.
                    let _ = self
                        .0
                        .tasks
                        .spawn(async move { engine.make(&entry, encoding).await })
                        .await;
                }
            }
        }
    }

    async fn make(&self, entry: &Entry, encoding: Encoding) {
        let _turn = self.0.compressions.acquire().await;
        entry.make(encoding).await;
        let dropped = self.0.memory.weigh_again(&entry.key);
        if let Some(store) = &self.0.store {
            store.used(&dropped);
        }
    }

    /// Says which build answers.
    fn name_build(&self, headers: &mut HeaderMap) {
        if let Some(build) = &self.0.build {
            let value = HeaderValue::try_from(build).expect("it was looked at when it was given");
            headers.insert(new_build::HEADER, value);
        }
    }

    async fn answer(&self, mut request: Request) -> Response {
        if request.uri().path() == live::PATH && self.0.live.is_on() {
            return self.answer_live(request).await;
        }
        if let Some(token) = &self.0.token
            && let Some(call) = Call::of(request.uri().path())
        {
            return endpoint::answer(self, call, token, request).await;
        }
        if let Some(name) = self.0.hooks.name_of(request.uri().path()) {
            let name = name.to_owned();
            return self.answer_hook(&name, request).await;
        }
        if let Some(response) = self.answer_draft(&mut request) {
            return response;
        }
        let path = match CanonicalPath::parse(request.uri().path()) {
            Ok(path) => path,
            Err(error) => return bad_path(error),
        };
        match self.0.routes.find(path.segments.iter()) {
            Some(route) if route.policy.is_some() => self.answer_page(route, &path, request).await,
            Some(_) => self.pass(request, "dynamic").await,
            None => self.pass(request, "no-route").await,
        }
    }

    async fn answer_page(&self, route: &Route, path: &CanonicalPath, request: Request) -> Response {
        let Some(policy) = &route.policy else {
            return self.pass(request, "dynamic").await;
        };
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return method_not_allowed();
        }
        let query = request.uri().query();
        if path.had_trailing_slash && !path.segments.is_empty() {
            return redirect(&path.text, query);
        }
        if draft::is_draft(&request) {
            return self.pass(request, "draft").await;
        }
        if let Some(detail) = self.0.bypass {
            return self.pass(request, detail).await;
        }
        let key = match Key::new(path, query, &policy.query) {
            Ok(key) => key,
            Err(error) => return bad_path(error),
        };
        match self.is_admitted(route, policy, &path.text).await {
            Ok(true) => {
                let target = Target::new(key, route, policy, &path.segments);
                self.respond(&target, request.headers()).await
            }
            Ok(false) => self.shared_not_found().await,
            Err(error) => {
                error!(
                    route = route.path(),
                    error = &error as &dyn Error,
                    "cannot tell which paths exist"
                );
                error_response(&RenderError::Failed(error.to_string()))
            }
        }
    }

    async fn respond(&self, target: &Target, request: &HeaderMap) -> Response {
        match self.serve(target, headers::is_prefetch(request)).await {
            Served::Stored(entry) => self.page_made(target.lifetime, &entry, hit, request).await,
            Served::StaleIfError(entry) => {
                let status =
                    |freshness| CacheStatus::StaleIfError { ttl: past(stale_by(freshness)) };
                self.page_made(target.lifetime, &entry, status, request).await
            }
            Served::Rendered { fresh, had_page } => {
                let Fresh { entry, stored } = fresh;
                let status =
                    CacheStatus::Forwarded { why: why(had_page), status: entry.status, stored };
                if stored {
                    self.page_made(target.lifetime, &entry, |_| status, request).await
                } else {
                    private(&entry, status)
                }
            }
            Served::Failed { failure, had_page } => failed(failure, why(had_page)),
        }
    }

    /// Lets the app's router answer: nothing is looked up or stored.
    async fn pass(&self, mut request: Request, detail: &'static str) -> Response {
        let policy = self.0.csp.as_ref().map(|csp| csp.begin(&mut request));
        let is_draft = draft::is_draft(&request);
        let reading = match is_draft {
            true => Reading::of_draft(),
            false => Reading::of_request(self.clone()),
        };
        let mut response = match reading.scope(self.router().oneshot(request)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        // Files may be kept; what a server function says is for its caller.
        let is_file = response.status().is_success()
            && response.headers().contains_key(header::LAST_MODIFIED);
        let headers = response.headers_mut();
        if let Some(policy) = policy {
            policy.send_with(headers);
        }
        if is_draft && !(is_file && detail == "no-route") {
            draft::forbid_storing(headers);
        } else if !is_file && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
        }
        headers.insert(CACHE_STATUS, CacheStatus::Bypass { detail }.to_header());
        response
    }

    /// The app's own 404 page: one stored page for all paths that do not exist.
    async fn shared_not_found(&self) -> Response {
        let target = Target {
            key: Key::shared_not_found(),
            route: "not found".into(),
            is_data: false,
            max_renders: None,
            lifetime: Lifetime { revalidate: Some(NOT_FOUND_PERIOD), expire: None },
            tags: Vec::new(),
        };
        let entry = match self.serve(&target, false).await {
            Served::Stored(entry) | Served::StaleIfError(entry) => entry,
            Served::Rendered { fresh, .. } => fresh.entry,
            Served::Failed { failure, had_page } => return failed(failure, why(had_page)),
        };
        let mut response = private(&entry, CacheStatus::Bypass { detail: "not-listed" });
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    /// A stored page in the form that the request wants.
    async fn page_made(
        &self,
        lifetime: Lifetime,
        entry: &Arc<Entry>,
        status: impl FnOnce(Freshness) -> CacheStatus,
        request: &HeaderMap,
    ) -> Response {
        let form = self.form(entry, request).await;
        // Not before: it may have been purged while it was compressed.
        let freshness = self.freshness(lifetime, entry);
        self.page(lifetime, entry, form, freshness, status(freshness), request)
    }

    /// A stored page in one form, or 304 if the browser has it.
    fn page(
        &self,
        lifetime: Lifetime,
        entry: &Entry,
        (encoding, body): Form<'_>,
        freshness: Freshness,
        status: CacheStatus,
        request: &HeaderMap,
    ) -> Response {
        let cdn = CdnLifetime::of(lifetime.within(entry.asked), freshness);
        let shown = Shown { status, cdn };
        let head = entry.ready.head(encoding, shown, || self.head(entry, (encoding, body), shown));
        let head = head.as_ref().expect("a head was found or made");
        let mut response = Response::new(Body::empty());
        if entry.status == StatusCode::OK && headers::is_not_modified(request, &head.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.headers_mut() = head.not_modified();
        } else {
            *response.status_mut() = entry.status;
            *response.headers_mut() = head.headers.clone();
            *response.body_mut() = body.clone().into();
        }
        response
    }

    fn head(&self, entry: &Entry, (encoding, body): Form<'_>, shown: Shown) -> Head {
        let etag = entry.etag_in(encoding);
        let mut headers = entry.headers.clone();
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, encoding.to_header());
        }
        headers.insert(header::ETAG, etag.clone());
        headers.insert(header::VARY, headers::VARY);
        headers.insert(header::CACHE_CONTROL, headers::PUBLIC);
        headers.insert(CDN_CACHE_CONTROL, shown.cdn.to_header());
        if self.0.sends_tags
            && let Some(tags) = headers::cache_tag(&entry.tags)
        {
            headers.insert(CACHE_TAG, tags);
        }
        headers.insert(CACHE_STATUS, shown.status.to_header());
        self.add_default_headers(&mut headers);
        self.name_build(&mut headers);
        Head::new(shown, headers, etag)
    }

    fn add_default_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0.default_headers {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }
}

/// What [`Engine::wrap`] returns, without a router around it.
#[derive(Clone)]
struct Pages(Engine);

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
        if let Some(mut response) = self.0.answer_from_memory(&request) {
            if is_head {
                remove_body(&mut response);
            }
            return Either::Left(ready(Ok(response)));
        }
        let engine = self.0.clone();
        Either::Right(Box::pin(async move {
            let mut response = engine.answer(request).await;
            if is_head {
                remove_body(&mut response);
            }
            // To a 304 the browser applies the headers of the page that it has.
            if response.status() != StatusCode::NOT_MODIFIED {
                engine.add_default_headers(response.headers_mut());
            }
            engine.name_build(response.headers_mut());
            Ok(response)
        }))
    }
}

/// Makes the answer to GET the one to HEAD.
fn remove_body(response: &mut Response) {
    let body = std::mem::take(response.body_mut());
    if let (Some(len), false) =
        (body.size_hint().exact(), response.headers().contains_key(header::CONTENT_LENGTH))
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    }
}

/// A page that no cache may keep.
fn private(entry: &Entry, status: CacheStatus) -> Response {
    let mut response = Response::new(entry.body.clone().into());
    *response.status_mut() = entry.status;
    let headers = response.headers_mut();
    *headers = entry.headers.clone();
    headers.insert(header::CONTENT_LENGTH, entry.body.len().into());
    headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
    headers.insert(CACHE_STATUS, status.to_header());
    response
}

fn hit(freshness: Freshness) -> CacheStatus {
    match freshness {
        Freshness::Fresh { left } => CacheStatus::Hit { ttl: left.map(ttl), detail: None },
        Freshness::Stale { by, reason } | Freshness::Expired { by, reason } => {
            let detail = (reason == StaleReason::Purge).then_some("purged");
            CacheStatus::Hit { ttl: Some(past(by)), detail }
        }
    }
}

fn stale_by(freshness: Freshness) -> Duration {
    match freshness {
        Freshness::Fresh { .. } => Duration::ZERO,
        Freshness::Stale { by, .. } | Freshness::Expired { by, .. } => by,
    }
}

fn why(had_page: bool) -> Forward {
    if had_page { Forward::Stale } else { Forward::Miss }
}

/// The error page that the app rendered, or a plain one.
fn failed(failure: Failure, why: Forward) -> Response {
    let mut response = match failure.page {
        Some(entry) if !entry.status.is_success() && !entry.body.is_empty() => {
            let status = CacheStatus::Forwarded { why, status: entry.status, stored: false };
            return private(&entry, status);
        }
        _ => error_response(&failure.error),
    };
    let status = CacheStatus::Forwarded { why, status: response.status(), stored: false };
    response.headers_mut().insert(CACHE_STATUS, status.to_header());
    if let RenderError::Busy { retry_after } = failure.error {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A plain answer; the cause is in the log, not in the visitor's browser.
fn error_response(error: &RenderError) -> Response {
    let (status, text) = match error {
        RenderError::TimedOut(_) => {
            (StatusCode::GATEWAY_TIMEOUT, "This page took too long to make. Please try again.\n")
        }
        RenderError::Busy { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many pages are wanted just now. Please try again.\n",
        ),
        RenderError::ShuttingDown => {
            (StatusCode::SERVICE_UNAVAILABLE, "The server is restarting. Please try again.\n")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown. Please try again.\n"),
    };
    plain(status, text.to_owned())
}

fn bad_path(error: PathError) -> Response {
    plain(StatusCode::BAD_REQUEST, format!("No such address: {error}.\n"))
}

fn method_not_allowed() -> Response {
    let text = "This page can only be read: use GET or HEAD.\n".to_owned();
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// To the page's one address, without the slash at its end.
fn redirect(path: &str, query: Option<&str>) -> Response {
    let location = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, String::new());
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

pub(crate) fn plain(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, headers::PRIVATE),
        (CACHE_STATUS, CacheStatus::Bypass { detail: "error" }.to_header()),
    ];
    (status, headers, text).into_response()
}
