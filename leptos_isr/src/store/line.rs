//! A line of a log, with a checksum that tells whether it is intact.
//!
//! It consists of the XXH3 of a JSON object (64 bits, hexadecimal), a space, and that object.

use std::fmt::Write;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// Puts the checksum in front of `json`.
pub(crate) fn seal(json: &str) -> Bytes {
    let mut line = String::with_capacity(json.len() + 17);
    write!(line, "{:016x} {json}", xxh3_64(json.as_bytes())).expect("a string takes everything");
    line.into()
}

/// The JSON of a line; `None` if the line is damaged.
pub(crate) fn unseal(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.split_at_checked(16)?;
    let json = json.strip_prefix(b" ")?;
    let is_whole = sum == format!("{:016x}", xxh3_64(json)).as_bytes();
    is_whole.then_some(json)
}
