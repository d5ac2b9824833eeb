//! The responses with pages, stored or just rendered, and those of failed renders.
//!
//! Every header of a stored page is set in [`Engine::head`]. Which of them a 304 repeats is decided
//! in `entry/heads.rs`. What the app answers itself gets its headers in `Engine::pass`.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::answer::plain;
use crate::{
    engine::Engine,
    entry::{
        Entry, ServedEntry,
        heads::{CacheHeaders, Head},
    },
    error::RenderError,
    render::outcome::RenderFailure,
    route::routes::DeclaredRoute,
    rules::{
        cache_control::pass_no_transform,
        cache_status::{CACHE_STATUS, CacheStatus, Forward, past, ttl},
        encoding::Encoding,
        freshness::{Freshness, StaleReason},
        headers::{self, CdnLifetime, CdnReach},
        tag_list::TagList,
    },
    stats::{AnswerKind, RequestResult, RouteSlot},
    wire,
};

/// The longest that a visitor waits for an encoding to be made. On a slow connection, 1 Mbit/s, what
/// compressing saves of a usual page, 60 kB, takes about as long: waiting longer does not pay.
const ENCODING_WAIT: Duration = Duration::from_millis(500);

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What a visitor reads if a page lacks what it is made of.
const UNAVAILABLE: &str = "This page cannot be shown at the moment. Please try again.\n";

/// A stored page to be sent, in one encoding of its body.
pub(super) struct PageParts<'a> {
    pub(super) route: &'a DeclaredRoute,
    pub(super) entry: &'a ServedEntry,
    pub(super) encoding: Option<Encoding>,
    pub(super) body: &'a Bytes,
    pub(super) freshness: Freshness,
    pub(super) status: CacheStatus,
    /// What the request counts as.
    pub(super) result: RequestResult,
}

impl Engine {
    /// The response with a stored page in the encoding that the request wants, which is made if
    /// nobody has asked for it yet. If that takes long, the page is sent uncompressed.
    pub(super) async fn encoded_page(
        &self,
        route: &DeclaredRoute,
        entry: &Arc<ServedEntry>,
        status: impl FnOnce(Freshness) -> (CacheStatus, RequestResult),
        request: &HeaderMap,
    ) -> Response {
        let (encoding, body) = self.encoded(entry, request).await;
        // Only now: the page may have been purged while it was compressed.
        let freshness = self.0.order.freshness(self.lifetime_of(route), entry);
        let (status, result) = status(freshness);
        let page = PageParts { route, entry, encoding, body, freshness, status, result };
        self.page_response(page, request)
    }

    async fn encoded<'a>(
        &self,
        entry: &'a Arc<ServedEntry>,
        request: &HeaderMap,
    ) -> (Option<Encoding>, &'a Bytes) {
        let end = Instant::now() + ENCODING_WAIT;
        loop {
            let encoding = entry.choose(request);
            match (encoding, entry.body_in(encoding)) {
                (_, Some(body)) => return (encoding, body),
                (None, None) => unreachable!("the uncompressed body is always there"),
                (Some(encoding), None) => {
                    let (engine, page) = (self.clone(), Arc::clone(entry));
                    let encode = async move { engine.encode(&page, encoding).await };
                    // In a task: if the visitor leaves, the next one need not begin again.
                    if timeout_at(end, self.0.tasks.spawn(encode)).await.is_err() {
                        return (None, &entry.body);
                    }
                }
            }
        }
    }

    async fn encode(&self, entry: &ServedEntry, encoding: Encoding) {
        let _turn = self.0.compressions.acquire().await;
        entry.make(encoding).await;
        self.0.tiers.weigh_again(&entry.key);
    }

    /// The response with a stored page, or 304 if the browser has it.
    pub(super) fn page_response(&self, page: PageParts<'_>, request: &HeaderMap) -> Response {
        let PageParts { route, entry, encoding, body, freshness, status, result } = page;
        entry.count_request();
        let cdn = CdnLifetime::of(
            self.lifetime_of(route).within(entry.asked),
            freshness,
            self.0.cdn_reach,
        );
        let cdn = if entry.is_gone() { cdn.of_absence() } else { cdn };
        let (status, cdn) = match self.is_cut_off() {
            true => (status.cut_off(), cdn.cut_off()),
            false => (status, cdn),
        };
        let cache = CacheHeaders { status, cdn };
        let make = || self.head(entry, (encoding, body), cache);
        let head = entry.heads.head(encoding, cache, make);
        let head = head.as_ref().expect("a head was found or made");
        let mut response = Response::new(Body::empty());
        if entry.status == StatusCode::OK && headers::is_not_modified(request, &head.etag) {
            self.count_page(route, result, AnswerKind::NotModified, freshness);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.headers_mut() = head.not_modified();
        } else {
            self.count_page(route, result, AnswerKind::Full, freshness);
            *response.status_mut() = entry.status;
            *response.headers_mut() = head.headers.clone();
            *response.body_mut() = body.clone().into();
        }
        response
    }

    /// Counts a request for which there is no stored page to send.
    pub(super) fn count(&self, slot: RouteSlot, result: RequestResult) {
        self.0.counters.request(slot, result, AnswerKind::Full);
    }

    fn count_page(
        &self,
        route: &DeclaredRoute,
        result: RequestResult,
        answer: AnswerKind,
        freshness: Freshness,
    ) {
        self.0.counters.request(route.slot, result, answer);
        if let Freshness::Stale { by, reason: StaleReason::Time }
        | Freshness::Expired { by, reason: StaleReason::Time } = freshness
        {
            self.0.counters.served_stale(route.slot, by);
        }
    }

    fn head(
        &self,
        entry: &Entry,
        (encoding, body): (Option<Encoding>, &Bytes),
        cache: CacheHeaders,
    ) -> Head {
        let etag = entry.etag_in(encoding);
        let mut headers = entry.headers.clone();
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, encoding.to_header());
        }
        headers.insert(header::ETAG, etag.clone());
        headers.insert(header::VARY, headers::VARY);
        self.0.shared_cache.add_lifetime(cache.cdn, &mut headers);
        headers.insert(CACHE_STATUS, cache.status.to_header());
        self.add_default_headers(&mut headers);
        self.name_speculation_rules(&mut headers);
        self.name_build(&mut headers);
        if !self.add_tags(entry, &mut headers) {
            // A purge by a tag that is left out does not reach the page.
            let lifetime = cache.cdn.within(CdnReach::Unpurged);
            self.0.shared_cache.add_lifetime(lifetime, &mut headers);
        }
        pass_no_transform(&entry.headers, &mut headers);
        Head::new(cache, headers, etag)
    }

    /// Adds the page's tags, as far as the head has room for them. Returns whether all are sent
    /// that are to be sent.
    fn add_tags(&self, entry: &Entry, headers: &mut HeaderMap) -> bool {
        let limit = self.0.max_header_size;
        let room = headers::room(limit, entry.key.as_str(), headers);
        let are_sent = !self.0.sends_tags || {
            let tags = TagList::new(self.0.build.as_deref(), &entry.tags);
            self.0.shared_cache.add_tags(&tags, room.unwrap_or(0), headers)
        };
        if !are_sent || room.is_none() {
            self.0.header_warning.call_once(|| {
                warn!(
                    isr.key = entry.key.as_str(),
                    limit,
                    without_tags = headers::size(headers),
                    are_tags_left_out = !are_sent,
                    "the headers of a page are too large for proxies with their defaults; pages \
                     whose tags are left out stay in shared caches for minutes only: give them \
                     fewer tags, or raise `max_header_size` and what the proxy takes"
                );
            });
        }
        are_sent
    }

    pub(super) fn add_default_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0.default_headers {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }

    /// Names the build that answers.
    pub(super) fn name_build(&self, headers: &mut HeaderMap) {
        if let Some(build) = &self.0.build {
            let value = HeaderValue::try_from(build).expect("`Builder::build` checked the id");
            headers.insert(wire::BUILD, value);
        }
    }
}

/// Turns a response to GET into the one to HEAD.
///
/// The app may have left the body away already, and axum may have called its length 0. So 0 is not
/// said, and the body is one of unknown length, or axum would say 0 again.
pub(super) fn remove_body(response: &mut Response) {
    let len = std::mem::take(response.body_mut()).size_hint().exact().filter(|len| *len > 0);
    let said = response.headers().get(header::CONTENT_LENGTH);
    match (said.is_some_and(|said| said != "0"), len) {
        (true, _) => {}
        (false, Some(len)) => {
            response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
        }
        (false, None) => {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            let unknown = stream::empty::<Result<Bytes, Infallible>>();
            *response.body_mut() = Body::from_stream(unknown);
        }
    }
}

/// The response with a page that no cache may keep.
pub(super) fn private(entry: &Entry, status: CacheStatus) -> Response {
    let mut response = Response::new(entry.body.clone().into());
    *response.status_mut() = entry.status;
    let headers = response.headers_mut();
    *headers = entry.headers.clone();
    headers.insert(header::CONTENT_LENGTH, entry.body.len().into());
    headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
    pass_no_transform(&entry.headers, headers);
    headers.insert(CACHE_STATUS, status.to_header());
    response
}

/// The `Cache-Status` of a page from the store.
pub(super) fn hit_status(freshness: Freshness) -> CacheStatus {
    match freshness {
        Freshness::Fresh { left } => CacheStatus::Hit { ttl: left.map(ttl), detail: None },
        Freshness::Stale { by, reason } | Freshness::Expired { by, reason } => {
            let detail = (reason == StaleReason::Purge).then_some("purged");
            CacheStatus::Hit { ttl: Some(past(by)), detail }
        }
    }
}

/// How long a page has been stale.
pub(super) fn stale_by(freshness: Freshness) -> Duration {
    match freshness {
        Freshness::Fresh { .. } => Duration::ZERO,
        Freshness::Stale { by, .. } | Freshness::Expired { by, .. } => by,
    }
}

/// Why a request waited for a render.
pub(super) fn forward(had_page: bool) -> Forward {
    if had_page { Forward::Stale } else { Forward::Miss }
}

/// What the app drew while the render failed, or a plain response.
pub(super) fn failed(failure: RenderFailure, why: Forward) -> Response {
    let RenderFailure { error, page, retry_after } = failure;
    let mut response = match page.filter(|page| may_be_shown(page)) {
        Some(page) => drawn(*page, &error, why),
        None => error_response(&error),
    };
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(CACHE_STATUS, CacheStatus::Forwarded { why, status, stored: false }.to_header());
    if status.is_server_error() {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        headers.entry(header::RETRY_AFTER).or_insert_with(|| seconds.max(1).into());
    }
    response
}

/// Whether what the app drew answers a request without a condition, and is no empty page.
fn may_be_shown(page: &Entry) -> bool {
    match page.status {
        StatusCode::OK => !page.body.is_empty(),
        status => status != StatusCode::NOT_MODIFIED && !status.is_informational(),
    }
}

/// What the app drew while the render failed.
fn drawn(mut page: Entry, error: &RenderError, why: Forward) -> Response {
    // A failure looks to nobody like a page, a redirect or the lack of a page.
    if is_of_source(error) && !page.status.is_server_error() {
        page.status = StatusCode::BAD_GATEWAY;
        page.headers.remove(header::LOCATION);
    }
    let has_body = ![StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT].contains(&page.status);
    if has_body && page.body.is_empty() {
        page.body = plain_text(error, page.status).into();
        page.headers.remove(header::CONTENT_ENCODING);
        page.headers.insert(header::CONTENT_TYPE, PLAIN_TEXT);
    }
    let status = CacheStatus::Forwarded { why, status: page.status, stored: false };
    let mut response = private(&page, status);
    if !has_body {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// The body for an answer of the app that has none.
fn plain_text(error: &RenderError, status: StatusCode) -> String {
    if is_of_source(error) { UNAVAILABLE.to_owned() } else { format!("{status}\n") }
}

/// Whether it failed for the lack of what it is made of.
fn is_of_source(error: &RenderError) -> bool {
    matches!(error, RenderError::Failed(_) | RenderError::Read { .. } | RenderError::Boundary(_))
}

/// The answer to a prefetch that would have to wait: the browser asks again if its visitor comes.
pub(super) fn not_prefetched(why: Forward) -> Response {
    let text = "This page is not ready yet. It is rendered when it is asked for.\n";
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
    let status = CacheStatus::Forwarded { why, status: response.status(), stored: false };
    response.headers_mut().insert(CACHE_STATUS, status.to_header());
    response
}

/// A plain response. The cause is in the log; the visitor does not see it.
fn error_response(error: &RenderError) -> Response {
    let (status, text) = match error {
        error if is_of_source(error) => (StatusCode::BAD_GATEWAY, UNAVAILABLE),
        RenderError::TimedOut(_) => {
            (StatusCode::GATEWAY_TIMEOUT, "This page took too long. Please try again.\n")
        }
        RenderError::Busy { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is too busy at the moment. Please try again.\n",
        ),
        RenderError::ShuttingDown => {
            (StatusCode::SERVICE_UNAVAILABLE, "The server is restarting. Please try again.\n")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown. Please try again.\n"),
    };
    plain(status, text.to_owned())
}
