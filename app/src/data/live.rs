//! How fresh a stored page can be.

#[cfg(feature = "ssr")]
mod load;

use leptos::{server, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;
use serde::{Deserialize, Serialize};

use super::{failure::Failure, json_text::JsonText};

/// What the live page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// How many articles are published.
    pub articles: u64,
    /// When the server counted them, RFC 3339 in UTC.
    pub rendered_at: String,
}

/// Counts the articles.
#[server(endpoint = "live", input = GetUrl, output = JsonText, client = IsrClient)]
pub async fn read_live() -> Result<Live, Failure> {
    load::live().await
}
