//! `/articles/:slug`

use islands::copy_link::CopyLink;
use leptos::prelude::*;
use newsroom::{Article, ArticleSummary};

use super::{page, path_part};
use crate::{
    components::{byline::Byline, head::Head},
    data::{
        date::day,
        pagination::PageNumber,
        site::{article_path, section_path},
        source::ContentSource,
        source_error::ContentError,
    },
};

/// How many other articles a page links to.
const RELATED: usize = 3;

/// One article.
#[component]
pub(crate) fn ArticlePage() -> impl IntoView {
    page(async {
        let (slug, source) = (path_part("slug"), ContentSource::for_visitor());
        let Some(article) = found(&source, &slug).await? else { return Ok(None) };
        if article.slug != slug {
            leptos_isr::permanent_redirect(article_path(&article.slug));
        }
        let related = related(&source, &article).await?;
        Ok(Some(view! { <ArticleText article related/> }))
    })
}

/// The article with `slug`, or the one that had it before.
async fn found(source: &ContentSource, slug: &str) -> Result<Option<Article>, ContentError> {
    if let Some(article) = source.article(slug).await? {
        return Ok(Some(article));
    }
    match source.moved_from(&article_path(slug)).await? {
        Some(slug) => source.article(&slug).await,
        None => Ok(None),
    }
}

/// The newest others of its section.
async fn related(
    source: &ContentSource,
    article: &Article,
) -> Result<Vec<ArticleSummary>, ContentError> {
    if article.section.is_empty() {
        return Ok(Vec::new());
    }
    let list = source.list(Some(&article.section), PageNumber::FIRST, RELATED as u32 + 1).await?;
    let others = list.articles.into_iter().filter(|other| other.slug != article.slug);
    Ok(others.take(RELATED).collect())
}

#[component]
fn ArticleText(article: Article, related: Vec<ArticleSummary>) -> impl IntoView {
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
