//! Whether a form was sent by a page of this site, and not by one elsewhere in the visitor's name.

use http::{HeaderMap, HeaderName, Uri, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether `Origin` is what was asked, by `Host` or, in HTTP/2, by the request's own authority.
/// Browsers send it with every form. Newer ones also say what they know of it in `Sec-Fetch-Site`.
pub(crate) fn is_own_form(uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
    let origin = text(header::ORIGIN);
    let origin = origin.and_then(|origin| origin.split_once("://").map(|(_, host)| host));
    let is_own = origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
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
        for (host, origin, site, is_own) in [
            ("news.example", own, "", true),
            ("news.example", own, "same-origin", true),
            ("NEWS.example", own, "same-origin", true),
            ("news.example:3000", "http://news.example:3000", "", true),
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
            let given = [(header::HOST, host), (header::ORIGIN, origin), (SEC_FETCH_SITE, site)];
            let mut headers = HeaderMap::new();
            for (name, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
                headers.insert(name, HeaderValue::from_static(value));
            }
            let uri = Uri::from_static("/_isr/");
            assert_eq!(is_own_form(&uri, &headers), is_own, "{host} {origin} {site}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(own));
        assert!(is_own_form(&Uri::from_static("https://news.example/_isr/"), &headers));
    }
}
