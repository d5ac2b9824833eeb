//! The head of every page.

use leptos::prelude::*;
use leptos_router::components::A;

use super::{text_size::TextSizeControl, theme_switch::ThemeSwitch};
use crate::SITE_NAME;

/// Name, navigation, the reader's settings.
#[component]
pub(crate) fn SiteHeader() -> impl IntoView {
    view! {
        <header class="site-header">
            <p class="site-name"><a href="/">{SITE_NAME}</a></p>
            <nav aria-label="Main">
                <ul>
                    <li><A href="/" exact=true>"Home"</A></li>
                    <li><A href="/live">"Live"</A></li>
                    <li><A href="/search">"Search"</A></li>
                    <li><A href="/about">"About"</A></li>
                </ul>
            </nav>
            <div class="settings needs-script">
                <TextSizeControl/>
                <ThemeSwitch/>
            </div>
        </header>
    }
}
