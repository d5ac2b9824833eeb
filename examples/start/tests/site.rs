//! How long the pages live, by a clock that the test moves.

use app::site::site;
use leptos::config::LeptosOptions;
use leptos_isr::{
    minutes,
    testing::{TestClock, TestSite},
};

#[tokio::test]
async fn article_is_stale_after_its_period_and_after_a_purge_of_its_tag() {
    let clock = TestClock::new();
    let options = LeptosOptions::builder().output_name("start").build();
    let (isr, router) = site(options, |builder| builder.clock(clock.clone())).unwrap();
    let site = TestSite::new(&isr, router, clock);
    let page = "/articles/two-builds";

    site.get(page).await.assert_miss_stored().assert_body_contains("Two builds");
    site.advance(minutes(5));
    site.get(page).await.assert_stale();
    site.idle().await;
    site.get(page).await.assert_fresh();
    site.purge_tag("article:two-builds").await;
    site.get(page).await.assert_purged();
}
