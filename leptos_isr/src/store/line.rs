//! A line of a log, with a checksum that tells whether it is intact.
//!
//! It consists of the XXH3 of a text (64 bits, hexadecimal), a space, and that text.

use std::fmt::Write;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// Puts the checksum in front of `text`.
pub(crate) fn seal(text: &str) -> Bytes {
    let mut line = String::with_capacity(text.len() + 17);
    write!(line, "{:016x} {text}", xxh3_64(text.as_bytes())).expect("a string takes everything");
    line.into()
}

/// The text of a line; `None` if the line is damaged.
pub(crate) fn unseal(line: &[u8]) -> Option<&[u8]> {
    let (sum, text) = line.split_at_checked(16)?;
    let text = text.strip_prefix(b" ")?;
    let is_whole = sum == format!("{:016x}", xxh3_64(text)).as_bytes();
    is_whole.then_some(text)
}
