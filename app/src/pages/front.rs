//! `/`

use futures::{future::try_join_all, try_join};
use islands::follow::FollowPage;
use leptos::prelude::*;
use newsroom::{ArticleSummary, Section};

use super::page;
use crate::{
    SITE_NAME,
    components::{article_card::ArticleCard, head::Head, section_nav::SectionNav},
    data::{
        pagination::PageNumber,
        site::{SITE_SUMMARY, name_of, section_path},
        source::ContentSource,
        source_error::ContentError,
    },
};

const NEWEST: u32 = 7;
const PER_RAIL: u32 = 4;
const RAILS: usize = 6;

/// A section on the front page.
struct Rail {
    section: Section,
    /// Its newest articles that the page does not show already; never empty.
    articles: Vec<ArticleSummary>,
}

/// The front page: a lead story, the newest articles, the sections.
#[component]
pub(crate) fn FrontPage() -> impl IntoView {
    page(async {
        let source = ContentSource::for_visitor();
        let (newest, sections) =
            try_join!(source.list(None, PageNumber::FIRST, NEWEST), source.sections())?;
        let newest = newest.articles;
        let rails = rails(&source, &sections, &newest).await?;
        Ok(Some(view! {
            <Head title=SITE_NAME description=SITE_SUMMARY path="/"/>
            <FollowPage>""</FollowPage>
            <h1 class="visually-hidden">{SITE_NAME}</h1>
            <Stories newest rails sections/>
        }))
    })
}

/// The largest sections, with articles that are not among `shown`.
async fn rails(
    source: &ContentSource,
    sections: &[Section],
    shown: &[ArticleSummary],
) -> Result<Vec<Rail>, ContentError> {
    // Enough that a rail stays full when all that is shown is of its section.
    let rails = largest(sections).into_iter().map(async |section| {
        let page = source.list(Some(&section.slug), PageNumber::FIRST, NEWEST + PER_RAIL).await?;
        Ok(Rail { articles: others(page.articles, shown), section })
    });
    let mut rails = try_join_all(rails).await?;
    rails.retain(|rail| !rail.articles.is_empty());
    Ok(rails)
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

#[component]
fn Stories(newest: Vec<ArticleSummary>, rails: Vec<Rail>, sections: Vec<Section>) -> impl IntoView {
    let is_empty = newest.is_empty();
    view! {
        <SectionNav sections=sections.clone()/>
        {is_empty.then(|| view! { <p class="empty">"No article has been published yet."</p> })}
        <Newest articles=newest sections/>
        {rails.into_iter().map(|rail| view! { <RailView rail/> }).collect_view()}
    }
}

#[component]
fn Newest(articles: Vec<ArticleSummary>, sections: Vec<Section>) -> impl IntoView {
    let cards = articles.into_iter().enumerate().map(|(index, article)| {
        let section_name = name_of(&article.section, &sections).to_owned();
        view! { <li><ArticleCard article section_name is_lead={index == 0}/></li> }
    });
    let cards = cards.collect_view();
    view! {
        <section aria-labelledby="newest">
            <h2 id="newest" class="visually-hidden">"Newest"</h2>
            <ul class="front-grid">{cards}</ul>
        </section>
    }
}

#[component]
fn RailView(rail: Rail) -> impl IntoView {
    let Rail { section, articles } = rail;
    let heading = format!("rail-{}", section.slug);
    let id = heading.clone();
    let cards = articles.into_iter().map(|article| view! { <li><ArticleCard article/></li> });
    let cards = cards.collect_view();
    view! {
        <section class="rail" aria-labelledby=id>
            <h2 id=heading><a href=section_path(&section.slug)>{section.name}</a></h2>
            <ul class="rail-grid">{cards}</ul>
        </section>
    }
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
