//! Whether a form was sent by a page of this site, and not by one elsewhere in the visitor's name.

use http::{HeaderMap, HeaderName, Uri, header};

use super::signed_cookie::Transport;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether `Origin` is what was asked, by `Host` or, in HTTP/2, by the request's own authority.
/// Browsers send it with every form. Newer ones also say what they know of it in `Sec-Fetch-Site`.
///
/// A page of a site that is reached by HTTPS is of HTTPS: one that came without may be of whoever is on
/// the way to the visitor.
pub(crate) fn is_own_form(uri: &Uri, headers: &HeaderMap, transport: Transport) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    let is_own = origin.zip(host).is_some_and(|((scheme, origin), host)| {
        let is_secure = scheme == "https" || matches!(transport, Transport::Http);
        is_secure && origin.eq_ignore_ascii_case(host)
    });
    let says_so = !headers.contains_key(&SEC_FETCH_SITE)
        || text(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin");
    is_own && says_so
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn form_is_this_sites_own_if_origin_and_browser_say_so() {
        let own = "https://news.example";
        let is_own = |host: &'static str, origin: &'static str, site: &'static str, transport| {
            let given = [(header::HOST, host), (header::ORIGIN, origin), (SEC_FETCH_SITE, site)];
            let mut headers = HeaderMap::new();
            for (name, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
                headers.insert(name, HeaderValue::from_static(value));
            }
            is_own_form(&Uri::from_static("/_isr/"), &headers, transport)
        };
        for (host, origin, site, expected) in [
            ("news.example", own, "", true),
            ("news.example", own, "same-origin", true),
            ("NEWS.example", own, "same-origin", true),
            ("news.example:3000", "https://news.example:3000", "", true),
            ("news.example", "http://news.example", "", false),
            ("news.example", "http://news.example", "same-origin", false),
            ("news.example", own, "same-site", false),
            ("news.example", own, "cross-site", false),
            ("news.example", own, "none", false),
            ("news.example", own, "same-origin, cross-site", false),
            ("news.example", "https://evil.example", "", false),
            ("news.example", "https://evil.example", "same-origin", false),
            ("news.example", "https://news.example.evil.example", "", false),
            ("news.example", "https://www.news.example", "", false),
            ("news.example", "https://news.example:8443", "", false),
            ("news.example:3000", own, "", false),
            ("news.example", "null", "", false),
            ("news.example", "news.example", "", false),
            ("news.example", "", "", false),
            ("news.example", "", "same-origin", false),
            ("", own, "same-origin", false),
        ] {
            let given = is_own(host, origin, site, Transport::Https);
            assert_eq!(given, expected, "{host} {origin} {site}");
        }
        for (origin, expected) in [
            ("http://news.example:3000", true),
            ("https://news.example:3000", true),
            ("http://evil.example:3000", false),
        ] {
            let given = is_own("news.example:3000", origin, "", Transport::Http);
            assert_eq!(given, expected, "{origin}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(own));
        let uri = Uri::from_static("https://news.example/_isr/");
        assert!(is_own_form(&uri, &headers, Transport::Https));
    }
}
