//! Where a text of Markdown names the addresses of pictures and links.

use pulldown_cmark::{Event, LinkType, Parser, Tag};
use std::ops::Range;

use super::OPTIONS;

/// The addresses of pictures and links, those in raw `<img>` tags too, in their order, each with its
/// place in `markdown`. An address whose spelling hides it, with an escape in it, is left out.
pub(crate) fn links(markdown: &str) -> Vec<(Range<usize>, String)> {
    let parser = Parser::new_ext(markdown, OPTIONS);
    let mut found = Vec::new();
    for (_, definition) in parser.reference_definitions().iter() {
        found.extend(find(markdown, definition.span.clone(), "]:", &definition.dest));
    }
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(
                Tag::Image { link_type: LinkType::Inline, dest_url, .. }
                | Tag::Link { link_type: LinkType::Inline, dest_url, .. },
            ) => found.extend(find(markdown, range, "](", &dest_url)),
            Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_) => {
                found.extend(image_sources(markdown, range));
            }
            _ => {}
        }
    }
    found.sort_by_key(|(place, _)| place.start);
    found.dedup();
    found
}

/// Where `address` stands behind the last `mark` within `range`.
fn find(
    text: &str,
    range: Range<usize>,
    mark: &str,
    address: &str,
) -> Option<(Range<usize>, String)> {
    let link = &text[range.clone()];
    let from = link.rfind(mark)? + mark.len();
    let start = range.start + from + link[from..].find(address)?;
    (!address.is_empty()).then(|| (start..start + address.len(), address.to_owned()))
}

/// What the `<img>` tags within `range` have in quotes as their `src`.
fn image_sources(text: &str, range: Range<usize>) -> Vec<(Range<usize>, String)> {
    let html = &text[range.clone()];
    let lowercase = html.to_ascii_lowercase();
    let tags = lowercase.match_indices("<img").filter_map(|(start, _)| {
        let end = start + lowercase[start..].find('>')?;
        let source = start + lowercase[start..end].find("src=")? + "src=".len();
        let quote =
            lowercase[source..end].chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let length = lowercase[source + 1..end].find(quote)?;
        Some(source + 1..source + 1 + length)
    });
    tags.map(|place| {
        let address = html[place.clone()].to_owned();
        (range.start + place.start..range.start + place.end, address)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_where_they_stand() {
        let cases = [
            ("![a.png](a.png \"a.png\")", &["a.png"][..]),
            ("[![x](small.png)](large.png)", &["small.png", "large.png"]),
            ("![x](<a b.png>) and ![y](./a.png?raw=true)", &["a b.png", "./a.png?raw=true"]),
            ("![x][r] ![r]\n\n[r]: a.png 'T'", &["a.png"]),
            ("<p>\n<IMG alt=x\n src='a.png'></p>", &["a.png"]),
            ("Text <img src=\"a.png\" alt=''> <img src=b.png>", &["a.png"]),
            ("`![x](a.png)` <https://other.example/a.png> \\![x]", &[]),
            ("![x](a\\_b.png)", &[]),
        ];
        for (markdown, addresses) in cases {
            let found = links(markdown);
            for (place, address) in &found {
                assert_eq!(&markdown[place.clone()], address, "{markdown}");
            }
            let found: Vec<_> = found.iter().map(|(_, address)| &**address).collect();
            assert_eq!(found, addresses, "{markdown}");
        }
    }
}
