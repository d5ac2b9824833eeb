//! An article in a list.

use leptos::prelude::*;
use newsroom::ArticleSummary;

use super::byline::Byline;
use crate::data::site::{article_path, section_path};

/// Headline, summary and byline of an article, with links to it and to its section.
#[component]
pub(crate) fn ArticleCard(
    /// The article.
    article: ArticleSummary,
    /// The name of its section; empty where the list is of one section.
    #[prop(optional, into)]
    section_name: String,
    /// Whether it is the lead story.
    #[prop(optional)]
    is_lead: bool,
) -> impl IntoView {
    let class = if is_lead { "card lead" } else { "card" };
    let section = (!section_name.is_empty()).then(|| {
        view! { <p class="kicker"><a href=section_path(&article.section)>{section_name}</a></p> }
    });
    let summary =
        (!article.summary.is_empty()).then(|| view! { <p class="summary">{article.summary}</p> });
    view! {
        <article class=class>
            {section}
            <h3 class="headline"><a href=article_path(&article.slug)>{article.title}</a></h3>
            {summary}
            <Byline author=article.author published_at=article.published_at/>
        </article>
    }
}
