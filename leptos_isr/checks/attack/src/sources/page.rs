//! What is asked for, in which spelling.

use fastrand::Rng;

use super::content::{ARTICLES, SECTIONS, slug};

/// A page of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Front,
    Section(usize, usize),
    Article(usize),
    Feed,
    SiteMap,
    About,
}

use Page::*;

impl Page {
    /// Every page that the site has, whatever is deleted.
    pub(super) fn all() -> Vec<Self> {
        let sections = (0..SECTIONS.len()).map(|section| Section(section, 1));
        let articles = (0..ARTICLES).map(Article);
        [Front, Feed, SiteMap, About].into_iter().chain(sections).chain(articles).collect()
    }

    pub(super) fn path(self) -> String {
        match self {
            Front => "/".to_owned(),
            Section(section, 1) => format!("/sections/{}", SECTIONS[section]),
            Section(section, page) => format!("/sections/{}?page={page}", SECTIONS[section]),
            Article(article) => format!("/articles/{}", slug(article)),
            Feed => "/feed.xml".to_owned(),
            SiteMap => "/sitemap.xml".to_owned(),
            About => "/about".to_owned(),
        }
    }

    /// The article that it is about.
    pub(super) fn article(self) -> Option<usize> {
        match self {
            Article(article) => Some(article),
            _ => None,
        }
    }

    /// What a whole page ends with.
    pub(super) fn end(self) -> &'static str {
        match self {
            Feed => "</feed>",
            SiteMap => "</urlset>",
            _ => "</script>",
        }
    }

    fn random(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            0..70 => Article(rng.usize(..ARTICLES)),
            70..82 => Section(rng.usize(..SECTIONS.len()), rng.usize(1..=2)),
            82..93 => Front,
            93..96 => Feed,
            96..98 => SiteMap,
            _ => About,
        }
    }
}

/// What an address stands for.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Page(Page),
    /// An article in other letters than its own.
    Twisted(usize),
    /// A path without a page.
    Unknown,
    /// A page in a spelling that is moved to this one.
    Moved(String),
    /// No path of a page at all.
    Malformed,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Get,
    Gzip,
    Head,
    Prefetch,
    /// With the validator of an answer before.
    Conditional,
}

/// One request of a visitor.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) target: Target,
    pub(super) how: How,
    pub(super) path: String,
}

impl Question {
    pub(super) fn plain(page: Page) -> Self {
        Self { target: Target::Page(page), how: How::Get, path: page.path() }
    }

    pub(super) fn random(rng: &mut Rng) -> Self {
        let how = match rng.u8(..100) {
            0..65 => How::Get,
            65..78 => How::Gzip,
            78..83 => How::Head,
            83..88 => How::Prefetch,
            _ => How::Conditional,
        };
        let (target, path) = match rng.u8(..100) {
            0..84 => {
                let page = Page::random(rng);
                (Target::Page(page), page.path())
            }
            84..92 => (Target::Unknown, unknown(rng)),
            _ => spelt(rng),
        };
        Self { target, how, path }
    }
}

fn unknown(rng: &mut Rng) -> String {
    let number = rng.u32(..);
    match rng.u8(..5) {
        0 => format!("/{number}"),
        1 => format!("/sections/none{number}"),
        2 => format!("/articles/{}%2F..%2F{number}", slug(rng.usize(..ARTICLES))),
        _ => format!("/articles/none{number}"),
    }
}

/// An article in a spelling that is not its own.
fn spelt(rng: &mut Rng) -> (Target, String) {
    let article = rng.usize(..ARTICLES);
    let (page, slug) = (Article(article), slug(article));
    let path = page.path();
    match rng.u8(..8) {
        0 | 1 => (Target::Twisted(article), format!("/articles/{}", slug.to_uppercase())),
        2 => (Target::Moved(path.clone()), format!("{path}/")),
        3 => {
            let (first, rest) = slug.split_at(1);
            (Target::Page(page), format!("/articles/%{:02x}{rest}", first.as_bytes()[0]))
        }
        4 => (Target::Page(page), format!("{path}?utm_source=attack&page={}", rng.u8(..))),
        5 => (Target::Malformed, format!("/articles/{slug}%00")),
        6 => (Target::Malformed, "/articles/%zz".to_owned()),
        _ => (Target::Malformed, format!("/articles/{}", "long".repeat(1500))),
    }
}
