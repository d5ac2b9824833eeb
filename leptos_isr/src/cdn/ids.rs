//! The ids of purges that servers pass on to each other, so that none goes round in a circle.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    str::FromStr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cached::{Cached, LruCache};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::wire;

/// The header that names the purges in a request.
const PURGE_IDS: HeaderName = HeaderName::from_static(wire::PURGE_IDS);

/// How many ids one request carries at most: 2 KiB of them, which every server takes.
pub(super) const AT_ONCE: usize = 100;

/// How many purges of other servers are remembered; the least recent is forgotten first.
const REMEMBERED: usize = 10_000;

/// Names a purge wherever it is passed on: the engine that took it first, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct PurgeId {
    origin: u64,
    number: u64,
}

/// A request that does not name its purges as it should.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` lists at most {AT_ONCE} ids, each two hexadecimal numbers as `1f-2a`",
    wire::PURGE_IDS
)]
pub(crate) struct MalformedIds;

/// What is to be done with a purge that another server has passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is done, and passed on.
    New,
    /// It is being done for another request, and passed on by that one.
    UnderWay,
    /// It was done before, or began here.
    Done,
}

/// The purges that have come by here.
pub(super) struct Seen {
    /// Tells this engine from all others.
    origin: u64,
    /// How many purges have begun here.
    numbers: AtomicU64,
    /// Whether each purge of another server is done.
    others: Mutex<LruCache<PurgeId, bool>>,
}

impl PurgeId {
    /// The ids in a request; none if nobody has passed it on.
    ///
    /// # Errors
    ///
    /// Says that they are malformed.
    pub(crate) fn all_in(headers: &HeaderMap) -> Result<Vec<Self>, MalformedIds> {
        let mut ids = Vec::new();
        for value in headers.get_all(PURGE_IDS) {
            for id in value.to_str().map_err(|_| MalformedIds)?.split(',') {
                ids.push(id.trim().parse()?);
            }
        }
        if ids.len() <= AT_ONCE { Ok(ids) } else { Err(MalformedIds) }
    }

    /// The header with these ids.
    pub(super) fn header(ids: &[Self]) -> (HeaderName, HeaderValue) {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let value = HeaderValue::try_from(ids.join(","));
        (PURGE_IDS, value.expect("digits and commas are a header value"))
    }
}

impl fmt::Display for PurgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.origin, self.number)
    }
}

impl FromStr for PurgeId {
    type Err = MalformedIds;

    fn from_str(text: &str) -> Result<Self, MalformedIds> {
        let (origin, own) = text.split_once('-').ok_or(MalformedIds)?;
        let number = |text| u64::from_str_radix(text, 16).map_err(|_| MalformedIds);
        Ok(Self { origin: number(origin)?, number: number(own)? })
    }
}

impl From<PurgeId> for String {
    fn from(id: PurgeId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for PurgeId {
    type Error = MalformedIds;

    fn try_from(text: String) -> Result<Self, MalformedIds> {
        text.parse()
    }
}

impl Seen {
    pub(super) fn new() -> Self {
        let others = LruCache::builder().max_size(REMEMBERED).build();
        Self {
            origin: RandomState::new().hash_one(std::process::id()),
            numbers: AtomicU64::new(0),
            others: Mutex::new(others.expect("the size is above zero")),
        }
    }

    /// A new id, for a purge that begins here.
    pub(super) fn next(&self) -> PurgeId {
        PurgeId { origin: self.origin, number: self.numbers.fetch_add(1, Ordering::Relaxed) }
    }

    /// Notes a request with these purges: it is new if one of them is.
    pub(super) fn begin(&self, ids: &[PurgeId]) -> Arrival {
        let mut others = self.lock();
        let mut arrival = Arrival::Done;
        for id in ids.iter().filter(|id| id.origin != self.origin) {
            match others.cache_get(id) {
                Some(true) => {}
                Some(false) if arrival == Arrival::New => {}
                Some(false) => arrival = Arrival::UnderWay,
                None => {
                    others.cache_set(*id, false);
                    arrival = Arrival::New;
                }
            }
        }
        arrival
    }

    /// Notes that these purges are done, or that they failed and may come again.
    pub(super) fn end(&self, ids: &[PurgeId], is_done: bool) {
        let mut others = self.lock();
        for id in ids.iter().filter(|id| id.origin != self.origin) {
            if is_done {
                others.cache_set(*id, true);
            } else {
                let _ = others.cache_remove(id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<PurgeId, bool>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> PurgeId {
        PurgeId { origin: 1, number }
    }

    #[test]
    fn purge_is_new_once_and_own_ones_never() {
        let seen = Seen::new();
        assert_eq!(seen.begin(&[seen.next()]), Arrival::Done);
        assert_eq!(seen.begin(&[id(1)]), Arrival::New);
        assert_eq!(seen.begin(&[id(1), seen.next()]), Arrival::UnderWay);
        assert_eq!(seen.begin(&[id(1), id(2)]), Arrival::New);
        seen.end(&[id(1)], true);
        seen.end(&[id(2)], false);
        assert_eq!(seen.begin(&[id(1)]), Arrival::Done);
        assert_eq!(seen.begin(&[id(2)]), Arrival::New, "it failed, so it may come again");
        assert_ne!(Seen::new().next(), Seen::new().next());
    }

    #[test]
    fn memory_is_bounded() {
        let seen = Seen::new();
        for number in 0..=REMEMBERED as u64 {
            seen.begin(&[id(number)]);
        }
        assert_eq!(seen.lock().cache_size(), REMEMBERED);
        assert_eq!(seen.begin(&[id(REMEMBERED as u64)]), Arrival::UnderWay);
    }

    #[test]
    fn ids_are_read_as_they_were_written_and_nothing_else_is() {
        let ids = [PurgeId { origin: u64::MAX, number: 0 }, id(42)];
        let mut headers = HeaderMap::new();
        assert_eq!(PurgeId::all_in(&headers).unwrap(), []);
        headers.extend([PurgeId::header(&ids)]);
        assert_eq!(PurgeId::all_in(&headers).unwrap(), ids);
        for wrong in ["", "1", "1-", "1-g", "1-2;3", &["1-2"; AT_ONCE + 1].join(",")] {
            headers.insert(PURGE_IDS, HeaderValue::from_str(wrong).unwrap());
            assert!(PurgeId::all_in(&headers).is_err(), "{wrong}");
        }
    }
}
