//! Bearer tokens, RFC 6750.

use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

/// Whether the request carries `token`. Takes the same time however much of it is right. The name of
/// the scheme is in any case of letters (RFC 9110, section 11.1).
pub(crate) fn is_bearer(headers: &HeaderMap, token: &str) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
    value
        .as_bytes()
        .split_at_checked("Bearer ".len())
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .is_some_and(|(_, given)| given.ct_eq(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn scheme_is_in_any_case_and_the_token_is_not() {
        for (value, is_right) in [
            ("Bearer token", true),
            ("bearer token", true),
            ("BEARER token", true),
            ("Bearer Token", false),
            ("Bearer  token", false),
            ("Bearer token ", false),
            ("Bearer", false),
            ("Basic token", false),
            ("token", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            assert_eq!(is_bearer(&headers, "token"), is_right, "{value:?}");
        }
        assert!(!is_bearer(&HeaderMap::new(), "token"));
    }
}
