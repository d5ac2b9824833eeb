//! Portable Text as HTML that is safe to place into a page.
//!
//! Paragraphs, headings, quotes and lists become elements, with the marks of
//! [`spans`]. Text of a style that is not known is a paragraph. What is no text
//! (images, embeds, blocks of a project's own) is left out. All text is escaped.

mod spans;

use serde_json::Value;

/// Deeper lists are written as if they were this deep.
const DEEPEST: u64 = 10;

/// The HTML of `blocks`, a line for each.
pub(super) fn html(blocks: &[Value]) -> String {
    let (mut html, mut lists) = (String::new(), Lists::default());
    for block in blocks {
        let text = match block["_type"].as_str() {
            Some("block") => spans::html(block),
            _ => None,
        };
        match (block["listItem"].as_str(), text) {
            (Some(kind), Some(text)) => {
                let element = if kind == "number" { "ol" } else { "ul" };
                let level = block["level"].as_u64().unwrap_or(1).clamp(1, DEEPEST);
                lists.item(&mut html, element, level, &text);
            }
            (None, Some(text)) => {
                lists.end(&mut html, 0);
                push_block(&mut html, block["style"].as_str(), &text);
            }
            (_, None) => lists.end(&mut html, 0),
        }
    }
    lists.end(&mut html, 0);
    html
}

fn push_block(html: &mut String, style: Option<&str>, text: &str) {
    let element = match style {
        // The page's own heading is the article's title.
        Some("h1" | "h2") => "h2",
        Some(heading @ ("h3" | "h4" | "h5" | "h6")) => heading,
        Some("blockquote") => {
            html.push_str(&format!("<blockquote>\n<p>{text}</p>\n</blockquote>\n"));
            return;
        }
        _ => "p",
    };
    html.push_str(&format!("<{element}>{text}</{element}>\n"));
}

/// The lists that are open, each in an item of the one before.
#[derive(Default)]
struct Lists(Vec<(u64, &'static str)>);

impl Lists {
    fn item(&mut self, html: &mut String, element: &'static str, level: u64, text: &str) {
        self.end(html, level);
        if self.0.last().is_some_and(|last| last.0 == level && last.1 != element) {
            self.end(html, level - 1);
        }
        match self.0.last() {
            Some((last, _)) if *last == level => html.push_str("</li>\n"),
            _ => {
                self.0.push((level, element));
                html.push_str(&format!("<{element}>\n"));
            }
        }
        html.push_str(&format!("<li>{text}"));
    }

    /// Ends the lists that are deeper than `level`.
    fn end(&mut self, html: &mut String, level: u64) {
        while let Some((_, element)) = self.0.pop_if(|last| last.0 > level) {
            html.push_str(&format!("</li>\n</{element}>\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn block(style: &str, text: &str) -> Value {
        json!({"_type": "block", "style": style, "children": [{"_type": "span", "text": text}]})
    }

    fn item(list: &str, level: u64, text: &str) -> Value {
        let mut item = block("normal", text);
        item["listItem"] = json!(list);
        item["level"] = json!(level);
        item
    }

    #[test]
    fn styles_become_elements_and_unknown_ones_paragraphs() {
        for (style, expected) in [
            ("normal", "<p>a</p>\n"),
            ("lead", "<p>a</p>\n"),
            ("h1", "<h2>a</h2>\n"),
            ("h2", "<h2>a</h2>\n"),
            ("h4", "<h4>a</h4>\n"),
            ("script", "<p>a</p>\n"),
            ("blockquote", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ] {
            assert_eq!(html(&[block(style, "a")]), expected, "{style}");
        }
    }

    #[test]
    fn what_is_no_text_is_left_out() {
        let blocks = [
            json!({"_type": "image", "asset": {"_ref": "image-1"}, "children": [1]}),
            block("normal", " \n "),
            json!({"_type": "block"}),
            json!({"_type": "block", "children": [{"_type": "stock", "symbol": "X"}]}),
            json!("text"),
            json!(null),
            block("normal", "b"),
        ];
        assert_eq!(html(&blocks), "<p>b</p>\n");
    }

    #[test]
    fn lists_are_nested_by_their_level() {
        let blocks = [
            item("bullet", 1, "a"),
            item("bullet", 1, "b"),
            item("number", 3, "b1"),
            item("number", 2, "b2"),
            item("bullet", 1, "c"),
            item("number", 1, "d"),
            block("normal", "e"),
        ];
        let expected = "<ul>\n<li>a</li>\n\
            <li>b<ol>\n<li>b1</li>\n</ol>\n<ol>\n<li>b2</li>\n</ol>\n</li>\n\
            <li>c</li>\n</ul>\n<ol>\n<li>d</li>\n</ol>\n<p>e</p>\n";
        assert_eq!(html(&blocks), expected);
    }

    #[test]
    fn lists_without_end_stay_shallow() {
        let blocks: Vec<_> = (0..1000).map(|level| item("bullet", level, "a")).collect();
        let html = html(&blocks);
        assert_eq!((html.matches("<ul>").count(), html.matches("</ul>").count()), (10, 10));
        assert_eq!((html.matches("<li>").count(), html.matches("</li>").count()), (1000, 1000));
    }

    #[test]
    fn picture_between_items_divides_the_list() {
        let blocks = [item("bullet", 1, "a"), json!({"_type": "image"}), item("bullet", 1, "b")];
        assert_eq!(html(&blocks), "<ul>\n<li>a</li>\n</ul>\n<ul>\n<li>b</li>\n</ul>\n");
    }
}
