//! `/search`

use leptos::{ev::SubmitEvent, html::Input, prelude::*};
use leptos_isr::page::hydrate_at_once;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    components::{
        article_card::ArticleCard,
        head::PrivateHead,
        outcome::{once_read, outcome},
    },
    data::{
        search::{Found, search_articles},
        section::name_of,
        site::search_path,
    },
};

/// Searches titles and summaries; rendered for each visitor, never stored.
#[component]
pub(crate) fn SearchPage() -> impl IntoView {
    let query = use_query_map();
    let asked = move || query.read().get("q").unwrap_or_default();
    let found = Resource::new(asked, search_articles);
    let typed = NodeRef::<Input>::new();
    let navigate = use_navigate();
    // Leptos's own `<Form>` would send the button's empty name along.
    let search = move |event: SubmitEvent| {
        if let Some(input) = typed.get() {
            event.prevent_default();
            navigate(&search_path(&input.value()), NavigateOptions::default());
        }
    };
    hydrate_at_once(view! {
        <PrivateHead title="Search"/>
        <h1>"Search"</h1>
        <form method="GET" action="/search" on:submit=search>
            <div class="search-form" role="search">
                <label for="q">"Words in titles and summaries"</label>
                <input id="q" name="q" node_ref=typed type="search" value=asked maxlength="200"/>
                <button type="submit">"Search"</button>
            </div>
        </form>
        {once_read(move || async move {
            outcome(found.await.map(Some), |found| view! { <Results found/> })
        })}
    })
}

#[component]
fn Results(found: Found) -> impl IntoView {
    let Found { query, articles, sections, searched } = found;
    let said = match (query.is_empty(), articles.len()) {
        (true, _) => String::new(),
        (_, 0) => format!("Nothing found for “{query}” in the newest {searched} articles."),
        (_, 1) => format!("1 article for “{query}”."),
        (_, count) => format!("{count} articles for “{query}”."),
    };
    let cards = articles.into_iter().map(|article| {
        let section_name = name_of(&article.section, &sections).to_owned();
        view! { <li><ArticleCard article section_name/></li> }
    });
    let cards = cards.collect_view();
    view! {
        <div role="status">
            {(!said.is_empty()).then(|| view! { <h2 class="found">{said}</h2> })}
        </div>
        <ul class="list-grid">{cards}</ul>
    }
}
