//! `/`

use leptos::prelude::*;
use leptos_isr::{page::hydrate_at_once, use_live};
use newsroom::{ArticleSummary, Section};

use crate::{
    SITE_NAME,
    components::{
        article_card::ArticleCard,
        head::Head,
        outcome::{once_read, outcome},
        section_nav::SectionNav,
    },
    data::{
        front::{Front, Rail, read_front},
        section::name_of,
        site::{SITE_SUMMARY, section_path},
    },
};

/// The front page: a lead story, the newest articles, the sections.
#[component]
pub(crate) fn FrontPage() -> impl IntoView {
    let data = Resource::new(|| (), |()| read_front());
    use_live(move || data.refetch());
    hydrate_at_once(view! {
        <Head title=SITE_NAME description=SITE_SUMMARY path="/"/>
        <h1 class="visually-hidden">{SITE_NAME}</h1>
        {once_read(move || async move {
            outcome(data.await.map(Some), |front| view! { <Stories front/> })
        })}
    })
}

#[component]
fn Stories(front: Front) -> impl IntoView {
    let Front { newest, rails, sections } = front;
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
