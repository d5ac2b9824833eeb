//! `POST /_isr/hooks/{name}`: the deliveries of a webhook.

use axum::{
    body::to_bytes,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tracing::{error, info, warn};

use crate::{
    access::webhooks::{Again, PayloadError, WebhookEndpoint},
    engine::Engine,
    http::answer::{method_not_allowed, plain},
    order::origins::PurgeSource,
    rules::headers,
};

/// The largest body of a delivery, in bytes.
const MAX_BODY: usize = 1 << 20;

impl Engine {
    /// Answers a delivery: 204 when its purge is done, or was done before, or if it maps to
    /// nothing; 503 while the same delivery is being handled, and if the purge is not kept.
    pub(super) async fn answer_webhook(&self, name: &str, request: Request) -> Response {
        let Some(webhook) = self.0.webhooks.get(name) else {
            return plain(StatusCode::NOT_FOUND, "There is no such webhook.\n".to_owned());
        };
        if request.method() != Method::POST {
            return method_not_allowed("Use POST.\n", "POST");
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            warn!(hook = name, limit = MAX_BODY, "refused a delivery that is too long");
            let text = format!("The body is at most {MAX_BODY} bytes long.\n");
            return plain(StatusCode::PAYLOAD_TOO_LARGE, text);
        };
        let now = self.now();
        let delivery = match webhook.check(&parts.headers, &body, now) {
            Ok(delivery) => delivery,
            Err(refusal) => {
                warn!(hook = name, reason = %refusal, "refused a delivery");
                let text = "This is no delivery of the webhook's sender.\n".to_owned();
                return plain(StatusCode::UNAUTHORIZED, text);
            }
        };
        let handling = match webhook.deliveries().begin(&delivery, now) {
            Ok(handling) => handling,
            Err(Again::Handled) => {
                info!(hook = name, "a delivery came again, its purge was done before");
                return done();
            }
            Err(Again::UnderWay) => return under_way(),
        };
        let response = self.purge_for_delivery(name, webhook, &parts.headers, &body).await;
        if response.status().is_success() {
            handling.handled();
        }
        response
    }

    async fn purge_for_delivery(
        &self,
        name: &str,
        webhook: &WebhookEndpoint,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        let mapped = match webhook.purge_of(headers, body) {
            Ok(mapped) => mapped,
            Err(PayloadError::NotJson(error)) => {
                warn!(hook = name, %error, "a delivery is not JSON");
                let text = format!("The body is not JSON: {error}.\n");
                return plain(StatusCode::BAD_REQUEST, text);
            }
            Err(PayloadError::TooMany(too_many)) => {
                error!(hook = name, error = %too_many, "purged nothing for a delivery");
                return plain(StatusCode::UNPROCESSABLE_ENTITY, format!("{too_many}.\n"));
            }
        };
        for path in &mapped.no_paths {
            warn!(hook = name, path, "a delivery maps to something that is not a path, skipped it");
        }
        if mapped.purge.is_empty() {
            info!(hook = name, "a delivery maps to nothing");
            return done();
        }
        info!(hook = name, "purging for a delivery");
        let by = PurgeSource::Webhook(name.into());
        match self.purge_for(&mapped.purge, by, Vec::new()).await {
            Ok(()) => done(),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                error!(hook = name, error = cause, "a delivery's purge failed");
                plain(StatusCode::SERVICE_UNAVAILABLE, format!("{error}.\n"))
            }
        }
    }
}

/// Whether the purge will be kept is not known yet, so the sender must ask again.
fn under_way() -> Response {
    let text = "This delivery is being handled. Send it again.\n".to_owned();
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn done() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, headers::PRIVATE)]).into_response()
}
