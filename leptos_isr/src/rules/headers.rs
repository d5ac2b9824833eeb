//! The values of cache headers, and whether a 304 answers a request.
//!
//! `http/response.rs` puts the responses together.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{period, route::policy::Lifetime, rules::freshness::Freshness};

/// The one request header that decides which encoding of a page is sent.
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

/// For pages: browsers ask each time, and get a 304 while the page is the same.
pub(crate) const PUBLIC: HeaderValue =
    HeaderValue::from_static("public, max-age=0, must-revalidate");

/// For files whose names have a hash: another content has another name.
pub(crate) const IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// For errors, and for what was rendered for one visitor.
pub(crate) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// How long a shared cache may keep a page that is already stale here: long enough to absorb a
/// burst, short enough to fetch the new one soon.
const STALE_AT_CDN: Duration = period::seconds(2);

/// The longest that a shared cache may keep a 404 or 410: the page may exist soon.
const ABSENCE_AT_CDN: Duration = period::minutes(1);

/// Whether purges reach the shared caches in front, those of a whole build included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CdnReach {
    Purged,
    Unpurged,
}

impl CdnReach {
    /// The longest that a shared cache may keep a page as fresh, and the longest that it may serve
    /// it as stale after that.
    const fn longest(self) -> Duration {
        match self {
            // Should a CDN miss a purge, both together are over in a day. For as long the pages and
            // files of the previous build stay.
            Self::Purged => period::hours(12),
            // Nothing but time takes a page away there, after a deploy too.
            Self::Unpurged => period::minutes(5),
        }
    }
}

/// How long shared caches may keep a stored page, in seconds: what is *left* of its period, and for
/// how long a stale copy may be served while it is fetched again, within the limits of
/// [`CdnReach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CdnLifetime {
    pub(crate) max_age: u64,
    pub(crate) window: u64,
}

impl CdnLifetime {
    pub(crate) fn of(lifetime: Lifetime, freshness: Freshness, reach: CdnReach) -> Self {
        let longest = reach.longest();
        let window = match (lifetime.revalidate, lifetime.expire) {
            (Some(revalidate), Some(expire)) => expire.saturating_sub(revalidate),
            _ => Duration::MAX,
        };
        let (max_age, window) = match freshness {
            Freshness::Fresh { left } => (left.unwrap_or(longest), window),
            Freshness::Stale { by, .. } => (STALE_AT_CDN, window.saturating_sub(by)),
            Freshness::Expired { .. } => (STALE_AT_CDN, Duration::ZERO),
        };
        // Zero means to Varnish that the page must not be kept, for two minutes.
        Self { max_age: max_age.as_secs().max(1), window: window.as_secs() }.within(reach)
    }

    /// The same within the limits of `reach`.
    pub(crate) fn within(self, reach: CdnReach) -> Self {
        let longest = reach.longest().as_secs();
        Self { max_age: self.max_age.min(longest), window: self.window.min(longest) }
    }

    /// The same for a page of which a purge may not be known: as short as for a stale one.
    pub(crate) fn cut_off(self) -> Self {
        let longest = STALE_AT_CDN.as_secs();
        Self { max_age: self.max_age.min(longest), window: self.window.min(longest) }
    }

    /// The same for a definite "no such page": nobody purges what never was.
    pub(crate) fn of_absence(self) -> Self {
        Self { max_age: self.max_age.min(ABSENCE_AT_CDN.as_secs()), window: 0 }
    }
}

/// The tag of all pages of a build, by which a deploy takes them out of shared caches. Only these
/// know it: a page is stored without.
pub(crate) fn build_tag(build: &str) -> String {
    format!("build:{build}")
}

/// What a header takes beside its name and its value: `: ` and the end of its line.
pub(crate) const AROUND_VALUE: usize = 4;

/// What a head takes beside its headers: the status line, `Date`, what a layer adds, and what nginx
/// keeps in the same buffer (340 bytes and the address).
const AROUND_HEADERS: usize = 640;

/// How many bytes the headers take on the wire.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND_VALUE).sum()
}

/// How many bytes of headers may be added to a head of `limit` bytes, if it is not too large
/// already. The address of the page counts once.
pub(crate) fn room(limit: usize, address: &str, headers: &HeaderMap) -> Option<usize> {
    limit.checked_sub(AROUND_HEADERS + address.len() + size(headers))
}

/// Whether `If-None-Match` names this ETag, by the weak comparison of RFC 9110 section 13.1.2.
pub(crate) fn is_not_modified(request: &HeaderMap, etag: &HeaderValue) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        // The star counts only on its own; between commas it is part of an ETag.
        let value = value.as_bytes().trim_ascii();
        value == b"*"
            || value.split(|byte| *byte == b',').any(|candidate| {
                let candidate = candidate.trim_ascii();
                candidate.strip_prefix(b"W/").unwrap_or(candidate) == etag.as_bytes()
            })
    })
}

/// Whether the browser fetches the page before the visitor has asked for it.
pub(crate) fn is_prefetch(request: &HeaderMap) -> bool {
    request
        .get(HeaderName::from_static("sec-purpose"))
        .is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{period::seconds, rules::freshness::StaleReason};

    #[test]
    fn shared_caches_are_told_what_is_left() {
        let limited = Lifetime { revalidate: Some(seconds(60)), expire: Some(seconds(600)) };
        let unlimited = Lifetime { revalidate: Some(seconds(60)), expire: None };
        let stale = |by| Freshness::Stale { by: seconds(by), reason: StaleReason::Time };
        for (lifetime, freshness, expected) in [
            (limited, Freshness::Fresh { left: Some(seconds(42)) }, (42, 540)),
            (limited, stale(100), (2, 440)),
            (limited, Freshness::Expired { by: seconds(900), reason: StaleReason::Time }, (2, 0)),
            (unlimited, Freshness::Fresh { left: Some(seconds(1)) }, (1, 43_200)),
            (unlimited, Freshness::Fresh { left: Some(Duration::from_millis(1)) }, (1, 43_200)),
            (Lifetime::default(), Freshness::Fresh { left: None }, (43_200, 43_200)),
        ] {
            let cdn = CdnLifetime::of(lifetime, freshness, CdnReach::Purged);
            assert_eq!((cdn.max_age, cdn.window), expected, "{freshness:?}");
        }
    }

    #[test]
    fn shared_caches_that_no_purge_reaches_keep_pages_for_minutes() {
        let lifetime = |expire| Lifetime { revalidate: Some(seconds(3600)), expire };
        let fresh = |left| Freshness::Fresh { left: Some(seconds(left)) };
        let stale = |by| Freshness::Stale { by: seconds(by), reason: StaleReason::Time };
        for (lifetime, freshness, expected) in [
            (Lifetime::default(), Freshness::Fresh { left: None }, (300, 300)),
            (lifetime(None), fresh(3600), (300, 300)),
            (lifetime(None), fresh(42), (42, 300)),
            (lifetime(Some(seconds(3660))), fresh(3600), (300, 60)),
            (lifetime(None), stale(9), (2, 300)),
            (lifetime(Some(seconds(4000))), stale(300), (2, 100)),
        ] {
            let found = CdnLifetime::of(lifetime, freshness, CdnReach::Unpurged);
            assert_eq!((found.max_age, found.window), expected, "{freshness:?}");
        }
    }

    #[test]
    fn if_none_match_lists_weak_tags_and_the_star() {
        let etag = HeaderValue::from_static("\"abc\"");
        for (given, matches) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("\"ab\"", false),
            ("\"a,*,b\"", false),
            ("abc", false),
            ("", false),
        ] {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, HeaderValue::from_static(given));
            assert_eq!(is_not_modified(&request, &etag), matches, "{given}");
        }
        assert!(!is_not_modified(&HeaderMap::new(), &etag));
    }
}
