//! Draft mode: pages rendered for the one visitor who carries a signed cookie.
//!
//! The cookie holds its expiry and an HMAC over it. It opens draft mode and nothing else: neither
//! the draft secret nor the purge token can be read from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cookie::Cookie;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    access::{bearer::is_bearer, secret},
    error::Error,
    period,
};

/// What the signature is for. It is part of what is signed, so a signature that was made elsewhere
/// with the same secret does not pass.
const PURPOSE: &[u8] = b"leptos_isr draft cookie, version 1";

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

/// How visitors reach the site, which decides the name and the attributes of the cookie.
#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Https,
    Http,
}

/// Draft mode, switched on.
pub(crate) struct DraftMode {
    secret: String,
    lifetime: u64,
    transport: Transport,
}

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
        let lifetime = settings.lifetime.as_secs();
        if lifetime == 0 {
            return refused(format!(
                "its lifetime is {}; give it at least a second",
                humantime::format_duration(settings.lifetime)
            ));
        }
        Ok(Some(Self { secret, lifetime, transport: settings.transport }))
    }

    /// Whether the request carries the draft secret.
    pub(crate) fn is_bearer(&self, headers: &HeaderMap) -> bool {
        is_bearer(headers, &self.secret)
    }

    /// The `Set-Cookie` value that begins draft mode.
    pub(crate) fn begin(&self, now: SystemTime) -> HeaderValue {
        self.set_cookie(&self.sign(seconds(now).saturating_add(self.lifetime)), self.lifetime)
    }

    /// The `Set-Cookie` value that ends draft mode.
    pub(crate) fn end(&self) -> HeaderValue {
        self.set_cookie("", 0)
    }

    /// Whether one of the cookies was signed here and has not expired at `now`.
    pub(crate) fn is_good(&self, headers: &HeaderMap, now: SystemTime) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter();
        cookies
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|text| str::from_utf8(text).ok().filter(|text| is_plain(text)))
            .filter_map(|text| Cookie::parse(text).ok())
            .any(|cookie| cookie.name() == self.name() && self.is_signed_for(cookie.value(), now))
    }

    fn is_signed_for(&self, value: &str, now: SystemTime) -> bool {
        let Some((expires, _)) = value.split_once('.') else { return false };
        let Ok(expires) = expires.parse() else { return false };
        // The whole value is compared, so another spelling of the number does not pass.
        let is_ours = bool::from(self.sign(expires).as_bytes().ct_eq(value.as_bytes()));
        is_ours && seconds(now) < expires
    }

    fn sign(&self, expires: u64) -> String {
        let key = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes());
        let mac = key
            .expect("HMAC takes keys of any length")
            .chain_update(PURPOSE)
            .chain_update(expires.to_be_bytes())
            .finalize()
            .into_bytes();
        let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{expires}.{mac}")
    }

    /// `Lax`, so that a link from elsewhere leads to the draft.
    fn set_cookie(&self, value: &str, max_age: u64) -> HeaderValue {
        let name = self.name();
        let secure = match self.transport {
            Transport::Https => "; Secure",
            Transport::Http => "",
        };
        let text =
            format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(text).expect("the parts are visible ASCII")
    }

    /// RFC 6265bis section 4.1.3.2: browsers hold `__Host-` to `Secure` and `Path=/`.
    fn name(&self) -> &'static str {
        match self.transport {
            Transport::Https => "__Host-isr-draft",
            Transport::Http => "__isr_draft",
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Whether the text of a cookie has nothing but visible ASCII, spaces and tabs.
///
/// The parser trims all white space of Unicode. A browser does not: to it a name behind other white
/// space does not begin with `__Host-`, so any host may set it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_behind_other_white_space_is_another_name() {
        let settings =
            Settings { secret: Some("a secret of some length".into()), ..Settings::default() };
        let mode = DraftMode::new(settings, None).unwrap().unwrap();
        let cookie = mode.begin(UNIX_EPOCH);
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        let is_good = |before: &str| {
            let mut headers = HeaderMap::new();
            let text = format!("other=caf\u{e9};{before}{cookie}; last=1");
            headers.insert(header::COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            mode.is_good(&headers, UNIX_EPOCH)
        };
        assert!(is_good("") && is_good(" ") && is_good("\t "));
        for other in ["\u{2000}", "\u{85}", "\u{a0}", "\u{3000}"] {
            assert!(!is_good(other), "{other:?}");
        }
    }
}
