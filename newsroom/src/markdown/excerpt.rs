//! What Markdown says where an article's fields are silent.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};
use std::ops::Range;

use super::OPTIONS;

const SUMMARY_CHARS: usize = 200;

/// The text of the first paragraph that has any, cut at a word near 200 characters.
///
/// A paragraph that starts with a shortcode says nothing to a reader and is passed over.
pub(crate) fn first_paragraph(markdown: &str) -> Option<String> {
    let mut events = Parser::new_ext(markdown, OPTIONS);
    while events.any(|event| event == Event::Start(Tag::Paragraph)) {
        let text = text_until(&mut events, TagEnd::Paragraph);
        if !(text.is_empty() || text.starts_with("{{") || text.starts_with("{%")) {
            return Some(cut(&text));
        }
    }
    None
}

/// The text of the first heading of level one, and where in `markdown` that heading stands.
pub(crate) fn first_heading(markdown: &str) -> Option<(String, Range<usize>)> {
    let mut events = Parser::new_ext(markdown, OPTIONS).into_offset_iter();
    let is_first_level = |event: &Event<'_>| {
        matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }))
    };
    let (_, range) = events.find(|(event, _)| is_first_level(event))?;
    let text = text_until(&mut events.map(|(event, _)| event), TagEnd::Heading(HeadingLevel::H1));
    (!text.is_empty()).then_some((text, range))
}

/// Collects the text up to `end`, with single spaces. The texts of images are left out.
fn text_until<'a>(events: &mut impl Iterator<Item = Event<'a>>, end: TagEnd) -> String {
    let mut text = String::new();
    let mut images = 0_u32;
    for event in events {
        match event {
            Event::End(tag) if tag == end => break,
            Event::Start(Tag::Image { .. }) => images += 1,
            Event::End(TagEnd::Image) => images -= 1,
            Event::Text(part) | Event::Code(part) if images == 0 => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(SUMMARY_CHARS) else {
        return text.to_owned();
    };
    // One character is left for the ellipsis.
    let kept = text[..end].char_indices().next_back().map_or("", |(last, _)| &text[..last]);
    let whole_words = kept.rsplit_once(' ').map_or(kept, |(words, _)| words);
    format!("{}…", whole_words.trim_end_matches([',', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_paragraph_is_the_first_one_that_says_something() {
        let cases = [
            ("# Title\n\nOne *two*\n`three`.\n\nFour.", Some("One two three.")),
            ("![alt](a.png)\n\nText.", Some("Text.")),
            ("{{< toc >}}\n\n{% include x %}\n\nText.", Some("Text.")),
            ("- a\n- b", None),
            ("", None),
        ];
        for (markdown, text) in cases {
            assert_eq!(first_paragraph(markdown).as_deref(), text, "{markdown}");
        }
    }

    #[test]
    fn long_first_paragraph_is_cut_at_a_word() {
        let summary = first_paragraph(&"words and, ".repeat(40)).unwrap();
        assert!(summary.chars().count() <= SUMMARY_CHARS, "{summary}");
        assert!(summary.ends_with("words…") || summary.ends_with("and…"), "{summary}");

        let without_spaces = first_paragraph(&"語".repeat(300)).unwrap();
        assert_eq!(without_spaces.chars().count(), SUMMARY_CHARS);

        let just_fits = "x".repeat(SUMMARY_CHARS);
        assert_eq!(first_paragraph(&just_fits), Some(just_fits));
    }

    #[test]
    fn first_heading_of_level_one_is_found_with_its_place() {
        let markdown = "## No\n\n# The *title*\n\nText.";
        let (text, range) = first_heading(markdown).unwrap();
        assert_eq!(text, "The title");
        assert_eq!(&markdown[range], "# The *title*\n");
        assert_eq!(first_heading("## No"), None);
        assert_eq!(first_heading("```\n# No\n```"), None);
    }
}
