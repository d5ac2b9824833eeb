//! The document's title as the server writes it.

use super::site::SITE_NAME;

/// The full title, escaped: `leptos_meta` writes it between the tags as it is.
#[expect(clippy::needless_pass_by_value, reason = "the formatter of `Title` takes a `String`")]
pub(crate) fn full(title: String) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    if title == SITE_NAME { title } else { format!("{title} · {SITE_NAME}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_title_is_text() {
        let title = full("</title><script>alert(1)</script> & more".to_owned());
        assert!(title.starts_with("&lt;/title>&lt;script>"), "{title}");
        assert!(title.contains("&amp; more"), "{title}");
    }

    #[test]
    fn the_name_stands_alone_without_a_title() {
        assert_eq!(full(SITE_NAME.to_owned()), SITE_NAME);
    }
}
