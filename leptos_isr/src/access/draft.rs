//! Draft mode: pages rendered for the one visitor who carries a signed cookie.
//!
//! The cookie opens draft mode and nothing else: neither the draft secret nor the purge token can be
//! read from it.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};

use crate::{
    access::{
        bearer::is_bearer,
        secret,
        signed_cookie::{CookieKind, SignedCookie, Transport},
    },
    error::Error,
    period,
};

/// `Lax`, so that a link from elsewhere leads to the draft.
const COOKIE: CookieKind = CookieKind {
    purpose: b"leptos_isr draft cookie, version 1",
    name: "__Host-isr-draft",
    name_over_http: "__isr_draft",
    same_site: "Lax",
};

/// Marks a request of a visitor in draft mode.
///
/// The engine puts it into the extensions of the request after it has verified the visitor's
/// cookie, so no header can forge it. A page that is rendered to be stored never has it. Pages and
/// server functions ask [`is_draft`](crate::is_draft). A plain axum handler takes
/// `Option<Extension<Draft>>`.
///
/// # Examples
///
/// ```
/// use axum::Extension;
/// use leptos_isr::page::Draft;
///
/// async fn feed(draft: Option<Extension<Draft>>) -> &'static str {
///     if draft.is_some() { "<rss>with drafts</rss>" } else { "<rss/>" }
/// }
/// # let _ = feed;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft(pub(crate) ());

/// The settings of draft mode in a builder.
pub(crate) struct Settings {
    pub(crate) secret: Option<String>,
    pub(crate) lifetime: Duration,
    pub(crate) transport: Transport,
}

impl Default for Settings {
    fn default() -> Self {
        Self { secret: None, lifetime: period::hours(1), transport: Transport::Https }
    }
}

/// Draft mode, switched on.
pub(crate) struct DraftMode(SignedCookie);

impl DraftMode {
    /// `None` without a secret.
    pub(crate) fn new(settings: Settings, token: Option<&str>) -> Result<Option<Self>, Error> {
        let Some(secret) = settings.secret else { return Ok(None) };
        let refused = |problem: String| Err(Error::Draft { problem });
        secret::check("the draft secret", &secret).map_err(|problem| Error::Draft { problem })?;
        if token == Some(&secret) {
            return refused(
                "the draft secret is the purge token, so whoever may see drafts could purge; \
                 choose another secret"
                    .to_owned(),
            );
        }
        let Settings { lifetime, transport, .. } = settings;
        if lifetime.as_secs() == 0 {
            return refused(format!(
                "its lifetime is {}; give it at least a second",
                humantime::format_duration(lifetime)
            ));
        }
        Ok(Some(Self(SignedCookie { kind: &COOKIE, secret, lifetime, transport })))
    }

    /// Whether the request carries the draft secret.
    pub(crate) fn is_bearer(&self, headers: &HeaderMap) -> bool {
        is_bearer(headers, &self.0.secret)
    }

    /// The `Set-Cookie` value that begins draft mode.
    pub(crate) fn begin(&self, now: SystemTime) -> HeaderValue {
        self.0.begin(now)
    }

    /// The `Set-Cookie` value that ends draft mode.
    pub(crate) fn end(&self) -> HeaderValue {
        self.0.end()
    }

    /// Whether one of the cookies was signed here and has not expired at `now`.
    pub(crate) fn is_good(&self, headers: &HeaderMap, now: SystemTime) -> bool {
        self.0.is_good(headers, now)
    }
}
