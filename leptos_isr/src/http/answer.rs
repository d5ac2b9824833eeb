//! The engine's own plain responses, and how its endpoints parse a body.

use axum::{
    extract::{NestedPath, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    address::path::PathError,
    rules::{
        cache_status::{CACHE_STATUS, CacheStatus},
        headers,
    },
};

pub(super) fn bad_path(error: PathError) -> Response {
    plain(StatusCode::BAD_REQUEST, format!("No such address: {error}.\n"))
}

/// Redirects to the page's one address, which differs in the slash at its end.
pub(super) fn redirect(path: &str, request: &Request) -> Response {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let path = match (request.extensions().get::<NestedPath>(), path.strip_suffix('/')) {
        (None, _) => path.to_owned(),
        // Relative, since the prefix may have parameters, whose values are not known here.
        (Some(_), Some(path)) => format!("./{}/", last(path)),
        (Some(_), None) => format!("../{}", last(path)),
    };
    let location = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, String::new());
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// 404 for a path that its route does not admit.
pub(super) fn not_listed() -> Response {
    let mut response = plain(StatusCode::NOT_FOUND, "There is no such page.\n".to_owned());
    let status = CacheStatus::Bypass { detail: "not-listed" };
    response.headers_mut().insert(CACHE_STATUS, status.to_header());
    response
}

/// A plain response of the engine itself, which no cache may keep.
pub(super) fn plain(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, headers::PRIVATE),
        (CACHE_STATUS, CacheStatus::Bypass { detail: "error" }.to_header()),
    ];
    (status, headers, text).into_response()
}

/// 405 with the methods that are allowed.
pub(super) fn method_not_allowed(text: &str, allowed: &'static str) -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text.to_owned());
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Parses a JSON object. Left to itself, serde would also accept a list of the fields' values.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let object: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(object.into())
}
