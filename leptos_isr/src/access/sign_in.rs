//! Signing in to the inspector: whoever has the engine's token gets a cookie for an hour.

use std::{net::IpAddr, time::SystemTime};

use http::{HeaderMap, HeaderValue, Uri};
use subtle::ConstantTimeEq;

use crate::{
    access::{
        attempts::{Attempt, Attempts},
        own_form::is_own_form,
        signed_cookie::{CookieKind, SignedCookie, Transport},
    },
    period,
};

/// `Strict`, since nobody comes to the inspector by a link from elsewhere.
const COOKIE: CookieKind = CookieKind {
    purpose: b"leptos_isr inspector cookie, version 1",
    name: "__Host-isr-inspector",
    name_over_http: "__isr_inspector",
    same_site: "Strict",
};

pub(crate) struct SignIn {
    cookie: SignedCookie,
    attempts: Attempts,
}

impl SignIn {
    pub(crate) fn new(token: String, transport: Transport) -> Self {
        let lifetime = period::hours(1);
        let cookie = SignedCookie { kind: &COOKIE, secret: token, lifetime, transport };
        Self { cookie, attempts: Attempts::new() }
    }

    /// Whether a form was sent by a page of this site.
    pub(crate) fn is_own_form(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        is_own_form(uri, headers, self.cookie.transport)
    }

    /// Judges a token that a visitor at this address gives.
    pub(crate) fn attempt(&self, given: &str, visitor: Option<IpAddr>, now: SystemTime) -> Attempt {
        let token = self.cookie.secret.as_bytes();
        self.attempts.judge(visitor, now, || given.as_bytes().ct_eq(token).into())
    }

    /// The `Set-Cookie` value of who has signed in.
    pub(crate) fn begin(&self, now: SystemTime) -> HeaderValue {
        self.cookie.begin(now)
    }

    /// The `Set-Cookie` value that signs out.
    pub(crate) fn end(&self) -> HeaderValue {
        self.cookie.end()
    }

    /// Whether the request comes from somebody who has signed in.
    pub(crate) fn is_signed_in(&self, headers: &HeaderMap, now: SystemTime) -> bool {
        self.cookie.is_good(headers, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::draft::{DraftMode, Settings};
    use http::header;
    use std::time::UNIX_EPOCH;

    /// With one secret for both, which a builder refuses: the purpose alone tells them apart.
    #[test]
    fn cookie_of_a_draft_signs_nobody_in_and_that_of_the_inspector_shows_no_draft() {
        let secret = "a secret of some length".to_owned();
        let settings = Settings { secret: Some(secret.clone()), ..Settings::default() };
        let draft = DraftMode::new(settings, None).unwrap().unwrap();
        let sign_in = SignIn::new(secret, Transport::Https);
        let value = |cookie: HeaderValue| {
            let (_, value) = cookie.to_str().unwrap().split_once('=').unwrap();
            value.split(';').next().unwrap().to_owned()
        };
        let sent = |name: &str, value: &str| {
            let cookie = format!("{name}={value}").try_into().unwrap();
            HeaderMap::from_iter([(header::COOKIE, cookie)])
        };
        let (of_draft, own) = (value(draft.begin(UNIX_EPOCH)), value(sign_in.begin(UNIX_EPOCH)));
        let is_signed_in =
            |value: &str| sign_in.is_signed_in(&sent("__Host-isr-inspector", value), UNIX_EPOCH);
        let is_draft = |value: &str| draft.is_good(&sent("__Host-isr-draft", value), UNIX_EPOCH);
        assert!(is_signed_in(&own) && is_draft(&of_draft));
        assert!(!is_signed_in(&of_draft) && !is_draft(&own));
    }
}
