//! Tests of your own pages and of your own store. Switch on the feature `testing` in
//! `[dev-dependencies]`.
//!
//! A [`TestSite`] asks the app without a socket, counts renders, makes them wait or fail, and moves
//! the engine's clock. [`store_conformance`] checks a [`Store`](crate::store::Store), and
//! [`ledger_conformance`] a [`Ledger`](crate::store::Ledger).
//!
//! # Examples
//!
//! A page that becomes stale, is regenerated and purged, and lives through an outage of its data:
//!
//! ```
//! use axum::{Extension, Router, extract::Path, routing::get};
//! use leptos_isr::{Engine, Isr, hours, minutes, seconds, page::RenderScope, route::RouteTable};
//! use leptos_isr::testing::{Outage, TestClock, TestSite};
//!
//! /// The site, as the program puts it together.
//! fn site(clock: TestClock, outage: Outage) -> Result<(Engine, Router), leptos_isr::Error> {
//!     let page = Isr::revalidate(minutes(5)).expire(hours(1)).tag("cities").tag("city:{name}");
//!     let routes = RouteTable::new().add("/cities/:name", page)?;
//!     let engine = Engine::builder(routes).clock(clock).build()?;
//!     let weather = move |Path(name): Path<String>, scope: Option<Extension<RenderScope>>| {
//!         let data = outage.check();
//!         async move {
//!             if let (Err(error), Some(Extension(scope))) = (data, scope) {
//!                 scope.failed(error.to_string());
//!             }
//!             format!("<h1>{name}</h1>")
//!         }
//!     };
//!     let app = engine.wrap(Router::new().route("/cities/{name}", get(weather)));
//!     Ok((engine, app))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
//! let (clock, outage) = (TestClock::new(), Outage::new());
//! let (engine, app) = site(clock.clone(), outage.clone())?;
//! let site = TestSite::new(&engine, app, clock);
//!
//! site.get("/cities/oslo").await.assert_status(200).assert_miss_stored();
//! site.advance(seconds(299));
//! site.get("/cities/oslo").await.assert_cache_status("isr; hit; ttl=1");
//!
//! // Stale: the visitor has the page at once, and it is regenerated in the background.
//! site.advance(seconds(1));
//! site.get("/cities/oslo").await.assert_stale().assert_body_contains("oslo");
//! site.idle().await;
//! site.get("/cities/oslo").await.assert_fresh();
//! assert_eq!(site.renders_of("/cities/oslo"), 2);
//!
//! // Purged softly: served once more. Purged hard: the next visitor waits.
//! site.purge_tag("city:oslo").await;
//! site.get("/cities/oslo").await.assert_purged();
//! site.idle().await;
//! site.purge_tag_hard("cities").await;
//! site.get("/cities/oslo").await.assert_replaced();
//!
//! // The data is down: visitors keep the page, and not every request tries to render it.
//! outage.begin();
//! site.advance(minutes(30));
//! for _ in 0..3 {
//!     site.get("/cities/oslo").await.assert_stale().assert_status(200);
//!     site.idle().await;
//! }
//! assert_eq!(site.renders(), 5);
//! outage.end();
//! site.advance(minutes(1));
//! site.get("/cities/oslo").await.assert_stale();
//! site.idle().await;
//! site.get("/cities/oslo").await.assert_fresh();
//! # Ok(()) }
//! ```
//!
//! # Leptos pages
//!
//! A Leptos app is tested the same way. It needs neither wasm nor a built site:
//!
//! ```
//! use leptos::prelude::*;
//! use leptos_isr::{Engine, Isr, LeptosPages, minutes, testing::{TestClock, TestSite}};
//! use leptos_router::{components::{Route, Router, Routes}, path};
//!
//! #[component]
//! fn App() -> impl IntoView {
//!     view! {
//!         <Router><Routes fallback=|| "Not found">
//!             <Route path=path!("/") view=|| "Home" ssr=Isr::revalidate(minutes(5)).into()/>
//!         </Routes></Router>
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
//! let clock = TestClock::new();
//! let pages = LeptosPages::discover(App, || ())?;
//! let engine = Engine::builder(pages.routes().clone()).clock(clock.clone()).build()?;
//! let options = LeptosOptions::builder().output_name("app").build();
//! let app = engine.wrap(pages.router(&engine, options, |_| App()));
//! let site = TestSite::new(&engine, app, clock);
//! site.get("/").await.assert_miss_stored().assert_body_contains("Home");
//! # Ok(()) }
//! ```
//!
//! While [`LeptosPages::discover`](crate::LeptosPages::discover) runs, no resource in the whole
//! process loads. If the tests of one file share a process, as under `cargo test`, one that renders
//! at that moment waits for its time limit. Run them with `cargo nextest run`, or with
//! `-- --test-threads 1`.

mod answer;
mod clock;
mod conformance;
mod outage;
mod probe;
mod seen;
mod site;

pub use self::{
    answer::Answer,
    clock::TestClock,
    conformance::{
        BrokenGuarantee, broken_guarantees, broken_ledger_guarantees, ledger_conformance,
        store_conformance,
    },
    outage::{DataDown, Outage},
    probe::RenderFault,
    site::TestSite,
};
