//! Undoes the content codings of an answer: some sources compress although nobody asks for it.

use std::io::{self, Read};

use bytes::Bytes;
use http::{HeaderMap, header};

/// Why a body could not be decoded.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// It has a coding of this name.
    Unknown(String),
    Broken(io::Error),
    /// It is longer than it may be.
    TooLarge,
}

/// The codings of a body (RFC 9110 section 8.4), in the order in which they were applied.
pub(super) fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let names = values.collect::<Vec<_>>().join(",");
    let names = names.split(',').map(str::trim).filter(|name| !matches!(*name, "" | "identity"));
    names.map(str::to_owned).collect()
}

/// The body without its codings, at most `limit` bytes long after each.
pub(super) fn decode(body: Bytes, codings: &[String], limit: usize) -> Result<Bytes, DecodeError> {
    codings.iter().rev().try_fold(body, |body, coding| decode_one(&body, coding, limit))
}

fn decode_one(body: &[u8], coding: &str, limit: usize) -> Result<Bytes, DecodeError> {
    match coding {
        "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(body), limit),
        "deflate" => read(flate2::read::ZlibDecoder::new(body), limit),
        "br" => read(brotli::Decompressor::new(body, 4096), limit),
        "zstd" => read(zstd::Decoder::new(body).map_err(DecodeError::Broken)?, limit),
        other => Err(DecodeError::Unknown(other.to_owned())),
    }
}

fn read(reader: impl Read, limit: usize) -> Result<Bytes, DecodeError> {
    let mut decoded = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut decoded).map_err(DecodeError::Broken)?;
    if decoded.len() > limit { Err(DecodeError::TooLarge) } else { Ok(decoded.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::encoding::Encoding;

    #[test]
    fn body_is_decoded_in_the_reverse_order_and_within_its_limit() {
        let text = b"a source's text. ".repeat(100);
        let gzip = Encoding::Gzip.compress(&text).unwrap();
        let both = zstd::bulk::compress(&gzip, 3).unwrap();
        let codings = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(decode(gzip.clone(), &codings(&["gzip"]), text.len()).unwrap(), text);
        assert_eq!(decode(both.into(), &codings(&["gzip", "zstd"]), text.len()).unwrap(), text);
        let long = decode(gzip.clone(), &codings(&["gzip"]), text.len() - 1);
        assert!(matches!(long, Err(DecodeError::TooLarge)), "{long:?}");
        let cut = decode(gzip.slice(..gzip.len() / 2), &codings(&["gzip"]), text.len());
        assert!(matches!(cut, Err(DecodeError::Broken(_))), "{cut:?}");
        let other = decode(gzip, &codings(&["gzip", "rot13"]), text.len());
        assert!(matches!(other, Err(DecodeError::Unknown(name)) if name == "rot13"));
    }

    #[test]
    fn codings_are_listed_in_the_order_in_which_they_were_applied() {
        for (values, listed) in [
            (&[][..], &[][..]),
            (&["identity"], &[]),
            (&["X-GZIP , br"], &["x-gzip", "br"]),
            (&["gzip", "zstd"], &["gzip", "zstd"]),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(codings(&headers), listed);
        }
    }
}
