//! CDNs that the settings name hear of purges.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::{
    Router,
    http::{HeaderMap, Uri},
};
use leptos_isr::seconds;
use support::{action, folder, get_with, post, server_in, sign_in};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

/// A server in the place of a CDN: its address, and what it is told.
async fn stand_in() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/purge", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    let app = Router::new().fallback(async move |uri: Uri, headers: HeaderMap, body: String| {
        let bearer = headers["authorization"].to_str().unwrap();
        tell.send(format!("{uri} {bearer} {body}")).unwrap();
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, told)
}

#[tokio::test]
async fn deleted_article_is_told_to_the_address_of_the_settings() {
    let (url, mut told) = stand_in().await;
    let server =
        server_in(folder(), &["--isr-cdn-url", &url, "--isr-cdn-url-token", "a token"]).await;
    let editor = sign_in(&server).await;
    let edit = get_with(&server, "/editor/article-3", &editor).await;
    let form = "slug=article-3&confirmed=yes";
    let deleted = post(&server, &action(&edit.body, "delete"), &editor, form).await;
    assert!(deleted.status.is_redirection(), "{deleted:?}");
    let heard = timeout(seconds(20), told.recv()).await.expect("it was not told").unwrap();
    let (asked, purge) = heard.split_once(" {").unwrap();
    assert_eq!(asked, "/purge Bearer a token");
    assert!(purge.contains(r#""article:article-3""#), "{heard}");
}
