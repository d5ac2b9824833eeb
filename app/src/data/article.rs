//! One article as its page shows it.

#[cfg(feature = "ssr")]
mod load;

use leptos::{server, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;
use newsroom::{Article, ArticleSummary};
use serde::{Deserialize, Serialize};

use super::{failure::Failure, json_text::JsonText};

/// An article and what the page around it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArticleView {
    /// The article.
    pub article: Article,
    /// The newest others of its section.
    pub related: Vec<ArticleSummary>,
}

/// Reads the published article with `slug`; none if there is no such article.
#[server(endpoint = "article", input = GetUrl, output = JsonText, client = IsrClient)]
pub async fn read_article(
    /// The article's name in addresses.
    slug: String,
) -> Result<Option<ArticleView>, Failure> {
    load::article(&slug).await
}
