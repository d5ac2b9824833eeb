//! `/search`

use futures::try_join;
use leptos::prelude::*;
use leptos_isr::minutes;
use newsroom::{ArticleSummary, Section};

use super::{page, query};
use crate::{
    components::{article_card::ArticleCard, head::PrivateHead},
    data::{site::name_of, source::ContentSource},
};

/// How many of the newest articles are searched.
const SEARCHED: usize = 500;
const MAX_QUERY_CHARS: usize = 200;

/// Searches titles and summaries; rendered for each visitor, never stored.
#[component]
pub(crate) fn SearchPage() -> impl IntoView {
    page(async {
        let asked = query("q").unwrap_or_default();
        let query: String = asked.trim().chars().take(MAX_QUERY_CHARS).collect();
        let source = ContentSource::for_visitor().within(minutes(1));
        let (newest, sections) = match query.is_empty() {
            true => Default::default(),
            false => try_join!(source.newest(SEARCHED), source.sections())?,
        };
        let searched = newest.len();
        let found = newest.into_iter().filter(|article| matches(&query, article));
        let articles: Vec<_> = found.collect();
        Ok(Some(view! {
            <PrivateHead title="Search"/>
            <h1>"Search"</h1>
            <form method="GET" action="/search">
                <div class="search-form" role="search">
                    <label for="q">"Words in titles and summaries"</label>
                    <input id="q" name="q" type="search" value=asked maxlength="200"/>
                    <button type="submit">"Search"</button>
                </div>
            </form>
            <Results query articles sections searched/>
        }))
    })
}

/// Whether every word of `query` stands in the article's title or summary.
///
/// Upper and lower case are the same. A query without words matches nothing.
fn matches(query: &str, article: &ArticleSummary) -> bool {
    let text = format!("{} {}", article.title, article.summary).to_lowercase();
    let query = query.to_lowercase();
    let mut words = query.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| text.contains(word))
}

#[component]
fn Results(
    query: String,
    articles: Vec<ArticleSummary>,
    sections: Vec<Section>,
    searched: usize,
) -> impl IntoView {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_stand_in_title_or_summary() {
        let article = ArticleSummary {
            slug: "s".to_owned(),
            title: "Single Flight".to_owned(),
            summary: "One render for all who wait in ZÜRICH.".to_owned(),
            section: "hidden".to_owned(),
            author: "hidden".to_owned(),
            published_at: String::new(),
            updated_at: String::new(),
        };
        for (query, is_match) in [
            ("flight", true),
            ("FLIGHT render", true),
            ("zürich", true),
            ("flight missing", false),
            ("hidden", false),
            ("", false),
            ("  ", false),
        ] {
            assert_eq!(matches(query, &article), is_match, "{query:?}");
        }
    }
}
