//! Ids of purges, by which servers that pass them on to each other know them.

use std::{fmt, str::FromStr};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::wire;

/// The header that names the purges in a request.
const PURGE_IDS: HeaderName = HeaderName::from_static(wire::PURGE_IDS);

/// How many ids one request carries at most: 2 KiB of them, which every server takes.
pub(crate) const AT_ONCE: usize = 100;

/// Names a purge wherever it is passed on: the engine that took it first, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct PurgeId {
    pub(crate) origin: u64,
    pub(crate) number: u64,
}

/// A request that does not name its purges as it should.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` lists at most {AT_ONCE} ids, each two hexadecimal numbers as `1f-2a`",
    wire::PURGE_IDS
)]
pub(crate) struct MalformedIds;

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
    pub(crate) fn header(ids: &[Self]) -> (HeaderName, HeaderValue) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_were_written_and_nothing_else_is() {
        let ids = [PurgeId { origin: u64::MAX, number: 0 }, PurgeId { origin: 1, number: 42 }];
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
