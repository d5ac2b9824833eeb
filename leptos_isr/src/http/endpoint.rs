//! `POST /_isr/purge` and `POST /_isr/regenerate`: calls of the engine over HTTP.

use axum::{
    Json,
    body::to_bytes,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::{
    access::bearer::is_bearer,
    engine::{Engine, regenerate::Regeneration},
    error::Error,
    http::answer::{method_not_allowed, parse, plain},
    order::{origins::PurgeSource, purge::Purge, purge_id::PurgeId},
    rules::headers,
    wire,
};

/// The largest body of a call, in bytes.
const MAX_BODY: usize = 1 << 20;

/// The most pages that one call regenerates.
const MAX_PAGES: usize = 1000;

/// How long to wait after a dry run was refused, or a purge was not kept, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What a call asks the engine to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Purge,
    Regenerate,
}

impl Call {
    /// The call at this path.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            wire::PURGE => Some(Self::Purge),
            wire::REGENERATE => Some(Self::Regenerate),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paths {
    paths: Vec<String>,
}

/// One page in the answer to a regeneration.
#[derive(Serialize)]
struct Page {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    stored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Pages {
    pages: Vec<Page>,
}

/// Answers a call. If it is wrong or fails, the answer is 400, 401, 405, 413, 500 or 503 with a
/// reason.
pub(super) async fn answer(engine: &Engine, call: Call, request: Request) -> Response {
    if request.method() != Method::POST {
        return method_not_allowed("Use POST.\n", "POST");
    }
    if let Some(refusal) = unauthorized(engine, request.headers()) {
        return refusal;
    }
    let ids = PurgeId::all_in(request.headers());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else {
        let text = format!("The body is at most {MAX_BODY} bytes long.\n");
        return plain(StatusCode::PAYLOAD_TOO_LARGE, text);
    };
    match call {
        Call::Purge => match ids {
            Ok(ids) => purge(engine, &query, &body, ids).await,
            Err(malformed) => plain(StatusCode::BAD_REQUEST, format!("{malformed}.\n")),
        },
        Call::Regenerate => regenerate(engine, &body).await,
    }
}

/// The refusal of a request without the engine's token.
pub(super) fn unauthorized(engine: &Engine, request: &HeaderMap) -> Option<Response> {
    let token = engine.0.token.as_deref();
    if token.is_some_and(|token| is_bearer(request, token)) {
        return None;
    }
    let text = "Send `Authorization: Bearer` with the engine's token.\n".to_owned();
    let mut response = plain(StatusCode::UNAUTHORIZED, text);
    let scheme = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    Some(response)
}

/// Answers 204 when the purge is kept, or 200 with what a dry run found.
async fn purge(engine: &Engine, query: &str, body: &[u8], ids: Vec<PurgeId>) -> Response {
    let is_dry_run = match query {
        "" | "dry_run=false" => false,
        "dry_run=true" => true,
        // Do not purge: this may be a misspelled dry run.
        other => {
            let text = format!("`?{other}` is not known: send `?dry_run=true`, or no query.\n");
            return plain(StatusCode::BAD_REQUEST, text);
        }
    };
    let purge: Purge = match parse(body) {
        Ok(purge) => purge,
        Err(error) => return plain(StatusCode::BAD_REQUEST, format!("Not a purge: {error}.\n")),
    };
    if is_dry_run {
        return match engine.purge_dry_run(&purge).await {
            Ok(reached) => {
                ([(header::CACHE_CONTROL, headers::PRIVATE)], Json(reached)).into_response()
            }
            Err(error) => refused(&error),
        };
    }
    match engine.purge_for(&purge, PurgeSource::Api, ids).await {
        Ok(()) => {
            (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, headers::PRIVATE)]).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// Answers when all pages have been rendered and stored: 200, or 502 if one failed.
async fn regenerate(engine: &Engine, body: &[u8]) -> Response {
    let Paths { paths } = match parse(body) {
        Ok(paths) => paths,
        Err(error) => {
            let text = format!("Not a list of pages, `{{\"paths\":[…]}}`: {error}.\n");
            return plain(StatusCode::BAD_REQUEST, text);
        }
    };
    if paths.len() > MAX_PAGES {
        let text =
            format!("{} pages are too many for one call: send at most {MAX_PAGES}.\n", paths.len());
        return plain(StatusCode::BAD_REQUEST, text);
    }
    let regenerated = match engine.regenerate(&paths).await {
        Ok(regenerated) => regenerated,
        Err(error) => return refused(&error),
    };
    let status = match regenerated.iter().all(|page| page.result.is_ok()) {
        true => StatusCode::OK,
        false => StatusCode::BAD_GATEWAY,
    };
    let pages = regenerated.into_iter().map(Page::from).collect();
    let headers = [(header::CACHE_CONTROL, headers::PRIVATE)];
    (status, headers, Json(Pages { pages })).into_response()
}

impl From<Regeneration> for Page {
    fn from(page: Regeneration) -> Self {
        let (status, stored, error) = match page.result {
            Ok((status, stored)) => (Some(status.as_u16()), stored, None),
            Err(error) => (None, false, Some(error.to_string())),
        };
        Self { path: page.page, status, stored, error }
    }
}

fn refused(error: &Error) -> Response {
    let status = match error {
        Error::PurgePath { .. } | Error::PurgeAgain { .. } | Error::RegeneratePath { .. } => {
            StatusCode::BAD_REQUEST
        }
        Error::DryRunUnderWay => StatusCode::SERVICE_UNAVAILABLE,
        failed => {
            error!(error = failed as &dyn std::error::Error, "a call of the engine failed");
            match failed {
                Error::PurgeNotKept(_) | Error::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
    };
    let mut response = plain(status, format!("{error}.\n"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}
