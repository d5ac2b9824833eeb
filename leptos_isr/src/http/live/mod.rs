//! `GET /_isr/live`: open pages learn that what they show was regenerated.
//!
//! - The answer is a stream of server-sent events (HTML Standard, section 9.2). `?page=` watches a
//!   page, `?tag=` everything stored that carries a tag. Each may be given several times.
//! - An event is sent when a new page, or new data, is stored, not when the old one is purged:
//!   whoever reads again finds the new one. If it came out the same as before, no event is sent.
//! - A watched page counts as visited. A purge that reaches it starts its regeneration at once. So
//!   does the end of its period, which is checked when the stream begins and at each heartbeat.
//!   However many watch a page, it is rendered once. A page that is not stored is not rendered.
//! - A stream reads nothing from the store: a watched page that memory does not have waits for its
//!   next visitor.
//! - One visitor may have a tenth of all streams.
//! - A slow reader holds up nobody: of several changes it learns only the last.
//! - The `id` of an event says when it happened. A stream that is opened with `Last-Event-ID`, or
//!   `?last=`, begins with an event if something changed since. So does one that is opened with
//!   `?open_for=`, the milliseconds since the page was asked for.

mod request;
mod stream;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use axum::{extract::Request, response::Response};
use http::{HeaderName, HeaderValue, Method, header};
use tracing::warn;

use self::request::{Refusal, Subscription};
use crate::{
    engine::Engine,
    http::answer::method_not_allowed,
    route::target::Target,
    rules::headers,
    watch::{Full, Since, Topic, Watcher},
};

/// Asks proxies to pass each event on at once; nginx heeds it.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

impl Engine {
    /// Answers `GET /_isr/live`. If there is no stream, the answer is 400, 404, 405, 429, 500 or 503
    /// with a reason.
    pub(crate) async fn answer_live(&self, request: Request) -> Response {
        let (request, _) = request.into_parts();
        if request.method != Method::GET && request.method != Method::HEAD {
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
        let mut response = if request.method == Method::HEAD {
            Response::default()
        } else {
            let visitor = self.visitor_address(&request);
            match self.watch(topics, subscription.since, visitor) {
                Ok(watcher) => stream::response(self.clone(), watcher),
                Err(full) => return Refusal::from(full).into_response(),
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
        headers.insert(NO_BUFFERING.0, NO_BUFFERING.1);
        response
    }

    /// Begins to watch, and regenerates the pages that are stale.
    fn watch(
        &self,
        topics: Vec<(Topic, Option<Target>)>,
        since: Since,
        visitor: Option<IpAddr>,
    ) -> Result<Watcher, Full> {
        let hub = &self.0.watch;
        if visitor.is_none() {
            hub.warnings.nameless.call_once(|| {
                warn!(
                    "a live stream whose visitor's address is not known: one visitor may take all \
                 streams; serve with `into_make_service_with_connect_info::<SocketAddr>()`"
                )
            });
        }
        let joined = hub.join(topics, since, visitor, || self.0.order.next());
        if let Err(Full::Visitor(address)) = joined {
            hub.warnings.crowd.call_once(|| warn!(
                %address, streams = hub.share(),
                "one address has as many live streams as one may have, and gets no more; if it is \
                 that of a proxy, name it in `Builder::trusted_proxies`"
            ));
        }
        let watcher = joined?;
        for target in &watcher.pages {
            if let Some(entry) = self.0.tiers.in_memory(target.key.as_str()) {
                hub.learn_tags(&entry);
                self.regenerate_stale(target, &entry);
            }
        }
        Ok(watcher)
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
