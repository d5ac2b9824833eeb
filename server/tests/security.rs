//! What every answer of the site tells browsers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;

use axum::http::{Method, StatusCode};
use leptos_isr::testing::Answer;
use support::{Server, empty_folder, server_in};

const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

const ARTICLE: &str = "---\ntitle: Article\ndate: 2026-01-01\nsection: News\nauthor: A\n---\n\
    Text.<script>steal()</script>\n\n|a|\n|-:|\n|1|\n";

async fn server_with(args: &[&str]) -> Server {
    let folder = empty_folder();
    fs::write(folder.path().join("site/icon.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        .unwrap();
    fs::write(folder.path().join("content/article.md"), ARTICLE).unwrap();
    server_in(folder, args).await
}

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy")
}

#[tokio::test]
async fn every_answer_says_what_browsers_must_not_do_with_it() {
    let server = server_with(&[]).await;
    for (path, status) in [
        ("/", 200),
        ("/feed.xml", 200),
        ("/icon.svg", 200),
        ("/search?q=a", 200),
        ("/about/", 308),
        ("/no/such/page", 404),
        ("/articles/%zz", 400),
        ("/api/no-such-function", 404),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{path}");
    }
    for path in ["/feed.xml", "/sitemap.xml", "/icon.svg", "/articles/%zz"] {
        assert_eq!(policy(&server.get(path).await), DATA, "{path}");
    }
    let posted = server.request(Method::POST, "/about", &[]).await;
    assert_eq!((posted.status, policy(&posted)), (StatusCode::METHOD_NOT_ALLOWED, DATA));
}

#[tokio::test]
async fn every_page_has_the_strict_policy_and_no_inline_styles_or_handlers() {
    let server = server_with(&[]).await;
    for path in [
        "/",
        "/articles/article",
        "/articles/no-such-article",
        "/sections/news",
        "/about",
        "/live",
        "/search?q=a",
        "/editor",
        "/editor/article",
        "/no/such/page",
    ] {
        let page = server.get(path).await;
        for part in [
            "default-src 'none'; ",
            "script-src 'self' 'wasm-unsafe-eval' '",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy(&page).contains(part), "{path}: {part}: {}", policy(&page));
        }
        for part in ["unsafe-inline", "ws:", "'unsafe-eval'"] {
            assert!(!policy(&page).contains(part), "{path}: {part}: {}", policy(&page));
        }
        for part in [" style=", " onclick=", " onload=", " onerror=", "javascript:", "<style"] {
            assert!(!page.body.contains(part), "{path}: {part}: {}", page.body);
        }
    }
    let article = server.get("/articles/article").await.body;
    assert!(article.contains("<td class=\"align-right\">1</td>"), "{article}");
}

#[tokio::test]
async fn browser_that_has_the_page_keeps_its_policy() {
    let server = server_with(&[]).await;
    let page = server.get("/about").await;
    let etag = page.header("etag");
    let answer = server.request(Method::GET, "/about", &[("if-none-match", etag)]).await;
    assert_eq!((answer.status, policy(&answer)), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn page_listens_for_changes_only_while_the_site_is_watched() {
    let server = server_with(&["--watch", "true", "--reload-port", "3456"]).await;
    for path in ["/about", "/search"] {
        let page = server.get(path).await;
        assert!(
            policy(&page).contains("connect-src 'self' ws://*:3456 wss://*:3456; "),
            "{path}: {}",
            policy(&page)
        );
    }
}
