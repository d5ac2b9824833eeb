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

#[component]
fn Lists() -> impl IntoView {
    let page = || {
        let page = use_query_map().read_untracked().get("page");
        format!("Page {}", page.unwrap_or_else(|| "1".to_owned()))
    };
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
