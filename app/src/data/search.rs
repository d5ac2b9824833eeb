//! Searching titles and summaries.

#[cfg(feature = "ssr")]
mod load;

use leptos::{server, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;
use newsroom::{ArticleSummary, Section};
use serde::{Deserialize, Serialize};

use super::{failure::Failure, json_text::JsonText};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What was searched for, trimmed; empty if nothing was.
    pub query: String,
    /// The articles that match, newest first.
    pub articles: Vec<ArticleSummary>,
    /// All sections.
    pub sections: Vec<Section>,
    /// How many articles were searched: the newest ones.
    pub searched: usize,
}

/// Searches the newest articles for all words of `query`.
#[server(endpoint = "search", input = GetUrl, output = JsonText, client = IsrClient)]
pub async fn search_articles(
    /// What the visitor typed.
    query: String,
) -> Result<Found, Failure> {
    load::search(&query).await
}

/// Whether every word of `query` stands in the article's title or summary.
///
/// Upper and lower case are the same. A query without words matches nothing.
#[must_use]
pub fn matches(query: &str, article: &ArticleSummary) -> bool {
    let text = format!("{} {}", article.title, article.summary).to_lowercase();
    let query = query.to_lowercase();
    let mut words = query.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| text.contains(word))
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
