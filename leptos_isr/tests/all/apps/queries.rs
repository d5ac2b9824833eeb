//! Lists in pages, and searches.

use leptos::prelude::*;
use leptos_isr::{
    Isr,
    check::{Influence, Problem},
};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    hooks::{use_location, use_query_map},
    path,
};

use super::{Start, assert_in_guide};
use crate::support::report::problems;

fn page() -> String {
    let page = use_query_map().read_untracked().get("page");
    format!("Page {}", page.unwrap_or_else(|| "1".to_owned()))
}

#[component]
fn Lists() -> impl IntoView {
    let canonical = || format!("This is {}", use_location().search.get_untracked());
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/listed") view=page ssr=Isr::forever().query(["page"]).into()/>
                <Route path=path!("/search") view=page/>
                <Route path=path!("/unlisted") view=page ssr=Isr::forever().into()/>
                <Route path=path!("/canonical") view=canonical ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

#[tokio::test]
async fn listed_parameter_makes_a_page_and_a_dynamic_page_sees_all() {
    let start = Start::new(Lists);
    let site = start.site(&start.wrapped());
    for (address, shown) in
        [("/listed", "Page 1"), ("/listed?page=2", "Page 2"), ("/listed?ref=mail&page=3", "Page 3")]
    {
        site.get(address).await.assert_miss_stored().assert_body_contains(shown);
        site.get(address).await.assert_fresh().assert_body_contains(shown);
    }
    site.get("/search?page=2").await.assert_bypass("dynamic").assert_body_contains("Page 2");
}

#[tokio::test]
async fn page_that_reads_any_query_is_named_and_one_that_reads_a_name_cannot_be_seen() {
    let start = Start::new(Lists);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    let found = problems(&report, "/canonical");
    assert!(matches!(found[..], [Problem::DependsOn { on: Influence::Query, .. }]), "{report}");
    assert_eq!(problems(&report, "/unlisted"), [] as [&Problem; 0]);
    let site = start.site(&app);
    site.get("/unlisted?page=2").await.assert_fresh().assert_body_contains("Page 1");
    assert_in_guide("`use_query_map`");
}

#[tokio::test]
async fn parameter_of_a_link_is_named_where_its_page_reads_it_and_its_route_does_not_list_it() {
    #[component]
    fn App() -> impl IntoView {
        let links = || {
            let to = |address| view! { <a href=address>{address}</a> };
            [
                "/unlisted?page=1",
                "unlisted?page=2#top",
                "/unlisted?page=3",
                "/listed?page=2",
                "/search?page=2",
                "/unread?page=2",
                "/tracked?utm_source=front",
                "https://example.com/tracked?page=2",
                "?page=2",
            ]
            .map(to)
        };
        let source = || use_query_map().read_untracked().get("utm_source");
        let isr = || Isr::forever().into();
        view! {
            <LeptosRouter>
                <Routes fallback=leptos_isr::fallback(|| "No such page")>
                    <Route path=path!("/") view=links ssr=isr()/>
                    <Route path=path!("/unlisted") view=page ssr=isr()/>
                    <Route path=path!("/listed") view=page ssr=Isr::forever().query(["page"]).into()/>
                    <Route path=path!("/search") view=page/>
                    <Route path=path!("/unread") view=|| "One page" ssr=isr()/>
                    <Route path=path!("/tracked") view=move || (page(), source()) ssr=isr()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let start = Start::new(App);
    let report = start.engine.check(&start.wrapped()).await;
    let found = report.routes.iter().flat_map(|route| &route.findings).collect::<Vec<_>>();
    let [finding] = found[..] else { panic!("{report}") };
    let Problem::DependsOn { on: Influence::Query, after, .. } = &finding.problem else {
        panic!("{report}");
    };
    assert_eq!(finding.page, "/unlisted?page=2");
    assert!(after.contains("Page 2"), "{after}");
}
