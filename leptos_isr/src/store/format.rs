//! A page as bytes, for a store.
//!
//! 1. The magic `ISR3`.
//! 2. The header's length (u32, little-endian).
//! 3. The header, a JSON object.
//! 4. The body.
//! 5. The encodings of the body, in the order in which the header lists them.
//! 6. The XXH3 of everything before it (128 bits, little-endian), so that damaged bytes do not pass
//!    for a page.
//!
//! The header's fields go by name. A reader skips fields and encodings that it does not know, so a
//! later version may add some without a new magic. A change to the meaning of known fields needs a
//! new magic: pages with another magic count as absent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    address::{key::Key, tag::Tag},
    clock::Stamp,
    entry::{
        Began, Entry, RenderStart, Seen, ServedEntry, Version, encodings::Encodings, facts::Facts,
    },
    rules::encoding::Encoding,
};

const MAGIC: &[u8; 4] = b"ISR3";
const CHECKSUM_LEN: usize = 16;

/// Everything of a page except its bodies.
#[derive(Serialize, Deserialize)]
struct Header {
    key: Key,
    status: u16,
    /// Values are not always UTF-8: each byte becomes the character with that number.
    headers: Vec<(String, String)>,
    tags: Vec<Tag>,
    rendered_at_nanos: u128,
    seen: Stamp,
    version: Stamp,
    asked_millis: Option<u64>,
    is_absent: bool,
    #[serde(default)]
    is_superseded: bool,
    /// Decides nothing, so what cannot be read of it does not make the page unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<serde_json::Value>,
    body_len: usize,
    /// `None` if the body must not be compressed.
    encodings: Option<Vec<EncodingHeader>>,
}

/// One encoding of the body that was made.
#[derive(Serialize, Deserialize)]
struct EncodingHeader {
    name: String,
    /// `None` if it is not smaller than the body.
    len: Option<usize>,
}

/// Why bytes are not a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// They are intact, but in another version of this format.
    OtherFormat,
    Damaged(&'static str),
}

/// Encodes a page.
///
/// # Errors
///
/// Fails if the page's header would be longer than 4 GiB.
pub(super) fn encode(entry: &ServedEntry) -> Result<Bytes, serde_json::Error> {
    // Read once: another encoding may be made in the meantime.
    let known = entry.encodings.as_ref().map(|made| made.known().collect::<Vec<_>>());
    let header = Header {
        key: entry.key.clone(),
        status: entry.status.as_u16(),
        headers: entry
            .headers
            .iter()
            .map(|(name, value)| {
                let value = value.as_bytes().iter().copied().map(char::from);
                (name.as_str().to_owned(), value.collect())
            })
            .collect(),
        tags: entry.tags.clone(),
        rendered_at_nanos: nanos(entry.rendered_at),
        seen: entry.seen.0,
        version: entry.version.0,
        asked_millis: entry.asked.map(|asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX)),
        is_absent: entry.is_absent,
        is_superseded: entry.is_superseded,
        facts: match entry.facts == Facts::default() {
            true => None,
            false => Some(serde_json::to_value(&entry.facts)?),
        },
        body_len: entry.body.len(),
        encodings: known.as_ref().map(|known| {
            let header = |(encoding, body): &(Encoding, Option<&Bytes>)| EncodingHeader {
                name: encoding.name().to_owned(),
                len: body.map(Bytes::len),
            };
            known.iter().map(header).collect()
        }),
    };
    let header = serde_json::to_vec(&header)?;
    let header_len = u32::try_from(header.len())
        .map_err(|_| serde::ser::Error::custom("the headers are too long"))?;
    let encoded = || known.iter().flatten().filter_map(|(_, body)| *body);
    let bodies = || std::iter::once(&entry.body).chain(encoded());
    let len: usize = bodies().map(Bytes::len).sum();
    let mut bytes = Vec::with_capacity(8 + header.len() + len + CHECKSUM_LEN);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&header_len.to_le_bytes());
    bytes.extend_from_slice(&header);
    bodies().for_each(|body| bytes.extend_from_slice(body));
    bytes.extend_from_slice(&xxh3_128(&bytes).to_le_bytes());
    Ok(bytes.into())
}

/// Decodes a page, whose bodies share the memory of `bytes`.
///
/// # Errors
///
/// Says why `bytes` are not a page.
pub(super) fn decode(bytes: &Bytes) -> Result<ServedEntry, DecodeError> {
    let content_len = bytes.len().checked_sub(CHECKSUM_LEN).ok_or(TOO_SHORT)?;
    let (content, checksum) = bytes.split_at(content_len);
    if xxh3_128(content).to_le_bytes() != checksum {
        return Err(DecodeError::Damaged("wrong checksum"));
    }
    let rest = content.strip_prefix(MAGIC).ok_or(DecodeError::OtherFormat)?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
    let header_len = u32::from_le_bytes(*len) as usize;
    let header = rest.get(..header_len).ok_or(TOO_SHORT)?;
    let header: Header =
        serde_json::from_slice(header).map_err(|_| DecodeError::Damaged("unreadable header"))?;
    let mut bodies = bytes.slice(MAGIC.len() + 4 + header_len..content_len);
    let mut next = |len: usize| match len <= bodies.len() {
        true => Ok(bodies.split_to(len)),
        false => Err(TOO_SHORT),
    };
    let body = next(header.body_len)?;
    let encodings = match &header.encodings {
        None => None,
        Some(known) => {
            let encodings = Encodings::default();
            for EncodingHeader { name, len } in known {
                let body = len.map(&mut next).transpose()?;
                if let Some(encoding) = Encoding::named(name) {
                    encodings.add(encoding, body);
                }
            }
            Some(encodings)
        }
    };
    Ok(ServedEntry::with_encodings(entry(header, body)?, encodings))
}

const TOO_SHORT: DecodeError = DecodeError::Damaged("too short");

fn entry(header: Header, body: Bytes) -> Result<Entry, DecodeError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &header.headers {
        let name =
            HeaderName::try_from(name).map_err(|_| DecodeError::Damaged("wrong header name"))?;
        let value = value.chars().map(u8::try_from).collect::<Result<Vec<_>, _>>();
        let value = value.ok().and_then(|value| HeaderValue::from_bytes(&value).ok());
        headers.append(name, value.ok_or(DecodeError::Damaged("wrong header value"))?);
    }
    let status =
        StatusCode::from_u16(header.status).map_err(|_| DecodeError::Damaged("wrong status"))?;
    let at = time(header.rendered_at_nanos).ok_or(DecodeError::Damaged("wrong time"))?;
    let start = RenderStart {
        at,
        began: Began { seen: Seen(header.seen), version: Version(header.version) },
    };
    let mut entry = Entry::new(header.key, status, headers, body, start);
    entry.may_compress = header.encodings.is_some();
    entry.tags = header.tags;
    entry.asked = header.asked_millis.map(Duration::from_millis);
    entry.is_absent = header.is_absent;
    entry.is_superseded = header.is_superseded;
    let facts = header.facts.and_then(|facts| serde_json::from_value(facts).ok());
    entry.facts = facts.unwrap_or_default();
    Ok(entry)
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

fn time(nanos: u128) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::path::CanonicalPath,
        entry::facts::{Asker, NotedRead, ReadFact, Regenerated},
        stats::RenderReason,
    };
    use http::header;

    fn entry(path: &str, body: &str) -> Entry {
        let key = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        let at = UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789);
        let start = RenderStart { at, began: Began { seen: Seen(42), version: Version(43) } };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.append(header::LINK, HeaderValue::from_static("</a>"));
        headers.append(header::LINK, HeaderValue::from_bytes(b"</\xe9>").unwrap());
        let mut entry =
            Entry::new(key, StatusCode::OK, headers, Bytes::from(body.to_owned()), start);
        entry.may_compress = true;
        entry.tags = vec![Tag::new("a"), Tag::new("\u{e9}")];
        entry.asked = Some(Duration::from_millis(1500));
        entry.is_superseded = true;
        let reads = [NotedRead { fact: ReadFact::new("titles", at_millis(at)), tags: vec![] }];
        let asked_by = Some(Asker::read("titles"));
        entry.facts = Facts::new(&entry.tags, &entry.tags[..1], asked_by, &reads);
        let (at, interval) = (at_millis(at), Duration::from_secs(60));
        let again = Regenerated { at, interval, has_changed: true, reason: RenderReason::Time };
        entry.facts.changes = entry.facts.changes.and(again);
        entry
    }

    /// As facts are kept.
    fn at_millis(time: SystemTime) -> SystemTime {
        time - Duration::from_nanos(456_789)
    }

    fn encodings() -> Encodings {
        let encodings = Encodings::default();
        encodings.add(Encoding::Brotli, Some(Bytes::from_static(b"br")));
        encodings.add(Encoding::Zstd, None);
        encodings
    }

    fn page(path: &str, body: &str) -> ServedEntry {
        ServedEntry::with_encodings(entry(path, body), Some(encodings()))
    }

    /// The bytes of a page whose header `change` changes.
    fn changed(change: impl FnOnce(&mut serde_json::Value), bodies: &[u8]) -> Bytes {
        let whole = encode(&page("/a", "hello")).unwrap();
        let len = u32::from_le_bytes(whole[4..8].try_into().unwrap()) as usize;
        let mut header = serde_json::from_slice(&whole[8..8 + len]).unwrap();
        change(&mut header);
        let header = serde_json::to_vec(&header).unwrap();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header);
        bytes.extend(bodies);
        bytes.extend(xxh3_128(&bytes).to_le_bytes());
        bytes.into()
    }

    #[test]
    fn page_is_the_same_when_read_again() {
        let page = page("/caf\u{e9}", "<p>caf\u{e9}</p>");
        let read = decode(&encode(&page).unwrap()).unwrap();
        assert_eq!((&*read, &read.encodings), (&*page, &page.encodings));
        let mut entry = entry("/caf\u{e9}", "<p>caf\u{e9}</p>");
        entry.may_compress = false;
        let read = decode(&encode(&ServedEntry::new(entry.clone())).unwrap()).unwrap();
        assert_eq!((&*read, &read.encodings), (&entry, &None));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let whole = encode(&page("/a", "hello")).unwrap();
        for cut in 0..whole.len() {
            assert!(decode(&whole.slice(..cut)).is_err(), "cut at {cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&Bytes::from(flipped)).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn fields_and_encodings_of_a_later_version_are_skipped() {
        let later = changed(
            |header| {
                header["holes"] = serde_json::json!([[0, 2]]);
                let encodings = header["encodings"].as_array_mut().unwrap();
                encodings
                    .insert(0, serde_json::json!({ "name": "dcb", "len": 3, "dictionary": 7 }));
            },
            b"hellodcbbr",
        );
        let (read, page) = (decode(&later).unwrap(), page("/a", "hello"));
        assert_eq!((&*read, &read.encodings), (&*page, &page.encodings));
    }

    /// As pages that were stored by an earlier version, or by a later one.
    #[test]
    fn page_whose_facts_are_missing_or_not_understood_is_read_without_them() {
        let without = |facts: Option<serde_json::Value>| {
            let page = changed(
                |header| match facts {
                    Some(facts) => header["facts"] = facts,
                    None => drop(header.as_object_mut().unwrap().remove("facts")),
                },
                b"hellobr",
            );
            decode(&page).unwrap()
        };
        let mut expected = entry("/a", "hello");
        expected.facts = Facts::default();
        for facts in [
            None,
            Some(serde_json::json!("text")),
            Some(serde_json::json!({ "asked_by": "visitor" })),
            Some(serde_json::json!({ "reads": [7] })),
        ] {
            assert_eq!(&*without(facts.clone()), &expected, "{facts:?}");
        }
        let later = serde_json::json!({ "holes": 1, "asked_by": { "read": "a" } });
        assert_eq!(without(Some(later)).facts.asked_by, Some(Asker::read("a")));
    }

    #[test]
    fn page_of_another_format_is_told_from_a_damaged_one() {
        let mut other = encode(&page("/a", "hello")).unwrap().to_vec();
        other[..4].copy_from_slice(b"ISR2");
        let content = other.len() - CHECKSUM_LEN;
        let checksum = xxh3_128(&other[..content]).to_le_bytes();
        other[content..].copy_from_slice(&checksum);
        assert_eq!(decode(&other.clone().into()).unwrap_err(), DecodeError::OtherFormat);
        other[9] ^= 1;
        assert_eq!(decode(&other.into()).unwrap_err(), DecodeError::Damaged("wrong checksum"));
    }
}
