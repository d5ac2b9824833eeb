//! Guessing the editor's password locks out whoever guesses, and nobody else.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::http::Method;
use support::{Server, action, folder, server_in};

/// Tries a password from an address, with a cookie; returns the cookies that are set.
async fn try_from(server: &Server, address: &str, cookie: &str, password: &str) -> Vec<String> {
    let desk = server.get("/editor").await;
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html"),
        ("cookie", cookie),
        ("x-forwarded-for", address),
    ];
    let form = format!("password={password}");
    let answer = server.send(Method::POST, &action(&desk.body, "sign_in"), &headers, form).await;
    let set = answer.headers.get_all("set-cookie").iter();
    set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn guesses_from_one_address_lock_out_nobody_elsewhere() {
    let server = server_in(folder(), &["--isr-trusted-proxies", "127.0.0.1"]).await;
    for _ in 0..10 {
        assert!(try_from(&server, "7.7.7.7", "", "guess").await.is_empty());
    }
    assert!(try_from(&server, "7.7.7.7", "", "secret").await.is_empty(), "it must wait");
    // What stands to the left of its address is what it sent.
    assert!(try_from(&server, "8.8.8.8, 7.7.7.7", "", "secret").await.is_empty());
    assert_eq!(try_from(&server, "8.8.8.8", "", "secret").await.len(), 2);
}

#[tokio::test]
async fn browser_that_signed_in_before_is_not_locked_out_by_others_at_its_address() {
    let server = server_in(folder(), &["--isr-trusted-proxies", "127.0.0.1"]).await;
    let set = try_from(&server, "7.7.7.7", "", "secret").await;
    let known = set.iter().find(|cookie| cookie.starts_with("editor-browser=")).unwrap();
    for _ in 0..10 {
        try_from(&server, "7.7.7.7", "", "guess").await;
    }
    let forged = format!("{known}0");
    assert!(try_from(&server, "7.7.7.7", &forged, "secret").await.is_empty());
    assert_eq!(try_from(&server, "7.7.7.7", known, "secret").await.len(), 2);
    for _ in 0..10 {
        try_from(&server, "7.7.7.7", known, "guess").await;
    }
    assert!(try_from(&server, "7.7.7.7", known, "secret").await.is_empty(), "it may not guess on");
}

#[tokio::test]
async fn without_trusted_proxies_headers_give_nobody_a_count_of_its_own() {
    let server = server_in(folder(), &[]).await;
    for last in 0..10 {
        try_from(&server, &format!("7.7.7.{last}"), "", "guess").await;
    }
    assert!(try_from(&server, "8.8.8.8", "", "secret").await.is_empty());
}
