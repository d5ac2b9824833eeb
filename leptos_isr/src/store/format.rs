//! A page as bytes, for a store.
//!
//! The magic `ISR1`, the header's length (u32, little-endian), the header as
//! JSON, the body, its encoded forms in the order of the header, and the XXH3
//! (128 bits, little-endian) of all before it. Whatever is damaged does not
//! pass for a page.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    clock::Stamp,
    encoding::Encoding,
    entry::{Began, Entry},
    key::Key,
    tag::Tag,
};

const MAGIC: &[u8; 4] = b"ISR1";
const CHECKSUM_LEN: usize = 16;

/// Everything of an entry but its bodies.
#[derive(Serialize, Deserialize)]
struct Header {
    key: Key,
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    tags: Vec<Tag>,
    rendered_at_nanos: u128,
    stamp: Stamp,
    asked_millis: Option<u64>,
    is_absent: bool,
    body_len: usize,
    encoded: Vec<(Encoding, usize)>,
}

/// The bytes of a page.
///
/// # Errors
///
/// Says so if the page's header cannot be written: it is larger than 4 GiB.
pub(super) fn encode(entry: &Entry) -> Result<Bytes, serde_json::Error> {
    let header = Header {
        key: entry.key.clone(),
        status: entry.status.as_u16(),
        headers: entry
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        tags: entry.tags.clone(),
        rendered_at_nanos: nanos(entry.rendered_at),
        stamp: entry.stamp,
        asked_millis: entry.asked.map(|asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX)),
        is_absent: entry.is_absent,
        body_len: entry.body.len(),
        encoded: entry.encoded.iter().map(|(encoding, body)| (*encoding, body.len())).collect(),
    };
    let header = serde_json::to_vec(&header)?;
    let header_len = u32::try_from(header.len())
        .map_err(|_| serde::ser::Error::custom("the headers are too long"))?;
    let bodies = || std::iter::once(&entry.body).chain(entry.encoded.iter().map(|(_, body)| body));
    let len: usize = bodies().map(Bytes::len).sum();
    let mut bytes = Vec::with_capacity(8 + header.len() + len + CHECKSUM_LEN);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&header_len.to_le_bytes());
    bytes.extend_from_slice(&header);
    bodies().for_each(|body| bytes.extend_from_slice(body));
    bytes.extend_from_slice(&xxh3_128(&bytes).to_le_bytes());
    Ok(bytes.into())
}

/// The page that `bytes` are, sharing their memory.
///
/// # Errors
///
/// Says what is wrong with them.
pub(super) fn decode(bytes: &Bytes) -> Result<Entry, &'static str> {
    let content_len = bytes.len().checked_sub(CHECKSUM_LEN).ok_or("too short")?;
    let (content, checksum) = bytes.split_at(content_len);
    if xxh3_128(content).to_le_bytes() != checksum {
        return Err("wrong checksum");
    }
    let rest = content.strip_prefix(MAGIC).ok_or("unknown format")?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or("too short")?;
    let header_len = u32::from_le_bytes(*len) as usize;
    let header = rest.get(..header_len).ok_or("too short")?;
    let header: Header = serde_json::from_slice(header).map_err(|_| "unreadable header")?;
    let mut headers = HeaderMap::new();
    for (name, value) in &header.headers {
        let name = HeaderName::try_from(name).map_err(|_| "wrong header name")?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|_| "wrong header value")?);
    }
    let status = StatusCode::from_u16(header.status).map_err(|_| "wrong status")?;
    let at = time(header.rendered_at_nanos).ok_or("wrong time")?;
    let mut bodies = bytes.slice(MAGIC.len() + 4 + header_len..content_len);
    let mut next = |len: usize| (len <= bodies.len()).then(|| bodies.split_to(len));
    let body = next(header.body_len).ok_or("too short")?;
    let encoded = header.encoded.into_iter().map(|(encoding, len)| Some((encoding, next(len)?)));
    let encoded = encoded.collect::<Option<Vec<_>>>().ok_or("too short")?;
    let began = Began { at, stamp: header.stamp };
    let mut entry = Entry::new(header.key, status, headers, body, began);
    entry.set_encoded(encoded);
    entry.tags = header.tags;
    entry.asked = header.asked_millis.map(Duration::from_millis);
    entry.is_absent = header.is_absent;
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
    use crate::path::CanonicalPath;
    use http::header;

    fn entry(path: &str, body: &str) -> Entry {
        let key = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        let began = Began { at: UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789), stamp: 42 };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.append(header::LINK, HeaderValue::from_static("</a>"));
        headers.append(header::LINK, HeaderValue::from_bytes(b"</\xe9>").unwrap());
        let mut entry =
            Entry::new(key, StatusCode::OK, headers, Bytes::from(body.to_owned()), began);
        entry.tags = vec![Tag::new("a"), Tag::new("\u{e9}")];
        entry.asked = Some(Duration::from_millis(1500));
        entry.set_encoded(vec![
            (Encoding::Brotli, Bytes::from_static(b"br")),
            (Encoding::Gzip, Bytes::from_static(b"gzip")),
        ]);
        entry
    }

    #[test]
    fn page_is_the_same_when_read_again() {
        let page = entry("/caf\u{e9}", "<p>caf\u{e9}</p>");
        assert_eq!(decode(&encode(&page).unwrap()), Ok(page));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let whole = encode(&entry("/a", "hello")).unwrap();
        for cut in 0..whole.len() {
            assert!(decode(&whole.slice(..cut)).is_err(), "cut at {cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&Bytes::from(flipped)).is_err(), "bit {bit}");
        }
    }
}
