//! The site's name and addresses.

use leptos::prelude::use_context;
use newsroom::Section;

/// The name of the newsroom.
pub const SITE_NAME: &str = "The Revalidator";

/// What the newsroom writes about, in one sentence.
pub const SITE_SUMMARY: &str = "Articles on pages that are rendered once, served many times and regenerated behind the reader.";

/// Where the site is reached from outside, as `https://news.example`.
///
/// Empty means unknown: addresses are then relative to the site's root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteUrl(pub String);

impl SiteUrl {
    /// The full address of `path`, which starts with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }

    /// Whether visitors reach the site over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

/// The address that the server was configured with; unknown outside a server.
#[must_use]
pub fn configured_url() -> SiteUrl {
    use_context().unwrap_or_default()
}

/// The path of an article's page.
#[must_use]
pub fn article_path(slug: &str) -> String {
    format!("/articles/{}", encode(slug))
}

/// The path of a section's first page.
#[must_use]
pub fn section_path(slug: &str) -> String {
    format!("/sections/{}", encode(slug))
}

/// The path at which an article is edited.
#[must_use]
pub fn edit_path(slug: &str) -> String {
    format!("/editor/{}", encode(slug))
}

/// The name of the section with `slug`, or the slug where the section is not listed.
#[must_use]
pub fn name_of<'a>(slug: &'a str, sections: &'a [Section]) -> &'a str {
    sections.iter().find(|section| section.slug == slug).map_or(slug, |section| &section.name)
}

/// Percent-encodes `text` for use as one segment of a path.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_percent_encoded() {
        for (text, encoded) in [
            ("plain-slug_1.2~", "plain-slug_1.2~"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("zürich", "z%C3%BCrich"),
            ("100%", "100%25"),
        ] {
            assert_eq!(encode(text), encoded);
        }
    }

    #[test]
    fn addresses_are_joined_with_one_slash() {
        for url in ["https://news.example", "https://news.example/"] {
            assert_eq!(SiteUrl(url.to_owned()).join("/about"), "https://news.example/about");
        }
        assert_eq!(SiteUrl::default().join("/about"), "/about");
    }

    #[test]
    fn only_https_is_https() {
        for (url, is_https) in [
            ("https://a", true),
            ("HTTPS://a", true),
            ("http://a", false),
            ("", false),
            ("https", false),
        ] {
            assert_eq!(SiteUrl(url.to_owned()).is_https(), is_https, "{url}");
        }
    }
}
