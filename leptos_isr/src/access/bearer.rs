//! Bearer tokens, RFC 6750.

use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

/// Whether the request carries `token`. Takes the same time however much of it is right.
pub(crate) fn is_bearer(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .is_some_and(|given| given.ct_eq(token.as_bytes()).into())
}
