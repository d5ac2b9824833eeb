//! Begins and ends draft mode.

use http::{HeaderValue, Uri, header, request::Parts, uri::PathAndQuery};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::redirect;
use leptos_isr::Engine;

use super::{access, cookies};
use crate::data::{failure::Failure, site::article_path};

pub(super) fn begin(slug: &str) -> Result<(), Failure> {
    access::writer()?;
    let cookie = expect_context::<Engine>().draft_cookie();
    cookies::set(cookie.ok_or_else(|| Failure::new("This site has no draft mode."))?);
    redirect(&article_path(slug));
    Ok(())
}

pub(super) fn end() {
    cookies::end_draft();
    let referer =
        use_context().and_then(|parts: Parts| parts.headers.get(header::REFERER).cloned());
    redirect(&back_to(referer.as_ref()));
}

/// The page on this site that a form was sent from, or else the front page.
fn back_to(referer: Option<&HeaderValue>) -> String {
    let uri = referer.and_then(|value| Uri::try_from(value.as_bytes()).ok());
    let path = uri.as_ref().and_then(Uri::path_and_query).map_or("/", PathAndQuery::as_str);
    // Browsers read two slashes, of either kind, as the beginning of a host.
    let is_host = path.starts_with("//") || path.contains('\\');
    if path.starts_with('/') && path.is_ascii() && !is_host { path } else { "/" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn way_back_stays_on_this_site() {
        for (referer, path) in [
            ("https://news.example/about", "/about"),
            ("https://news.example/sections/web?page=2", "/sections/web?page=2"),
            ("https://elsewhere.example/a", "/a"),
            ("https://news.example", "/"),
            ("https://news.example//elsewhere.example", "/"),
            ("https://news.example/\\elsewhere.example", "/"),
            ("about:blank", "/"),
            ("", "/"),
        ] {
            let referer = HeaderValue::from_static(referer);
            assert_eq!(back_to(Some(&referer)), path, "{referer:?}");
        }
        let accented = HeaderValue::from_bytes("https://news.example/zürich".as_bytes()).unwrap();
        assert_eq!(back_to(Some(&accented)), "/");
        assert_eq!(back_to(None), "/");
    }
}
