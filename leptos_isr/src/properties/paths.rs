//! One spelling for each path.

use proptest::{collection::vec, prelude::*, sample::select};

use super::spelling::{segments, spelling};
use crate::address::path::{CanonicalPath, MAX_LEN, PathError};

/// Ends of a segment that no decoder may accept: truncated and wrong escapes, bytes that are not
/// UTF-8, overlong forms, half a surrogate pair.
const WRONG_ENCODINGS: [&str; 9] =
    ["%", "%4", "%zz", "%+1", "%ff", "%c3", "%c0%af", "%ed%a0%80", "%f4%90%80%80"];

const DOTS: [&str; 8] = [".", "..", "%2e", "%2E", ".%2e", "%2e.", "%2E%2e", "%2E."];

/// `path` with `segment` as one more segment at a random place.
fn with_segment(segments: &[String], at: usize, segment: &str, spelled: &str) -> String {
    let place = at % (segments.len() + 1);
    let mut parts: Vec<&str> = spelled.trim_matches('/').split('/').collect();
    if segments.is_empty() {
        parts.clear();
    }
    parts.insert(place, segment);
    format!("/{}", parts.join("/"))
}

proptest! {
    #[test]
    fn canonical_path_is_its_own_canonical_form(segments in segments(), spelling in spelling()) {
        let raw = spelling.path(&segments);
        let path = CanonicalPath::parse(&raw).unwrap();
        let again = CanonicalPath::parse(&path.text).unwrap();
        prop_assert_eq!(&again.text, &path.text);
        prop_assert_eq!(&again.segments, &path.segments);
        prop_assert!(!again.had_trailing_slash);
    }

    #[test]
    fn every_spelling_has_the_same_form_and_the_segments_meant(
        segments in segments(), a in spelling(), b in spelling(),
    ) {
        let first = CanonicalPath::parse(&a.path(&segments)).unwrap();
        let second = CanonicalPath::parse(&b.path(&segments)).unwrap();
        prop_assert_eq!(&first.text, &second.text);
        // Decoded once: an encoded slash is a character of its segment, and an encoded percent sign
        // begins no escape.
        prop_assert_eq!(&first.segments, &segments);
        prop_assert_eq!(
            first.had_trailing_slash, !segments.is_empty() && a.wants_trailing_slash()
        );
    }

    #[test]
    fn two_paths_never_have_one_form(a in segments(), b in segments(), spelling in spelling()) {
        let form = |segments| CanonicalPath::parse(&spelling.path(segments)).unwrap().text;
        prop_assert_eq!(form(&a) == form(&b), a == b);
    }

    #[test]
    fn wrong_encoding_is_refused_wherever_it_stands(
        segments in segments(), spelling in spelling(), at in any::<usize>(),
        wrong in select(&WRONG_ENCODINGS[..]), before in "[a-z]{0,2}",
    ) {
        let wrong = format!("{before}{wrong}");
        let raw = with_segment(&segments, at, &wrong, &spelling.path(&segments));
        prop_assert_eq!(CanonicalPath::parse(&raw), Err(PathError::Encoding), "{}", raw);
    }

    #[test]
    fn dot_segments_are_refused_wherever_they_stand(
        segments in segments(), spelling in spelling(), at in any::<usize>(),
        dots in select(&DOTS[..]),
    ) {
        let raw = with_segment(&segments, at, dots, &spelling.path(&segments));
        prop_assert_eq!(CanonicalPath::parse(&raw), Err(PathError::DotSegment), "{}", raw);
    }

    #[test]
    fn empty_segments_are_refused_wherever_they_stand(
        mut segments in vec(super::spelling::segment(), 1..4), spelling in spelling(),
        at in any::<usize>(),
    ) {
        let spelled = spelling.path(&segments);
        let place = at % segments.len();
        let raw = with_segment(&segments, place, "", &spelled);
        prop_assert_eq!(CanonicalPath::parse(&raw), Err(PathError::EmptySegment), "{}", raw);
        segments.clear();
        let raw = format!("{}/", spelled.trim_end_matches('/'));
        prop_assert_eq!(
            CanonicalPath::parse(&format!("{raw}/")), Err(PathError::EmptySegment), "{}/", raw
        );
    }

    #[test]
    fn control_characters_are_refused_however_they_are_written(
        segments in segments(), spelling in spelling(), at in any::<usize>(),
        control in any::<char>().prop_filter("a control character", |c| c.is_control()),
        is_encoded: bool,
    ) {
        let written: String = match is_encoded {
            true => control.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect(),
            false => control.to_string(),
        };
        let segment = format!("a{written}b");
        let raw = with_segment(&segments, at, &segment, &spelling.path(&segments));
        prop_assert_eq!(CanonicalPath::parse(&raw), Err(PathError::Control), "{:?}", raw);
    }

    #[test]
    fn length_counts_in_the_canonical_form(
        c in select(vec!['a', '/', '\u{e9}', '\u{1f600}']), len in 1..MAX_LEN, spelling in spelling(),
    ) {
        let segments = [c.to_string().repeat(len)];
        let canonical = crate::address::path::encode(&segments);
        let parsed = CanonicalPath::parse(&spelling.path(&segments));
        if canonical.len() <= MAX_LEN {
            prop_assert_eq!(parsed.unwrap().text, canonical);
        } else {
            prop_assert_eq!(parsed, Err(PathError::TooLong));
        }
    }

    #[test]
    fn any_text_is_a_path_in_one_spelling_or_refused(raw in any::<String>()) {
        crate::fuzzing::path(raw.as_bytes());
        crate::fuzzing::path(format!("/{raw}").as_bytes());
    }

    #[test]
    fn any_bytes_are_a_path_in_one_spelling_or_refused(raw in vec(any::<u8>(), 0..32)) {
        crate::fuzzing::path(&raw);
        crate::fuzzing::path(&[b"/", &raw[..]].concat());
    }
}
