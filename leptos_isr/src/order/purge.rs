//! What a purge names, and which pages it reaches.

use std::{collections::HashSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    address::{path::CanonicalPath, tag::Tag},
    error::Error,
    period,
    rules::freshness::PurgeKind,
};

/// Pages to regenerate before their period is over.
///
/// A purge is soft by default: the pages stay servable while they are regenerated. A hard purge
/// makes the next visitor wait for the new page; the old one is served only if the render fails. A
/// purge with empty lists reaches nothing.
///
/// As JSON: `{"paths":[],"prefixes":[],"tags":[],"hard":false,"again_after":60}`. Each field may be
/// left out; unknown fields are refused.
///
/// # Examples
///
/// ```
/// use leptos_isr::purge::Purge;
///
/// let purge = Purge { tags: vec!["article:42".into()], ..Purge::default() };
/// assert!(!purge.hard);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Purge {
    /// Paths, in any spelling, without a query. Each reaches every page of that path, whatever its
    /// query parameters.
    pub paths: Vec<String>,
    /// Paths that reach themselves and everything below them; `/` reaches all pages. `/blog`
    /// reaches `/blog` and `/blog/a`, not `/blogroll`.
    pub prefixes: Vec<String>,
    /// Tags. Each reaches everything that carries it, pages and data.
    pub tags: Vec<String>,
    /// Whether the pages become unservable, except if a render fails.
    pub hard: bool,
    /// Purges the same once more after this time, an hour at most; in JSON a number of whole
    /// seconds. Defaults to `None`, once only, and zero is the same.
    ///
    /// For a source that may answer with what was before for a while: a page that is rendered in
    /// the meantime would show that for its whole period. What is purged again in the meantime is
    /// done once, at the later time. A store keeps the second purge with the first, so that it is
    /// done after a restart too.
    #[serde(with = "whole_seconds", skip_serializing_if = "Option::is_none")]
    pub again_after: Option<Duration>,
}

/// The latest that a purge is done once more.
pub(crate) const LONGEST_WAIT: Duration = period::hours(1);

/// One part of a purge, in the canonical form in which it is kept.
///
/// In JSON, such as `{"tag":"article:7"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The pages of this path.
    Path(String),
    /// This path, and what is below it.
    Prefix(String),
    /// What carries this tag.
    Tag(Tag),
}

impl Scope {
    /// Every page there is.
    pub(crate) fn everything() -> Self {
        Self::Prefix("/".to_owned())
    }
}

impl Purge {
    /// Soft or hard.
    pub(crate) fn kind(&self) -> PurgeKind {
        if self.hard { PurgeKind::Hard } else { PurgeKind::Soft }
    }

    /// Whether it names nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.prefixes.is_empty() && self.tags.is_empty()
    }

    /// After which time it is done once more.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgeAgain`] if that is too long.
    pub(crate) fn again_after(&self) -> Result<Option<Duration>, Error> {
        match self.again_after.filter(|after| !after.is_zero()) {
            Some(after) if after > LONGEST_WAIT => Err(Error::PurgeAgain { after }),
            after => Ok(after),
        }
    }

    /// The parts in canonical form.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a malformed path.
    pub(crate) fn scopes(&self) -> Result<Vec<Scope>, Error> {
        let mut scopes = Vec::new();
        for path in &self.paths {
            scopes.push(Scope::Path(canonical(path)?));
        }
        for prefix in &self.prefixes {
            scopes.push(Scope::Prefix(canonical(prefix)?));
        }
        scopes.extend(self.tags.iter().map(|tag| Scope::Tag(Tag::new(tag.as_str()))));
        Ok(scopes)
    }
}

/// Whether one of `scopes` reaches the page at `path` with `tags`.
pub(crate) fn reaches(scopes: &HashSet<&Scope>, path: &str, tags: &[Tag]) -> bool {
    scopes.contains(&Scope::Path(path.to_owned()))
        || prefixes(path).any(|prefix| scopes.contains(&Scope::Prefix(prefix.to_owned())))
        || tags.iter().any(|tag| scopes.contains(&Scope::Tag(tag.clone())))
}

fn canonical(path: &str) -> Result<String, Error> {
    let wrong = |problem: String| Error::PurgePath { path: path.to_owned(), problem };
    if path.contains(['?', '#']) {
        return Err(wrong("a purge takes paths without query or fragment".to_owned()));
    }
    let parsed = CanonicalPath::parse(path).map_err(|error| wrong(error.to_string()))?;
    Ok(parsed.text)
}

/// A time as a number of seconds.
mod whole_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(Duration::from_secs))
    }
}

/// The path and all above it: `/`, `/a` and `/a/b` for `/a/b`.
pub(super) fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(i, _)| &path[..i]);
    let whole = (path != "/").then_some(path);
    std::iter::once("/").chain(inner).chain(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_path_is_named() {
        for path in ["a", "/a?page=2", "/%zz", "/a//b"] {
            let purge = Purge { paths: vec![path.to_owned()], ..Purge::default() };
            assert!(purge.scopes().unwrap_err().to_string().contains(path), "{path}");
        }
    }
}
