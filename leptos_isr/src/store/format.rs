//! A page as bytes, for a store.
//!
//! The magic `ISR2`, the header's length (u32, little-endian), the header as
//! JSON, the body, its compressed forms in the order of the header, and the XXH3
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
    forms::Forms,
    key::Key,
    tag::Tag,
};

const MAGIC: &[u8; 4] = b"ISR2";
const CHECKSUM_LEN: usize = 16;

/// Everything of an entry but its bodies.
#[derive(Serialize, Deserialize)]
struct Header {
    key: Key,
    status: u16,
    /// Each byte of a value is the character of that number.
    headers: Vec<(String, String)>,
    tags: Vec<Tag>,
    rendered_at_nanos: u128,
    stamp: Stamp,
    asked_millis: Option<u64>,
    is_absent: bool,
    body_len: usize,
    /// The length of each form that is known, without one if it is not smaller
    /// than the body; `None` if the body must not be compressed.
    forms: Option<Vec<(Encoding, Option<usize>)>>,
}

/// The bytes of a page.
///
/// # Errors
///
/// Says so if the page's header cannot be written: it is larger than 4 GiB.
pub(super) fn encode(entry: &Entry) -> Result<Bytes, serde_json::Error> {
    // Once: another may be made meanwhile.
    let known = entry.forms.as_ref().map(|forms| forms.known().collect::<Vec<_>>());
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
        stamp: entry.stamp,
        asked_millis: entry.asked.map(|asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX)),
        is_absent: entry.is_absent,
        body_len: entry.body.len(),
        forms: known.as_ref().map(|known| {
            known.iter().map(|(encoding, form)| (*encoding, form.map(Bytes::len))).collect()
        }),
    };
    let header = serde_json::to_vec(&header)?;
    let header_len = u32::try_from(header.len())
        .map_err(|_| serde::ser::Error::custom("the headers are too long"))?;
    let forms = || known.iter().flatten().filter_map(|(_, form)| *form);
    let bodies = || std::iter::once(&entry.body).chain(forms());
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
        let value = value.chars().map(u8::try_from).collect::<Result<Vec<_>, _>>();
        let value = value.ok().and_then(|value| HeaderValue::from_bytes(&value).ok());
        headers.append(name, value.ok_or("wrong header value")?);
    }
    let status = StatusCode::from_u16(header.status).map_err(|_| "wrong status")?;
    let at = time(header.rendered_at_nanos).ok_or("wrong time")?;
    let mut bodies = bytes.slice(MAGIC.len() + 4 + header_len..content_len);
    let mut next = |len: usize| (len <= bodies.len()).then(|| bodies.split_to(len));
    let body = next(header.body_len).ok_or("too short")?;
    let forms = match header.forms {
        None => None,
        Some(known) => {
            let forms = Forms::default();
            for (encoding, len) in known {
                let form = len.map(|len| next(len).ok_or("too short")).transpose()?;
                forms.add(encoding, form);
            }
            Some(forms)
        }
    };
    let began = Began { at, stamp: header.stamp };
    let mut entry = Entry::new(header.key, status, headers, body, began);
    entry.forms = forms;
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
        let forms = Forms::default();
        forms.add(Encoding::Brotli, Some(Bytes::from_static(b"br")));
        forms.add(Encoding::Zstd, None);
        entry.forms = Some(forms);
        entry
    }

    #[test]
    fn page_is_the_same_when_read_again() {
        let page = entry("/caf\u{e9}", "<p>caf\u{e9}</p>");
        assert_eq!(decode(&encode(&page).unwrap()), Ok(page.clone()));
        let mut page = page;
        page.forms = None;
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
