//! An entry as it is served.

use std::{
    mem::size_of,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::HeaderMap;

use super::{Entry, encodings::Encodings, heads::Heads, written::Written};
use crate::{
    period,
    rules::encoding::{self, Encoding},
};

/// About how many bytes the response heads of a page take in addition to its own headers.
const HEADS: usize = 1024;

/// What was asked for in less time counts as if it had been in this.
const SHORTEST: Duration = period::minutes(1);

/// An entry, and what is made of it when it is served: encodings of its body and response heads,
/// each when it is first asked for.
#[derive(Debug)]
pub(crate) struct ServedEntry {
    entry: Entry,
    /// `None` if the body must not be compressed.
    pub(crate) encodings: Option<Encodings>,
    pub(crate) heads: Heads,
    /// Whether a list has its path, as at build.
    pub(crate) is_listed: bool,
    /// Whether its version says nothing: the ledger did not answer when it was rendered, so another
    /// process may have rendered a newer one meanwhile.
    pub(crate) is_unordered: bool,
    /// Whether the store has the page.
    pub(crate) written: Written,
    /// Shared with the pages before it: one that is replaced while it is served counts too.
    requests: Arc<Requests>,
    /// The generation of purges at which the page was last found unpurged.
    unpurged_at: AtomicU64,
}

/// How often a page was served since memory has had it.
#[derive(Debug)]
struct Requests {
    since: SystemTime,
    /// Since that was last noted.
    unnoted: AtomicU64,
    /// Before that.
    noted: AtomicU64,
}

impl Requests {
    fn since(since: SystemTime) -> Self {
        Self { since, unnoted: AtomicU64::default(), noted: AtomicU64::default() }
    }
}

impl Deref for ServedEntry {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl ServedEntry {
    /// An entry of which nothing has been made yet.
    pub(crate) fn new(entry: Entry) -> Self {
        let encodings = entry.may_compress.then(Encodings::default);
        Self::with_encodings(entry, encodings)
    }

    /// An entry with encodings of the same body.
    pub(crate) fn with_encodings(entry: Entry, encodings: Option<Encodings>) -> Self {
        let encodings = encodings.filter(|_| entry.may_compress);
        let requests = Requests::since(entry.rendered_at);
        Self {
            entry,
            encodings,
            heads: Heads::default(),
            is_listed: false,
            is_unordered: false,
            written: Written::default(),
            requests: Arc::new(requests),
            unpurged_at: AtomicU64::new(0),
        }
    }

    /// The entry, before anything is made of it.
    pub(crate) fn entry_mut(&mut self) -> &mut Entry {
        &mut self.entry
    }

    pub(crate) fn count_request(&self) {
        self.requests.unnoted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what is asked of the page before it, too.
    pub(crate) fn count_requests_of(&mut self, old: &Self) {
        self.requests = Arc::clone(&old.requests);
    }

    /// Counts from now on: it comes into memory.
    pub(crate) fn count_requests_since(&mut self, now: SystemTime) {
        self.requests = Arc::new(Requests::since(now));
    }

    /// How often it is asked for, per second, since memory has had it.
    pub(crate) fn demand(&self, now: SystemTime) -> f64 {
        let time = now.duration_since(self.requests.since).unwrap_or_default().max(SHORTEST);
        // The first request has brought it into memory, so it says less than the others.
        (self.requests() as f64 - 0.5).max(0.5) / time.as_secs_f64()
    }

    /// How often it was served since the last call.
    pub(crate) fn take_requests(&self) -> u64 {
        let requests = self.requests.unnoted.swap(0, Ordering::Relaxed);
        self.requests.noted.fetch_add(requests, Ordering::Relaxed);
        requests
    }

    /// How often it was served since memory has had it.
    pub(crate) fn requests(&self) -> u64 {
        let Requests { unnoted, noted, .. } = &*self.requests;
        noted.load(Ordering::Relaxed) + unnoted.load(Ordering::Relaxed)
    }

    pub(crate) fn is_unpurged_at(&self, generation: u64) -> bool {
        self.unpurged_at.load(Ordering::Relaxed) == generation
    }

    pub(crate) fn set_unpurged_at(&self, generation: u64) {
        self.unpurged_at.store(generation, Ordering::Relaxed);
    }

    /// Which encoding of the body a request gets; it may still have to be made.
    pub(crate) fn choose(&self, request: &HeaderMap) -> Option<Encoding> {
        encoding::choose(request, self.encodings.as_ref()?.available())
    }

    /// The body in one encoding; `None` if it has not been made yet.
    pub(crate) fn body_in(&self, encoding: Option<Encoding>) -> Option<&Bytes> {
        match encoding {
            None => Some(&self.body),
            Some(encoding) => self.encodings.as_ref()?.get(encoding),
        }
    }

    /// Makes one encoding of the body, if it may be compressed.
    pub(crate) async fn make(&self, encoding: Encoding) {
        if let Some(encodings) = &self.encodings {
            encodings.make(encoding, &self.body).await;
        }
    }

    /// Makes all encodings of the body, if it may be compressed.
    pub(crate) async fn make_all(&self) {
        if let Some(encodings) = &self.encodings {
            encodings.make_all(&self.body).await;
        }
    }

    /// The encodings in which the page was served.
    pub(crate) fn served_in(&self) -> impl Iterator<Item = Encoding> {
        Encoding::ALL.into_iter().filter(|encoding| self.heads.has_head(Some(*encoding)))
    }

    /// About how many bytes of memory the entry takes.
    pub(crate) fn weight(&self) -> u64 {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.as_str().len() + 32).sum();
        let made = self.encodings.iter().flat_map(Encodings::known);
        let made: usize = made.map(|(_, body)| body.map_or(0, Bytes::len)).sum();
        let cells = self.encodings.as_ref().map_or(0, |_| Encodings::SIZE);
        let bodies = self.body.len() + made + cells;
        // Counted twice: the response heads, made when the page is served, copy the headers.
        let heads = headers + HEADS;
        let own = size_of::<Self>() + size_of::<Requests>() + self.facts.weight();
        (own + self.key.as_str().len() + bodies + headers + heads + tags) as u64
    }
}
