//! Apps as others write them, each with a trait that has surprised somebody.
//!
//! Put together as the guide's "Getting started" says, an app does what its author expects. Put
//! together otherwise, a check names what would surprise, or the guide's "Auditing" says what to look
//! for, since no check can see it.

mod catch_all;
mod failures;
mod flat_routes;
mod languages;
mod on_a_page;
mod page_and_rest;
mod prefixes;
mod protected;
mod queries;
mod signed_in;
mod slashes;
mod states;

use axum::Router;
use leptos::prelude::*;
use leptos_isr::{
    Engine, LeptosPages,
    route::RouteTable,
    testing::{TestClock, TestSite},
};
use leptos_router::hooks::use_params_map;

/// An app of which nothing but the pages stands yet.
struct Start {
    engine: Engine,
    /// The router of the pages, which takes the app's own handlers.
    pages: Router,
    clock: TestClock,
}

impl Start {
    fn new<IV: IntoView + 'static>(app: fn() -> IV) -> Self {
        Self::with(app, || (), |routes| routes)
    }

    /// With what pages find in Leptos's context, and with more routes.
    fn with<IV: IntoView + 'static>(
        app: fn() -> IV,
        context: impl Fn() + Send + Sync + 'static,
        routes: impl FnOnce(RouteTable) -> RouteTable,
    ) -> Self {
        let pages = LeptosPages::discover(app, context).unwrap();
        let clock = TestClock::new();
        let builder = Engine::builder(routes(pages.routes().clone())).clock(clock.clone());
        let engine = builder.build().unwrap();
        let options =
            LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
        let pages = pages.router(&engine, options, move |_| shell(app()));
        Self { engine, pages, clock }
    }

    /// Without handlers and layers of the app's own.
    fn wrapped(&self) -> Router {
        self.engine.wrap(self.pages.clone())
    }

    /// The site that visitors reach through `app`, the outermost router.
    fn site(&self, app: &Router) -> TestSite {
        TestSite::new(&self.engine, app.clone(), self.clock.clone())
    }
}

fn shell(app: impl IntoView + 'static) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html><head><title>"An app"</title></head><body>{app}</body></html>
    }
}

/// The value of the path's parameter.
fn param(name: &str) -> String {
    use_params_map().read_untracked().get(name).unwrap_or_default()
}

/// Asserts that the guide says what to search the code for.
#[track_caller]
fn assert_in_guide(what: &str) {
    let chapter = include_str!("../../../../docs/guide/auditing.md");
    let (_, table) = chapter.split_once("\n## What to look for in your code\n").unwrap();
    let mut searched = table.lines().filter_map(|row| row.strip_prefix("| ")?.split_once(" | "));
    assert!(searched.any(|(searched, _)| searched.contains(what)), "`{what}` is not in the guide");
}
