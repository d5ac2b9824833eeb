//! The news site: its pages, what they show, and where they read it.
//!
//! How an article reaches its reader:
//!
//! 1. [`App`] declares the route `/articles/:slug` and how long its pages may be stored. The crate
//!    `server` puts `leptos_isr` in front: a stored page is served without this crate.
//! 2. To render one, `pages/article.rs` asks the [`ContentSource`](data::source::ContentSource)
//!    for the article and for others of its section, and draws them. It is a plain async function
//!    of the server.
//! 3. `data/source/newsroom.rs` reads it from the newsroom's HTTP API through the library's data
//!    cache, with the tags that a change of the article is purged by.
//! 4. The crate `newsroom` answers: `api/mod.rs` takes the request, `store/read.rs` has the SQL.
//! 5. In the browser only the islands run, which are a crate of their own: `islands`. The rest of
//!    the page is HTML, links and forms.
//!
//! When the editor saves an article, `data/editor/write.rs` sends it to the API and purges its tags.
//! Each page that read it is regenerated then, when it is next asked for.
//!
//! Nothing that depends on the visitor or the clock is drawn into a page, except in draft mode,
//! whose pages are never stored. The server provides these values in Leptos's context to every page
//! and server function: [`data::source::ContentSource`], [`SiteUrl`],
//! [`data::listing::PrerenderedArticles`], [`data::session::EditorConfig`] and
//! `leptos_isr::Engine`.
#![warn(missing_docs)]

#[expect(unreachable_pub, reason = "`component` makes the parameters of a private function public")]
mod components;
pub mod data;
#[expect(unreachable_pub, reason = "`component` makes the parameters of a private function public")]
mod pages;
mod shell;

pub use self::{
    data::site::{SITE_NAME, SiteUrl},
    shell::shell,
};

use leptos::prelude::*;
use leptos_isr::{Isr, days, minutes, seconds};
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{
    components::{draft_bar::DraftBar, footer::SiteFooter, header::SiteHeader},
    data::{listing, title},
    pages::{
        about::AboutPage, article::ArticlePage, editor::EditorPage,
        editor_article::EditArticlePage, front::FrontPage, live::LivePage, search::SearchPage,
        section::SectionPage, unknown::UnknownPage,
    },
};

/// The whole site: header, routes with their policies, footer.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // Their tags are those of what they read.
    let live = Isr::revalidate(seconds(2));
    let front = Isr::revalidate(minutes(1));
    let sections = Isr::revalidate(minutes(1)).query(["page"]).prerender(listing::section_slugs);
    let articles = Isr::revalidate(minutes(5)).expire(days(7)).prerender(listing::newest_slugs);
    view! {
        <Title formatter=title::full text=SITE_NAME/>
        <Router>
            <a class="skip-link" href="#content">"Skip to content"</a>
            {leptos_isr::is_draft().then(|| view! { <DraftBar/> })}
            <SiteHeader/>
            <main id="content" tabindex="-1">
                <FlatRoutes fallback=UnknownPage>
                    <Route path=path!("/") view=FrontPage ssr=front.into()/>
                    <Route path=path!("/articles/:slug") view=ArticlePage ssr=articles.into()/>
                    <Route path=path!("/sections/:section") view=SectionPage ssr=sections.into()/>
                    <Route path=path!("/about") view=AboutPage ssr=Isr::forever().into()/>
                    <Route path=path!("/live") view=LivePage ssr=live.into()/>
                    <Route path=path!("/search") view=SearchPage ssr=SsrMode::Async/>
                    <Route path=path!("/editor") view=EditorPage ssr=SsrMode::Async/>
                    <Route path=path!("/editor/:slug") view=EditArticlePage ssr=SsrMode::Async/>
                </FlatRoutes>
            </main>
            <SiteFooter/>
        </Router>
    }
}
