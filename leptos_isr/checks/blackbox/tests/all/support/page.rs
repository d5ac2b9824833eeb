//! One answer, in the words of these tests.

use std::ops::Deref;

use blackbox::wire::Response;

#[derive(Clone, Debug)]
pub(crate) struct Page(pub(crate) Response);

impl Deref for Page {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.0
    }
}

impl Page {
    /// What the source said when the page was rendered.
    pub(crate) fn said(&self) -> String {
        self.part("text")
    }

    /// The text of the element with this id.
    pub(crate) fn part(&self, id: &str) -> String {
        let html = self.text();
        let text = html
            .split_once(&format!("<p id=\"{id}\">"))
            .and_then(|(_, rest)| rest.split_once("</p>"));
        let (text, _) = text.unwrap_or_else(|| panic!("no `{id}` in {} {html}", self.status));
        // Without Leptos's markers, `<!>`.
        let mut plain = text.replace("<!>", "");
        if plain == " " {
            // Leptos's way to write an empty text.
            plain.clear();
        }
        let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
        marks.iter().fold(plain, |text, (mark, sign)| text.replace(mark, sign))
    }

    pub(crate) fn cache_status(&self) -> &str {
        self.header("cache-status")
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }

    #[track_caller]
    pub(crate) fn assert_said(&self, text: &str) -> &Self {
        assert_eq!(self.said(), text, "{}", self.cache_status());
        self
    }

    #[track_caller]
    pub(crate) fn assert_cache_status(&self, text: &str) -> &Self {
        assert_eq!(self.cache_status(), text, "{} {}", self.status, self.text());
        self
    }

    #[track_caller]
    pub(crate) fn assert_header(&self, name: &str, value: &str) -> &Self {
        assert_eq!(self.header(name), value, "{name}");
        self
    }

    /// A stored page, fresh for `seconds` more.
    #[track_caller]
    pub(crate) fn assert_fresh(&self, seconds: u64) -> &Self {
        self.assert_cache_status(&format!("isr; hit; ttl={seconds}"))
    }

    /// The app's one page for what does not exist.
    #[track_caller]
    pub(crate) fn assert_not_listed(&self) -> &Self {
        self.assert_status(404)
            .assert_cache_status("isr; fwd=bypass; detail=not-listed")
            .assert_header("cache-control", "private, no-store")
            .assert_said("No such page")
    }
}
