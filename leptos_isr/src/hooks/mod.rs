//! `POST /_isr/hooks/{name}`: webhooks of content systems that purge.
//!
//! A delivery is believed when its sender proves to know the hook's secret, and
//! done once. What it purges is said by the hook's [`Mapping`]; the payload
//! itself is never a purge.

mod github;
mod mapping;
mod proof;
mod seen;
mod settings;

use std::{collections::HashMap, time::SystemTime};

use axum::{
    body::to_bytes,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tracing::{error, info, warn};

pub use self::{mapping::Mapping, settings::Hook};
use self::{mapping::Templates, seen::Seen, settings::Source};
use crate::{engine::Engine, error::Error, headers, purge::Purge, service::plain};

const PREFIX: &str = "/_isr/hooks/";

/// The largest body of a delivery, in bytes.
const MAX_BODY: usize = 1 << 20;

/// The shortest secret, in bytes.
const SHORTEST_SECRET: usize = 16;

/// The hooks of an engine, by name.
#[derive(Debug, Default)]
pub(crate) struct Hooks(HashMap<String, Endpoint>);

/// One hook, ready to be called.
#[derive(Debug)]
struct Endpoint {
    hook: Hook,
    templates: Templates,
    seen: Seen,
}

impl Hooks {
    /// Checks the settings; `token` is the purge token.
    ///
    /// # Errors
    ///
    /// Names the hook that is wrong.
    pub(crate) fn new(hooks: Vec<(String, Hook)>, token: Option<&str>) -> Result<Self, Error> {
        let mut endpoints = HashMap::new();
        for (name, hook) in hooks {
            let wrong = |problem: String| Error::Hook { name: name.clone(), problem };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(wrong("name it with letters, digits, `-` and `_`".to_owned()));
            }
            if hook.secret.len() < SHORTEST_SECRET {
                return Err(wrong(format!(
                    "its secret is {} bytes long; make it at least {SHORTEST_SECRET}, \
                     as `openssl rand -hex 32` does",
                    hook.secret.len()
                )));
            }
            if token == Some(&hook.secret) {
                return Err(wrong(
                    "its secret is the purge token; the sender could purge anything, \
                     so choose another secret"
                        .to_owned(),
                ));
            }
            let templates = Templates::parse(&hook.mapping).map_err(wrong)?;
            let endpoint = Endpoint { hook, templates, seen: Seen::new() };
            if endpoints.insert(name.clone(), endpoint).is_some() {
                let problem = "there are two of this name; rename one".to_owned();
                return Err(Error::Hook { name, problem });
            }
        }
        Ok(Self(endpoints))
    }

    /// The name in this path, if there is such a hook.
    pub(crate) fn name_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(PREFIX).filter(|name| self.0.contains_key(*name))
    }
}

impl Engine {
    /// Answers a delivery: 204 when it is done, was done before, or maps to nothing.
    pub(crate) async fn answer_hook(&self, name: &str, request: Request) -> Response {
        let Some(endpoint) = self.0.hooks.0.get(name) else {
            return plain(StatusCode::NOT_FOUND, "There is no such hook.\n".to_owned());
        };
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Use POST.\n".to_owned());
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            warn!(hook = name, limit = MAX_BODY, "refused a delivery that is too long");
            let text = format!("The body is at most {MAX_BODY} bytes long.\n");
            return plain(StatusCode::PAYLOAD_TOO_LARGE, text);
        };
        let now = self.now();
        let delivery = match proof::check(&endpoint.hook, &parts.headers, &body, now) {
            Ok(delivery) => delivery,
            Err(refusal) => {
                warn!(hook = name, reason = %refusal, "refused a delivery");
                let text = "This is no delivery of the hook's sender.\n".to_owned();
                return plain(StatusCode::UNAUTHORIZED, text);
            }
        };
        if !endpoint.seen.begin(&delivery, now) {
            info!(hook = name, "a delivery came again, it was done before");
            return done();
        }
        let response = self.purge_for(name, endpoint, &parts.headers, &body).await;
        if !response.status().is_success() {
            endpoint.seen.forget(&delivery);
        }
        response
    }

    async fn purge_for(
        &self,
        name: &str,
        endpoint: &Endpoint,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        let documents = match endpoint.hook.source.documents(headers, body) {
            Ok(documents) => documents,
            Err(error) => {
                warn!(hook = name, %error, "a delivery is not JSON");
                let text = format!("The body is not JSON: {error}.\n");
                return plain(StatusCode::BAD_REQUEST, text);
            }
        };
        let mapped = match endpoint.templates.purge(&documents) {
            Ok(mapped) => mapped,
            Err(too_many) => {
                error!(hook = name, error = %too_many, "purged nothing for a delivery");
                return plain(StatusCode::UNPROCESSABLE_ENTITY, format!("{too_many}.\n"));
            }
        };
        for path in &mapped.no_paths {
            warn!(hook = name, path, "a delivery maps to something that is no path, left it out");
        }
        if mapped.purge == (Purge { hard: mapped.purge.hard, ..Purge::default() }) {
            info!(hook = name, "a delivery maps to nothing");
            return done();
        }
        info!(hook = name, "purging for a delivery");
        match self.purge(&mapped.purge).await {
            Ok(()) => done(),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                error!(hook = name, error = cause, "a delivery's purge failed");
                plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}.\n"))
            }
        }
    }
}

impl Source {
    /// What the mapping is applied to: the payload, or a part for each change
    /// in it; none if the event changes no page.
    fn documents(&self, headers: &HeaderMap, body: &[u8]) -> serde_json::Result<Vec<Value>> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let payload: Value = serde_json::from_slice(body)?;
        Ok(match self {
            Self::GitHub { folder } => match text("x-github-event") {
                Some("push") => github::changed_files(&payload, folder),
                _ => Vec::new(),
            },
            Self::Contentful => match text("x-contentful-topic").and_then(|t| t.rsplit('.').next())
            {
                Some("create" | "save" | "auto_save") => Vec::new(),
                _ => vec![payload],
            },
            Self::Generic | Self::Sanity | Self::Strapi => vec![payload],
        })
    }
}

fn done() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, headers::PRIVATE)]).into_response()
}

/// A delivery that was proven, and until when it could come again.
#[derive(Clone, Debug)]
struct Delivery {
    /// What tells it from others; empty if nothing does.
    ids: Vec<Vec<u8>>,
    until: SystemTime,
}
