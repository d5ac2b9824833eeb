//! The site, ready to be served: its pages, and the stored ones in front of them.

use axum::Router;
use leptos::{config::LeptosOptions, server_fn::ServerFn};
use leptos_isr::{Builder, Engine, Error, Isr, LeptosPages, minutes};

use crate::{
    app::{App, shell},
    data::{ReadArticle, ReadGuests, ReadList},
};

const CSP: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                   base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/// Puts the site together; `settings` says where pages are stored.
pub fn site(
    options: LeptosOptions,
    settings: impl FnOnce(Builder) -> Builder,
) -> Result<(Engine, Router), Error> {
    let pages = LeptosPages::discover(App, || ())?;
    // What the browser reads when a link is followed is stored too.
    let routes = pages.routes().clone();
    let routes = routes
        .add_data(ReadList::PATH, Isr::revalidate(minutes(1)).query(["page"]))?
        .add_data(ReadArticle::PATH, Isr::revalidate(minutes(5)).query(["slug"]))?
        .add_data(ReadGuests::PATH, Isr::forever())?;
    let isr = settings(Engine::builder(routes).csp(CSP)).build()?;
    let router = isr.wrap(pages.router(&isr, options, shell));
    Ok((isr, router))
}
