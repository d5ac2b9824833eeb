//! The head of every page.

use islands::{text_size::TextSizeControl, theme_switch::ThemeSwitch};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::SITE_NAME;

/// Name, navigation, the reader's settings.
#[component]
pub(crate) fn SiteHeader() -> impl IntoView {
    let path = use_location().pathname.get_untracked();
    let link = |href: &'static str, name: &'static str| {
        let current = (path == href).then_some("page");
        view! { <li><a href=href aria-current=current>{name}</a></li> }
    };
    view! {
        <header class="site-header">
            <p class="site-name"><a href="/">{SITE_NAME}</a></p>
            <nav aria-label="Main">
                <ul>
                    {link("/", "Home")}
                    {link("/live", "Live")}
                    {link("/search", "Search")}
                    {link("/about", "About")}
                </ul>
            </nav>
            <div class="settings needs-script">
                <TextSizeControl/>
                <ThemeSwitch/>
            </div>
        </header>
    }
}
