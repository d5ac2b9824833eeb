//! Markdown as sanitised HTML.

#[cfg(feature = "backend")]
pub(crate) mod excerpt;
#[cfg(feature = "backend")]
pub(crate) mod links;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, html};
use std::{borrow::Cow, sync::LazyLock};

/// The sanitizer's time grows with the square of the depth.
const MAX_DEPTH: usize = 1_000;

const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// The classes of table cells, which the site's style sheet knows.
const ALIGNED: [&str; 2] = ["align-center", "align-right"];

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(sanitizer);

/// Markdown whose elements stand within each other too deeply to be sanitised.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("nests more than {MAX_DEPTH} levels deep: flatten it")]
pub struct TooDeep;

/// Renders `markdown` to HTML that is safe to place into a page.
///
/// Scripts, event attributes and addresses that run code are removed, whether they come from raw
/// HTML or from Markdown. Ids are removed too, except those of footnotes.
///
/// # Errors
///
/// Returns [`TooDeep`] for what is nested so deeply that sanitising it would take minutes.
pub fn render_markdown(markdown: &str) -> Result<String, TooDeep> {
    let mut unsafe_html = String::with_capacity(markdown.len() * 3 / 2);
    let events = shortcodes_as_text(Parser::new_ext(markdown, OPTIONS));
    html::push_html(&mut unsafe_html, aligned_by_class(events));
    if depth(&unsafe_html) > MAX_DEPTH {
        return Err(TooDeep);
    }
    Ok(SANITIZER.clean(&unsafe_html).to_string())
}

/// How many tags are open at most at one place; no less than the real depth.
fn depth(html: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        if tag.starts_with('/') {
            open = open.saturating_sub(1);
        } else if tag.starts_with(|first: char| first.is_ascii_alphabetic()) && !is_void(tag) {
            open += 1;
            deepest = deepest.max(open);
        }
    }
    deepest
}

fn is_void(tag: &str) -> bool {
    let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
    ["area", "br", "col", "hr", "img", "input", "source", "wbr"]
        .iter()
        .any(|void| name.eq_ignore_ascii_case(void))
}

/// `{{<figure>}}` is a Hugo shortcode although its middle looks like a tag.
fn shortcodes_as_text<'a>(
    events: impl Iterator<Item = Event<'a>>,
) -> impl Iterator<Item = Event<'a>> {
    let mut after_braces = false;
    events.map(move |event| {
        let event = match event {
            Event::InlineHtml(tag) if after_braces => Event::Text(tag),
            other => other,
        };
        after_braces = matches!(&event, Event::Text(text) if text.ends_with("{{"));
        event
    })
}

/// Cells are aligned by a class: a page's policy admits no `style` attribute.
fn aligned_by_class<'a>(
    events: impl Iterator<Item = Event<'a>>,
) -> impl Iterator<Item = Event<'a>> {
    let (mut columns, mut column, mut element) = (Vec::new(), 0, "td");
    events.map(move |event| {
        match &event {
            Event::Start(Tag::Table(alignments)) => {
                let none = vec![Alignment::None; alignments.len()];
                columns.clone_from(alignments);
                return Event::Start(Tag::Table(none));
            }
            Event::Start(Tag::TableHead) => (column, element) = (0, "th"),
            Event::Start(Tag::TableRow) => (column, element) = (0, "td"),
            Event::Start(Tag::TableCell) => {
                let class = match columns.get(column) {
                    Some(Alignment::Center) => Some("align-center"),
                    Some(Alignment::Right) => Some("align-right"),
                    _ => None,
                };
                column += 1;
                if let Some(class) = class {
                    return Event::InlineHtml(format!("<{element} class=\"{class}\">").into());
                }
            }
            _ => {}
        }
        event
    })
}

fn sanitizer() -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("div", ["id"])
        .add_allowed_classes("td", ALIGNED)
        .add_allowed_classes("th", ALIGNED)
        .url_relative(UrlRelative::PassThrough)
        .attribute_filter(allowed_attribute);
    builder
}

/// Footnotes need an id to jump to; a prefix keeps the ids of articles apart from those of the page.
fn allowed_attribute<'a>(element: &str, attribute: &str, value: &'a str) -> Option<Cow<'a, str>> {
    match (element, attribute) {
        ("code", "class") => value
            .split_ascii_whitespace()
            .find(|class| class.starts_with("language-"))
            .map(Cow::Borrowed),
        ("div", "id") => Some(format!("note-{value}").into()),
        ("a", "href") if value.starts_with('#') => Some(format!("#note-{}", &value[1..]).into()),
        _ => Some(Cow::Borrowed(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html_of(markdown: &str) -> String {
        render_markdown(markdown).unwrap()
    }

    #[test]
    fn markdown_is_rendered() {
        let cases = [
            ("*a* ~~b~~", "<p><em>a</em> <del>b</del></p>\n"),
            (
                "```rust ignore\nlet x = 1;\n```",
                "<pre><code class=\"language-rust\">let x = 1;\n</code></pre>\n",
            ),
            ("## Title {#anchor .wide}", "<h2>Title</h2>\n"),
            ("{{< figure src=\"a.png\" >}}", "<p>{{&lt; figure src=\"a.png\" &gt;}}</p>\n"),
            ("{{<figure src=\"a.png\">}}", "<p>{{&lt;figure src=\"a.png\"&gt;}}</p>\n"),
            ("{{% notice %}}x{{% /notice %}}", "<p>{{% notice %}}x{{% /notice %}}</p>\n"),
            ("<kbd>Tab</kbd>", "<p><kbd>Tab</kbd></p>\n"),
        ];
        for (markdown, html) in cases {
            assert_eq!(html_of(markdown), html, "{markdown}");
        }
    }

    #[test]
    fn tables_keep_their_alignment() {
        let html = html_of("|a|b|c|d|\n|-:|:-:|:-|-|\n|1|2|3|4|\n|5|6|7|8|");
        let row = |cell, a, b, c, d| {
            format!(
                "<{cell} class=\"align-right\">{a}</{cell}>\
                 <{cell} class=\"align-center\">{b}</{cell}><{cell}>{c}</{cell}><{cell}>{d}</{cell}>"
            )
        };
        for row in [
            row("th", "a", "b", "c", "d"),
            row("td", "1", "2", "3", "4"),
            row("td", "5", "6", "7", "8"),
        ] {
            assert!(html.contains(&row), "{row}: {html}");
        }
    }

    #[test]
    fn no_element_has_a_style_or_a_class_of_its_author() {
        for markdown in [
            "<table><tr><td style=\"text-align:right\" class=\"fixed\">x</td></tr></table>",
            "<p style=\"position:fixed\">x</p>",
            "<span style='color:red' class=align-right>x</span>",
            "|a|\n|-:|\n|<b style=\"position:fixed\">x</b>|",
        ] {
            let html = html_of(markdown);
            assert!(!html.contains("style") && !html.contains("fixed"), "{markdown} became {html}");
            assert!(!html.contains("<span class"), "{markdown} became {html}");
        }
    }

    #[test]
    fn footnotes_jump_to_a_prefixed_id() {
        let html = html_of("See[^why].\n\n[^why]: Because.");
        assert!(html.contains("href=\"#note-why\""), "{html}");
        assert!(html.contains("<div id=\"note-why\">"), "{html}");
    }

    #[test]
    fn what_could_run_code_is_removed() {
        let cases = [
            ("<script>alert(1)</script>", "script"),
            ("<SCRIPT src=//x.example></SCRIPT>", "script"),
            ("<style>p{}</style>", "style"),
            ("<p onclick=\"alert(1)\">x</p>", "onclick"),
            ("<img src=x onerror=alert(1)>", "onerror"),
            ("<a href=\"javascript:alert(1)\">x</a>", "javascript"),
            ("[x](javascript:alert(1))", "javascript"),
            ("[x](JaVaScRiPt:alert(1))", "alert"),
            ("[x](<java\nscript:alert(1)>)", "href"),
            ("<a href=\"&#106;avascript:alert(1)\">x</a>", "alert"),
            ("![x](data:text/html;base64,PHNjcmlwdD4=)", "data:"),
            ("<iframe src=\"https://x.example\"></iframe>", "iframe"),
            ("<form action=\"/\"><input name=q></form>", "form"),
            ("<h1 id=\"login\">x</h1>", "login"),
            ("<p class=\"fixed\">x</p>", "class"),
            ("<code class=\"fixed\">x</code>", "class"),
            ("<svg><script>alert(1)</script></svg>", "alert"),
            ("```\"onmouseover=alert(1)\n```", "\"onmouseover"),
        ];
        for (markdown, removed) in cases {
            let html = html_of(markdown).to_lowercase();
            assert!(!html.contains(removed), "{markdown} became {html}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let cases = [
            ("quotes", "> ".repeat(100_000), true),
            ("raw elements", "<div>".repeat(100_000), true),
            ("closed elements", "<div>\n\nx\n\n</div>\n\n".repeat(5_000), false),
            ("line breaks", "a<br>b<BR/>".repeat(5_000), false),
            ("paragraphs", "a *b* `c`\n\n".repeat(5_000), false),
        ];
        for (name, markdown, too_deep) in cases {
            assert_eq!(render_markdown(&markdown) == Err(TooDeep), too_deep, "{name}");
        }
    }
}
