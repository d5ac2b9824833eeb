//! The tags of a page as shared caches are sent them, in the room that there is.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use xxhash_rust::xxh3::xxh3_64;

use super::headers::build_tag;
use crate::address::tag::Tag;

/// The characters that are percent-encoded: all that are not visible ASCII, the comma that
/// separates tags, and the percent sign.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

/// How long a shortened tag is.
const SHORTENED: usize = 17;

/// The tags of a page, each as it is sent.
pub(crate) struct TagList(Vec<String>);

impl TagList {
    /// The tags of a page of this build, that of the build first.
    pub(crate) fn new(build: Option<&str>, tags: &[Tag]) -> Self {
        let build = build.map(build_tag);
        let all = build.iter().map(String::as_str).chain(tags.iter().map(Tag::as_str));
        Self(all.filter(|tag| !tag.is_empty()).map(encoded).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// As many tags as `room` bytes hold, with a separator of one byte: in full, or else shortened,
    /// or else the first of them.
    pub(crate) fn within(&self, room: usize) -> Vec<String> {
        if size(&self.0) <= room {
            return self.0.clone();
        }
        let mut tags: Vec<_> = self.0.iter().map(|tag| shortened(tag)).collect();
        while size(&tags) > room {
            tags.pop();
        }
        tags
    }
}

fn size(tags: &[String]) -> usize {
    tags.iter().map(|tag| tag.len() + 1).sum::<usize>().saturating_sub(1)
}

/// The forms in which pages may carry a tag: each is purged.
pub(crate) fn forms(tag: &str) -> Vec<String> {
    let full = encoded(tag);
    let short = shortened(&full);
    if short == full { vec![full] } else { vec![full, short] }
}

fn encoded(tag: &str) -> String {
    utf8_percent_encode(tag, ENCODED).to_string()
}

/// The tag itself, or a hash of it if that is shorter. Builds and servers must agree on it.
fn shortened(encoded: &str) -> String {
    if encoded.len() <= SHORTENED {
        return encoded.to_owned();
    }
    format!("~{:016x}", xxh3_64(encoded.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sent_as_visible_ascii() {
        let tags = ["article:7", "caf\u{e9} bar", "a,b", "100%", ""].map(Tag::new);
        let sent = ["article:7", "caf%C3%A9%20bar", "a%2Cb", "100%25"];
        assert_eq!(TagList::new(None, &tags).within(1000), sent);
        let of_build = TagList::new(Some("b1"), &tags).within(1000);
        assert_eq!(of_build[0], "build:b1");
        assert_eq!(of_build[1..], sent);
        assert!(TagList::new(None, &[]).within(1000).is_empty());
    }

    #[test]
    fn tags_are_whole_then_shortened_then_left_out() {
        let tags = TagList::new(Some("b1"), &["article:a-rather-long-slug", "all"].map(Tag::new));
        let whole = ["build:b1", "article:a-rather-long-slug", "all"];
        let short = ["build:b1", "~92d1ca91ef0db08a", "all"];
        for (room, sent) in [(39, &whole[..]), (38, &short), (30, &short), (29, &short[..2])] {
            assert_eq!(tags.within(room), sent, "{room}");
        }
        assert_eq!(tags.within(8), whole[..1]);
        assert!(tags.within(7).is_empty());
    }

    #[test]
    fn purge_names_each_form_that_a_page_may_carry() {
        assert_eq!(forms("article:7"), ["article:7"]);
        let long = "article:a-rather-long-slug";
        let list = TagList::new(None, &[Tag::new(long)]);
        let carried = [list.within(1000), list.within(SHORTENED)].concat();
        assert_eq!(forms(long), carried);
        // Each letter takes three bytes.
        assert_eq!(forms("\u{e9}\u{e9}\u{e9}").len(), 2);
    }
}
