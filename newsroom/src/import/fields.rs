//! Front matter read as the fields of an article.

use super::front_matter::{Fields, Value};

/// The first of the fields called `names` that has text; a list or map is joined to text.
pub(super) fn text(fields: &Fields, names: &[&str]) -> Option<String> {
    find(fields, names, |value| some_text(&joined(value)))
}

/// The first entry of the first of the fields called `names` that has one.
pub(super) fn first_entry(fields: &Fields, names: &[&str]) -> Option<String> {
    find(fields, names, |value| match value {
        Value::List(values) => values.iter().find_map(|value| some_text(&joined(value))),
        value => some_text(&joined(value)),
    })
}

/// Every entry of the fields called `names`, at the top only.
pub(super) fn entries<'a>(fields: &'a Fields, names: &[&str]) -> impl Iterator<Item = String> + 'a {
    let values: Vec<_> = names.iter().filter_map(|name| fields.get(*name)).collect();
    let single = |value: &'a Value| match value {
        Value::List(values) => values.iter(),
        value => std::slice::from_ref(value).iter(),
    };
    values.into_iter().flat_map(single).filter_map(|value| some_text(&joined(value)))
}

/// The first of the fields called `names` that holds a date, as it is written, with its name.
///
/// `published` may also be a truth value; that is no date.
pub(super) fn date<'a>(fields: &Fields, names: &[&'a str]) -> Option<(&'a str, String)> {
    names.iter().find_map(|name| {
        let text = text(fields, &[name])?;
        truth(&text).is_none().then_some((*name, text))
    })
}

/// Whether the front matter keeps the article from readers.
pub(super) fn is_draft(fields: &Fields) -> bool {
    let is = |name| text(fields, &[name]).and_then(|text| truth(&text));
    is("draft") == Some(true) || is("published") == Some(false)
}

/// Zola keeps tags under `taxonomies`, and what it does not know under `extra`.
fn find<T>(fields: &Fields, names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let nested = ["taxonomies", "extra"].into_iter().filter_map(|name| match fields.get(name) {
        Some(Value::Map(fields)) => Some(fields),
        _ => None,
    });
    std::iter::once(fields)
        .chain(nested)
        .flat_map(|fields| names.iter().filter_map(|name| fields.get(*name)))
        .find_map(read)
}

fn joined(value: &Value) -> String {
    match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::List(values) => {
            let texts: Vec<_> =
                values.iter().filter_map(|value| some_text(&joined(value))).collect();
            texts.join(", ")
        }
        Value::Map(fields) => fields.get("name").map(joined).unwrap_or_default(),
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::front_matter::split, *};

    fn fields(yaml: &str) -> Fields {
        split(&format!("---\n{yaml}\n---\n")).unwrap().0
    }

    #[test]
    fn authors_are_joined_however_they_are_written() {
        let cases = [
            ("author: Ada", Some("Ada")),
            ("author:\n  name: Ada\n  url: x", Some("Ada")),
            ("authors: [Ada, Grace]", Some("Ada, Grace")),
            ("authors:\n- name: Ada\n- Grace", Some("Ada, Grace")),
            ("author: ''\nauthors: [Ada]", Some("Ada")),
            ("extra:\n  author: Ada", Some("Ada")),
            ("taxonomies:\n  authors: [Ada, Grace]", Some("Ada, Grace")),
            ("author:\n  url: x", None),
            ("authors: []", None),
        ];
        for (yaml, author) in cases {
            assert_eq!(text(&fields(yaml), &["author", "authors"]).as_deref(), author, "{yaml}");
        }
    }

    #[test]
    fn first_entry_is_that_of_the_first_field_that_has_one() {
        let cases = [
            ("categories: [Web, News]\ntags: [x]", Some("Web")),
            ("categories: Web", Some("Web")),
            ("categories: []\ntags: ['', x]", Some("x")),
            ("tags: [x]", Some("x")),
            ("taxonomies:\n  tags: [x]", Some("x")),
            ("title: x", None),
        ];
        for (yaml, entry) in cases {
            assert_eq!(
                first_entry(&fields(yaml), &["categories", "tags"]).as_deref(),
                entry,
                "{yaml}"
            );
        }
    }

    #[test]
    fn published_is_a_date_or_a_truth_value() {
        let cases = [
            ("published: 2024-01-31", Some("2024-01-31"), false),
            ("published: false\npubDate: 2024-01-31", Some("2024-01-31"), true),
            ("published: true\ndraft: false", None, false),
            ("date: 2024-01-31\ndraft: true", Some("2024-01-31"), true),
            ("draft: 'true'", None, true),
            ("date: soon", Some("soon"), false),
        ];
        for (yaml, expected, draft) in cases {
            let fields = fields(yaml);
            let found = date(&fields, &["date", "published", "pubdate"]).map(|(_, date)| date);
            assert_eq!(found.as_deref(), expected, "{yaml}");
            assert_eq!(is_draft(&fields), draft, "{yaml}");
        }
    }
}
