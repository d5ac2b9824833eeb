//! The front page.

#[cfg(feature = "ssr")]
mod load;

use leptos::{server, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;
use newsroom::{ArticleSummary, Section};
use serde::{Deserialize, Serialize};

use super::{failure::Failure, json_text::JsonText};

/// What the front page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Front {
    /// The newest articles; the first is the lead story.
    pub newest: Vec<ArticleSummary>,
    /// The largest sections with articles that are not among the newest.
    pub rails: Vec<Rail>,
    /// All sections.
    pub sections: Vec<Section>,
}

/// A section on the front page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rail {
    /// The section.
    pub section: Section,
    /// Its newest articles that the page does not show already; never empty.
    pub articles: Vec<ArticleSummary>,
}

/// Reads the front page.
#[server(endpoint = "front", input = GetUrl, output = JsonText, client = IsrClient)]
pub async fn read_front() -> Result<Front, Failure> {
    load::front().await
}
