//! The addresses that a page names.

use html5gum::{StartTag, Token};

use super::html_inline::{attribute, tokens};

/// What a `<link>` says of a file that is loaded.
const FILES: [&str; 5] = ["icon", "manifest", "modulepreload", "preload", "stylesheet"];

/// The `href`s of the links in `html`, as they are written.
pub(crate) fn links(html: &str) -> impl Iterator<Item = String> {
    tokens(html).filter_map(|token| match token {
        Token::StartTag(tag) if *tag.name == b"a" => address(&tag, "href"),
        _ => None,
    })
}

/// The addresses of the files that a browser loads for `html`, as they are written. It loads nothing for
/// an empty one.
pub(crate) fn files(html: &str) -> impl Iterator<Item = String> {
    let addresses = tokens(html).filter_map(|token| match token {
        Token::StartTag(tag) if *tag.name == b"script" => address(&tag, "src"),
        Token::StartTag(tag) if *tag.name == b"link" && is_file(&tag) => address(&tag, "href"),
        _ => None,
    });
    addresses.filter(|address| !address.is_empty())
}

fn is_file(link: &StartTag<()>) -> bool {
    let kinds = attribute(link, "rel").unwrap_or_default().split(u8::is_ascii_whitespace);
    kinds
        .into_iter()
        .any(|kind| FILES.iter().any(|file| kind.eq_ignore_ascii_case(file.as_bytes())))
}

fn address(tag: &StartTag<()>, attribute_name: &str) -> Option<String> {
    let address = attribute(tag, attribute_name)?;
    Some(String::from_utf8_lossy(address).into_owned())
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

    #[test]
    fn files_are_what_a_browser_loads() {
        let html = "<link rel=stylesheet href=/a.css><LINK rel='shortcut ICON' href=/b.ico>\
                    <link rel=preload as=fetch href=/c.wasm><script type=module src=/d.js></script>\
                    <link rel=alternate href=/feed.xml><link href=/e><link rel=icon href=''><script>'<script src=/no>'</script>";
        assert_eq!(files(html).collect::<Vec<_>>(), ["/a.css", "/b.ico", "/c.wasm", "/d.js"]);
    }
}
