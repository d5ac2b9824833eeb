//! What shared caches are told of a page: how long they may keep it, and its tags.
//!
//! All headers for shared caches are made here, for each kind of cache.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    headers::{self, CdnLifetime},
    tag_list::TagList,
};

/// `CDN-Cache-Control`, RFC 9213.
pub(crate) const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The lifetime, for Fastly.
pub(crate) const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// The tags, for Cloudflare, Netlify and Google.
pub(crate) const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// The tags, for Fastly.
pub(crate) const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// The tags, for Varnish's module of this name.
pub(crate) const XKEY: HeaderName = HeaderName::from_static("xkey");

/// Makes an answer `private, no-store`, whatever it said.
pub(crate) fn forbid_storing(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, headers::PRIVATE);
    for name in [CDN_CACHE_CONTROL, SURROGATE_CONTROL, CACHE_TAG, SURROGATE_KEY, XKEY] {
        headers.remove(name);
    }
}

/// The shared cache in front of the engine, by the headers that it reads; see
/// [`Builder::shared_cache`](crate::Builder::shared_cache).
///
/// All are sent `CDN-Cache-Control: public, max-age=42, stale-while-revalidate=300`, and in addition:
///
/// | | lifetime | tags |
/// |---|---|---|
/// | `CdnCacheControl` | | `Cache-Tag: build:b7,article:7` |
/// | `CacheControl` | `Cache-Control: public, max-age=0, s-maxage=42, stale-while-revalidate=300, must-revalidate` | `Cache-Tag: build:b7,article:7` |
/// | `Fastly` | `Surrogate-Control: max-age=42, stale-while-revalidate=300` | `Surrogate-Key: build:b7 article:7` |
/// | `Varnish` | as `CacheControl` | `xkey: build:b7 article:7` |
///
/// Browsers ask each time, whatever stands in front: they go by `max-age=0` and `must-revalidate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedCache {
    /// A cache that reads `CDN-Cache-Control` (RFC 9213), such as Cloudflare and Netlify.
    #[default]
    CdnCacheControl,
    /// A cache that reads `Cache-Control` only, such as nginx, CloudFront, and the CDNs of Google
    /// and Azure.
    CacheControl,
    /// Fastly.
    Fastly,
    /// Varnish, with its module `xkey`.
    Varnish,
}

impl SharedCache {
    /// Says how long browsers and shared caches may keep a page.
    pub(crate) fn add_lifetime(self, lifetime: CdnLifetime, headers: &mut HeaderMap) {
        let CdnLifetime { max_age, window } = lifetime;
        let value = |text: String| HeaderValue::try_from(text).expect("visible ASCII");
        let browsers = match self {
            Self::CdnCacheControl | Self::Fastly => headers::PUBLIC,
            // `must-revalidate` keeps browsers from taking the window for theirs.
            Self::CacheControl | Self::Varnish => value(format!(
                "public, max-age=0, s-maxage={max_age}, stale-while-revalidate={window}, \
                 must-revalidate"
            )),
        };
        headers.insert(header::CACHE_CONTROL, browsers);
        let shared = format!("max-age={max_age}, stale-while-revalidate={window}");
        headers.insert(CDN_CACHE_CONTROL, value(format!("public, {shared}")));
        if self == Self::Fastly {
            headers.insert(SURROGATE_CONTROL, value(shared));
        }
    }

    /// Adds as many tags as `room` bytes of headers allow. Returns whether those are all.
    pub(crate) fn add_tags(self, tags: &TagList, room: usize, headers: &mut HeaderMap) -> bool {
        let (name, separator) = match self {
            Self::CdnCacheControl | Self::CacheControl => (CACHE_TAG, ","),
            Self::Fastly => (SURROGATE_KEY, " "),
            Self::Varnish => (XKEY, " "),
        };
        let room = room.saturating_sub(name.as_str().len() + headers::AROUND_VALUE);
        let sent = tags.within(room);
        if !sent.is_empty() {
            let value = HeaderValue::try_from(sent.join(separator));
            headers.insert(name, value.expect("encoded tags are visible ASCII"));
        }
        sent.len() == tags.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::tag::Tag;

    const BROWSERS: &str = "public, max-age=0, must-revalidate";
    const BOTH: &str =
        "public, max-age=0, s-maxage=42, stale-while-revalidate=300, must-revalidate";
    const SHARED: &str = "max-age=42, stale-while-revalidate=300";

    #[test]
    fn each_cache_is_told_in_the_headers_that_it_reads() {
        let tags = TagList::new(Some("b7"), &["article:7", "a b"].map(Tag::new));
        for (cache, cache_control, lifetime, (name, sent)) in [
            (
                SharedCache::CdnCacheControl,
                BROWSERS,
                None,
                ("cache-tag", "build:b7,article:7,a%20b"),
            ),
            (SharedCache::CacheControl, BOTH, None, ("cache-tag", "build:b7,article:7,a%20b")),
            (
                SharedCache::Fastly,
                BROWSERS,
                Some(SHARED),
                ("surrogate-key", "build:b7 article:7 a%20b"),
            ),
            (SharedCache::Varnish, BOTH, None, ("xkey", "build:b7 article:7 a%20b")),
        ] {
            let mut headers = HeaderMap::new();
            cache.add_lifetime(CdnLifetime { max_age: 42, window: 300 }, &mut headers);
            assert!(cache.add_tags(&tags, 1000, &mut headers), "{cache:?}");
            assert_eq!(headers["cache-control"], cache_control, "{cache:?}");
            assert_eq!(headers["cdn-cache-control"], format!("public, {SHARED}"), "{cache:?}");
            let surrogate = headers.get("surrogate-control").map(|value| value.to_str().unwrap());
            assert_eq!(surrogate, lifetime, "{cache:?}");
            assert_eq!(headers[name], sent, "{cache:?}");
            assert_eq!(headers.len(), if lifetime.is_some() { 4 } else { 3 }, "{cache:?}");
        }
    }

    #[test]
    fn header_of_tags_stays_within_its_room() {
        let tags: Vec<_> = (0..20).map(|i| Tag::new(format!("article:{i:030}"))).collect();
        let tags = TagList::new(None, &tags);
        for room in 0..1000 {
            let mut headers = HeaderMap::new();
            let are_all = SharedCache::Varnish.add_tags(&tags, room, &mut headers);
            assert!(headers::size(&headers) <= room);
            assert_eq!(are_all, room >= 4 + 4 + 20 * 17 + 19, "{room}");
        }
    }
}
