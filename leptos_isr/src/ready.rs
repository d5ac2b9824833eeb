//! Responses of a stored page, made once and then copied.
//!
//! What changes while a page is stored is what its headers say of time, in
//! whole seconds. So for each form of its body a page keeps the last response
//! head that was made, and makes another when that no longer holds.

use std::{
    array, fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwapOption, Guard};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    cache_status::{CACHE_STATUS, CacheStatus},
    encoding::Encoding,
    headers::{CACHE_TAG, CDN_CACHE_CONTROL, CdnLifetime},
    new_build,
};

/// What a 304 carries of the headers of its 200: those by which caches go on
/// (RFC 9110 section 15.4.5), and ours.
const IN_NOT_MODIFIED: [HeaderName; 7] = [
    header::ETAG,
    header::VARY,
    header::CACHE_CONTROL,
    CDN_CACHE_CONTROL,
    CACHE_TAG,
    CACHE_STATUS,
    HeaderName::from_static(new_build::HEADER),
];

/// What is kept with a page once it was served.
pub(crate) struct Ready {
    /// The generation of purges at which the page was found not purged.
    unpurged_at: AtomicU64,
    heads: [ArcSwapOption<Head>; 1 + Encoding::ALL.len()],
}

/// The head of one response.
#[derive(Debug)]
pub(crate) struct Head {
    shown: Shown,
    pub(crate) headers: HeaderMap,
    pub(crate) etag: HeaderValue,
    not_modified: OnceLock<HeaderMap>,
}

/// What a response says of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) status: CacheStatus,
    pub(crate) cdn: CdnLifetime,
}

impl Ready {
    pub(crate) fn is_unpurged_at(&self, generation: u64) -> bool {
        self.unpurged_at.load(Ordering::Relaxed) == generation
    }

    pub(crate) fn set_unpurged_at(&self, generation: u64) {
        self.unpurged_at.store(generation, Ordering::Relaxed);
    }

    /// Whether the page was served in a form of its body.
    pub(crate) fn has_head(&self, encoding: Option<Encoding>) -> bool {
        self.heads[place(encoding)].load().is_some()
    }

    /// The head for a form of the body: the one that is kept if it says the
    /// same, or the one that `make` makes, which is kept in turn.
    pub(crate) fn head(
        &self,
        encoding: Option<Encoding>,
        shown: Shown,
        make: impl FnOnce() -> Head,
    ) -> Guard<Option<Arc<Head>>> {
        let place = &self.heads[place(encoding)];
        let kept = place.load();
        if kept.as_ref().is_some_and(|head| head.shown == shown) {
            return kept;
        }
        let made = Some(Arc::new(make()));
        place.store(made.clone());
        Guard::from_inner(made)
    }
}

fn place(encoding: Option<Encoding>) -> usize {
    encoding.map_or(0, |encoding| 1 + encoding as usize)
}

impl Head {
    pub(crate) fn new(shown: Shown, headers: HeaderMap, etag: HeaderValue) -> Self {
        Self { shown, headers, etag, not_modified: OnceLock::new() }
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

impl Default for Ready {
    fn default() -> Self {
        Self { unpurged_at: AtomicU64::new(0), heads: array::from_fn(|_| ArcSwapOption::empty()) }
    }
}

/// A page that is changed is ready for nothing.
impl Clone for Ready {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// It is no part of what a page is.
impl PartialEq for Ready {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Ready {}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}
