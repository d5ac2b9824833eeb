//! What a payload purges.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use crate::{address::path::CanonicalPath, order::purge::Purge};

/// The most tags and paths that one delivery purges.
const MOST: usize = 10_000;

/// Says which tags and paths a payload purges.
///
/// A template is text with `{field}`, the dotted path of a field in the payload's JSON:
/// `{slug.current}`. `*` stands for every field of an object. An array on the way or at the end
/// gives one tag or path for each element. Several fields in one template give every combination.
/// Text, numbers, `true` and `false` are values. Where a field is absent, `null`, empty or an
/// object, its template gives nothing; the others still count.
///
/// In a path, a `/` in a value separates segments. All other characters stand for themselves, so do
/// not percent-encode. A result that is not a path is left out, with a warning. One delivery purges
/// at most 10,000 tags and paths. A delivery that maps to more purges nothing and is answered 422.
///
/// # Examples
///
/// ```
/// use leptos_isr::purge::Mapping;
///
/// let mapping = Mapping::new()
///     .tag("article:{slug.current}")
///     .tag("author:{authors.id}")
///     .path("/articles/{slug.current}");
/// # let _ = mapping;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    tags: Vec<String>,
    paths: Vec<String>,
    hard: bool,
    pub(super) again_after: Option<Duration>,
}

impl Mapping {
    /// A mapping that purges nothing yet. Its purges are soft by default; see [`Purge`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag to purge, as a template.
    #[must_use]
    pub fn tag(mut self, template: impl Into<String>) -> Self {
        self.tags.push(template.into());
        self
    }

    /// Adds a path to purge, as a template.
    #[must_use]
    pub fn path(mut self, template: impl Into<String>) -> Self {
        self.paths.push(template.into());
        self
    }

    /// Makes the purges hard: an old page is not served any more, unless its render fails.
    #[must_use]
    pub fn hard(mut self) -> Self {
        self.hard = true;
        self
    }

    /// Purges the same once more after this time, an hour at most; see [`Purge`]. With
    /// zero it is purged once. Defaults to what the webhook's constructor says.
    #[must_use]
    pub fn again_after(mut self, time: Duration) -> Self {
        self.again_after = Some(time);
        self
    }
}

/// A mapping, checked.
#[derive(Debug)]
pub(super) struct Templates {
    tags: Vec<Template>,
    paths: Vec<Template>,
    hard: bool,
    again_after: Option<Duration>,
}

/// What documents map to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MappedPurge {
    pub(crate) purge: Purge,
    /// Results of path templates that are not paths.
    pub(crate) no_paths: Vec<String>,
}

/// A payload maps to more than one delivery may purge.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the delivery maps to more than {MOST} tags and paths")]
pub(crate) struct TooMany;

impl Templates {
    /// # Errors
    ///
    /// Says which template is wrong, and how.
    pub(super) fn parse(mapping: &Mapping) -> Result<Self, String> {
        if mapping.tags.is_empty() && mapping.paths.is_empty() {
            return Err("it purges nothing; give it a tag or a path".to_owned());
        }
        let relative = mapping.paths.iter().find(|path| !path.starts_with(['/', '{']));
        if let Some(path) = relative {
            return Err(format!("the path `{path}` does not begin with `/`"));
        }
        let parse = |templates: &[String]| -> Result<Vec<_>, String> {
            templates.iter().map(|template| Template::parse(template)).collect()
        };
        let (tags, paths) = (parse(&mapping.tags)?, parse(&mapping.paths)?);
        let again_after = Purge { again_after: mapping.again_after, ..Purge::default() };
        let again_after = again_after.again_after().map_err(|error| error.to_string())?;
        Ok(Self { tags, paths, hard: mapping.hard, again_after })
    }

    pub(super) fn purge(&self, documents: &[Value]) -> Result<MappedPurge, TooMany> {
        let mut tags = BTreeSet::new();
        let mut paths = BTreeSet::new();
        let mut no_paths = BTreeSet::new();
        for document in documents {
            for template in &self.tags {
                tags.extend(template.results(document, str::to_owned)?);
            }
            for template in &self.paths {
                for path in template.results(document, escaped)? {
                    match CanonicalPath::parse(&path) {
                        Ok(path) => paths.insert(path.text),
                        Err(_) => no_paths.insert(path),
                    };
                }
            }
            if tags.len() + paths.len() + no_paths.len() > MOST {
                return Err(TooMany);
            }
        }
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        let purge = Purge {
            tags: list(tags),
            paths: list(paths),
            prefixes: Vec::new(),
            hard: self.hard,
            again_after: self.again_after,
        };
        Ok(MappedPurge { purge, no_paths: list(no_paths) })
    }
}

/// Text with fields.
#[derive(Debug, PartialEq, Eq)]
struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Vec<String>),
}

impl Template {
    fn parse(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find(['{', '}']) {
            let field = rest[open..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (field, after) = field
                .filter(|(field, _)| !field.contains('{'))
                .ok_or_else(|| format!("`{template}` has a brace without its partner"))?;
            let steps: Vec<_> = field.split('.').map(str::to_owned).collect();
            if steps.iter().any(String::is_empty) {
                return Err(format!(
                    "`{{{field}}}` in `{template}` names no field; write it as `{{slug.current}}`"
                ));
            }
            parts.push(Part::Text(rest[..open].to_owned()));
            parts.push(Part::Field(steps));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Every combination of its fields' values, each changed by `change`.
    fn results(
        &self,
        document: &Value,
        change: fn(&str) -> String,
    ) -> Result<Vec<String>, TooMany> {
        let mut results = vec![String::new()];
        for part in &self.0 {
            match part {
                Part::Text(text) => results.iter_mut().for_each(|result| result.push_str(text)),
                Part::Field(steps) => {
                    let mut values = BTreeSet::new();
                    collect(document, steps, &mut values);
                    if results.len().saturating_mul(values.len()) > MOST {
                        return Err(TooMany);
                    }
                    let values: Vec<_> = values.iter().map(|value| change(value)).collect();
                    let each =
                        |result: String| values.iter().map(move |value| format!("{result}{value}"));
                    results = results.into_iter().flat_map(each).collect();
                }
            }
        }
        Ok(results)
    }
}

/// The values at the end of `steps`.
fn collect(value: &Value, steps: &[String], values: &mut BTreeSet<String>) {
    match (value, steps) {
        (Value::Array(elements), _) => {
            elements.iter().for_each(|element| collect(element, steps, values));
        }
        (Value::Object(fields), [step, rest @ ..]) if step == "*" => {
            fields.values().for_each(|field| collect(field, rest, values));
        }
        (Value::Object(fields), [step, rest @ ..]) => {
            if let Some(field) = fields.get(step) {
                collect(field, rest, values);
            }
        }
        (Value::String(text), []) if !text.is_empty() => {
            values.insert(text.clone());
        }
        (Value::Number(_) | Value::Bool(_), []) => {
            values.insert(value.to_string());
        }
        _ => {}
    }
}

/// Escapes what would be decoded, so that it stands for itself.
fn escaped(value: &str) -> String {
    value.replace('%', "%25")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tags(template: &str, payload: Value) -> Vec<String> {
        let templates = Templates::parse(&Mapping::new().tag(template)).unwrap();
        templates.purge(&[payload]).unwrap().purge.tags
    }

    #[test]
    fn template_takes_each_value_of_its_fields() {
        for (template, payload, expected) in [
            ("all", json!({}), &["all"][..]),
            ("a:{slug.current}", json!({"slug": {"current": "x"}}), &["a:x"]),
            ("a:{id}", json!({"id": 7}), &["a:7"]),
            ("a:{id}", json!({"id": true}), &["a:true"]),
            ("a:{tags}", json!({"tags": ["x", "y", "x"]}), &["a:x", "a:y"]),
            ("a:{tags.id}", json!({"tags": [{"id": 1}, {}, {"id": 2}]}), &["a:1", "a:2"]),
            ("a:{slug.*}", json!({"slug": {"en": "x", "de": "y"}}), &["a:x", "a:y"]),
            ("{a}-{b}", json!({"a": ["1", "2"], "b": ["x", "y"]}), &["1-x", "1-y", "2-x", "2-y"]),
            ("a:{slug.current}", json!({"slug": null}), &[]),
            ("{a}-{b}", json!({"a": "1"}), &[]),
            ("a:{slug}", json!({"slug": ""}), &[]),
            ("a:{slug}", json!({"slug": {"current": "x"}}), &[]),
            ("a:{slug}", json!("slug"), &[]),
            ("a:{id.x}", json!({"id": 7}), &[]),
            ("a:{x}", json!({"x": "{y}", "y": "z"}), &["a:{y}"]),
        ] {
            assert_eq!(tags(template, payload.clone()), expected, "{template} {payload}");
        }
    }

    #[test]
    fn value_in_a_path_stands_for_itself_or_is_left_out() {
        let templates = Templates::parse(&Mapping::new().path("/a/{slug}")).unwrap();
        for (slug, expected) in [
            ("x", Some("/a/x")),
            ("x/y", Some("/a/x/y")),
            ("x/", Some("/a/x")),
            ("50% off?#1", Some("/a/50%25%20off%3F%231")),
            ("caf\u{e9}", Some("/a/caf%C3%A9")),
            ("..", None),
            ("../admin", None),
            ("/x", None),
            ("x\ny", None),
        ] {
            let mapped = templates.purge(&[json!({"slug": slug})]).unwrap();
            let path = mapped.purge.paths.first().map(String::as_str);
            assert_eq!(path, expected, "{slug}");
            assert_eq!(mapped.no_paths.len(), usize::from(expected.is_none()), "{slug}");
        }
    }

    #[test]
    fn payload_that_maps_to_too_much_purges_nothing() {
        let many: Vec<_> = (0..200).collect();
        let templates = Templates::parse(&Mapping::new().tag("{a}{b}{a}")).unwrap();
        assert_eq!(templates.purge(&[json!({"a": many, "b": many})]), Err(TooMany));
        let template = Template::parse("{a}{b}").unwrap();
        let results = template.results(&json!({"a": many, "b": many}), str::to_owned);
        assert_eq!(results, Err(TooMany), "before they are made");
        let documents: Vec<_> = (0..=MOST).map(|a| json!({"a": a, "b": 1})).collect();
        assert_eq!(templates.purge(&documents), Err(TooMany));
    }

    #[test]
    fn wrong_template_is_named() {
        for (mapping, part) in [
            (Mapping::new(), "purges nothing"),
            (Mapping::new().tag("a:{slug"), "`a:{slug` has a brace"),
            (Mapping::new().tag("a:slug}"), "`a:slug}` has a brace"),
            (Mapping::new().tag("a:{b{c}"), "`a:{b{c}` has a brace"),
            (Mapping::new().path("/{}"), "`{}` in `/{}` names no field"),
            (Mapping::new().tag("{a..b}"), "`{a..b}`"),
            (Mapping::new().path("a/{b}"), "`a/{b}` does not begin with `/`"),
        ] {
            let error = Templates::parse(&mapping).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
