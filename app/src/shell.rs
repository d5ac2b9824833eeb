//! The document around the app.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_isr::page::{BuildMeta, HydrateOncePainted};
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::{App, SITE_NAME};

/// Applies the reader's kept settings before the first paint, so that nothing flashes;
/// where storage is switched off, the defaults stay. In the page, since a file would
/// have to be waited for.
const SETTINGS: &str = include_str!("theme.js");

/// The HTML document of every page.
///
/// The scripts that hydrate are left out where the page is one 404 page for
/// many addresses, so that the browser keeps what the server drew.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let scripts = leptos_isr::hydrates().then(|| {
        view! {
            <AutoReload options=options.clone()/>
            <HydrateOncePainted options=options.clone()/>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <BuildMeta/>
                <script nonce=use_nonce() inner_html=SETTINGS></script>
                <HashedStylesheet options id="leptos"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="alternate" type="application/atom+xml" title=SITE_NAME href="/feed.xml"/>
                {scripts}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
