//! What reads of content are labelled with, and what a change of an article
//! therefore purges.
//!
//! A read of an article, alone or in a list, carries the article's tag. A list
//! also carries a tag for its membership and order, which changes when an article
//! enters, leaves or moves, not when one is edited.

use newsroom::ArticleSource;

/// What shows this article.
pub(super) fn article(slug: &str) -> String {
    format!("article:{slug}")
}

/// Lists of a section's articles; of all articles without a section.
pub(super) fn list(section: Option<&str>) -> String {
    section.map_or_else(|| "articles".to_owned(), |section| format!("section:{section}"))
}

/// The list of sections, with their counts.
pub(super) const SECTIONS: &str = "sections";

/// What shows something of every article, and so is not labelled with each.
pub(super) const ANY_ARTICLE: &str = "any-article";

/// The paths at which articles were before.
pub(super) const ALIASES: &str = "aliases";

/// Where readers find a published article.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    section: String,
    published_at: Option<String>,
}

/// The tags whose pages show something else after a change of the article
/// `slug`; none if no reader could see it before or after.
pub(crate) fn changed(
    slug: &str,
    before: Option<&ArticleSource>,
    after: Option<&ArticleSource>,
) -> Vec<String> {
    let (before, after) = (place(before), place(after));
    if before.is_none() && after.is_none() {
        return Vec::new();
    }
    let mut tags = vec![article(slug), ANY_ARTICLE.to_owned()];
    if before != after {
        tags.extend([list(None), SECTIONS.to_owned()]);
        let sections = before.iter().chain(&after).map(|place| list(Some(&place.section)));
        tags.extend(sections);
    }
    if before.is_some() != after.is_some() {
        tags.push(ALIASES.to_owned());
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn place(source: Option<&ArticleSource>) -> Option<Place> {
    source.filter(|source| source.published).map(|source| Place {
        section: source.section_slug.clone(),
        published_at: source.published_at.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(section: &str, published: bool) -> ArticleSource {
        ArticleSource {
            slug: "a".to_owned(),
            title: String::new(),
            summary: String::new(),
            section: section.to_owned(),
            section_slug: section.to_owned(),
            author: String::new(),
            body_markdown: String::new(),
            published_at: Some("2026-01-01T00:00:00Z".to_owned()),
            published,
            updated_at: String::new(),
        }
    }

    #[test]
    fn only_what_readers_see_is_purged() {
        let (news, tech, draft) =
            (source("news", true), source("tech", true), source("news", false));
        let edited = ["any-article", "article:a"];
        let moved = ["aliases", "any-article", "article:a", "articles", "section:news", "sections"];
        let across = [&moved[1..5], &["section:tech", "sections"]].concat();
        for (before, after, expected) in [
            (None, Some(&draft), &[][..]),
            (Some(&draft), Some(&draft), &[]),
            (Some(&draft), None, &[]),
            (Some(&news), Some(&news), &edited),
            (None, Some(&news), &moved),
            (Some(&draft), Some(&news), &moved),
            (Some(&news), Some(&draft), &moved),
            (Some(&news), None, &moved),
            (Some(&news), Some(&tech), &across),
        ] {
            assert_eq!(changed("a", before, after), expected, "{before:?} {after:?}");
        }
    }
}
