//! Incremental static regeneration for Leptos and axum.
//!
//! A route declares how long its pages stay fresh. A page is rendered once, stored, and served from
//! the store. When its period is over, the next visitor still gets the stored page at once, and one
//! regeneration runs in the background.
//!
//! Without features this crate holds what route definitions and page code need, and compiles for
//! the browser. The feature `ssr` adds the [`Engine`]. The feature `hydrate` adds
//! `page::hydrate_islands`, for the browser. The feature `testing` adds what tests of pages
//! and stores need. The feature `tls`, a default that means something together with `ssr` only, lets
//! the engine ask `https` addresses; see [`data::client_builder`]. The feature `redis`, with
//! `ssr`, keeps pages and purges in a Redis that machines share: `store::RedisStore`. The feature
//! `object-store`, with `ssr` and `tls`, keeps pages in S3 and the like: `store::BucketStore`. The
//! feature `metrics`, with `ssr`, gives what is counted to Prometheus: `stats::Metrics`.
//!
//! | module | for |
//! |---|---|
//! | [`route`] | what routes declare, and routes without a Leptos page |
//! | [`page`] | what page code says about its page, and what the shell needs |
//! | [`data`] | reading the data that pages show |
//! | [`purge`] | purges, the webhooks that cause them, the CDNs that are told of them |
//! | [`store`] | where pages are kept |
//! | [`prerender`] | what a build reports |
//! | [`stats`] | what has been counted |
//! | [`testing`] | tests of pages and of stores |
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
//!             <Routes fallback=leptos_isr::fallback(|| "Not found")>
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
//! The terms are those of RFC 9111: a page is *fresh* while its age is below `revalidate`, *stale*
//! until `expire`, then *expired*. Age counts from when the page's render began.
//!
//! # Draft mode
//!
//! With a draft secret ([`Builder::draft_secret`]) an editor gets a signed cookie, from
//! `POST /_isr/draft` or from the app's own code. Until the cookie expires, the app's router
//! renders each page for that visitor alone, from their own request, even if the route does not
//! list the page. Nothing is looked up or stored, and [`is_draft`] is true. A forged or expired
//! cookie is ignored. A CDN in front must not answer requests that carry the cookie from its own
//! store.
//!
//! # What page code sees of the request
//!
//! A stored page is the same for everybody, so a render that may be stored sees no visitor's
//! request. It sees `GET`, the page's path in canonical form, the query parameters that the route
//! lists, and the header `Accept: text/html`. It sees no cookie, host, address or extension of a
//! visitor, and no extension from a layer around the router that [`Engine::wrap`] returns, whatever
//! caused the render. A page that sets a cookie is served without the cookie and is not stored; a
//! warning names its route.
//!
//! Pages are rendered by the router that is given to [`Engine::wrap`]. What a layer of that router
//! puts into the request can end up in the stored page. A page that is not stored (dynamic, or
//! while [`Builder::bypass`] is set) sees its visitor's request unchanged.
#![warn(missing_docs, missing_debug_implementations)]

pub mod page;
mod period;
pub mod route;
mod wire;

pub use self::{
    page::{
        failed, fallback, hydrates, is_draft, no_store, not_found, permanent_redirect,
        revalidate_within, tag, use_live,
    },
    period::{days, hours, minutes, seconds},
    route::{Isr, OnMissing},
};

#[cfg(feature = "ssr")]
mod server {
    pub use crate::{
        access::proxies::TrustedProxies,
        clock::{Clock, SystemClock},
        engine::{Engine, build_id::build_id, builder::Builder},
        error::{Error, RenderError},
        http::cookie_guard::cookie_guard,
        leptos_pages::LeptosPages,
    };
}
#[cfg(feature = "ssr")]
pub use self::server::*;

/// Purges: they make stored pages stale before their period is over.
///
/// [`Engine::purge`] takes a [`Purge`](purge::Purge), and so does `POST /_isr/purge`. A
/// [`Webhook`](purge::Webhook) turns a content system's delivery into one. Each [`Cdn`](purge::Cdn)
/// is told of every purge; [`SharedCache`](purge::SharedCache) says which headers it reads.
#[cfg(feature = "ssr")]
pub mod purge {
    pub use crate::{
        access::webhooks::{Mapping, Webhook},
        address::tag::Tag,
        cdn::Cdn,
        engine::{dry_run::PurgeDryRun, regenerate::Regeneration},
        order::purge::Purge,
        rules::shared_cache::SharedCache,
    };
}

/// What the engine tells of its pages; see [`Engine::page`], [`Engine::pages`],
/// [`Engine::advice`] and [`Engine::periods`].
#[cfg(feature = "ssr")]
pub mod inspect {
    pub use crate::{
        engine::inspect::{
            advice::{Advice, AdviceReport, PageAdvice, PeriodCost, RouteAdvice, Verdict},
            list::{
                PageCursor, PageList, PageOrder, PageQuery, PageRow, UnknownCursor, UnknownOrder,
            },
            report::{
                Failing, Form, PageReport, PageState, PurgeReport, ReadReport, RegenerationState,
                Regenerations, RenderReport, SetBy, StoredPage, TagReport,
            },
        },
        engine::periods::RoutePeriod,
        order::{origins::PurgeSource, purge::Scope},
    };
}

/// What an audit of an app finds; see [`Engine::check`].
#[cfg(feature = "ssr")]
pub mod check {
    pub use crate::http::check::report::{
        CheckReport, Finding, Influence, Problem, RouteFindings, Unseen,
    };
}

/// What a build reports; see [`Engine::prerender`].
#[cfg(feature = "ssr")]
pub mod prerender {
    pub use crate::engine::prerender_report::{
        PageOutcome, PageResult, PrerenderError, PrerenderReport, RouteReport,
    };
}

#[cfg(feature = "ssr")]
pub mod data;
#[cfg(feature = "ssr")]
pub mod stats;
#[cfg(feature = "ssr")]
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "ssr")]
mod access;
#[cfg(feature = "ssr")]
mod address;
#[cfg(feature = "ssr")]
mod cdn;
#[cfg(feature = "ssr")]
mod clock;
#[cfg(feature = "ssr")]
mod engine;
#[cfg(feature = "ssr")]
mod entry;
#[cfg(feature = "ssr")]
mod error;
#[cfg(feature = "ssr")]
mod http;
#[cfg(feature = "ssr")]
mod leptos_pages;
#[cfg(feature = "ssr")]
mod order;
#[cfg(feature = "ssr")]
mod render;
#[cfg(feature = "ssr")]
mod rules;
#[cfg(feature = "ssr")]
mod scope;
#[cfg(feature = "ssr")]
mod sync;
#[cfg(feature = "ssr")]
mod tasks;
#[cfg(feature = "ssr")]
mod tls;
#[cfg(feature = "ssr")]
mod watch;

#[cfg(test)]
#[cfg(feature = "ssr")]
mod properties;

#[cfg(all(any(test, fuzzing), feature = "ssr"))]
#[doc(hidden)]
pub mod fuzzing;

/// Compiles the examples in this crate's README.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
