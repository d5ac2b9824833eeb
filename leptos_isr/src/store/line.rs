//! A line of a log that tells whether it is whole.
//!
//! It is the XXH3 (64 bits, hexadecimal) of a JSON object, a space, and that object.

use std::fmt::Write;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// A line that tells whether it is whole.
pub(crate) fn seal(json: &str) -> Bytes {
    let mut line = String::with_capacity(json.len() + 17);
    write!(line, "{:016x} {json}", xxh3_64(json.as_bytes())).expect("a string takes everything");
    line.into()
}

/// The JSON of a line, if it is whole.
pub(crate) fn unseal(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.split_at_checked(16)?;
    let json = json.strip_prefix(b" ")?;
    let is_whole = sum == format!("{:016x}", xxh3_64(json)).as_bytes();
    is_whole.then_some(json)
}
