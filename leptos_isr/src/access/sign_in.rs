//! Signing in to the inspector: whoever has the engine's token gets a cookie for an hour.

use std::{net::IpAddr, time::SystemTime};

use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

use crate::{
    access::{
        attempts::{Attempt, Attempts},
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
