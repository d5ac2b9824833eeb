//! Whether a delivery comes from a sender who knows the webhook's secret, and is recent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;

use super::{
    delivery::Delivery,
    settings::{Preset, Webhook},
};
use crate::{access::bearer::is_bearer, period};

/// How long deliveries without a signed time are remembered.
const REMEMBERED: Duration = period::hours(24);

/// Why a delivery is not trusted. For the log, not for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the header `{0}` is missing or was sent more than once")]
    Header(&'static str),
    #[error("the header `{0}` is malformed")]
    Form(&'static str),
    #[error("the signature is wrong")]
    Signature,
    #[error("the signature was made too long ago, or by a clock that runs ahead")]
    Time,
    #[error("the bearer token is wrong")]
    Bearer,
}

pub(super) fn check(
    webhook: &Webhook,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Delivery, Refusal> {
    match webhook.preset {
        Preset::Generic => {
            check_timed(webhook, headers, body, now, "x-isr-signature", from_hex, seconds)
        }
        Preset::Sanity => check_timed(
            webhook,
            headers,
            body,
            now,
            "sanity-webhook-signature",
            from_base64url,
            milliseconds,
        ),
        Preset::GitHub { .. } => check_github(webhook, headers, body, now),
        Preset::Contentful | Preset::Strapi => match is_bearer(headers, &webhook.secret) {
            true => Ok(Delivery { ids: Vec::new(), until: now }),
            false => Err(Refusal::Bearer),
        },
    }
}

/// `t=<time>,v1=<signature>` over `<time>.<body>`.
fn check_timed(
    webhook: &Webhook,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
    name: &'static str,
    decode: fn(&str) -> Option<Vec<u8>>,
    unit: fn(u64) -> Duration,
) -> Result<Delivery, Refusal> {
    let value = one(headers, name)?;
    let (time, signature) = value
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once([',', ' ']))
        .and_then(|(time, rest)| {
            Some((time, rest.trim_start_matches([',', ' ']).strip_prefix("v1=")?))
        })
        .ok_or(Refusal::Form(name))?;
    let mac = decode(signature).ok_or(Refusal::Form(name))?;
    verify(webhook, &[time.as_bytes(), b".", body], &mac)?;
    let signed: u64 = time.parse().map_err(|_| Refusal::Form(name))?;
    let signed = UNIX_EPOCH.checked_add(unit(signed)).ok_or(Refusal::Time)?;
    let apart = now.duration_since(signed).unwrap_or_else(|ahead| ahead.duration());
    if apart > webhook.tolerance {
        return Err(Refusal::Time);
    }
    Ok(Delivery { ids: vec![mac], until: signed + webhook.tolerance })
}

/// The delivery's id is not signed, so it counts in addition to the signature.
fn check_github(
    webhook: &Webhook,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<Delivery, Refusal> {
    const NAME: &str = "x-hub-signature-256";
    let value = one(headers, NAME)?;
    let signature = value.strip_prefix("sha256=").ok_or(Refusal::Form(NAME))?;
    let mac = from_hex(signature).ok_or(Refusal::Form(NAME))?;
    verify(webhook, &[body], &mac)?;
    let id = headers.get("x-github-delivery").map(|id| id.as_bytes().to_vec());
    Ok(Delivery { ids: [mac].into_iter().chain(id).collect(), until: now + REMEMBERED })
}

/// Compares in constant time.
fn verify(webhook: &Webhook, parts: &[&[u8]], mac: &[u8]) -> Result<(), Refusal> {
    let key = Hmac::<Sha256>::new_from_slice(webhook.secret.as_bytes());
    let mut expected = key.expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| expected.update(part));
    expected.verify_slice(mac).map_err(|_| Refusal::Signature)
}

fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Refusal::Form(name)),
        _ => Err(Refusal::Header(name)),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| Some(char::from(byte).to_digit(16)? as u8);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::webhooks::Mapping;
    use http::{HeaderName, HeaderValue};

    fn checked(
        webhook: &Webhook,
        header: (&'static str, &str),
        body: &str,
        now: Duration,
    ) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static(header.0);
        headers.insert(name, HeaderValue::try_from(header.1).unwrap());
        check(webhook, &headers, body.as_bytes(), UNIX_EPOCH + now).map(|_| ())
    }

    /// From the tests of Sanity's webhook toolkit.
    #[test]
    fn sanity_toolkits_example_is_verified() {
        let hook = Webhook::sanity("test", Mapping::new());
        let (name, body) = ("sanity-webhook-signature", r#"{"_id":"resume"}"#);
        let mac = "tLa470fx7qkLLEcMOcEUFuBbRSkGujyskxrNXcoh0N0";
        let now = Duration::from_millis(1_633_519_811_129);
        for good in [
            format!("t=1633519811129,v1={mac}"),
            format!("t=1633519811129, v1={mac}"),
            format!("t=1633519811129,v1={mac}="),
        ] {
            assert_eq!(checked(&hook, (name, &good), body, now), Ok(()), "{good}");
        }
        let header = format!("t=1633519811129,v1={mac}");
        let other = checked(&hook, (name, &header), r#"{"_id":"resume" }"#, now);
        assert_eq!(other, Err(Refusal::Signature));
        let later = format!("t=1633519811130,v1={mac}");
        assert_eq!(checked(&hook, (name, &later), body, now), Err(Refusal::Signature));
        let late = now + period::minutes(6);
        assert_eq!(checked(&hook, (name, &header), body, late), Err(Refusal::Time));
    }

    /// From GitHub's "Validating webhook deliveries".
    #[test]
    fn githubs_example_is_verified() {
        let hook = Webhook::github("It's a Secret to Everybody", "", Mapping::new());
        let name = "x-hub-signature-256";
        let mac = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check = |value: &str, body| checked(&hook, (name, value), body, Duration::ZERO);
        assert_eq!(check(&format!("sha256={mac}"), "Hello, World!"), Ok(()));
        assert_eq!(check(&format!("sha256={mac}"), "Hello, World"), Err(Refusal::Signature));
        assert_eq!(
            check(&format!("sha256={}", &mac[..62]), "Hello, World!"),
            Err(Refusal::Signature)
        );
        for unreadable in [mac.to_owned(), format!("sha1={mac}"), format!("sha256={}", &mac[1..])] {
            assert_eq!(check(&unreadable, "Hello, World!"), Err(Refusal::Form(name)));
        }
    }

    /// Made with `openssl dgst -sha256 -hmac`.
    #[test]
    fn generic_signature_is_hex_over_seconds_and_body() {
        let hook = Webhook::generic("generic-secret-of-the-cms", Mapping::new());
        let mac = "2fc149cf708f075e6c67eb251c42a4af09a03c5492e5901539021ff2aafeed9d";
        let header = format!("t=1728000000,v1={mac}");
        let at = |now| {
            let header = ("x-isr-signature", &*header);
            checked(&hook, header, r#"{"slug":"a"}"#, Duration::from_secs(now))
        };
        assert_eq!(at(1_728_000_000), Ok(()));
        assert_eq!([at(1_727_999_700), at(1_728_000_300)], [Ok(()); 2]);
        assert_eq!([at(1_727_999_699), at(1_728_000_301)], [Err(Refusal::Time); 2]);
    }
}
