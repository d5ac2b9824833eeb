//! One page of a section's articles.

#[cfg(feature = "ssr")]
mod load;

use leptos::{server, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;
use newsroom::{ArticleSummary, Section};
use serde::{Deserialize, Serialize};

use super::{failure::Failure, json_text::JsonText};

/// What a section's page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionView {
    /// The section.
    pub section: Section,
    /// The articles on this page, newest first; never empty.
    pub articles: Vec<ArticleSummary>,
    /// The number of this page, from 1.
    pub page: u32,
    /// How many pages the section has.
    pub pages: u32,
    /// How many articles the section has.
    pub total: u64,
}

/// Reads one page of a section.
///
/// None if there is no such section, or `page` is not the number of one of its pages.
#[server(endpoint = "section", input = GetUrl, output = JsonText, client = IsrClient)]
pub async fn read_section(
    /// The section's name in addresses.
    slug: String,
    /// The value of the query parameter `page`.
    page: Option<String>,
) -> Result<Option<SectionView>, Failure> {
    load::section(&slug, page.as_deref()).await
}

/// The name of the section with `slug`, or the slug where the section is not listed.
#[must_use]
pub fn name_of<'a>(slug: &'a str, sections: &'a [Section]) -> &'a str {
    sections.iter().find(|section| section.slug == slug).map_or(slug, |section| &section.name)
}
