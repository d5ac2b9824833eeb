//! The text of a block: spans with marks.
//!
//! `strong`, `em`, `code`, `underline`, `strike-through` and links become
//! elements; of other marks the text remains. A link leads to an address of
//! `http`, `https` or `mailto`, or to one relative to the page.

use reqwest::Url;
use serde_json::Value;
use std::cmp::Reverse;

/// What a span of text is marked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark<'a> {
    Link(&'a str),
    Element(&'static str),
}

struct Span<'a> {
    text: &'a str,
    marks: Vec<Mark<'a>>,
}

/// The text of `block`; none if it has nothing but white space.
pub(super) fn html(block: &Value) -> Option<String> {
    let children = block["children"].as_array().into_iter().flatten();
    let spans: Vec<_> = children.filter_map(|child| span(child, &block["markDefs"])).collect();
    if spans.iter().all(|span| span.text.trim().is_empty()) {
        return None;
    }
    let (mut html, mut open) = (String::new(), Vec::new());
    for (at, span) in spans.iter().enumerate() {
        let kept = open.iter().take_while(|mark| span.marks.contains(mark)).count();
        open.drain(kept..).rev().for_each(|mark: Mark<'_>| mark.end(&mut html));
        let mut new: Vec<_> =
            span.marks.iter().filter(|mark| !open.contains(mark)).copied().collect();
        // What lasts longest stands outside, so that one mark is one element.
        new.sort_by_key(|mark| {
            Reverse(spans[at..].iter().take_while(|span| span.marks.contains(mark)).count())
        });
        new.iter().for_each(|mark| mark.begin(&mut html));
        open.extend(new);
        push_escaped(&mut html, span.text, "<br>\n");
    }
    open.iter().rev().for_each(|mark| mark.end(&mut html));
    Some(html)
}

fn span<'a>(child: &'a Value, definitions: &'a Value) -> Option<Span<'a>> {
    if child["_type"] != "span" {
        return None;
    }
    let names = child["marks"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut marks = Vec::new();
    for mark in names.filter_map(|name| mark(name, definitions)) {
        // A link stands in no other link.
        let is_second =
            matches!(mark, Mark::Link(_)) && marks.iter().any(|mark| matches!(mark, Mark::Link(_)));
        if !is_second && !marks.contains(&mark) {
            marks.push(mark);
        }
    }
    Some(Span { text: child["text"].as_str()?, marks })
}

fn mark<'a>(name: &str, definitions: &'a Value) -> Option<Mark<'a>> {
    let element = match name {
        "strong" => "strong",
        "em" => "em",
        "code" => "code",
        "underline" => "u",
        "strike-through" => "del",
        _ => return link(name, definitions).map(Mark::Link),
    };
    Some(Mark::Element(element))
}

fn link<'a>(key: &str, definitions: &'a Value) -> Option<&'a str> {
    let mut definitions = definitions.as_array()?.iter();
    let definition = definitions.find(|definition| definition["_key"] == key)?;
    let href = definition["href"].as_str().filter(|href| may_be_followed(href))?;
    (definition["_type"] == "link").then_some(href)
}

/// Read as browsers read it, who pass over line ends and tabs in a scheme.
fn may_be_followed(href: &str) -> bool {
    let page = Url::parse("https://page.invalid/").expect("the address is right");
    let address = page.join(href).ok().filter(|_| !href.trim().is_empty());
    address.is_some_and(|address| matches!(address.scheme(), "http" | "https" | "mailto"))
}

impl Mark<'_> {
    fn begin(self, html: &mut String) {
        match self {
            Self::Link(href) => {
                html.push_str("<a href=\"");
                push_escaped(html, href, "\n");
                html.push_str("\" rel=\"noopener noreferrer\">");
            }
            Self::Element(name) => html.push_str(&format!("<{name}>")),
        }
    }

    fn end(self, html: &mut String) {
        match self {
            Self::Link(_) => html.push_str("</a>"),
            Self::Element(name) => html.push_str(&format!("</{name}>")),
        }
    }
}

/// Leaves no character out: what is left of an address could be another one.
fn push_escaped(html: &mut String, text: &str, line_end: &str) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\n' => html.push_str(line_end),
            _ => html.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The HTML of spans with these texts and marks.
    fn marked(spans: &[(&str, &[&str])]) -> String {
        let spans: Vec<_> = spans
            .iter()
            .map(|(text, marks)| json!({"_type": "span", "text": text, "marks": marks}))
            .collect();
        let links = [("k1", "/a"), ("k2", "https://b.example/?x=1&y=\"2\"")];
        let mut definitions: Vec<_> =
            links.map(|(key, href)| json!({"_key": key, "_type": "link", "href": href})).to_vec();
        definitions.push(json!({"_key": "k3", "_type": "comment", "href": "/c"}));
        html(&json!({"_type": "block", "children": spans, "markDefs": definitions})).unwrap()
    }

    #[test]
    fn marks_become_elements_and_of_unknown_ones_the_text_remains() {
        for (marks, expected) in [
            (&["strong"][..], "<strong>a</strong>"),
            (&["em", "code"], "<em><code>a</code></em>"),
            (&["underline"], "<u>a</u>"),
            (&["strike-through"], "<del>a</del>"),
            (&["strong", "strong"], "<strong>a</strong>"),
            (&["k1"], "<a href=\"/a\" rel=\"noopener noreferrer\">a</a>"),
            (&["k1", "k2"], "<a href=\"/a\" rel=\"noopener noreferrer\">a</a>"),
            (&["k3"], "a"),
            (&["none", "onclick=x", "script"], "a"),
        ] {
            assert_eq!(marked(&[("a", marks)]), expected, "{marks:?}");
        }
    }

    #[test]
    fn elements_of_overlapping_marks_are_nested() {
        let html =
            marked(&[("a", &["em", "strong"]), ("b", &["strong"]), ("c", &["strong", "em"])]);
        assert_eq!(html, "<strong><em>a</em>b<em>c</em></strong>");
        let html =
            marked(&[("a", &["strong"]), ("b", &["strong", "em"]), ("c", &["em"]), ("d", &[])]);
        assert_eq!(html, "<strong>a<em>b</em></strong><em>c</em>d");
    }

    #[test]
    fn text_and_addresses_are_escaped() {
        let html = marked(&[("<b onclick=\"x\">&\u{1}\nc", &["k2"])]);
        assert_eq!(
            html,
            "<a href=\"https://b.example/?x=1&amp;y=&quot;2&quot;\" rel=\"noopener noreferrer\">\
             &lt;b onclick=&quot;x&quot;&gt;&amp;\u{1}<br>\nc</a>"
        );
    }

    #[test]
    fn links_lead_to_the_web_to_mail_and_into_the_site() {
        for href in [
            "https://a.example/b",
            "HTTP://a.example",
            "mailto:a@b.example",
            "/articles/a",
            "articles/a",
            "#top",
            "?page=2",
            "//a.example",
            // Neither for the parser nor for a browser is this a scheme.
            "java\u{1}script:alert(1)",
            "java\u{ffff}script:alert(1)",
        ] {
            assert!(may_be_followed(href), "{href:?}");
        }
        for href in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " \u{1}javascript:alert(1)",
            "java\nscript:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "blob:https://a.example/1",
            "file:///etc/passwd",
            "https://",
            "",
            " ",
        ] {
            assert!(!may_be_followed(href), "{href:?}");
        }
    }
}
