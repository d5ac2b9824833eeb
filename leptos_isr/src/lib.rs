//! Incremental static regeneration for Leptos and axum.
//!
//! A route says in its definition how long a page may live. The page is
//! rendered once, stored, and served from the store. When its period is over
//! the next visitor still gets the stored page at once, while it is rendered
//! again behind them.
//!
//! Without features this crate holds what route definitions and page code
//! need, and compiles for the browser. The feature `ssr` adds the [`Engine`], the
//! feature `hydrate` what hydrates the app in parts in the browser, the feature `testing`
//! what tests of pages and stores need.
//!
//! # Declaring a route
//!
//! ```
//! use leptos::prelude::*;
//! use leptos_isr::{Isr, days, minutes};
//! use leptos_router::{components::{Route, Router, Routes}, path};
//!
//! #[component]
//! fn App() -> impl IntoView {
//!     view! {
//!         <Router>
//!             <Routes fallback=|| "Not found">
//!                 <Route path=path!("/") view=|| "Home"
//!                        ssr=Isr::revalidate(minutes(1)).tag("articles").into()/>
//!                 <Route path=path!("/articles/:slug") view=|| "Article"
//!                        ssr=Isr::revalidate(minutes(5)).expire(days(7))
//!                                .tag("article:{slug}").into()/>
//!             </Routes>
//!         </Router>
//!     }
//! }
//! # let _ = App;
//! ```
//!
//! # What a request gets
//!
//! | stored page | the visitor gets | and |
//! |---|---|---|
//! | fresh | it, at once | |
//! | stale, by time or soft purge | it, at once | one regeneration starts |
//! | expired, or hard purged | one render shared by all waiters; the old page if that fails | |
//! | none | one render shared by all waiters, which is stored | |
//! | none, and the route admits only listed paths | the app's 404 page | nothing is rendered or stored |
//!
//! The terms are those of RFC 9111: a page is *fresh* while its age is below
//! `revalidate`, *stale* until `expire`, then *expired*. Age counts from when
//! the page's render began.
//!
//! # Draft mode
//!
//! With a draft secret (`Builder::draft_secret`) an editor gets a signed cookie,
//! by `POST /_isr/draft` or from the app's own code. While it is good, each page
//! is rendered for that visitor by the app's router with their own request,
//! also a page that is not listed; nothing is looked up or stored, and
//! [`is_draft`] is true. A forged or expired cookie is as none. A CDN in front
//! must not answer requests with that cookie from its own store.

//! # What page code sees of the request
//!
//! A page that is rendered to be stored is for everybody, so its code sees a
//! request of nobody: `GET`, the page's path in its canonical spelling, the
//! query parameters that the route lists, and the header `Accept: text/html`.
//! There is no cookie, host, address or extension of a visitor, nor of a layer
//! around the router that `Engine::wrap` returns, however the render came
//! about. A page that sets a cookie is served without it and not stored, and a
//! warning names its route.
//!
//! Only the router that is given to `Engine::wrap` renders: a layer of it can
//! put something into the request, and that is then in the stored page. A page
//! that is not stored (dynamic, or while `Builder::bypass` is set) sees its
//! visitor's request as it is.

#[expect(unreachable_pub, reason = "`component` makes a function of its own beside the public one")]
mod hydration;
#[expect(unreachable_pub, reason = "`component` makes a function of its own beside the public one")]
mod new_build;
mod page;
mod period;
mod route;
#[cfg(not(feature = "ssr"))]
#[path = "scope_browser.rs"]
mod scope;
#[cfg(feature = "ssr")]
mod scope;
mod use_live;

#[cfg(feature = "hydrate")]
pub use hydration::hydrate;
pub use hydration::{
    HydrateLater, HydrateLaterProps, HydrateOncePainted, HydrateOncePaintedProps, hydrate_at_once,
};
pub use new_build::{BuildMeta, BuildMetaProps, IsrClient};
pub use page::{failed, hydrates, is_draft, no_store, not_found, revalidate_within, tag};
pub use period::{days, hours, minutes, seconds};
pub use route::{Isr, OnMissing, PathParams};
pub use use_live::use_live;

#[cfg(feature = "ssr")]
mod ssr {
    pub use crate::{
        build_id::build_id,
        builder::Builder,
        clock::{Clock, SystemClock},
        data::{DataError, Read, data},
        draft::Draft,
        dry_run::PurgeDryRun,
        engine::Engine,
        entry::Entry,
        error::{Error, RenderError},
        fetch::{Fetch, FetchError, FetchSettings, fetch},
        hooks::{Hook, Mapping},
        key::Key,
        leptos_pages::LeptosPages,
        outbound::Cdn,
        path::PathError,
        policy::{Lifetime, Policy},
        prerender::{PageOutcome, PageResult, PrerenderReport, RouteReport},
        purge::Purge,
        regenerate::Regenerated,
        routes::{Route, Routes},
        scope::RenderScope,
        store::{DiskStore, InUse, PageStream, Store, StoreError},
        tag::Tag,
    };
}
#[cfg(feature = "ssr")]
pub use ssr::*;

#[cfg(feature = "ssr")]
mod admission;
#[cfg(feature = "ssr")]
mod background;
#[cfg(feature = "ssr")]
mod backoff;
#[cfg(feature = "ssr")]
mod build_id;
#[cfg(feature = "ssr")]
mod builder;
#[cfg(feature = "ssr")]
mod cache_status;
#[cfg(feature = "ssr")]
mod clock;
#[cfg(feature = "ssr")]
mod csp;
#[cfg(feature = "ssr")]
mod data;
#[cfg(feature = "ssr")]
mod draft;
#[cfg(feature = "ssr")]
mod dry_run;
#[cfg(feature = "ssr")]
mod encoding;
#[cfg(feature = "ssr")]
mod endpoint;
#[cfg(feature = "ssr")]
mod engine;
#[cfg(feature = "ssr")]
mod entry;
#[cfg(feature = "ssr")]
mod error;
#[cfg(feature = "ssr")]
mod fetch;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
mod freshness;
#[cfg(feature = "ssr")]
mod headers;
#[cfg(feature = "ssr")]
mod hooks;
#[cfg(feature = "ssr")]
mod html_inline;
#[cfg(feature = "ssr")]
mod key;
#[cfg(feature = "ssr")]
mod leptos_pages;
#[cfg(feature = "ssr")]
mod live;
#[cfg(feature = "ssr")]
mod outbound;
#[cfg(feature = "ssr")]
mod path;
#[cfg(feature = "ssr")]
mod pattern;
#[cfg(feature = "ssr")]
mod policy;
#[cfg(feature = "ssr")]
mod prerender;
#[cfg(feature = "ssr")]
mod purge;
#[cfg(feature = "ssr")]
mod purge_log;
#[cfg(feature = "ssr")]
mod ready;
#[cfg(feature = "ssr")]
mod regenerate;
#[cfg(feature = "ssr")]
mod render;
#[cfg(feature = "ssr")]
mod routes;
#[cfg(feature = "ssr")]
mod schedule;
#[cfg(feature = "ssr")]
mod service;
#[cfg(feature = "ssr")]
mod single_flight;
#[cfg(feature = "ssr")]
mod spawned;
#[cfg(feature = "ssr")]
mod store;
#[cfg(feature = "ssr")]
mod sync;
#[cfg(feature = "ssr")]
mod tag;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(test)]
#[cfg(feature = "ssr")]
mod properties;

#[cfg(all(any(test, fuzzing), feature = "ssr"))]
#[doc(hidden)]
pub mod fuzzing;

/// Compiles the examples in the repository's README.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../README.md")]
struct Readme;
