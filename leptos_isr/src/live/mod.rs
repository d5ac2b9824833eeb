//! Open pages learn that what they show was regenerated: `GET /_isr/live`.
//!
//! - The answer is a stream of server-sent events (HTML Standard, section 9.2).
//!   `?page=` watches a page, `?tag=` everything stored that carries a tag;
//!   each may be given several times.
//! - An event is sent when the new page, or new data, is stored, not when it
//!   was purged: who reads again finds the new one. What came out the same as
//!   before sends none.
//! - Who watches a page is like a visitor of it: a purge that reaches it starts
//!   its regeneration at once, and so does its end of period, which is looked
//!   at when the stream begins and with each heartbeat. However many watch a
//!   page, it is rendered once. A page that is not stored is not rendered.
//! - A slow reader holds up nobody: of several changes it learns the last.
//! - `id` of an event says when it happened. A stream that is opened with
//!   `Last-Event-ID`, or `?last=`, begins with an event if something changed
//!   since; so does one with `?open_for=` and the milliseconds since the page
//!   was asked for.

mod hub;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use hub::Hub;

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{
    engine::{Engine, Target},
    entry::Entry,
    freshness::Freshness,
    headers,
    purge::Scope,
    schedule::Urgency,
    service::plain,
    tag::Tag,
};
use hub::Topic;
use request::{Watching, Wrong};

/// Where the stream is.
pub(crate) const PATH: &str = "/_isr/live";

/// Asks proxies to pass each event on at once; nginx heeds it.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

impl Engine {
    /// Ends the streams of all who watch pages, and begins no new ones.
    ///
    /// [`shut_down`](Engine::shut_down) does it too. A server that waits for
    /// open connections first calls this before, or they are never over.
    pub fn end_streams(&self) {
        self.0.live.close();
    }

    /// Answers `GET /_isr/live`; 400, 404, 405 or 503 with a reason if there is no stream.
    pub(crate) async fn answer_live(&self, request: Request) -> Response {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET.\n".to_owned());
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let watching = match Watching::parse(&request) {
            Ok(watching) => watching,
            Err(wrong) => return wrong.into_response(),
        };
        let topics = match self.topics(&watching).await {
            Ok(topics) => topics,
            Err(wrong) => return wrong.into_response(),
        };
        let body = if request.method() == Method::HEAD {
            Body::empty()
        } else {
            let targets: Vec<_> = topics.iter().filter_map(|(_, page)| page.clone()).collect();
            let Some(watcher) = self.0.live.join(self, topics, watching.since) else {
                return Wrong::Busy.into_response();
            };
            for target in &targets {
                if let Some(entry) = self.stored(&target.key).await {
                    self.0.live.set_tags(&entry);
                    self.regenerate_stale(target, &entry);
                }
            }
            stream::body(watcher)
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
        headers.insert(NO_BUFFERING.0, NO_BUFFERING.1);
        response
    }

    async fn topics(&self, watching: &Watching) -> Result<Vec<(Topic, Option<Target>)>, Wrong> {
        let mut topics: Vec<(Topic, Option<Target>)> = Vec::new();
        for page in &watching.pages {
            let target = self.target(page).await?;
            let topic = Topic::Page(target.key.clone());
            // Two spellings may be one page.
            if topics.iter().all(|(known, _)| *known != topic) {
                topics.push((topic, Some(target)));
            }
        }
        let tags = watching.tags.iter().map(|tag| (Topic::Tag(tag.clone()), None));
        topics.extend(tags);
        Ok(topics)
    }

    /// Tells who watches that a page was stored in the place of `old`.
    pub(crate) fn page_stored(&self, entry: &Entry, old: Option<&Entry>) {
        self.0.live.set_tags(entry);
        if old.is_none_or(|old| !entry.is_same_page(old)) {
            let tags = entry.tags().iter().cloned().map(Topic::Tag);
            self.changed(std::iter::once(Topic::Page(entry.key().clone())).chain(tags));
        }
    }

    /// Tells who watches one of `tags` that data which carry it were read anew.
    pub(crate) fn data_stored<'a>(&self, tags: impl IntoIterator<Item = &'a Tag>) {
        self.changed(tags.into_iter().cloned().map(Topic::Tag));
    }

    fn changed(&self, topics: impl Iterator<Item = Topic>) {
        self.0.live.changed(topics, || self.0.stamps.next(self.now()));
    }

    /// Regenerates the watched pages that a purge reached.
    pub(crate) fn regenerate_watched(&self, scopes: &[Scope]) {
        for target in self.0.live.reached_by(scopes) {
            self.start_watched(&target);
        }
    }

    /// Regenerates a watched page whose period is over. A page that was dropped
    /// from memory waits for its next visitor: a heartbeat reads no disk.
    fn keep_up(&self, target: &Target) {
        if let Some(entry) = self.0.memory.get(&target.key) {
            self.regenerate_stale(target, &entry);
        }
    }

    fn regenerate_stale(&self, target: &Target, entry: &Entry) {
        if !matches!(self.freshness(target.lifetime, entry), Freshness::Fresh { .. }) {
            self.start_watched(target);
        }
    }

    fn start_watched(&self, target: &Target) {
        if self.0.bypass.is_none() && self.0.backoff.waits(&target.key, self.now()).is_none() {
            self.start(target, "watched", Urgency::Background, 0);
        }
    }
}
