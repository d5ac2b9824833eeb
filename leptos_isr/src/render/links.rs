//! Where a page's links lead.

use html5gum::Token;

use super::html_inline::{attribute, tokens};

/// The `href`s of the links in `html`, as they are written.
pub(crate) fn links(html: &str) -> impl Iterator<Item = String> {
    tokens(html).filter_map(|token| match token {
        Token::StartTag(tag) if *tag.name == b"a" => {
            let href = attribute(&tag, "href")?;
            Some(String::from_utf8_lossy(href).into_owned())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_html_has_them() {
        let html = "<a href=/a>A</a><A class=x HREF='/b?c=1&amp;d=2'>B</a><a name=top></a>\
                    <link href=/style.css><script>'<a href=/no>'</script><!-- <a href=/no> -->";
        assert_eq!(links(html).collect::<Vec<_>>(), ["/a", "/b?c=1&d=2"]);
    }
}
