//! The foot of every page.

use leptos::prelude::*;
use leptos_isr::page::hydrate_at_once;

use crate::data::site::{SITE_NAME, SITE_SUMMARY};

/// Name, purpose, feed.
#[component]
pub(crate) fn SiteFooter() -> impl IntoView {
    hydrate_at_once(view! {
        <footer class="site-footer">
            <p><strong>{SITE_NAME}</strong>". "{SITE_SUMMARY}</p>
            <ul>
                <li><a href="/feed.xml" rel="external">"Feed"</a></li>
                <li><a href="/sitemap.xml" rel="external">"Site map"</a></li>
                <li><a href="/about">"About"</a></li>
            </ul>
        </footer>
    })
}
