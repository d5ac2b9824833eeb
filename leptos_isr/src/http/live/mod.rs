//! `GET /_isr/live`: open pages learn that what they show was regenerated.
//!
//! - The answer is a stream of server-sent events (HTML Standard, section 9.2). `?page=` watches a
//!   page, `?tag=` everything stored that carries a tag. Each may be given several times.
//! - An event is sent when a new page, or new data, is stored, not when the old one is purged:
//!   whoever reads again finds the new one. If it came out the same as before, no event is sent.
//! - A watched page counts as visited. A purge that reaches it starts its regeneration at once. So
//!   does the end of its period, which is checked when the stream begins and at each heartbeat.
//!   However many watch a page, it is rendered once. A page that is not stored is not rendered.
//! - A slow reader holds up nobody: of several changes it learns only the last.
//! - The `id` of an event says when it happened. A stream that is opened with `Last-Event-ID`, or
//!   `?last=`, begins with an event if something changed since. So does one that is opened with
//!   `?open_for=`, the milliseconds since the page was asked for.

mod request;
mod stream;
#[cfg(test)]
mod tests;

use axum::{extract::Request, response::Response};
use http::{HeaderName, HeaderValue, Method, header};

use self::request::{Refusal, Subscription};
use crate::{
    engine::Engine, http::answer::method_not_allowed, route::target::Target, rules::headers,
    watch::Topic,
};

/// Asks proxies to pass each event on at once; nginx heeds it.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

impl Engine {
    /// Answers `GET /_isr/live`. If there is no stream, the answer is 400, 404, 405, 500 or 503
    /// with a reason.
    pub(crate) async fn answer_live(&self, request: Request) -> Response {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return method_not_allowed("Use GET.\n", "GET, HEAD");
        }
        let subscription = match Subscription::parse(&request) {
            Ok(subscription) => subscription,
            Err(refusal) => return refusal.into_response(),
        };
        let topics = match self.topics(&subscription).await {
            Ok(topics) => topics,
            Err(refusal) => return refusal.into_response(),
        };
        let mut response = if request.method() == Method::HEAD {
            Response::default()
        } else {
            let targets: Vec<_> = topics.iter().filter_map(|(_, page)| page.clone()).collect();
            let stamp = || self.0.order.next();
            let Some(watcher) = self.0.watch.join(topics, subscription.since, stamp) else {
                return Refusal::Busy.into_response();
            };
            for target in &targets {
                if let Some(entry) = self.stored(&target.key).await {
                    self.0.watch.set_tags(&entry);
                    self.regenerate_stale(target, &entry);
                }
            }
            stream::response(self.clone(), watcher)
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
        headers.insert(NO_BUFFERING.0, NO_BUFFERING.1);
        response
    }

    async fn topics(
        &self,
        subscription: &Subscription,
    ) -> Result<Vec<(Topic, Option<Target>)>, Refusal> {
        let mut topics: Vec<(Topic, Option<Target>)> = Vec::new();
        for page in &subscription.pages {
            let target = self.target(page).await?;
            let topic = Topic::Page(target.key.clone());
            // Two spellings may be of one page.
            if topics.iter().all(|(known, _)| *known != topic) {
                topics.push((topic, Some(target)));
            }
        }
        let tags = subscription.tags.iter().map(|tag| (Topic::Tag(tag.clone()), None));
        topics.extend(tags);
        Ok(topics)
    }
}
