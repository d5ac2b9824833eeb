//! The key of a page.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::address::path::{self, CanonicalPath, PathError};

/// The key of a page: its path in canonical spelling, with the query parameters that the route
/// lists.
///
/// Two spellings of a path have one key. Two paths never share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of `path`, with those parameters of `query` that are `listed`.
    pub(crate) fn new(
        path: &CanonicalPath,
        query: Option<&str>,
        listed: &[String],
    ) -> Result<Self, PathError> {
        Ok(Self(match path::canonical_query(query, listed)? {
            None => path.text.as_str().into(),
            Some(query) => format!("{}?{query}", path.text).into(),
        }))
    }

    /// The key of a path in canonical form, without a query.
    pub(crate) fn of_canonical(path: &str) -> Self {
        Self(path.into())
    }

    /// The key of the 404 page that all paths which are not admitted share; the app renders it at
    /// `path`.
    ///
    /// No request has this key: an empty query is never part of a key.
    pub(crate) fn shared_not_found(path: &str) -> Self {
        Self(format!("{path}?").into())
    }

    pub(crate) fn is_shared_not_found(&self) -> bool {
        self.0.ends_with('?')
    }

    /// The page's path and query, percent-encoded, as a URL writes them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The page's path and query as they are asked for: the path may end in a slash, which a key
    /// never does.
    pub(crate) fn address(&self, ends_in_slash: bool) -> Cow<'_, str> {
        match self.0.strip_prefix(self.path()) {
            Some(query) if ends_in_slash => format!("{}/{query}", self.path()).into(),
            _ => Cow::Borrowed(&self.0),
        }
    }

    /// The page's path without the query, percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        // `?` is encoded inside a path, so the first one begins the query.
        self.0.split_once('?').map_or(&*self.0, |(path, _)| path)
    }
}

/// Lets a map of keys be asked with the text of one.
impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_a_key_ends_where_the_query_begins() {
        let path = CanonicalPath::parse("/a%3Fb/").unwrap();
        let key = Key::new(&path, Some("page=2"), &["page".to_owned()]).unwrap();
        assert_eq!(key.as_str(), "/a%3Fb?page=2");
        assert_eq!(key.path(), "/a%3Fb");
    }
}
