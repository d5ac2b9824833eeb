//! Puts the front page together from the content source.

use futures::{future::try_join_all, try_join};
use newsroom::{ArticleSummary, Section};

use super::{Front, Rail};
use crate::data::{
    answer, failure::Failure, pagination::PageNumber, source::ContentSource,
    source_error::ContentError,
};

const NEWEST: u32 = 7;
const PER_RAIL: u32 = 4;
const RAILS: usize = 6;

pub(super) async fn front() -> Result<Front, Failure> {
    read(&ContentSource::for_visitor()).await.map_err(|error| answer::unavailable(&error))
}

async fn read(source: &ContentSource) -> Result<Front, ContentError> {
    let (newest, sections) =
        try_join!(source.list(None, PageNumber::FIRST, NEWEST), source.sections())?;
    // Enough that a rail stays full when all of the newest are of its section.
    let rails = largest(&sections).into_iter().map(async |section| {
        let page = source.list(Some(&section.slug), PageNumber::FIRST, NEWEST + PER_RAIL).await?;
        Ok(Rail { articles: others(page.articles, &newest.articles), section })
    });
    let mut rails = try_join_all(rails).await?;
    rails.retain(|rail| !rail.articles.is_empty());
    Ok(Front { newest: newest.articles, rails, sections })
}

fn largest(sections: &[Section]) -> Vec<Section> {
    let mut sections = sections.to_vec();
    sections.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.slug.cmp(&b.slug)));
    sections.truncate(RAILS);
    sections
}

fn others(articles: Vec<ArticleSummary>, shown: &[ArticleSummary]) -> Vec<ArticleSummary> {
    let is_new = |article: &ArticleSummary| shown.iter().all(|other| other.slug != article.slug);
    articles.into_iter().filter(is_new).take(PER_RAIL as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(slug: &str, count: u64) -> Section {
        Section { slug: slug.to_owned(), name: slug.to_owned(), count }
    }

    fn article(slug: &str) -> ArticleSummary {
        ArticleSummary {
            slug: slug.to_owned(),
            title: String::new(),
            summary: String::new(),
            section: String::new(),
            author: String::new(),
            published_at: String::new(),
            updated_at: String::new(),
        }
    }

    #[test]
    fn largest_sections_come_first_and_ties_are_stable() {
        let sections = [section("b", 2), section("c", 9), section("a", 2)];
        let slugs: Vec<_> = largest(&sections).into_iter().map(|section| section.slug).collect();
        assert_eq!(slugs, ["c", "a", "b"]);
    }

    #[test]
    fn rail_leaves_out_what_the_page_shows_already() {
        let articles = ["1", "2", "3", "4", "5", "6"].map(article).to_vec();
        let shown = ["2", "9"].map(article);
        let slugs: Vec<_> = others(articles, &shown).into_iter().map(|a| a.slug).collect();
        assert_eq!(slugs, ["1", "3", "4", "5"]);
    }
}
