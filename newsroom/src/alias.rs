//! Paths at which an article was found before, on this site or another.

use percent_encoding::percent_decode_str;

/// The one spelling in which a path is stored and looked up: decoded, from the site's root on,
/// without query, slashes at its end or `index.html`. None for the root, and for what is no path.
#[must_use]
pub fn alias_path(text: &str) -> Option<String> {
    if text.contains("://") {
        return None;
    }
    let path = text.trim().split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = path.trim_matches('/');
    let path = path
        .strip_suffix("index.html")
        .filter(|rest| rest.is_empty() || rest.ends_with('/'))
        .unwrap_or(path);
    let path = path.trim_end_matches('/');
    (!path.is_empty()).then(|| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_has_one_spelling() {
        let cases = [
            ("2015/05/11/traits.html", Some("/2015/05/11/traits.html")),
            ("/2015/05/11/traits/", Some("/2015/05/11/traits")),
            ("/traits/index.html", Some("/traits")),
            ("/traits-index.html", Some("/traits-index.html")),
            ("/caf%C3%A9?utm=x#top", Some("/café")),
            ("/%ff", None),
            ("https://other.example/traits", None),
            ("index.html", None),
            ("/", None),
            ("", None),
        ];
        for (text, path) in cases {
            assert_eq!(alias_path(text).as_deref(), path, "{text}");
        }
    }
}
