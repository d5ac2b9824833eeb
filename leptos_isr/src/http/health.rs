//! `GET /_isr/alive` and `GET /_isr/ready`: whether to restart this server, and whether to send it
//! visitors.
//!
//! Both are answered from what the engine knows: no store is asked, and nothing waits for a render.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};
use serde::Serialize;

use crate::{engine::Engine, http::answer::method_not_allowed, rules::headers, wire};

/// What is asked of a server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// Whether it answers at all.
    Alive,
    /// Whether visitors should be sent to it.
    Ready,
}

/// The answer of `/_isr/ready`. `ready` alone decides the status: other fields are for people, and for
/// alerts.
#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<&'a str>,
    /// Whether it is known what other servers purge; absent if nothing is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<&'static str>,
}

impl Health {
    /// What is asked at this path.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            wire::ALIVE => Some(Self::Alive),
            wire::READY => Some(Self::Ready),
            _ => None,
        }
    }
}

impl Engine {
    /// Answers 200, or 503 if visitors should go elsewhere.
    pub(super) fn answer_health(&self, health: Health, method: &Method) -> Response {
        if ![Method::GET, Method::HEAD].contains(method) {
            return method_not_allowed("Use GET.\n", "GET, HEAD");
        }
        let headers = [(header::CACHE_CONTROL, headers::PRIVATE)];
        match health {
            Health::Alive => (headers, "alive\n").into_response(),
            Health::Ready => {
                let ready = self.is_ready();
                let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                let ledger = if self.is_cut_off() { "cut off" } else { "connected" };
                let ledger = self.0.tiers.store().map(|_| ledger);
                let readiness = Readiness { ready, build: self.0.build.as_deref(), ledger };
                (status, headers, Json(readiness)).into_response()
            }
        }
    }
}
