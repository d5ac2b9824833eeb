//! The foot of every page.

use leptos::prelude::*;

use crate::data::site::{SITE_NAME, SITE_SUMMARY};

/// Name, purpose, feed.
#[component]
pub(crate) fn SiteFooter() -> impl IntoView {
    view! {
        <footer class="site-footer">
            <p><strong>{SITE_NAME}</strong>". "{SITE_SUMMARY}</p>
            <ul>
                <li><a href="/feed.xml">"Feed"</a></li>
                <li><a href="/sitemap.xml">"Site map"</a></li>
                <li><a href="/about">"About"</a></li>
            </ul>
        </footer>
    }
}
