//! What pages read, and what the guest book writes. The browser calls these functions on the server.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {crate::source, leptos_isr::data::data};

#[derive(Clone, Serialize, Deserialize)]
pub struct Article {
    pub slug: String,
    pub title: String,
    pub text: String,
}

/// A page of the list.
#[derive(Clone, Serialize, Deserialize)]
pub struct List {
    /// Slugs and titles.
    pub articles: Vec<(String, String)>,
    pub page: usize,
    pub is_last: bool,
}

#[server(input = GetUrl, client = IsrClient)]
pub async fn read_list(page: usize) -> Result<List, ServerFnError> {
    const ON_A_PAGE: usize = 3;
    let all: Vec<Article> = data("articles").tags(["articles"]).load(source::articles).await?;
    let pages = all.chunks(ON_A_PAGE).collect::<Vec<_>>();
    let shown = pages.get(page.wrapping_sub(1)).copied().unwrap_or_default();
    if shown.is_empty() {
        leptos_isr::not_found();
    }
    let link = |article: &Article| (article.slug.clone(), article.title.clone());
    let articles = shown.iter().map(link).collect();
    Ok(List { articles, page, is_last: page >= pages.len() })
}

#[server(input = GetUrl, client = IsrClient)]
pub async fn read_article(slug: String) -> Result<Option<Article>, ServerFnError> {
    let asked = slug.clone();
    let find = async move || {
        let all = source::articles().await?;
        Ok::<_, std::io::Error>(all.into_iter().find(|article| article.slug == asked))
    };
    let tag = format!("article:{slug}");
    let article = data(format!("article {slug}")).tags([tag]).load(find).await?;
    if article.is_none() {
        leptos_isr::not_found();
    }
    Ok(article)
}

#[server(input = GetUrl, client = IsrClient)]
pub async fn read_guests() -> Result<Vec<String>, ServerFnError> {
    Ok(data("guests").tags(["guests"]).load(source::guests).await?)
}

#[server]
pub async fn sign(name: String) -> Result<(), ServerFnError> {
    source::add_guest(name).await?;
    // Hard: who has signed gets the new page.
    let tags = vec!["guests".to_owned()];
    let purge = leptos_isr::purge::Purge { tags, hard: true, ..Default::default() };
    Ok(expect_context::<leptos_isr::Engine>().purge(&purge).await?)
}

/// The pages of articles that are rendered at build.
pub async fn article_slugs() -> Result<Vec<String>, ServerFnError> {
    let mut slugs = Vec::new();
    for page in 1.. {
        let list = read_list(page).await?;
        slugs.extend(list.articles.into_iter().map(|(slug, _)| slug));
        if list.is_last {
            break;
        }
    }
    Ok(slugs)
}
