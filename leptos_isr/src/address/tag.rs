//! Labels on stored pages.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A label on stored pages; purging it reaches every page that carries it.
///
/// Any text is a tag; case and white space count. Declarations ([`Isr::tag`](crate::Isr::tag)),
/// page code ([`tag`](crate::tag())) and a [`Purge`](crate::purge::Purge) use the same tags.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(Arc<str>);

impl Tag {
    /// Makes the tag with this text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A route's tag with `{name}` for the path's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Param(String),
}

impl TagTemplate {
    /// Parses `article:{slug}`.
    ///
    /// # Errors
    ///
    /// Says what is wrong: a brace without its partner, or a parameter that is not among `params`.
    pub(crate) fn parse(template: &str, params: &[&str]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find(['{', '}']) {
            let close = rest[open..]
                .find('}')
                .filter(|&len| len > 0)
                .ok_or_else(|| format!("the tag `{template}` has a brace without its partner"))?;
            let name = &rest[open + 1..open + close];
            if !params.contains(&name) {
                return Err(format!(
                    "the tag `{template}` names the parameter `{name}`, which the path lacks"
                ));
            }
            parts.push(Part::Text(rest[..open].to_owned()));
            parts.push(Part::Param(name.to_owned()));
            rest = &rest[open + close + 1..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(crate) fn fill(&self, params: &[(&str, String)]) -> Tag {
        let text: String = self.0.iter().map(|part| part.value(params)).collect();
        Tag::new(text)
    }
}

impl Part {
    fn value<'a>(&'a self, params: &'a [(&str, String)]) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Param(name) => {
                params.iter().find(|(param, _)| param == name).map_or("", |(_, value)| value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_takes_the_values_of_the_path() {
        let template = TagTemplate::parse("{kind}:{slug}!", &["kind", "slug"]).unwrap();
        let params = [("kind", "a".to_owned()), ("slug", "b/c".to_owned())];
        assert_eq!(template.fill(&params).as_str(), "a:b/c!");
    }

    #[test]
    fn wrong_template_says_what_is_wrong() {
        for (template, problem) in [
            ("article:{id}", "names the parameter `id`, which the path lacks"),
            ("article:{slug", "a brace without its partner"),
            ("article:slug}", "a brace without its partner"),
            ("article:{}", "names the parameter ``"),
        ] {
            let error = TagTemplate::parse(template, &["slug"]).unwrap_err();
            assert!(error.contains(problem), "{template}: {error}");
        }
    }
}
