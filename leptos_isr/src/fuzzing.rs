//! What holds for any bytes from outside, for the fuzz targets in `checks/fuzz/`.
//!
//! Not part of the library: it exists under `cfg(fuzzing)` and in tests, which
//! replay the inputs in `checks/fuzz/seeds/`.

use http::Uri;

use crate::{
    address::{
        key::Key,
        path::{CanonicalPath, MAX_LEN},
    },
    http::answer::parse,
    order::purge::{Purge, Scope},
};

/// The query parameters that the route lists.
const LISTED: [&str; 2] = ["page", "q"];

/// Treats `target` as the path and query of a request line.
///
/// # Panics
///
/// Panics if the normaliser contradicts itself.
pub fn path(target: &[u8]) {
    if let Ok(uri) = Uri::try_from(target) {
        path_and_query(uri.path(), uri.query());
    }
    // Purges and lists of paths bring text that no URL parser has seen.
    if let Ok(text) = str::from_utf8(target) {
        let (path, query) = text.split_once('?').unzip();
        path_and_query(path.unwrap_or(text), query);
    }
}

fn path_and_query(raw: &str, query: Option<&str>) {
    let Ok(path) = CanonicalPath::parse(raw) else { return };
    assert_canonical(&path);
    let listed = LISTED.map(str::to_owned);
    let Ok(key) = Key::new(&path, query, &listed) else { return };
    assert_eq!(key.path(), path.text, "the key has another path");
    assert!(!key.is_shared_not_found(), "a request got the key of the shared 404 page");

    let uri: Uri = key.as_str().parse().expect("a key is a URL's path and query");
    let again = CanonicalPath::parse(uri.path()).expect("a canonical path is a path");
    let again = Key::new(&again, uri.query(), &listed).expect("a key's query is a query");
    assert_eq!(again, key, "the render's URL has another key");

    if !raw.contains(['?', '#']) {
        let purge = Purge { paths: vec![raw.to_owned()], ..Purge::default() };
        let scopes = purge.scopes().expect("what can be asked for can be purged");
        assert_eq!(scopes, [Scope::Path(key.path().to_owned())], "a purge misses the page");
    }
}

fn assert_canonical(path: &CanonicalPath) {
    let text = path.text.as_str();
    assert!(text.starts_with('/') && text.len() <= MAX_LEN);
    assert!(text == "/" || !text.ends_with('/'));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#'));
    for segment in &path.segments {
        assert!(!matches!(segment.as_str(), "" | "." | ".."), "{segment:?} is a segment");
        assert!(!segment.chars().any(char::is_control), "{segment:?} has a control character");
    }
    // An encoded slash must not count as a separator.
    let count = if text == "/" { 0 } else { text.matches('/').count() };
    assert_eq!(count, path.segments.len());
    let again = CanonicalPath::parse(text).expect("a canonical path is a path");
    assert_eq!((&again.text, &again.segments), (&path.text, &path.segments), "not idempotent");
}

/// Treats `body` as the JSON of a purge.
///
/// # Panics
///
/// Panics if a purge changes when it is written and read again, or reaches a path that is not
/// canonical.
pub fn purge(body: &[u8]) {
    let Ok(purge) = parse::<crate::order::purge::Purge>(body) else { return };
    let written = serde_json::to_vec(&purge).expect("a purge is plain data");
    assert_eq!(
        parse::<crate::order::purge::Purge>(&written).expect("a written purge is a purge"),
        purge
    );

    let Ok(scopes) = purge.scopes() else { return };
    let named = purge.paths.len() + purge.prefixes.len() + purge.tags.len();
    assert_eq!(scopes.len(), named, "each path, prefix and tag is purged, and nothing else");
    for scope in &scopes {
        if let Scope::Path(text) | Scope::Prefix(text) = scope {
            let path = CanonicalPath::parse(text).expect("a purged path is a path");
            assert_eq!(&path.text, text, "a purged path is in its one spelling");
            assert_canonical(&path);
        }
        let written = serde_json::to_vec(scope).expect("a scope is plain data");
        let read: Scope = serde_json::from_slice(&written).expect("a written scope is a scope");
        assert_eq!(&read, scope);
    }
}
