//! The routes, each with how long its pages may live, and the document around them.

use leptos::prelude::*;
use leptos_isr::{
    Isr, days, minutes,
    page::{BuildMeta, HydrationLoader},
};
use leptos_meta::{HashedStylesheet, Html, MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{
    data::article_slugs,
    pages::{About, ArticlePage, GuestBook, Home, ListPage, missing},
};

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // Their tags are those of what they read.
    let home = Isr::revalidate(minutes(1));
    let list = Isr::revalidate(minutes(1)).query(["page"]);
    let articles = Isr::revalidate(minutes(5)).expire(days(7)).prerender(article_slugs);
    let guests = Isr::forever();
    let about = Isr::forever();
    view! {
        <Title text="Start"/>
        <Router>
            <nav>
                <a href="/">"Home"</a>
                <a href="/list">"All articles"</a>
                <a href="/guests">"Guest book"</a>
                <a href="/about">"About"</a>
                <ThemeSwitch/>
            </nav>
            <main>
                <FlatRoutes fallback=leptos_isr::fallback(missing)>
                    <Route path=path!("/") view=Home ssr=home.into()/>
                    <Route path=path!("/list") view=ListPage ssr=list.into()/>
                    <Route path=path!("/articles/:slug") view=ArticlePage ssr=articles.into()/>
                    <Route path=path!("/guests") view=GuestBook ssr=guests.into()/>
                    <Route path=path!("/about") view={Lazy::<About>::new()} ssr=about.into()/>
                </FlatRoutes>
            </main>
        </Router>
    }
}

/// A button that switches between a light page and a dark one.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let theme = RwSignal::new("light");
    let next = move || if theme.get() == "light" { "dark" } else { "light" };
    view! {
        <Html attr:data-theme=theme/>
        <button type="button" class="theme-switch" on:click=move |_| theme.set(next())>
            "Theme: "{theme}
        </button>
    }
}

/// The HTML document of every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    // Not where one page stands for all missing paths: the browser could not match it to its address.
    let scripts = leptos_isr::hydrates().then(|| {
        view! {
            <AutoReload options=options.clone()/>
            <HydrationLoader options=options.clone()/>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <link rel="icon" href="/favicon.svg"/>
                <BuildMeta/>
                <HashedStylesheet options/>
                {scripts}
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}
