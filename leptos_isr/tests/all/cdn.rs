//! Purges as CDNs are told of them: behind the purge, and after a restart.

use std::{path::Path, sync::Arc};

use axum::{Router, body::Bytes, http::Uri};
use http::StatusCode;
use leptos_isr::{
    Isr,
    purge::{Cdn, Purge},
    seconds,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use crate::support::{Site, log::Warnings, routes};

/// A server in the place of a CDN, which answers once it is let.
struct StandIn {
    url: String,
    asked: mpsc::UnboundedReceiver<String>,
    gate: Arc<Semaphore>,
}

impl StandIn {
    async fn start(status: StatusCode) -> Self {
        // Another crate of the workspace lets `reqwest` speak TLS without saying by what.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (ask, asked) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let passing = Arc::clone(&gate);
        let app = Router::new().fallback(move |uri: Uri, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            ask.send(format!("{uri} {body}")).unwrap();
            let passing = Arc::clone(&passing);
            async move {
                passing.acquire().await.unwrap().forget();
                status
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked, gate }
    }

    fn let_pass(&self) {
        self.gate.add_permits(1000);
    }

    async fn next(&mut self) -> String {
        timeout(seconds(20), self.asked.recv()).await.expect("it was not asked").unwrap()
    }
}

fn site(folder: &Path, cdn: Cdn) -> Site {
    Site::build(routes(), |builder| builder.disk(folder, "b1").cdn(cdn))
}

fn told(tag: &str) -> String {
    format!(r#"/ {{"paths":[],"prefixes":[],"tags":["{tag}"],"hard":false}}"#)
}

#[tokio::test]
async fn purge_does_not_wait_for_the_cdn_and_a_restart_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    let before = site(folder.path(), Cdn::url(&cdn.url, "token"));
    before.purge_tag("a").await;
    assert_eq!(cdn.next().await, told("a"));
    before.purge_tag("b").await;
    before.idle().await;
    drop(before);
    assert!(cdn.asked.try_recv().is_err(), "it was asked again without a reason");
    cdn.let_pass();
    let _after = site(folder.path(), Cdn::url(&cdn.url, "token"));
    assert_eq!(cdn.next().await, told("a").replace(r#""a""#, r#""a","b""#));
}

#[tokio::test]
async fn cdn_is_told_the_one_spelling_of_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    cdn.let_pass();
    let fastly = Cdn::fastly("id", "token", "https://news.example").api(&cdn.url);
    let site = site(folder.path(), fastly);
    let paths = vec!["/caf\u{e9}/".to_owned()];
    site.engine.purge(&Purge { paths, ..Purge::default() }).await.unwrap();
    assert_eq!(cdn.next().await, "/purge/news.example/caf%C3%A9 ");
}

#[tokio::test]
async fn cdn_is_told_the_address_with_the_slash_that_its_route_declares() {
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::OK).await;
    let routes = routes().add("/post/:slug/", Isr::forever()).unwrap();
    let site = Site::build(routes, |builder| {
        builder.disk(folder.path(), "b1").cdn(Cdn::url(&cdn.url, "token"))
    });
    site.purge_path("/post/a").await;
    assert!(cdn.next().await.contains(r#""paths":["/post/a/"]"#));
    site.get("/post/a").await.assert_status(308);
    site.get("/post/a/").await.assert_miss_stored().assert_body("/post/a/ #1");
    assert_eq!(site.renders_of("/post/a"), 1);
}

#[tokio::test]
async fn refusal_is_logged_without_the_token() {
    let (warnings, _guard) = Warnings::collect();
    let folder = tempfile::tempdir().unwrap();
    let mut cdn = StandIn::start(StatusCode::FORBIDDEN).await;
    cdn.let_pass();
    let site = site(
        folder.path(),
        Cdn::cloudflare("zone", "the token", "https://news.example").api(&cdn.url),
    );
    for tag in ["a", "b"] {
        site.purge_tag(tag).await;
        cdn.next().await;
    }
    let log = warnings.text();
    assert!(log.contains("ERROR") && log.contains("cloudflare zone"), "{log}");
    assert!(log.contains("403 Forbidden") && !log.contains("the token"), "{log}");
}
