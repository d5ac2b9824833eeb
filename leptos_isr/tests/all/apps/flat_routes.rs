//! Flat routes, each in a mode of its own.

use leptos::prelude::*;
use leptos_isr::{Isr, check::Unseen, minutes};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Outlet, ParentRoute, Route, Router as LeptosRouter, Routes},
    path,
};
use tokio::task::yield_now;

use super::{Start, assert_in_guide, param};
use crate::support::report::problems;

const DYNAMIC: [&str; 4] = ["/live", "/in-order", "/async", "/partly"];

#[component]
fn Modes() -> impl IntoView {
    view! {
        <LeptosRouter>
            <FlatRoutes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/") view=|| late("the front page")
                    ssr=Isr::revalidate(minutes(1)).into()/>
                <Route path=path!("/stories/:id") view=Story
                    ssr=Isr::forever().prerender(async || ["1"]).into()/>
                <Route path=path!("/live") view=|| late("live")/>
                <Route path=path!("/in-order") view=|| late("in order") ssr=SsrMode::InOrder/>
                <Route path=path!("/async") view=|| late("async") ssr=SsrMode::Async/>
                <Route path=path!("/partly") view=|| late("partly") ssr=SsrMode::PartiallyBlocked/>
            </FlatRoutes>
        </LeptosRouter>
    }
}

#[component]
fn Story() -> impl IntoView {
    if param("id") != "1" {
        leptos_isr::not_found();
    }
    late("the story")
}

/// What a stream would send after a text that says that it is loading.
fn late(what: &'static str) -> impl IntoView {
    let read = Resource::new(
        || (),
        move |()| async move {
            for _ in 0..100 {
                yield_now().await;
            }
            format!("This is {what}")
        },
    );
    view! { <Suspense fallback=|| "Loading">{move || read.get()}</Suspense> }
}

#[tokio::test]
async fn each_route_has_its_mode() {
    let start = Start::new(Modes);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    for route in &report.routes {
        let is_dynamic = DYNAMIC.contains(&&*route.route);
        assert_eq!(route.unseen == [Unseen::Dynamic], is_dynamic, "{report}");
    }
    let site = start.site(&app);
    for (page, shown) in [("/", "the front page"), ("/stories/1", "the story")] {
        let page = site.get(page).await;
        page.assert_fresh().assert_body_contains(shown).assert_body_lacks("Loading");
    }
    for (page, shown) in DYNAMIC.into_iter().zip(["live", "in order", "async", "partly"]) {
        for _ in 0..2 {
            site.get(page).await.assert_bypass("dynamic").assert_body_contains(shown);
        }
    }
    site.get("/live").await.assert_body_contains("Loading");
    assert_eq!((site.renders(), site.dynamic_requests()), (0, 9));
    site.get("/stories/2").await.assert_status(404);
}

/// Leptos takes the larger of two modes. Without a second child either may be the parent's.
#[tokio::test]
async fn mode_of_a_stored_parents_only_child_cannot_be_seen() {
    #[component]
    fn Nested() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <ParentRoute path=path!("/desk") view=|| view! { <Outlet/> }
                        ssr=Isr::forever().into()>
                        <Route path=path!("/in-order") view=|| late("in order")
                            ssr=SsrMode::InOrder/>
                    </ParentRoute>
                </Routes>
            </LeptosRouter>
        }
    }
    let start = Start::new(Nested);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    assert!(report.is_clean() && problems(&report, "/desk/in-order").is_empty(), "{report}");
    let site = start.site(&app);
    site.get("/desk/in-order").await.assert_fresh();
    assert_in_guide("`ssr=SsrMode::…` below a stored parent");
}
