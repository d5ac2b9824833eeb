//! Response heads of a stored page, made once and then copied.
//!
//! While a page is stored, only what its headers say about time changes, in whole seconds. So a
//! page keeps the last response head for each encoding of its body, and makes another when that one
//! no longer holds.

use std::{
    array, fmt,
    sync::{Arc, OnceLock},
};

use arc_swap::{ArcSwapOption, Guard};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    rules::{
        cache_status::{CACHE_STATUS, CacheStatus},
        encoding::Encoding,
        headers::CdnLifetime,
        shared_cache::{CACHE_TAG, CDN_CACHE_CONTROL, SURROGATE_CONTROL, SURROGATE_KEY, XKEY},
    },
    wire,
};

/// The headers of a 200 that its 304 carries too. What is not here and not in the ETag may differ
/// from what a browser has.
const IN_NOT_MODIFIED: [HeaderName; 11] = [
    // RFC 9110 section 15.4.5. `Date` is the server's, and no page has `Expires`.
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::ETAG,
    header::VARY,
    // Shared caches go on with the page for this long, by these tags.
    CDN_CACHE_CONTROL,
    SURROGATE_CONTROL,
    CACHE_TAG,
    SURROGATE_KEY,
    XKEY,
    // Of this answer, and of who gave it.
    CACHE_STATUS,
    HeaderName::from_static(wire::BUILD),
];

/// The last response head for each encoding of a body.
pub(crate) struct Heads([ArcSwapOption<Head>; 1 + Encoding::ALL.len()]);

/// The head of one response.
#[derive(Debug)]
pub(crate) struct Head {
    cache: CacheHeaders,
    pub(crate) headers: HeaderMap,
    pub(crate) etag: HeaderValue,
    not_modified: OnceLock<HeaderMap>,
}

/// The headers of a response that change with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheHeaders {
    pub(crate) status: CacheStatus,
    pub(crate) cdn: CdnLifetime,
}

impl Heads {
    /// Whether the page was served in an encoding of its body.
    pub(crate) fn has_head(&self, encoding: Option<Encoding>) -> bool {
        self.0[index(encoding)].load().is_some()
    }

    /// The head for an encoding of the body: the kept one if it still says `cache`, or else a new
    /// one from `make`, which is kept in its place.
    pub(crate) fn head(
        &self,
        encoding: Option<Encoding>,
        cache: CacheHeaders,
        make: impl FnOnce() -> Head,
    ) -> Guard<Option<Arc<Head>>> {
        let place = &self.0[index(encoding)];
        let kept = place.load();
        if kept.as_ref().is_some_and(|head| head.cache == cache) {
            return kept;
        }
        let made = Some(Arc::new(make()));
        place.store(made.clone());
        Guard::from_inner(made)
    }
}

fn index(encoding: Option<Encoding>) -> usize {
    encoding.map_or(0, |encoding| 1 + encoding as usize)
}

impl Head {
    pub(crate) fn new(cache: CacheHeaders, headers: HeaderMap, etag: HeaderValue) -> Self {
        Self { cache, headers, etag, not_modified: OnceLock::new() }
    }

    /// The headers of a 304.
    pub(crate) fn not_modified(&self) -> HeaderMap {
        let kept = self.not_modified.get_or_init(|| {
            let kept = self.headers.iter().filter(|(name, _)| IN_NOT_MODIFIED.contains(name));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        });
        kept.clone()
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self(array::from_fn(|_| ArcSwapOption::empty()))
    }
}

impl fmt::Debug for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heads").finish_non_exhaustive()
    }
}
