//! `/about`

use leptos::prelude::*;

use crate::{SITE_NAME, components::head::Head};

/// What the newsroom is; stored until the next build.
#[component]
pub(crate) fn AboutPage() -> impl IntoView {
    view! {
        <Head title="About" description="What this site is, and how its pages reach you." path="/about"/>
        <article class="article">
            <header><h1>"About"</h1></header>
            <div class="prose">
                <p>
                    {SITE_NAME}" is a small newsroom that writes about the web it is served by: HTTP caching,
                    rendering on the server, and running both."
                </p>
                <h2>"How a page reaches you"</h2>
                <p>
                    "Each page is rendered once and stored. Whoever asks for it gets the stored page at once.
                    When its period is over, the next reader still gets it at once, and it is rendered again
                    behind them; the reader after that sees the new one. When an editor publishes, the pages
                    that show the article are marked and follow the same way."
                </p>
                <p>
                    "So you never wait for a database, and what you read is at most one visit old. The foot
                    of each article and list says when it was rendered."
                </p>
                <h2>"Which pages live how long"</h2>
                <table>
                    <thead><tr><th scope="col">"Page"</th><th scope="col">"Fresh for"</th></tr></thead>
                    <tbody>
                        <tr><td>"Front page, sections"</td><td>"one minute"</td></tr>
                        <tr><td>"Articles"</td><td>"five minutes"</td></tr>
                        <tr><td><a href="/live">"Live"</a></td><td>"two seconds"</td></tr>
                        <tr><td>"This page"</td><td>"until the next build"</td></tr>
                        <tr><td><a href="/search">"Search"</a></td><td>"never stored"</td></tr>
                    </tbody>
                </table>
                <h2>"What we keep about you"</h2>
                <p>
                    "Nothing. The theme and the text size that you choose stay in your browser; no stored page
                    depends on them."
                </p>
            </div>
        </article>
    }
}
