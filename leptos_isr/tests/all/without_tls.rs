//! The library without the feature `tls`, in a program that switches on no other TLS.

use leptos_isr::{Engine, data::fetch, purge::Cdn};

use crate::support::routes;

const REMEDY: &str = "switch on the feature `tls` of `leptos_isr`";

#[test]
fn https_address_of_a_cdn_is_an_error_at_start_with_the_remedy() {
    let cloudflare = || Cdn::cloudflare("zone", "a token", "https://news.example");
    for cdn in [cloudflare(), Cdn::url("https://other.example/_isr/purge", "a token")] {
        let error = Engine::builder(routes()).cdn(cdn).build().unwrap_err().to_string();
        assert!(error.contains(REMEDY) && error.contains("`https://"), "{error}");
    }
    let plain = cloudflare().api("http://127.0.0.1:1");
    Engine::builder(routes()).cdn(plain).build().unwrap();
}

#[tokio::test]
async fn https_address_that_is_fetched_is_an_error_with_the_remedy() {
    let error = fetch("https://user:pass@cms.example/a?key=b").bytes().await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains(REMEDY) && error.contains("`https://cms.example/a`"), "{error}");
}
