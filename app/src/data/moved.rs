//! Where the article is now that was at a path before.

#[cfg(feature = "ssr")]
mod load;

use leptos::{server, server_fn::codec::GetUrl};
use leptos_isr::page::IsrClient;

use super::{failure::Failure, json_text::JsonText};

/// Reads the path of the article that was at `path` before; none if there is none.
#[server(endpoint = "moved", input = GetUrl, output = JsonText, client = IsrClient)]
pub async fn read_moved(
    /// A path of the site that has no page.
    path: String,
) -> Result<Option<String>, Failure> {
    load::moved(&path).await
}
