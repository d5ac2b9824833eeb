//! Page bodies that end with a hash of themselves: a part of one, or two mixed, does not pass.

use fastrand::Rng;
use xxhash_rust::xxh3::xxh3_128;

const MARK: &str = "\n<!-- sealed ";
const END: &str = " -->";

/// `first` as the first line, then about `len` bytes of text that `seed` decides, then the seal.
pub(crate) fn seal(first: &str, len: usize, seed: u64) -> String {
    let mut text = format!("{first}\n");
    let mut rng = Rng::with_seed(seed);
    while text.len() < len {
        // Half of it repeats, as text does.
        text.push_str(&format!("<p>{:x} and so on</p> ", rng.u64(..) >> 16));
    }
    let hash = xxh3_128(text.as_bytes());
    text.push_str(&format!("{MARK}{hash:032x}{END}"));
    text
}

/// The first line of a sealed body, if the body is whole.
pub(crate) fn unseal(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).ok()?;
    let (text, hash) = body.strip_suffix(END)?.rsplit_once(MARK)?;
    let is_whole = u128::from_str_radix(hash, 16).ok()? == xxh3_128(text.as_bytes());
    is_whole.then(|| text.lines().next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_body_passes() {
        let body = seal("page=7", 200, 1);
        assert_eq!(unseal(body.as_bytes()), Some("page=7"));
        for cut in 0..body.len() {
            assert_eq!(unseal(&body.as_bytes()[..cut]), None, "cut at {cut}");
        }
        let mixed = [&body[..100], &seal("page=7", 200, 2)[100..]].concat();
        assert_eq!(unseal(mixed.as_bytes()), None);
    }
}
