//! What the source knows: articles, whose versions only grow, in text that names them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub(super) const ARTICLES: usize = 45;
pub(super) const SECTIONS: [&str; 3] = ["north", "south", "west"];

/// All articles. The first of each section is never deleted, so no section ever ends.
#[derive(Debug)]
pub(super) struct Content(Mutex<Vec<Article>>);

/// One article: what it is at each version.
#[derive(Clone, Debug)]
struct Article {
    /// Whether it is there; the first is version 1.
    states: Vec<bool>,
    /// The version that the source answers: the newest, or one behind it.
    visible: u64,
}

impl Default for Content {
    fn default() -> Self {
        Self(Mutex::new(vec![Article { states: vec![true], visible: 1 }; ARTICLES]))
    }
}

impl Content {
    /// A new version, which the source does not answer yet.
    pub(super) fn change(&self, article: usize, is_there: bool) {
        self.lock()[article].states.push(is_there);
    }

    /// The source answers the newest version from now on; returns it.
    pub(super) fn show(&self, article: usize) -> u64 {
        let article = &mut self.lock()[article];
        article.visible = article.states.len() as u64;
        article.visible
    }

    pub(super) fn show_all(&self) {
        for article in 0..ARTICLES {
            self.show(article);
        }
    }

    /// The version that the source answers.
    pub(super) fn visible(&self, article: usize) -> u64 {
        self.lock()[article].visible
    }

    /// Whether the newest version is there.
    pub(super) fn is_there(&self, article: usize) -> bool {
        self.lock()[article].states.last() == Some(&true)
    }

    /// Whether the source has answered with this version.
    pub(super) fn was_shown(&self, article: usize, version: u64) -> bool {
        let article = &self.lock()[article];
        version <= article.visible && article.is_there(version)
    }

    /// The first version from `least` on at which the source has said that it is gone.
    pub(super) fn gone_since(&self, article: usize, least: u64) -> Option<u64> {
        let article = &self.lock()[article];
        (least.max(1)..=article.visible).find(|version| !article.is_there(*version))
    }

    /// The article as the source answers it.
    pub(super) fn article(&self, index: usize) -> Option<Value> {
        let article = self.lock()[index].clone();
        article.is_there(article.visible).then(|| whole(index, article.visible))
    }

    /// A page of a list as the source answers it, newest first.
    pub(super) fn list(&self, section: Option<&str>, page: usize, per_page: usize) -> Value {
        let articles = self.lock().clone();
        let there = articles.iter().enumerate().filter(|(index, article)| {
            article.is_there(article.visible) && section.is_none_or(|it| it == section_of(*index))
        });
        let all: Vec<_> = there.map(|(index, article)| brief(index, article.visible)).collect();
        let total = all.len();
        let page: Vec<_> =
            all.into_iter().skip(page.saturating_sub(1) * per_page).take(per_page).collect();
        json!({ "articles": page, "total": total })
    }

    pub(super) fn sections(&self) -> Value {
        let count = |section: &&str| self.list(Some(section), 1, ARTICLES)["total"].clone();
        let sections = SECTIONS.iter().map(|section| {
            json!({ "slug": section, "name": section.to_uppercase(), "count": count(section) })
        });
        sections.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Article>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Article {
    fn is_there(&self, version: u64) -> bool {
        version > 0 && self.states.get(version as usize - 1) == Some(&true)
    }
}

pub(super) fn slug(article: usize) -> String {
    let names = ["rain", "snow", "wind", "hail", "fog"];
    format!("{}{article}", names[article % names.len()])
}

pub(super) fn index(slug: &str) -> Option<usize> {
    (0..ARTICLES).find(|article| self::slug(*article) == slug)
}

pub(super) fn section_of(article: usize) -> &'static str {
    SECTIONS[article % SECTIONS.len()]
}

/// Whether an article may be deleted.
pub(super) fn may_go(article: usize) -> bool {
    article >= SECTIONS.len()
}

/// The parts of an article that bear a mark, in the order in which they come.
pub(super) const PARTS: [char; 4] = ['t', 's', 'b', 'z'];

/// Text that says of which article, which version and which part it is.
fn mark(article: usize, version: u64, part: char) -> String {
    format!("@{}.{version}.{part}@", slug(article))
}

/// What a mark in a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) article: usize,
    pub(super) version: u64,
    pub(super) part: char,
}

/// Every mark in a text.
pub(super) fn marks(text: &str) -> impl Iterator<Item = Mark> {
    text.split('@').filter_map(|mark| {
        let [name, version, part] = mark.split('.').collect::<Vec<_>>()[..] else { return None };
        let mut part = part.chars();
        let (Some(part), None) = (part.next(), part.next()) else { return None };
        Some(Mark { article: index(name)?, version: version.parse().ok()?, part })
    })
}

fn brief(article: usize, version: u64) -> Value {
    let day = ARTICLES - article;
    json!({
        "slug": slug(article),
        "title": mark(article, version, 't'),
        "summary": mark(article, version, 's'),
        "section": section_of(article),
        "section_name": section_of(article).to_uppercase(),
        "author": "A Stand-in",
        "published_at": format!("2026-0{}-{:02}T03:04:05Z", 1 + day / 28, 1 + day % 28),
    })
}

fn whole(article: usize, version: u64) -> Value {
    let mut value = brief(article, version);
    let (first, last) = (mark(article, version, 'b'), mark(article, version, 'z'));
    // Some fill a packet, some many.
    let text = "<p>It is a day like any other, and so on.</p>".repeat(article * article / 4);
    value["body_html"] = format!("<p>{first}</p>{text}<p>{last}</p>").into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn article_bears_a_mark_in_each_part() {
        let text = Content::default().article(7).unwrap().to_string();
        let mut parts: Vec<_> = marks(&text).map(|mark| mark.part).collect();
        parts.sort_unstable();
        assert_eq!(parts, ['b', 's', 't', 'z']);
        assert!(marks(&text).all(|mark| (mark.article, mark.version) == (7, 1)));
    }

    #[test]
    fn version_counts_once_the_source_shows_it() {
        let content = Content::default();
        content.change(5, false);
        assert!(content.gone_since(5, 0).is_none() && content.article(5).is_some());
        assert_eq!(content.show(5), 2);
        assert_eq!(content.gone_since(5, 0), Some(2));
        content.change(5, true);
        content.show(5);
        assert!(content.was_shown(5, 3) && !content.was_shown(5, 2));
        assert_eq!(content.gone_since(5, 3), None);
    }
}
