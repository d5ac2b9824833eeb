//! `/live`

use leptos::prelude::*;
use leptos_isr::{page::hydrate_at_once, use_live};

use crate::{
    components::{
        head::Head,
        outcome::{once_read, outcome},
    },
    data::{
        date::day_and_time,
        live::{Live, read_live},
    },
};

/// A page that is stored for two seconds: when it was rendered, and how many articles there were.
#[component]
pub(crate) fn LivePage() -> impl IntoView {
    let data = Resource::new(|| (), |()| read_live());
    let again = move |_| data.refetch();
    use_live(move || data.refetch());
    hydrate_at_once(view! {
        <Head title="Live" description="When this page was rendered, and how many articles there are." path="/live"/>
        <div class="live">
            <h1>"Live"</h1>
            {once_read(move || async move {
                outcome(data.await.map(Some), |live| view! { <Count live/> })
            })}
            <p class="needs-script"><button type="button" on:click=again>"Ask the server again"</button></p>
            <p>
                "This page is fresh for two seconds. After that the next visitor still gets it at once,
                while the server renders it again. An open page learns of it: load it in a second
                window and watch this one."
            </p>
        </div>
    })
}

#[component]
fn Count(live: Live) -> impl IntoView {
    let Live { articles, rendered_at } = live;
    let shown = day_and_time(&rendered_at);
    view! {
        <dl class="figures" aria-live="polite">
            <dt>"Rendered"</dt>
            <dd><time id="rendered-at" datetime=rendered_at>{shown}</time></dd>
            <dt>"Articles"</dt>
            <dd id="article-count">{articles}</dd>
        </dl>
    }
}
