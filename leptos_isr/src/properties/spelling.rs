//! Random paths and queries, and random ways to spell them.

use std::fmt::Write;

use proptest::{collection::vec, prelude::*, sample::select};

/// Few characters, so that different values are often nearly the same. All characters that mean
/// something in a URL are among them.
const CHARS: [char; 24] = [
    'a',
    'A',
    '2',
    'F',
    'f',
    '/',
    '%',
    '.',
    ' ',
    '+',
    '?',
    '#',
    '&',
    '=',
    ':',
    '\\',
    '~',
    '*',
    '"',
    '{',
    '\u{e9}',
    '\u{301}',
    '\u{4e2d}',
    '\u{1f600}',
];

/// Text without control characters, not empty.
pub(super) fn text() -> impl Strategy<Value = String> {
    vec(select(&CHARS[..]), 1..5).prop_map(String::from_iter)
}

/// A decoded segment of a path.
pub(super) fn segment() -> impl Strategy<Value = String> {
    text().prop_filter("a segment is not a dot or two", |text| text != "." && text != "..")
}

/// The decoded segments of a path.
pub(super) fn segments() -> impl Strategy<Value = Vec<String>> {
    vec(segment(), 0..4)
}

/// A way to spell text: for each character, whether it is encoded, and in which case.
#[derive(Clone, Debug)]
pub(super) struct Spelling(Vec<u8>);

pub(super) fn spelling() -> impl Strategy<Value = Spelling> {
    vec(any::<u8>(), 1..24).prop_map(Spelling)
}

impl Spelling {
    /// The path with these segments. It ends in a slash if this spelling wants one.
    pub(super) fn path(&self, segments: &[String]) -> String {
        let mut path: String =
            segments.iter().map(|segment| format!("/{}", self.encode(segment, "/%?#"))).collect();
        if segments.is_empty() || self.wants_trailing_slash() {
            path.push('/');
        }
        path
    }

    pub(super) fn wants_trailing_slash(&self) -> bool {
        self.0[0].is_multiple_of(2)
    }

    /// The query with these pairs. A space may be a `+`, and an empty value may have no `=`.
    pub(super) fn query(&self, pairs: &[(String, String)]) -> String {
        let form = |text: &str| {
            let encoded = self.encode(text, "%&=+#");
            if self.wants_trailing_slash() { encoded.replace(' ', "+") } else { encoded }
        };
        let pair = |(name, value): &(String, String)| match form(value) {
            value if value.is_empty() && self.wants_trailing_slash() => form(name),
            value => format!("{}={value}", form(name)),
        };
        pairs.iter().map(pair).collect::<Vec<_>>().join("&")
    }

    /// Percent-encodes the characters in `always`, and those of the others that this spelling
    /// picks.
    fn encode(&self, text: &str, always: &str) -> String {
        let mut spelled = String::new();
        for (c, choice) in text.chars().zip(self.0.iter().cycle()) {
            if choice & 1 == 0 && !always.contains(c) {
                spelled.push(c);
                continue;
            }
            for byte in c.to_string().bytes() {
                let written = if choice & 2 == 0 {
                    write!(spelled, "%{byte:02X}")
                } else {
                    write!(spelled, "%{byte:02x}")
                };
                written.expect("writing to a string cannot fail");
            }
        }
        spelled
    }
}
