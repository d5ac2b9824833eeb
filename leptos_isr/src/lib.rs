//! Incremental static regeneration for Leptos and axum.
//!
//! A route says in its definition how long a page may live. The page is
//! rendered once, stored, and served from the store. When its period is over
//! the next visitor still gets the stored page at once, while it is rendered
//! again behind them.
//!
//! Without features this crate holds what route definitions and page code
//! need, and compiles for the browser. The feature `ssr` adds the [`Engine`], the
//! feature `testing` what tests of pages and stores need.
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

mod page;
mod period;
mod route;
#[cfg(not(feature = "ssr"))]
#[path = "scope_browser.rs"]
mod scope;
#[cfg(feature = "ssr")]
mod scope;

pub use page::{failed, hydrates, no_store, not_found, revalidate_within, tag};
pub use period::{days, hours, minutes, seconds};
pub use route::{Isr, OnMissing, PathParams};

#[cfg(feature = "ssr")]
mod ssr {
    pub use crate::{
        build_id::build_id,
        builder::Builder,
        clock::{Clock, SystemClock},
        engine::Engine,
        entry::Entry,
        error::{Error, RenderError},
        key::Key,
        leptos_pages::LeptosPages,
        path::PathError,
        policy::{Lifetime, Policy},
        prerender::{PageOutcome, PageResult, PrerenderReport, RouteReport},
        purge::Purge,
        regenerate::Regenerated,
        routes::{Route, Routes},
        scope::RenderScope,
        store::{DiskStore, InUse, Store, StoreError},
        tag::Tag,
    };
}
#[cfg(feature = "ssr")]
pub use ssr::*;

#[cfg(feature = "ssr")]
mod admission;
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
mod freshness;
#[cfg(feature = "ssr")]
mod headers;
#[cfg(feature = "ssr")]
mod key;
#[cfg(feature = "ssr")]
mod leptos_pages;
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
mod store;
#[cfg(feature = "ssr")]
mod tag;
#[cfg(feature = "testing")]
pub mod testing;

/// Compiles the examples in the repository's README.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../README.md")]
struct Readme;
