//! `GET /_isr/periods` and `POST /_isr/periods`: the periods of routes, and to set them.

use std::time::Duration;

use axum::{
    Json,
    body::to_bytes,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tracing::error;

use crate::{
    engine::{Engine, periods::RoutePeriod},
    error::Error,
    http::{
        answer::{method_not_allowed, plain},
        endpoint::unauthorized,
    },
    route::{overrides::SetPeriod, routes::parse_period},
    rules::headers,
};

/// The largest body of a call, in bytes.
const MAX_BODY: usize = 1 << 20;

/// How long to wait after a period was not kept, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    route: String,
    /// It must be there: a misspelled one would take the period away.
    #[serde(deserialize_with = "given")]
    revalidate: Option<String>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

#[derive(Serialize)]
struct Periods {
    routes: Vec<RoutePeriod>,
}

/// Answers with the periods of all routes, after it has set those that a call names. If the call is
/// wrong or fails, the answer is 400, 401, 405, 413 or 503 with a reason.
pub(super) async fn answer(engine: &Engine, request: Request) -> Response {
    let is_call = *request.method() == Method::POST;
    if !is_call && ![Method::GET, Method::HEAD].contains(request.method()) {
        return method_not_allowed("Use GET or POST.\n", "GET, HEAD, POST");
    }
    if let Some(refusal) = unauthorized(engine, request.headers()) {
        return refusal;
    }
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        let text = format!("`?{query}` is not known: send no query.\n");
        return plain(StatusCode::BAD_REQUEST, text);
    }
    if is_call {
        let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else {
            let text = format!("The body is at most {MAX_BODY} bytes long.\n");
            return plain(StatusCode::PAYLOAD_TOO_LARGE, text);
        };
        let periods = match periods(&body) {
            Ok(periods) => periods,
            Err(problem) => return plain(StatusCode::BAD_REQUEST, problem),
        };
        if let Err(error) = engine.set_periods(periods).await {
            return refused(&error);
        }
    }
    let headers = [(header::CACHE_CONTROL, headers::PRIVATE)];
    (headers, Json(Periods { routes: engine.periods() })).into_response()
}

/// The periods that a body sets: those of one object, or of a list of such.
fn periods(body: &[u8]) -> Result<Vec<SetPeriod>, String> {
    let calls = calls(body).map_err(|error| {
        format!(
            "Not a period, `{{\"route\":\"/articles/:slug\",\"revalidate\":\"10m\"}}`, nor a list of \
             them: {error}.\n"
        )
    })?;
    let periods = calls.into_iter().map(|Call { route, revalidate }| {
        let period = revalidate.map(|text| period(&route, &text)).transpose()?;
        Ok(SetPeriod { route, period })
    });
    periods.collect()
}

fn period(route: &str, text: &str) -> Result<Duration, String> {
    parse_period(text).map_err(|problem| {
        let given = format!("{route}={text}");
        format!("{}.\n", Error::Override { given, problem })
    })
}

fn calls(body: &[u8]) -> serde_json::Result<Vec<Call>> {
    let call = |object: Map<String, Value>| serde_json::from_value(object.into());
    match serde_json::from_slice(body)? {
        list @ Value::Array(_) => {
            let objects: Vec<Map<String, Value>> = serde_json::from_value(list)?;
            objects.into_iter().map(call).collect()
        }
        one => Ok(vec![call(serde_json::from_value(one)?)?]),
    }
}

fn refused(error: &Error) -> Response {
    if matches!(error, Error::Override { .. }) {
        return plain(StatusCode::BAD_REQUEST, format!("{error}.\n"));
    }
    error!(error = error as &dyn std::error::Error, "cannot set periods");
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, format!("{error}.\n"));
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}
