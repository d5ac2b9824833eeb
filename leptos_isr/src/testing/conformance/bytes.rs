//! Pages to store, and how a message shows them.

use bytes::Bytes;

/// The bytes that a check expects where it put them.
pub(super) fn page(text: &str) -> Bytes {
    Bytes::from(format!("the page of {text}"))
}

/// `len` bytes that are not text, and differ everywhere from those of another seed.
pub(super) fn noise(seed: u64, len: usize) -> Bytes {
    /// Divides no power of two, so that no part of a page looks like another.
    const BLOCK: usize = 509;
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let numbers = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let block: Vec<u8> = numbers.flatten().take(BLOCK).collect();
    let mut bytes = block.repeat(len / BLOCK);
    bytes.extend_from_slice(&block[..len % BLOCK]);
    bytes.into()
}

/// Every byte once, in an order that is not text.
pub(super) fn all_bytes() -> Bytes {
    (0..=255).rev().collect()
}

/// Shows a page, short enough for a message.
pub(super) fn show(page: Option<&[u8]>) -> String {
    const SHOWN: usize = 40;
    match page {
        None => "none".to_owned(),
        Some(page) => {
            let start = &page[..page.len().min(SHOWN)];
            format!("{} bytes beginning \"{}\"", page.len(), start.escape_ascii())
        }
    }
}
