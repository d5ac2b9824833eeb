//! `/live`

use std::time::SystemTime;

use islands::follow::FollowPage;
use leptos::prelude::*;

use super::page;
use crate::{
    components::head::Head,
    data::{date::day_and_time, pagination::PageNumber, source::ContentSource},
};

/// A page that is stored for two seconds: when it was rendered, and how many articles there were.
#[component]
pub(crate) fn LivePage() -> impl IntoView {
    page(async {
        let list = ContentSource::for_visitor().list(None, PageNumber::FIRST, 1).await?;
        let rendered_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        Ok(Some(view! { <Live articles=list.total rendered_at/> }))
    })
}

/// `rendered_at` is an RFC 3339 moment in UTC, with milliseconds: two renders within a second differ.
#[component]
fn Live(articles: u64, rendered_at: String) -> impl IntoView {
    let shown = day_and_time(&rendered_at);
    view! {
        <Head title="Live" description="When this page was rendered, and how many articles there are." path="/live"/>
        <div class="live">
            <h1>"Live"</h1>
            <dl class="figures" aria-live="polite">
                <dt>"Rendered"</dt>
                <dd><time id="rendered-at" datetime=rendered_at>{shown}</time></dd>
                <dt>"Articles"</dt>
                <dd id="article-count">{articles}</dd>
            </dl>
            <div class="needs-script">
                <FollowPage><button type="button">"Ask the server again"</button></FollowPage>
            </div>
            <p>
                "This page is fresh for two seconds. After that the next visitor still gets it at once,
                while the server renders it again. An open page learns of it: load it in a second
                window and watch this one."
            </p>
        </div>
    }
}
