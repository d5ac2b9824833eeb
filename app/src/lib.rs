//! The news site: its pages, what they show, and how they read it.
//!
//! Each page is a route with a declaration of how long it may be stored; the
//! server renders and stores it, the browser hydrates it. Nothing that depends
//! on the visitor or the clock is drawn before hydration, except in draft mode,
//! whose pages are never stored.
//!
//! The server provides these values in Leptos's context to every page and
//! server function: [`data::source::ContentSource`], [`SiteUrl`],
//! [`data::listing::PrerenderedArticles`],
//! [`data::session::EditorConfig`] and `leptos_isr::Engine`.
#![warn(missing_docs)]

mod browser;
#[expect(unreachable_pub, reason = "`component` makes the parameters of a private function public")]
mod components;
pub mod data;
#[expect(unreachable_pub, reason = "`component` makes the parameters of a private function public")]
mod pages;

#[cfg(feature = "hydrate")]
mod hydrate;
#[cfg(feature = "ssr")]
mod shell;

pub use self::data::site::{SITE_NAME, SiteUrl};
#[cfg(feature = "hydrate")]
pub use self::hydrate::hydrate;
#[cfg(feature = "ssr")]
pub use self::shell::shell;

use leptos::prelude::*;
use leptos_isr::{Isr, days, minutes, page::HydrateLater, seconds};
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{
    components::{
        draft_bar::DraftBar, focus::FocusOnNavigation, footer::SiteFooter, header::SiteHeader,
    },
    data::{listing, site, title},
    pages::{
        article::ArticlePage,
        front::FrontPage,
        lazy::{AboutRoute, EditArticleRoute, EditorRoute, LiveRoute, SearchRoute},
        section::SectionPage,
        unknown::UnknownPage,
    },
};

/// The whole site: header, routes with their policies, footer.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(SharedValue::new(site::configured_url).into_inner());
    let is_draft = SharedValue::new(leptos_isr::is_draft).into_inner();
    // Their tags are those of what they read.
    let live = Isr::revalidate(seconds(2));
    let front = Isr::revalidate(minutes(1));
    let sections = Isr::revalidate(minutes(1)).query(["page"]).prerender(listing::section_slugs);
    let articles = Isr::revalidate(minutes(5)).expire(days(7)).prerender(listing::newest_slugs);
    view! {
        <Title formatter=title::full text=SITE_NAME/>
        <Router>
            <a class="skip-link" href="#content" rel="external">"Skip to content"</a>
            {is_draft.then(|| view! { <DraftBar/> })}
            <HydrateLater><SiteHeader/></HydrateLater>
            <main id="content" tabindex="-1">
                <HydrateLater>
                    <FlatRoutes fallback=UnknownPage>
                        <Route path=path!("/") view=FrontPage ssr=front.into()/>
                        <Route path=path!("/articles/:slug") view=ArticlePage ssr=articles.into()/>
                        <Route path=path!("/sections/:section") view=SectionPage ssr=sections.into()/>
                        <Route path=path!("/about") view={Lazy::<AboutRoute>::new()} ssr=Isr::forever().into()/>
                        <Route path=path!("/live") view={Lazy::<LiveRoute>::new()} ssr=live.into()/>
                        <Route path=path!("/search") view={Lazy::<SearchRoute>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/editor") view={Lazy::<EditorRoute>::new()} ssr=SsrMode::Async/>
                        <Route path=path!("/editor/:slug") view={Lazy::<EditArticleRoute>::new()} ssr=SsrMode::Async/>
                    </FlatRoutes>
                </HydrateLater>
            </main>
            <SiteFooter/>
            <FocusOnNavigation/>
        </Router>
    }
}
