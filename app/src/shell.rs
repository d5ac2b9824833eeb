//! The document around the app.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_isr::page::{BuildMeta, HydrationLoader};
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::{App, SITE_NAME};

/// Applies the reader's kept settings before the first paint, so that nothing flashes;
/// where storage is switched off, the defaults stay. In the page, since a file would
/// have to be waited for.
const SETTINGS: &str = include_str!("theme.js");

/// The HTML document of every page.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <BuildMeta/>
                <script nonce=use_nonce() inner_html=SETTINGS></script>
                <HashedStylesheet options=options.clone() id="leptos"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="alternate" type="application/atom+xml" title=SITE_NAME href="/feed.xml"/>
                <AutoReload options=options.clone()/>
                <HydrationLoader options islands=true/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
