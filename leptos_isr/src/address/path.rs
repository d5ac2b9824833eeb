//! One spelling for each path: the canonical form that keys, purges and the build share.
//!
//! A path is split at `/`. Each segment is percent-decoded once, and encoded again in one way.
//! `%2F` is a character of its segment, not a separator.

use std::{borrow::Cow, fmt::Write, iter::Take, str::Split};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::wire;

/// The longest path and the longest query that a page may have: in bytes, encoded. A letter may take
/// twelve.
pub(crate) const MAX_LEN: usize = 4096;

/// What RFC 3986 allows in a segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What stands in a query name or value as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a path or a query cannot be that of a page. Answered with status 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// It does not begin with `/`.
    #[error("a path begins with `/`")]
    Relative,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the percent-encoding is wrong, or what it encodes is not UTF-8")]
    Encoding,
    /// A NUL or another control character, encoded or not.
    #[error("control characters are not allowed")]
    Control,
    /// A segment that is `.` or `..`, encoded or not.
    #[error("`.` and `..` segments are not allowed")]
    DotSegment,
    /// Two slashes in a row.
    #[error("empty segments are not allowed")]
    EmptySegment,
    /// Longer than [`MAX_LEN`].
    #[error("longer than {MAX_LEN} bytes")]
    TooLong,
}

/// A path in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CanonicalPath {
    /// Encoded, without a trailing slash except for `/` itself.
    pub(crate) text: String,
    /// Decoded.
    pub(crate) segments: Vec<String>,
    /// Whether the given spelling ended in a slash.
    pub(crate) had_trailing_slash: bool,
}

impl CanonicalPath {
    pub(crate) fn parse(raw: &str) -> Result<Self, PathError> {
        let rest = raw.strip_prefix('/').ok_or(PathError::Relative)?;
        if raw.len() > 3 * MAX_LEN {
            return Err(PathError::TooLong);
        }
        let had_trailing_slash = rest.ends_with('/');
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut segments = Vec::new();
        if !rest.is_empty() || had_trailing_slash {
            for segment in rest.split('/') {
                segments.push(decode_segment(segment)?);
            }
        }
        let text = encode(&segments);
        if text.len() > MAX_LEN {
            return Err(PathError::TooLong);
        }
        Ok(Self { text, segments, had_trailing_slash })
    }
}

/// The segments of a path with nothing encoded.
pub(crate) type PlainSegments<'a> = Take<Split<'a, char>>;

/// The segments of a path that is already in its canonical spelling and has nothing encoded, as
/// most have. `None` says that the path must be parsed.
pub(crate) fn plain_segments(raw: &str) -> Option<PlainSegments<'_>> {
    let rest = raw.strip_prefix('/').filter(|rest| rest.len() < MAX_LEN)?;
    let is_plain = |segment: &str| {
        !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain_in_segment)
    };
    let segments = rest.split('/').take(if rest.is_empty() { 0 } else { usize::MAX });
    segments.clone().all(is_plain).then_some(segments)
}

/// What [`SEGMENT`] does not encode.
fn is_plain_in_segment(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')')
        || matches!(byte, b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

/// The segments that a path which is none means to those who are less strict: without empty ones,
/// decoded as far as they can be. The second list has also gone where `.` and `..` lead.
pub(crate) fn lenient_segments(raw: &str) -> [Vec<Cow<'_, str>>; 2] {
    let segments = raw.split('/').filter(|segment| !segment.is_empty());
    let segments: Vec<_> =
        segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect();
    let mut led = Vec::new();
    for segment in &segments {
        match segment.as_ref() {
            "." => {}
            ".." => drop(led.pop()),
            _ => led.push(segment.clone()),
        }
    }
    [segments, led]
}

/// Joins decoded segments into an encoded path.
pub(crate) fn encode<S: AsRef<str>>(segments: &[S]) -> String {
    if segments.is_empty() {
        return "/".to_owned();
    }
    let mut text = String::new();
    for segment in segments {
        let encoded = utf8_percent_encode(segment.as_ref(), SEGMENT);
        write!(text, "/{encoded}").expect("writing to a string cannot fail");
    }
    text
}

fn decode_segment(raw: &str) -> Result<String, PathError> {
    if raw.is_empty() {
        return Err(PathError::EmptySegment);
    }
    let segment = decode(raw)?;
    if segment == "." || segment == ".." {
        return Err(PathError::DotSegment);
    }
    Ok(segment)
}

fn decode(raw: &str) -> Result<String, PathError> {
    let mut after_percent = raw.split('%');
    after_percent.next();
    if after_percent.any(|rest| {
        let digits = rest.as_bytes();
        digits.len() < 2 || !digits[..2].iter().all(u8::is_ascii_hexdigit)
    }) {
        return Err(PathError::Encoding);
    }
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| PathError::Encoding)?;
    if text.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    Ok(text.into_owned())
}

/// The listed parameters of `raw`, sorted by name, in one spelling; `None` if it has none of them.
pub(crate) fn canonical_query(
    raw: Option<&str>,
    listed: &[String],
) -> Result<Option<String>, PathError> {
    let (Some(raw), false) = (raw, listed.is_empty()) else {
        return Ok(None);
    };
    let mut pairs = Vec::new();
    for pair in raw.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Names are compared decoded. A name that cannot be decoded is not listed, so it does not
        // count.
        let Ok(name) = form_decode(name) else {
            continue;
        };
        if listed.contains(&name) {
            pairs.push((name, form_decode(value)?));
        }
    }
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let text = pairs
        .iter()
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY))
        })
        .collect::<Vec<_>>()
        .join("&");
    if text.len() > MAX_LEN {
        return Err(PathError::TooLong);
    }
    Ok((!text.is_empty()).then_some(text))
}

/// The parameters of `raw` that are not `listed`, as they are spelled there.
pub(crate) fn unlisted_parameters<'a>(
    raw: &'a str,
    listed: &[String],
) -> impl Iterator<Item = &'a str> {
    let names = raw.split('&').filter(|pair| !pair.is_empty());
    let names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.filter(|name| {
        let is_listed = |name: &str| listed.iter().any(|listed| listed == name);
        match name.contains(['%', '+']) {
            true => !form_decode(name).is_ok_and(|name| is_listed(&name)),
            false => !is_listed(name),
        }
    })
}

/// The first parameter of `raw` that is not `listed`, unless it is one of tracking, or of a check.
pub(crate) fn unlisted_parameter<'a>(raw: &'a str, listed: &[String]) -> Option<&'a str> {
    unlisted_parameters(raw, listed)
        .find(|name| !name.is_empty() && *name != wire::SENTINEL && !is_of_tracking(name))
}

/// Whether a parameter is for those who count visitors, by a name that many sites know.
fn is_of_tracking(name: &str) -> bool {
    let begins = ["utm_", "mtm_", "pk_", "hsa_", "_hs", "_ga", "_gl"];
    let names = [
        "dclid",
        "fbclid",
        "gad_source",
        "gbraid",
        "gclid",
        "gclsrc",
        "igshid",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "msclkid",
        "srsltid",
        "ttclid",
        "twclid",
        "wbraid",
        "yclid",
    ];
    begins.iter().any(|begin| name.starts_with(begin)) || names.contains(&name)
}

/// Decodes the name or the value of a query parameter.
pub(crate) fn form_decode(raw: &str) -> Result<String, PathError> {
    let spaced: Cow<'_, str> =
        if raw.contains('+') { raw.replace('+', " ").into() } else { raw.into() };
    decode(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> Result<String, PathError> {
        CanonicalPath::parse(raw).map(|path| path.text)
    }

    #[test]
    fn spellings_of_one_path_have_one_form() {
        for (raw, form) in [
            ("/", "/"),
            ("/articles/a", "/articles/a"),
            ("/articles/a/", "/articles/a"),
            ("/%61rticles/%61", "/articles/a"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a b", "/a%20b"),
            ("/a+b", "/a+b"),
            ("/a%2Bb", "/a+b"),
            ("/%2Fmy-post%2F", "/%2Fmy-post%2F"),
            ("/%2fmy-post%2f", "/%2Fmy-post%2F"),
            ("/a%3Fb", "/a%3Fb"),
            ("/100%25", "/100%25"),
            ("/\u{4e2d}\u{6587}", "/%E4%B8%AD%E6%96%87"),
            ("/...", "/..."),
        ] {
            assert_eq!(canonical(raw).as_deref(), Ok(form), "{raw}");
            assert_eq!(canonical(form).as_deref(), Ok(form), "{form} is its own form");
        }
    }

    #[test]
    fn paths_that_cannot_have_a_page_say_why() {
        for (raw, error) in [
            ("articles", PathError::Relative),
            ("", PathError::Relative),
            ("/%", PathError::Encoding),
            ("/%4", PathError::Encoding),
            ("/%zz", PathError::Encoding),
            ("/%ff", PathError::Encoding),
            ("/%00", PathError::Control),
            ("/a%0d%0ab", PathError::Control),
            ("/a/../b", PathError::DotSegment),
            ("/a/%2e%2E/b", PathError::DotSegment),
            ("/./a", PathError::DotSegment),
            ("//a", PathError::EmptySegment),
            ("/a//b", PathError::EmptySegment),
            ("//", PathError::EmptySegment),
        ] {
            assert_eq!(canonical(raw), Err(error), "{raw}");
        }
        assert_eq!(canonical(&format!("/{}", "a".repeat(MAX_LEN))), Err(PathError::TooLong));
        assert!(canonical(&format!("/{}", "a".repeat(MAX_LEN - 1))).is_ok());
    }

    #[test]
    fn plain_paths_are_those_that_parsing_does_not_change() {
        for byte in 0..=127_u8 {
            let raw = format!("/a{}", char::from(byte));
            let is_same = canonical(&raw).is_ok_and(|text| text == raw) && byte != b'%';
            assert_eq!(plain_segments(&raw).is_some(), is_same, "{raw:?}");
        }
        for (raw, plain) in [
            ("/", Some(&[][..])),
            ("/a/b", Some(&["a", "b"])),
            ("/...", Some(&["..."])),
            ("/a/", None),
            ("//", None),
            ("/a//b", None),
            ("/a/../b", None),
            ("/.", None),
            ("/caf%C3%A9", None),
            ("/caf\u{e9}", None),
            ("a", None),
            ("", None),
        ] {
            let segments = plain_segments(raw).map(Iterator::collect::<Vec<_>>);
            assert_eq!(segments.as_deref(), plain, "{raw}");
        }
        assert!(plain_segments(&format!("/{}", "a".repeat(MAX_LEN))).is_none());
        assert!(plain_segments(&format!("/{}", "a".repeat(MAX_LEN - 1))).is_some());
    }

    #[test]
    fn path_that_is_none_is_read_as_others_may_read_it() {
        for (raw, segments, led) in [
            ("//a//%62/", &["a", "b"][..], &["a", "b"][..]),
            ("/a/./%2e%2e/b", &["a", ".", "..", "b"], &["b"]),
            ("/../..", &["..", ".."], &[]),
            ("/a/%zz/%ff", &["a", "%zz", "\u{fffd}"], &["a", "%zz", "\u{fffd}"]),
            ("*", &["*"], &["*"]),
            ("", &[], &[]),
        ] {
            assert_eq!(lenient_segments(raw), [segments, led], "{raw}");
        }
    }

    #[test]
    fn parameter_is_unlisted_in_every_spelling_of_another_name() {
        let listed = ["page".to_owned(), "a b".to_owned()];
        for (raw, unlisted) in [
            ("", None),
            ("&page=2&&%70age=3&a+b=1&a%20b&", None),
            ("page=2&sort=x&other", Some("sort")),
            ("page[0]=2", Some("page[0]")),
            ("%zz=1", Some("%zz")),
            ("=1", Some("")),
        ] {
            assert_eq!(unlisted_parameters(raw, &listed).next(), unlisted, "{raw}");
        }
    }

    #[test]
    fn only_listed_parameters_count() {
        let listed = ["page".to_owned(), "q".to_owned()];
        for (raw, form) in [
            (None, None),
            (Some(""), None),
            (Some("utm_source=x"), None),
            (Some("page=2&utm_source=x"), Some("page=2")),
            (Some("q=a+b&page=2"), Some("page=2&q=a%20b")),
            (Some("%70age=%32"), Some("page=2")),
            (Some("page"), Some("page=")),
            (Some("page=1&page=2"), Some("page=1&page=2")),
            (Some("%zz=1&page=2"), Some("page=2")),
        ] {
            assert_eq!(canonical_query(raw, &listed), Ok(form.map(str::to_owned)), "{raw:?}");
        }
        assert_eq!(canonical_query(Some("page=%zz"), &listed), Err(PathError::Encoding));
        assert_eq!(canonical_query(Some("page=%00"), &listed), Err(PathError::Control));
        assert_eq!(canonical_query(Some("page=2"), &[]), Ok(None));
    }
}
