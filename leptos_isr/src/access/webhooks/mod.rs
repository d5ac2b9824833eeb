//! Webhooks of content systems: whether a delivery is trusted, and what it purges.
//!
//! A delivery is trusted if its sender proves that it knows the webhook's secret. Each delivery
//! that can be told from others is handled once. The webhook's [`Mapping`] says what it purges; the
//! payload itself is never a purge.

mod deliveries;
mod delivery;
mod github;
mod mapping;
mod proof;
mod settings;

use std::{collections::HashMap, time::SystemTime};

use http::HeaderMap;
use serde_json::Value;

pub(crate) use self::{
    deliveries::Again, delivery::Delivery, mapping::MappedPurge, proof::Refusal,
};
use self::{
    deliveries::Deliveries,
    mapping::{Templates, TooMany},
    settings::Preset,
};
pub use self::{mapping::Mapping, settings::Webhook};
use crate::{access::secret, error::Error};

/// The webhooks of an engine, by name.
#[derive(Debug, Default)]
pub(crate) struct Webhooks(HashMap<String, WebhookEndpoint>);

/// One webhook, checked.
#[derive(Debug)]
pub(crate) struct WebhookEndpoint {
    webhook: Webhook,
    templates: Templates,
    deliveries: Deliveries,
}

/// Why a payload purges nothing.
#[derive(Debug)]
pub(crate) enum PayloadError {
    NotJson(serde_json::Error),
    TooMany(TooMany),
}

impl Webhooks {
    /// Checks the settings; `token` is the purge token.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Webhook`], which names the webhook that is set up wrongly.
    pub(crate) fn new(
        webhooks: Vec<(String, Webhook)>,
        token: Option<&str>,
    ) -> Result<Self, Error> {
        let mut endpoints = HashMap::new();
        for (name, webhook) in webhooks {
            let wrong = |problem: String| Error::Webhook { name: name.clone(), problem };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(wrong("name it with letters, digits, `-` and `_`".to_owned()));
            }
            secret::check("its secret", &webhook.secret).map_err(wrong)?;
            if token == Some(&webhook.secret) {
                return Err(wrong(
                    "its secret is the purge token, so the sender could purge anything; \
                     choose another secret"
                        .to_owned(),
                ));
            }
            let templates = Templates::parse(&webhook.mapping).map_err(wrong)?;
            let deliveries = Deliveries::new();
            let endpoint = WebhookEndpoint { webhook, templates, deliveries };
            if endpoints.insert(name.clone(), endpoint).is_some() {
                let problem = "there are two with this name; rename one".to_owned();
                return Err(Error::Webhook { name, problem });
            }
        }
        Ok(Self(endpoints))
    }

    /// The webhook of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&WebhookEndpoint> {
        self.0.get(name)
    }
}

impl WebhookEndpoint {
    /// Whether a delivery is trusted at the time `now`.
    ///
    /// # Errors
    ///
    /// Says why it is not.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Delivery, Refusal> {
        proof::check(&self.webhook, headers, body, now)
    }

    /// The deliveries that were handled.
    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// What a payload purges.
    ///
    /// # Errors
    ///
    /// Says why it purges nothing.
    pub(crate) fn purge_of(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<MappedPurge, PayloadError> {
        let documents = self.webhook.preset.documents(headers, body);
        let documents = documents.map_err(PayloadError::NotJson)?;
        self.templates.purge(&documents).map_err(PayloadError::TooMany)
    }
}

impl Preset {
    /// What the mapping is applied to: the payload, or a document for each change in it. Empty if
    /// the event changes no page.
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
