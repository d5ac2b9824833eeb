//! What every answer of the site tells browsers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use clap::Parser;
use http_body_util::BodyExt;
use leptos_isr::SystemClock;
use server::{
    config::Cli,
    content::{self, Content},
    site::site,
};
use tempfile::TempDir;
use tower::ServiceExt;

const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

const ARTICLE: &str = "---\ntitle: Article\ndate: 2026-01-01\nsection: News\nauthor: A\n---\n\
    Text.<script>steal()</script>\n\n|a|\n|-:|\n|1|\n";

struct Server {
    router: Router,
    _content: Content,
    _folder: TempDir,
}

async fn server_with(args: &[&str]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    for name in ["site", "content"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("site/icon.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        .unwrap();
    fs::write(folder.path().join("content/article.md"), ARTICLE).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut line = vec!["server".to_owned()];
    for (flag, value) in [
        ("--site-root", path("site")),
        ("--isr-dir", path("isr")),
        ("--content-db", path("news.db")),
        ("--content-dir", path("content")),
        ("--hash-files", "false".to_owned()),
        ("--editor-password", "secret".to_owned()),
    ] {
        line.extend([flag.to_owned(), value]);
    }
    line.extend(args.iter().map(ToString::to_string));
    let config = Cli::parse_from(line).config;
    let any_port = ([127, 0, 0, 1], 0).into();
    let content = content::open(&config, any_port).await.unwrap();
    let router = site(&config, &content, SystemClock).unwrap().router;
    Server { router, _content: content, _folder: folder }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn policy(&self) -> &str {
        self.header("content-security-policy")
    }
}

impl Server {
    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    async fn send(&self, method: Method, path: &str, etag: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        let request = request.body(Body::empty()).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
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
        ("/%zz", 400),
        ("/api/no-such-function", 404),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{path}");
    }
    for path in ["/feed.xml", "/sitemap.xml", "/icon.svg", "/%zz"] {
        assert_eq!(server.get(path).await.policy(), DATA, "{path}");
    }
    let posted = server.send(Method::POST, "/about", None).await;
    assert_eq!((posted.status, posted.policy()), (StatusCode::METHOD_NOT_ALLOWED, DATA));
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
            assert!(page.policy().contains(part), "{path}: {part}: {}", page.policy());
        }
        for part in ["unsafe-inline", "ws:", "'unsafe-eval'"] {
            assert!(!page.policy().contains(part), "{path}: {part}: {}", page.policy());
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
    let answer = server.send(Method::GET, "/about", Some(etag)).await;
    assert_eq!((answer.status, answer.policy()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn page_listens_for_changes_only_while_the_site_is_watched() {
    let server = server_with(&["--watch", "true", "--reload-port", "3456"]).await;
    for path in ["/about", "/search"] {
        let page = server.get(path).await;
        assert!(
            page.policy().contains("connect-src 'self' ws://*:3456 wss://*:3456; "),
            "{path}: {}",
            page.policy()
        );
    }
}
