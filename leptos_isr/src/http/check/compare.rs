//! Where two renders of a page differ, and whether a page has a title.

/// How much is shown of a difference, in characters.
const SHOWN: usize = 60;

/// How much of that is before it.
const BEFORE: usize = 20;

/// What is around the first difference in each, if there is one. A nonce is of one answer.
pub(super) fn first_difference(one: &str, other: &str) -> Option<(String, String)> {
    let (one, other) = (without_nonce(one), without_nonce(other));
    if one == other {
        return None;
    }
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let around =
        |text: &str| text.chars().skip(same.saturating_sub(BEFORE)).take(SHOWN).collect::<String>();
    Some((around(&one), around(&other)))
}

fn without_nonce(html: &str) -> String {
    let nonce = html.split_once(" nonce=\"").and_then(|(_, rest)| rest.split_once('"'));
    match nonce {
        Some((nonce, _)) if !nonce.is_empty() => html.replace(nonce, ""),
        _ => html.to_owned(),
    }
}

pub(super) fn has_title(html: &str) -> bool {
    let title = html.split_once("<title").and_then(|(_, rest)| rest.split_once('>'));
    let text = title.and_then(|(_, rest)| rest.split_once("</title>"));
    text.is_some_and(|(text, _)| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_difference_is_shown_with_what_is_around_it() {
        assert_eq!(first_difference("<p>a</p>", "<p>a</p>"), None);
        let long = "x".repeat(100);
        let found = first_difference(&format!("{long}1{long}"), &format!("{long}2{long}")).unwrap();
        assert_eq!(found.0, format!("{}1{}", "x".repeat(20), "x".repeat(39)));
        assert_eq!(
            first_difference("caf\u{e9} 1", "caf\u{e9}"),
            Some(("caf\u{e9} 1".into(), "caf\u{e9}".into()))
        );
    }

    #[test]
    fn nonces_are_no_difference() {
        let page = |nonce| format!("<script nonce=\"{nonce}\">s('{nonce}')</script>");
        assert_eq!(first_difference(&page("abc"), &page("def")), None);
    }

    #[test]
    fn title_has_a_text() {
        for (html, expected) in [
            ("<head><title>Home</title>", true),
            ("<title data-x>Home</title>", true),
            ("<title> </title>", false),
            ("<title>", false),
            ("<p>title</p>", false),
        ] {
            assert_eq!(has_title(html), expected, "{html}");
        }
    }
}
