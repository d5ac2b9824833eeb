//! `GET /_isr/metrics`: what has been counted, for Prometheus.

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, Method, header};

use crate::{
    engine::Engine,
    http::{answer::method_not_allowed, endpoint::unauthorized},
    rules::headers,
    stats::Metrics,
    wire,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The call of who collects metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scrape;

impl Scrape {
    pub(super) fn of(path: &str) -> Option<Self> {
        (path == wire::METRICS).then_some(Self)
    }
}

impl Engine {
    /// Returns this engine's statistics as metrics, for a registry of your app's own; see
    /// [`Metrics`].
    ///
    /// They are also at `GET /_isr/metrics` for bearers of the [token](crate::Builder::token).
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, route::RouteTable};
    ///
    /// # fn main() -> Result<(), leptos_isr::Error> {
    /// let isr = Engine::builder(RouteTable::new()).build()?;
    /// assert!(isr.metrics().to_open_metrics().contains("isr_live_streams 0\n"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let engine = self.clone();
        Metrics::new(move || engine.stats())
    }

    /// Returns a router that answers `GET /_isr/metrics`, and nothing else, without a token.
    ///
    /// Serve it on an address that only those reach who may know what your site does.
    #[must_use = "the router is to be served"]
    pub fn metrics_router(&self) -> Router {
        let metrics = self.metrics();
        let answer =
            async move |request: Request| scraped(&metrics, request.method(), request.headers());
        Router::new().route(wire::METRICS, any(answer))
    }

    pub(super) fn answer_scrape(&self, _: Scrape, request: &Request) -> Response {
        match unauthorized(self, request.headers()) {
            Some(refusal) => refusal,
            None => scraped(&self.metrics(), request.method(), request.headers()),
        }
    }
}

fn scraped(metrics: &Metrics, method: &Method, request: &HeaderMap) -> Response {
    if ![Method::GET, Method::HEAD].contains(method) {
        return method_not_allowed("Use GET.\n", "GET, HEAD");
    }
    let (content_type, text) = match wants_plain_text(request) {
        true => (PROMETHEUS_TEXT, metrics.to_prometheus_text()),
        false => (OPEN_METRICS, metrics.to_open_metrics()),
    };
    let headers = [(header::CACHE_CONTROL, headers::PRIVATE)];
    (headers, [(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Whether only the older format is known: who knows both names both.
fn wants_plain_text(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT);
    let accepts =
        |kind| accepted.iter().any(|list| list.to_str().is_ok_and(|list| list.contains(kind)));
    accepts("text/plain") && !accepts("application/openmetrics-text")
}
