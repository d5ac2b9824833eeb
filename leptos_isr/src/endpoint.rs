//! `POST /_isr/purge`: purging from outside.

use axum::{
    body::to_bytes,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use tracing::error;

use crate::{engine::Engine, error::Error, headers, purge::Purge, service::plain};

/// The endpoint's path.
pub(crate) const PURGE: &str = "/_isr/purge";

/// The largest purge, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Answers 204 when the purge is kept; 401, 400, 405, 413 or 500 with a reason
/// otherwise.
pub(crate) async fn purge(engine: &Engine, token: &str, request: Request) -> Response {
    if request.method() != Method::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Purge with POST.\n".to_owned());
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if !is_bearer(request.headers(), token) {
        let text = "Send `Authorization: Bearer` with the purge token.\n".to_owned();
        let mut response = plain(StatusCode::UNAUTHORIZED, text);
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        return response;
    }
    let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else {
        let text = format!("A purge is at most {MAX_BODY} bytes long.\n");
        return plain(StatusCode::PAYLOAD_TOO_LARGE, text);
    };
    let purge = match parse(&body) {
        Ok(purge) => purge,
        Err(error) => return plain(StatusCode::BAD_REQUEST, format!("Not a purge: {error}.\n")),
    };
    match engine.purge(&purge).await {
        Ok(()) => {
            (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, headers::PRIVATE)]).into_response()
        }
        Err(wrong @ Error::PurgePath { .. }) => {
            plain(StatusCode::BAD_REQUEST, format!("{wrong}.\n"))
        }
        Err(failed) => {
            error!(error = &failed as &dyn std::error::Error, "a purge was refused");
            plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{failed}. Nothing was purged.\n"))
        }
    }
}

/// An object only: serde would take a list of the fields' values as well.
pub(crate) fn parse(body: &[u8]) -> serde_json::Result<Purge> {
    let object: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(object.into())
}

fn is_bearer(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .is_some_and(|given| given.ct_eq(token.as_bytes()).into())
}
