//! `/sections/:section`

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    components::{
        article_card::ArticleCard,
        head::Head,
        outcome::{once_read, outcome},
        page_links::{PageLinks, page_path},
    },
    data::{
        section::{SectionView, read_section},
        site::section_path,
    },
};

/// One page of a section's articles.
#[component]
pub(crate) fn SectionPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked =
        move || (params.read().get("section").unwrap_or_default(), query.read().get("page"));
    let view = Resource::new(asked, |(slug, page)| read_section(slug, page));
    once_read(move || async move { outcome(view.await, |view| view! { <Articles view/> }) })
}

#[component]
fn Articles(view: SectionView) -> impl IntoView {
    let SectionView { section, articles, page, pages, total } = view;
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
        <PageLinks path page pages/>
    }
}
