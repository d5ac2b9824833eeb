//! Keys that a careless store confuses.

use serde_json::Value;

use crate::address::key::Key;

/// The key with exactly this text.
pub(super) fn key(text: &str) -> Key {
    serde_json::from_value(Value::String(text.to_owned())).expect("a key is written as a text")
}

/// Texts that are all different, each of them similar to another one.
pub(super) fn look_alikes() -> Vec<String> {
    let mut texts: Vec<String> = [
        // A slash at the end, the root, the shared 404 page.
        "/",
        "/a",
        "/a/",
        "/_isr/not-found",
        "/_isr/not-found?",
        // A slash inside a segment.
        "/a/b",
        "/a%2Fb",
        "/a%252Fb",
        "/a-b",
        "/a_b",
        "/a:b",
        "/a.b",
        "/a~b",
        "/ab",
        // The query.
        "/a?page=1",
        "/a?page=2",
        "/a?page=10",
        "/a?page=",
        "/a%3Fpage=1",
        "/a?page=1&q=b",
        "/a?q=b",
        "/a?q=B",
        "/a?q=%2F",
        "/a?page=1&page=2",
        // Case, and letters that fold to others.
        "/A",
        "/b",
        "/B",
        "/k",
        "/%E2%84%AA",
        "/ss",
        "/%C3%9F",
        "/i",
        "/%C4%B0",
        // One letter, or a letter and its accent.
        "/caf%C3%A9",
        "/cafe%CC%81",
        "/cafe",
        "/%E4%B8%AD",
        "/%F0%9F%A6%80",
        // File names that mean something to a file system.
        "/..%2F",
        "/..%2F..%2Fetc%2Fpasswd",
        "/.",
        "/...",
        "/%2E%2E",
        "/con",
        "/con.",
        "/nul",
        "/purges.log",
        "/a.tmp",
        "/~",
        "/C:",
        "/a%5Cb",
        "/%00",
        "/a%20",
        "/a%20b",
        "/a+b",
        // Patterns of a query language, of a shell, of Redis.
        "/%",
        "/%25",
        "/*",
        "/a*",
        "/a?",
        "/[ab]",
        "/{a}",
        "/a'",
        "/a%22",
        "/a;--",
        "/a|b",
        "/a,b",
    ]
    .map(str::to_owned)
    .into();
    // Long ones that differ at the start, in the middle, or at the end only.
    for len in [255, 256, 1024, 2048, 8192] {
        let long = format!("/{}", "x".repeat(len - 1));
        let with = |at: usize, letter: &str| {
            let mut text = long.clone();
            text.replace_range(at..=at, letter);
            text
        };
        texts.extend([with(1, "y"), with(len / 2, "y"), with(len - 1, "y"), long.clone()]);
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn texts_are_all_different() {
        let texts = look_alikes();
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
        assert!(texts.iter().all(|text| key(text).as_str() == text));
    }
}
