//! HTML in which nothing is markup but what this program says itself.

use std::fmt::{self, Display, Write};

/// Appends to an [`Html`]: literals are markup, what is in parentheses is text.
macro_rules! html {
    (@ $out:ident) => {};
    (@ $out:ident $markup:literal $($rest:tt)*) => {
        $out.raw($markup);
        html!(@ $out $($rest)*);
    };
    (@ $out:ident ($text:expr) $($rest:tt)*) => {
        $out.text(&$text);
        html!(@ $out $($rest)*);
    };
    ($out:ident; $($parts:tt)*) => {{
        html!(@ $out $($parts)*);
    }};
}
pub(super) use html;

/// HTML in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Appends markup. It cannot be of what was read anywhere.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Appends a text, or the value of an attribute in quotes.
    pub(super) fn text(&mut self, text: impl Display) {
        write!(Escaped(&mut self.0), "{text}").expect("nothing is refused");
    }

    pub(super) fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// Appends a name and a value, in a `<dl>`.
pub(super) fn fact(out: &mut Html, name: &'static str, value: impl FnOnce(&mut Html)) {
    html!(out; "<div><dt>" (name) "</dt><dd>");
    value(out);
    html!(out; "</dd></div>");
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut out = Html::default();
        html!(out; "<a title=\"" ("\"><script>'&") "\">" ("</a>") "</a>");
        assert_eq!(
            out.into_text(),
            "<a title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">&lt;/a&gt;</a>"
        );
    }
}
