//! `/articles/:slug`

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use newsroom::ArticleSummary;

use crate::{
    components::{
        byline::Byline,
        copy_link::CopyLink,
        head::Head,
        outcome::{once_read, outcome},
    },
    data::{
        article::{ArticleView, read_article},
        date::day,
        failure::Failure,
        site::{article_path, section_path},
    },
};

/// One article.
#[component]
pub(crate) fn ArticlePage() -> impl IntoView {
    let params = use_params_map();
    let slug = move || params.read().get("slug").unwrap_or_default();
    let view = Resource::new(slug, async |slug| {
        let read = read_article(slug.clone()).await?;
        // Of the slug that was asked for: the visitor may have gone on meanwhile.
        Ok::<_, Failure>(read.map(|view| (view.article.slug != slug, view)))
    });
    once_read(move || async move {
        outcome(view.await, |(is_elsewhere, view)| {
            if is_elsewhere {
                leptos_isr::permanent_redirect(article_path(&view.article.slug));
            }
            view! { <ArticleText view/> }
        })
    })
}

#[component]
fn ArticleText(view: ArticleView) -> impl IntoView {
    let ArticleView { article, related } = view;
    let path = article_path(&article.slug);
    let section = (!article.section.is_empty()).then(|| {
        view! { <p class="kicker"><a href=section_path(&article.section)>{article.section_name.clone()}</a></p> }
    });
    let related = (!related.is_empty())
        .then(|| view! { <Related articles=related name=article.section_name/> });
    let standfirst = (!article.summary.is_empty())
        .then(|| view! { <p class="standfirst">{article.summary.clone()}</p> });
    let (published, updated) = (day(&article.published_at), day(&article.updated_at));
    let updated = (updated != published).then(|| {
        view! { <p>"Last changed on "<time datetime=article.updated_at>{updated}</time>"."</p> }
    });
    view! {
        <Head title=article.title.clone() description=article.summary path kind="article"/>
        <article class="article">
            <header>
                {section}
                <h1>{article.title}</h1>
                {standfirst}
                <Byline author=article.author published_at=article.published_at/>
            </header>
            <div class="prose" inner_html=article.body_html></div>
            <footer>
                {updated}
                <CopyLink/>
            </footer>
        </article>
        {related}
    }
}

/// Others of the section.
#[component]
fn Related(articles: Vec<ArticleSummary>, name: String) -> impl IntoView {
    let items = articles.into_iter().map(|article| {
        view! { <li><a href=article_path(&article.slug)>{article.title}</a></li> }
    });
    view! {
        <aside class="related" aria-labelledby="related">
            <h2 id="related">"More in " {name}</h2>
            <ul>{items.collect_view()}</ul>
        </aside>
    }
}
