//! Content encodings: compressing a body, and choosing the encoding that a request gets.
//!
//! An encoding that is not smaller than the body is not kept.

use std::io::{self, Write};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use crate::rules::cache_control::may_transform;

/// The least body length, in bytes, at which compressing makes up for the longer headers.
const MIN_LEN: usize = 512;

/// A content coding of RFC 9110 section 8.4.1, RFC 7932 or RFC 8878, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encoding {
    Brotli,
    Zstd,
    Gzip,
}

impl Encoding {
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The name in `Accept-Encoding` and `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The encoding of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name() == name)
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// Compresses `body`; `None` if that does not make it smaller.
    pub(crate) fn compress(self, body: &[u8]) -> Option<Bytes> {
        let encoded = self.try_compress(body).ok().filter(|it| it.len() < body.len())?;
        // The memory tier counts lengths, but a compressor's buffer may be twice as large.
        Some(encoded.into_boxed_slice().into())
    }

    fn try_compress(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli => {
                let mut writer =
                    brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
                writer.write_all(body)?;
                Ok(writer.into_inner())
            }
            Self::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
            Self::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), GZIP_LEVEL);
                writer.write_all(body)?;
                writer.finish()
            }
        }
    }
}

// Above these levels, a page of 32 kB takes twice the processor time to become a few percent
// smaller. A brotli window that fits the page is many times slower than this one.
const BROTLI_QUALITY: u32 = 4;
const BROTLI_WINDOW: u32 = 22;
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: flate2::Compression = flate2::Compression::new(5);

/// Whether a body with these headers may be compressed, and is worth it.
pub(crate) fn is_compressible(headers: &HeaderMap, len: usize) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = media_type.starts_with("text/")
        || ["+xml", "+json"].iter().any(|suffix| media_type.ends_with(suffix))
        || ["application/json", "application/xml", "application/javascript", "application/wasm"]
            .contains(&media_type.as_str());
    len >= MIN_LEN
        && is_text
        && may_transform(headers)
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Chooses the encoding that the request's `Accept-Encoding` rates highest (RFC 9110 section
/// 12.5.3); `None` means the uncompressed body.
///
/// `available` lists the preferred encoding first: of those that are rated alike, the first is
/// chosen. A request that accepts none of them, nor the uncompressed body, gets the uncompressed
/// body, which the RFC allows.
pub(crate) fn choose(
    request: &HeaderMap,
    available: impl Iterator<Item = Encoding>,
) -> Option<Encoding> {
    let accepted = AcceptEncoding::of(request)?;
    let rated = available.map(|encoding| (encoding, accepted.rating(encoding)));
    // Not `max_by`, which takes the last of equals.
    let (best, rate) = rated
        .filter(|(_, rate)| *rate > 0)
        .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    // If `identity` is not mentioned, the uncompressed body is the last resort.
    (rate >= accepted.identity.unwrap_or(0)).then_some(best)
}

/// The q value of each coding in `Accept-Encoding`, in thousandths. The first mention counts.
#[derive(Default)]
struct AcceptEncoding {
    brotli: Option<u16>,
    zstd: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl AcceptEncoding {
    /// Reads the request's header; `None` if there is none.
    fn of(request: &HeaderMap) -> Option<Self> {
        let mut values = request.get_all(header::ACCEPT_ENCODING).iter().peekable();
        values.peek()?;
        let mut accepted = Self::default();
        for value in values.filter_map(|value| value.to_str().ok()) {
            value.split(',').for_each(|part| accepted.note(part));
        }
        Some(accepted)
    }

    fn note(&mut self, part: &str) {
        let (coding, parameters) = match part.split_once(';') {
            Some((coding, parameters)) => (coding.trim(), Some(parameters)),
            None => (part.trim(), None),
        };
        let is = |name| coding.eq_ignore_ascii_case(name);
        let place = match coding.len() {
            1 if is("*") => &mut self.any,
            2 if is("br") => &mut self.brotli,
            // `x-gzip` is gzip by RFC 9110 section 8.4.1.3.
            4 | 6 if is("gzip") || is("x-gzip") => &mut self.gzip,
            4 if is("zstd") => &mut self.zstd,
            8 if is("identity") => &mut self.identity,
            _ => return,
        };
        place.get_or_insert_with(|| parameters.map_or(1000, q_value));
    }

    fn rating(&self, encoding: Encoding) -> u16 {
        let named = match encoding {
            Encoding::Brotli => self.brotli,
            Encoding::Zstd => self.zstd,
            Encoding::Gzip => self.gzip,
        };
        named.or(self.any).unwrap_or(0)
    }
}

/// The q value among a coding's parameters, in thousandths. A malformed one forbids the coding.
fn q_value(parameters: &str) -> u16 {
    let q = parameters.split(';').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().ok())
    });
    q.map_or(1000, |q| (q.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn chosen(accept: &[&str]) -> &'static str {
        let mut request = HeaderMap::new();
        for value in accept {
            request.append(header::ACCEPT_ENCODING, HeaderValue::try_from(*value).unwrap());
        }
        choose(&request, Encoding::ALL.into_iter()).map_or("identity", Encoding::name)
    }

    #[test]
    fn highest_rated_encoding_is_chosen() {
        for (accept, expected) in [
            (&[][..], "identity"),
            (&[""], "identity"),
            (&["gzip, deflate, br, zstd"], "br"),
            (&["gzip, zstd"], "zstd"),
            (&["gzip"], "gzip"),
            (&["x-gzip"], "gzip"),
            (&["GZIP"], "gzip"),
            (&["deflate"], "identity"),
            (&["br;q=0.5, gzip;q=0.8"], "gzip"),
            (&["br;q=0.8, gzip;q=0.8"], "br"),
            (&["br;q=0, gzip"], "gzip"),
            (&["br ; Q=0.000 , zstd;q=0"], "identity"),
            (&["*"], "br"),
            (&["*;q=0.1, gzip"], "gzip"),
            (&["br;q=0, *"], "zstd"),
            (&["identity"], "identity"),
            (&["identity;q=0.9, br;q=0.5"], "identity"),
            (&["identity;q=0.5, br;q=0.9"], "br"),
            (&["identity;q=0, *;q=0"], "identity"),
            (&["br;q=high, gzip"], "gzip"),
            (&["deflate", "gzip"], "gzip"),
            (&["gzipx, xbr"], "identity"),
        ] {
            assert_eq!(chosen(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn encodings_are_the_body_again_and_smaller() {
        let body = Bytes::from("<p>hello</p>".repeat(200));
        for encoding in Encoding::ALL {
            let encoded = encoding.compress(&body).unwrap();
            let mut decoded = Vec::new();
            match encoding {
                Encoding::Brotli => {
                    brotli::Decompressor::new(&*encoded, 4096).read_to_end(&mut decoded).unwrap();
                }
                Encoding::Zstd => decoded = zstd::bulk::decompress(&encoded, 1 << 20).unwrap(),
                Encoding::Gzip => {
                    flate2::read::GzDecoder::new(&*encoded).read_to_end(&mut decoded).unwrap();
                }
            }
            assert!(decoded == body && encoded.len() < body.len() / 4, "{encoding:?}");
        }
        let noise =
            (0..80_u64).flat_map(|i| xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes()).to_le_bytes());
        let noise: Vec<u8> = noise.collect();
        assert_eq!(Encoding::ALL.map(|encoding| encoding.compress(&noise)), [None, None, None]);
    }

    #[test]
    fn only_texts_that_may_be_transformed_are_compressed() {
        let with = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap())
            });
            headers.collect::<HeaderMap>()
        };
        for (headers, expected) in [
            (with(&[("content-type", "text/html; charset=utf-8")]), true),
            (with(&[("content-type", "Application/Atom+XML")]), true),
            (with(&[("content-type", "application/json")]), true),
            (with(&[("content-type", "image/svg+xml")]), true),
            (with(&[("content-type", "image/png")]), false),
            (with(&[]), false),
            (with(&[("content-type", "text/html"), ("content-encoding", "gzip")]), false),
            (with(&[("content-type", "text/html"), ("cache-control", "no-transform")]), false),
        ] {
            assert_eq!(is_compressible(&headers, MIN_LEN), expected, "{headers:?}");
            assert!(!is_compressible(&headers, MIN_LEN - 1));
        }
    }
}
