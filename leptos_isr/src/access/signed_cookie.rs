//! A cookie that says until when whoever sends it may do one thing.
//!
//! It holds its expiry and an HMAC over it, and nothing else: the secret cannot be read from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cookie::Cookie;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How visitors reach the site, which decides the name and the attributes of the cookie.
#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Https,
    Http,
}

/// What a cookie is for.
pub(crate) struct CookieKind {
    /// It is part of what is signed, so a signature that was made elsewhere with the same secret
    /// does not pass.
    pub(crate) purpose: &'static [u8],
    /// RFC 6265bis section 4.1.3.2: browsers hold `__Host-` to `Secure` and `Path=/`.
    pub(crate) name: &'static str,
    pub(crate) name_over_http: &'static str,
    /// `Lax` or `Strict`.
    pub(crate) same_site: &'static str,
}

/// Signs cookies of one kind, and knows its own again.
pub(crate) struct SignedCookie {
    pub(crate) kind: &'static CookieKind,
    pub(crate) secret: String,
    pub(crate) lifetime: Duration,
    pub(crate) transport: Transport,
}

impl SignedCookie {
    /// The `Set-Cookie` value that begins what the cookie is for.
    pub(crate) fn begin(&self, now: SystemTime) -> HeaderValue {
        let lifetime = self.lifetime.as_secs();
        self.set_cookie(&self.sign(seconds(now).saturating_add(lifetime)), lifetime)
    }

    /// The `Set-Cookie` value that ends it.
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
            .chain_update(self.kind.purpose)
            .chain_update(expires.to_be_bytes())
            .finalize()
            .into_bytes();
        let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{expires}.{mac}")
    }

    fn set_cookie(&self, value: &str, max_age: u64) -> HeaderValue {
        let (name, same_site) = (self.name(), self.kind.same_site);
        let secure = match self.transport {
            Transport::Https => "; Secure",
            Transport::Http => "",
        };
        let text = format!(
            "{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}"
        );
        HeaderValue::try_from(text).expect("the parts are visible ASCII")
    }

    fn name(&self) -> &'static str {
        match self.transport {
            Transport::Https => self.kind.name,
            Transport::Http => self.kind.name_over_http,
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
    use crate::period;

    #[test]
    fn name_behind_other_white_space_is_another_name() {
        let kind = &CookieKind {
            purpose: b"a test",
            name: "__Host-test",
            name_over_http: "test",
            same_site: "Lax",
        };
        let signed = SignedCookie {
            kind,
            secret: "a secret of some length".into(),
            lifetime: period::hours(1),
            transport: Transport::Https,
        };
        let cookie = signed.begin(UNIX_EPOCH);
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        let is_good = |before: &str| {
            let mut headers = HeaderMap::new();
            let text = format!("other=caf\u{e9};{before}{cookie}; last=1");
            headers.insert(header::COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            signed.is_good(&headers, UNIX_EPOCH)
        };
        assert!(is_good("") && is_good(" ") && is_good("\t "));
        for other in ["\u{2000}", "\u{85}", "\u{a0}", "\u{3000}"] {
            assert!(!is_good(other), "{other:?}");
        }
    }
}
