//! Without the feature `metrics` nobody collects any.

use axum::{extract::Request, response::Response};

use crate::engine::Engine;

/// There is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scrape {}

impl Scrape {
    pub(super) fn of(_: &str) -> Option<Self> {
        None
    }
}

impl Engine {
    pub(super) fn answer_scrape(&self, scrape: Scrape, _: &Request) -> Response {
        match scrape {}
    }
}
