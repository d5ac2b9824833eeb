//! The fields before the text of a Markdown file.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use std::collections::{BTreeMap, HashMap};

/// Deeper or larger front matter is nothing a person wrote.
const MAX_DEPTH: usize = 32;
const MAX_VALUES: usize = 10_000;

/// Fields by their name in lowercase.
pub(super) type Fields = BTreeMap<String, Value>;

/// A value as it is written: the importer decides what is a date or a truth value, not YAML.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    List(Vec<Self>),
    Map(Fields),
}

/// Why front matter cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum Broken {
    #[error("front matter is not closed: end it with a line `{0}`")]
    NotClosed(&'static str),
    #[error("front matter is no YAML: {}, line {}", .0.info(), .0.marker().line() + 1)]
    Yaml(#[from] ScanError),
    #[error("front matter is no TOML: {0}")]
    Toml(String),
    #[error("front matter is no list of fields: write `name: value`, one a line")]
    NoFields,
    #[error("front matter has the field `{0}` twice")]
    Twice(String),
    #[error("front matter is nested too deeply or too large")]
    TooLarge,
}

/// Splits the text of a file, with `\n` line ends, into its fields and its body.
///
/// A file that does not start with `---` or `+++` is all body.
pub(super) fn split(text: &str) -> Result<(Fields, &str), Broken> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.trim_end() {
        "---" => {
            let (yaml, body) = until(rest, &["---", "..."]).ok_or(Broken::NotClosed("---"))?;
            Ok((from_yaml(yaml)?, body))
        }
        "+++" => {
            let (toml, body) = until(rest, &["+++"]).ok_or(Broken::NotClosed("+++"))?;
            Ok((from_toml(toml)?, body))
        }
        _ => Ok((Fields::new(), text)),
    }
}

fn until<'a>(text: &'a str, ends: &[&str]) -> Option<(&'a str, &'a str)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        if ends.contains(&line.trim_end()) {
            return Some((&text[..start], &text[end..]));
        }
        start = end;
    }
    None
}

fn from_toml(text: &str) -> Result<Fields, Broken> {
    let table =
        text.parse::<toml::Table>().map_err(|error| Broken::Toml(error.message().to_owned()))?;
    fields_of_toml(table)
}

fn fields_of_toml(table: toml::Table) -> Result<Fields, Broken> {
    table.into_iter().try_fold(Fields::new(), |mut fields, (name, value)| {
        add(&mut fields, &name, value_of_toml(value)?)?;
        Ok(fields)
    })
}

fn value_of_toml(value: toml::Value) -> Result<Value, Broken> {
    Ok(match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Text(number.to_string()),
        toml::Value::Float(number) => Value::Text(number.to_string()),
        toml::Value::Boolean(truth) => Value::Text(truth.to_string()),
        toml::Value::Datetime(time) => Value::Text(time.to_string()),
        toml::Value::Array(values) => {
            Value::List(values.into_iter().map(value_of_toml).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => Value::Map(fields_of_toml(table)?),
    })
}

fn from_yaml(text: &str) -> Result<Fields, Broken> {
    let mut document =
        Yaml { parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0 };
    match document.root()? {
        None => Ok(Fields::new()),
        Some(Value::Map(fields)) => Ok(fields),
        Some(_) => Err(Broken::NoFields),
    }
}

/// Builds values from the events of a YAML parser; null is no value.
struct Yaml<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Option<Value>>,
    values: usize,
}

impl<'a> Yaml<'a> {
    fn root(&mut self) -> Result<Option<Value>, Broken> {
        loop {
            match self.event()? {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => return Ok(None),
                event => return self.value(event, 0),
            }
        }
    }

    fn event(&mut self) -> Result<Event<'a>, Broken> {
        match self.parser.next() {
            Some(event) => Ok(event?.0),
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Option<Value>, Broken> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Err(Broken::TooLarge);
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor),
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(&text, style)),
            Event::SequenceStart(anchor, _) => (anchor, Some(self.list(depth)?)),
            Event::MappingStart(anchor, _) => (anchor, Some(self.map(depth)?)),
            _ => return Ok(None),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn alias(&mut self, anchor: usize) -> Result<Option<Value>, Broken> {
        let value = self.anchors.get(&anchor).cloned().flatten();
        self.values += value.as_ref().map_or(0, size);
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut values = Vec::new();
        loop {
            match self.event()? {
                Event::SequenceEnd | Event::StreamEnd => return Ok(Value::List(values)),
                event => values.extend(self.value(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut fields = Fields::new();
        loop {
            let name = match self.event()? {
                Event::MappingEnd | Event::StreamEnd => return Ok(Value::Map(fields)),
                event => self.value(event, depth + 1)?,
            };
            let event = self.event()?;
            let value = self.value(event, depth + 1)?;
            if let (Some(Value::Text(name)), Some(value)) = (name, value) {
                add(&mut fields, &name, value)?;
            }
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Option<Value> {
    let is_null =
        style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    (!is_null).then(|| Value::Text(text.to_owned()))
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(_) => 1,
        Value::List(values) => 1 + values.iter().map(size).sum::<usize>(),
        Value::Map(fields) => 1 + fields.values().map(size).sum::<usize>(),
    }
}

fn add(fields: &mut Fields, name: &str, value: Value) -> Result<(), Broken> {
    match fields.insert(name.to_lowercase(), value) {
        None => Ok(()),
        Some(_) => Err(Broken::Twice(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
        fields.map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[test]
    fn fields_are_split_from_the_body() {
        let cases = [
            ("yaml", "---\ntitle: A\n---\nText\n", fields([("title", text("A"))]), "Text\n"),
            (
                "yaml ended by dots",
                "---\ntitle: A\n...\nText",
                fields([("title", text("A"))]),
                "Text",
            ),
            ("toml", "+++\ntitle = 'A'\n+++\nText", fields([("title", text("A"))]), "Text"),
            ("none", "Text\n---\n", fields([]), "Text\n---\n"),
            ("empty", "---\n---\nText", fields([]), "Text"),
            ("comment", "---\n# nothing\n---\nText", fields([]), "Text"),
            ("no body", "---\ntitle: A\n---", fields([("title", text("A"))]), ""),
            ("spaces", "--- \ntitle: A\n---\t\nText", fields([("title", text("A"))]), "Text"),
            (
                "rule in the body",
                "---\na: b\n---\nx\n\n---\ny",
                fields([("a", text("b"))]),
                "x\n\n---\ny",
            ),
            ("nothing at all", "", fields([]), ""),
        ];
        for (name, file, expected, body) in cases {
            assert_eq!(split(file), Ok((expected, body)), "{name}");
        }
    }

    #[test]
    fn yaml_values_stay_as_they_are_written() {
        let cases = [
            ("a: 007", fields([("a", text("007"))])),
            ("a: 1.10", fields([("a", text("1.10"))])),
            ("a: Yes", fields([("a", text("Yes"))])),
            ("a: 2024-01-31 10:00:00", fields([("a", text("2024-01-31 10:00:00"))])),
            ("A: 'it''s'", fields([("a", text("it's"))])),
            ("a: \"null\"\nb: null\nc: ~\nd:", fields([("a", text("null"))])),
            ("a: >\n  one\n  two", fields([("a", text("one two\n"))])),
            ("a: [x, y]", fields([("a", Value::List(vec![text("x"), text("y")]))])),
            ("a:\n- x\n-\n- y", fields([("a", Value::List(vec![text("x"), text("y")]))])),
            ("a:\n  Name: x", fields([("a", Value::Map(fields([("name", text("x"))])))])),
            ("a: &x 1\nb: *x", fields([("a", text("1")), ("b", text("1"))])),
        ];
        for (yaml, expected) in cases {
            assert_eq!(from_yaml(yaml), Ok(expected), "{yaml}");
        }
    }

    #[test]
    fn toml_values_become_text() {
        let toml = "a = 1\nb = true\nc = 2024-01-31\nd = 2024-01-31T10:00:00Z\n\
                    e = ['x']\n[Taxonomies]\ntags = ['y']\n";
        let tags = fields([("tags", Value::List(vec![text("y")]))]);
        let expected = fields([
            ("a", text("1")),
            ("b", text("true")),
            ("c", text("2024-01-31")),
            ("d", text("2024-01-31T10:00:00Z")),
            ("e", Value::List(vec![text("x")])),
            ("taxonomies", Value::Map(tags)),
        ]);
        assert_eq!(from_toml(toml), Ok(expected));
    }

    #[test]
    fn broken_front_matter_says_what_is_wrong() {
        let laughs = (1..20).fold("a0: &a0 [x, x, x, x]\n".to_owned(), |yaml, n| {
            let before = format!("*a{}", n - 1);
            yaml + &format!("a{n}: &a{n} [{before}, {before}, {before}, {before}]\n")
        });
        let cases = [
            ("---\ntitle: A\n", "not closed"),
            ("+++\ntitle = 'A'\n---\n", "not closed"),
            ("---\ntitle: [A\n---\n", "no YAML"),
            ("---\ntitle: a: b\n---\n", "no YAML"),
            ("---\na: *b\n---\n", "no YAML"),
            ("---\n- A\n---\n", "no list of fields"),
            ("---\nHello\n---\n", "no list of fields"),
            ("---\na: 1\nA: 2\n---\n", "field `A` twice"),
            ("+++\ntitle = A\n+++\n", "no TOML"),
            (&format!("---\na: {}\n---\n", "[".repeat(100)), "nested too deeply"),
            (&format!("---\n{laughs}---\n"), "too large"),
        ];
        for (file, said) in cases {
            let error = split(file).unwrap_err().to_string();
            assert!(error.contains(said), "{file}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
