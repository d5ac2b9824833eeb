//! `/sections/:section`

use futures::try_join;
use leptos::prelude::*;
use newsroom::{ArticlePage, Section};

use super::{page, path_part, query};
use crate::{
    components::{
        article_card::ArticleCard,
        head::Head,
        page_links::{PageLinks, page_path},
    },
    data::{
        pagination::{PageNumber, page_count},
        site::section_path,
        source::ContentSource,
    },
};

const PER_PAGE: u32 = 12;

/// One page of a section's articles.
#[component]
pub(crate) fn SectionPage() -> impl IntoView {
    page(async {
        let (slug, source) = (path_part("section"), ContentSource::for_visitor());
        let Some(page) = PageNumber::from_query(query("page").as_deref()) else { return Ok(None) };
        let (list, section) =
            try_join!(source.list(Some(&slug), page, PER_PAGE), source.section(&slug))?;
        let section = section.filter(|_| !list.articles.is_empty());
        Ok(section.map(|section| view! { <Articles section list page=page.number()/> }))
    })
}

#[component]
fn Articles(section: Section, list: ArticlePage, page: u32) -> impl IntoView {
    let ArticlePage { articles, total } = list;
    let path = section_path(&section.slug);
    let title = match page {
        1 => section.name.clone(),
        _ => format!("{}, page {page}", section.name),
    };
    let description = format!("Articles on {}, newest first.", section.name);
    let cards = articles.into_iter().map(|article| view! { <li><ArticleCard article/></li> });
    let cards = cards.collect_view();
    view! {
        <Head title description path=page_path(&path, page)/>
        <header class="list-head">
            <h1>{section.name}</h1>
            <p>{if total == 1 { "1 article".to_owned() } else { format!("{total} articles") }}</p>
        </header>
        <h2 class="visually-hidden">"Articles"</h2>
        <ul class="list-grid">{cards}</ul>
        <PageLinks path page pages=page_count(total, PER_PAGE)/>
    }
}
