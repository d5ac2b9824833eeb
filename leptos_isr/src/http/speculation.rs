//! `GET /_isr/speculation-rules.json`: which links browsers may prefetch.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{
    engine::Engine,
    http::answer::method_not_allowed,
    render::csp::is_html,
    rules::{headers, speculation::SpeculationRules},
};

const SPECULATION_RULES: HeaderName = HeaderName::from_static("speculation-rules");

const KIND: HeaderValue = HeaderValue::from_static("application/speculationrules+json");

/// A page names the rules with each view. After a deploy, those of before hold for as long.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

impl Engine {
    /// Names the rules with a page, unless it has such a header.
    pub(super) fn name_speculation_rules(&self, page: &mut HeaderMap) {
        if let Some(rules) = &self.0.speculation_rules
            && is_html(page)
        {
            page.entry(SPECULATION_RULES).or_insert_with(|| rules.header.clone());
        }
    }
}

pub(super) fn answer(rules: &SpeculationRules, request: &Request) -> Response {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return method_not_allowed("Use GET.\n", "GET, HEAD");
    }
    let kept = [(header::CACHE_CONTROL, CACHE), (header::ETAG, rules.etag.clone())];
    if headers::is_not_modified(request.headers(), &rules.etag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, KIND)], rules.body.clone()).into_response()
}
