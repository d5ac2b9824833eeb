//! Draft mode on the real site: who sees an article before it is published.

mod support;

use std::time::SystemTime;

use axum::http::{Method, StatusCode};
use clap::Parser;
use leptos_isr::testing::Answer;
use server::{config::Cli, content, site::site};
use support::{ANY_PORT, Server, action, folder, get_with, post, server, server_in, sign_in};

const NEW_DRAFT: &str = "form[slug]=&form[new_slug]=scoop&form[title]=The+scoop&form[summary]=\
    &form[section]=Rumours&form[author]=A&form[body_markdown]=Secret+text&form[intent]=draft";

/// Sends the form that saves an article; `as_editor` is the session.
async fn save(server: &Server, as_editor: &str, form: &str) {
    let desk = get_with(server, "/editor?new=article", as_editor).await;
    let saved = post(server, &action(&desk.body, "save"), as_editor, form).await;
    assert!(saved.header("location").contains("saved="), "{} {}", saved.status, saved.body);
}

/// Presses the Preview button of the article `scoop`.
async fn preview(server: &Server, page: &str, cookie: &str) -> Answer {
    post(server, &action(page, "preview"), cookie, "slug=scoop").await
}

fn draft_cookie(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut drafts = cookies.filter_map(|value| value.to_str().ok()?.split(';').next());
    drafts.find(|cookie| cookie.contains("isr")).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn editor_previews_a_draft_that_readers_do_not_see() {
    let server = server().await;
    let editor = sign_in(&server).await;
    save(&server, &editor, NEW_DRAFT).await;
    let pages = ["/", "/sections/rumours", "/articles/scoop", "/search?q=scoop"];
    for path in pages {
        let page = server.get(path).await;
        assert!(!page.body.contains("The scoop"), "{path}");
    }
    let edit = get_with(&server, "/editor/scoop", &editor).await;
    let begun = preview(&server, &edit.body, &editor).await;
    assert_eq!(begun.status, StatusCode::FOUND);
    assert_eq!(begun.header("location"), "/articles/scoop");
    let draft = draft_cookie(&begun);
    assert!(draft.starts_with("__isr_draft="), "{:?}", begun.headers);

    for path in pages {
        let page = get_with(&server, path, &draft).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.body.contains("The scoop"), "{path}");
        assert!(page.body.contains("Leave draft mode"), "{path}");
        assert_eq!(page.header("cache-control"), "private, no-store", "{path}");
        let detail = if path.starts_with("/search") { "dynamic" } else { "draft" };
        assert_eq!(page.cache_status(), format!("isr; fwd=bypass; detail={detail}"), "{path}");
    }
    assert!(get_with(&server, "/articles/scoop", &draft).await.body.contains("Secret text"));
    for path in pages.into_iter().chain(["/feed.xml", "/sitemap.xml"]) {
        let page = server.get(path).await;
        assert!(!page.body.contains("scoop") || path.starts_with("/search"), "{path}");
        assert!(!page.body.contains("The scoop") && !page.body.contains("draft mode"), "{path}");
    }
    assert_eq!(server.get("/articles/scoop").await.status, StatusCode::NOT_FOUND);

    let page = get_with(&server, "/", &draft).await;
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html"),
        ("referer", "http://127.0.0.1:3000/sections/news?page=2"),
    ];
    let left = server.request(Method::POST, &action(&page.body, "leave"), &headers).await;
    assert_eq!(
        (left.status, left.header("location")),
        (StatusCode::FOUND, "/sections/news?page=2")
    );
    assert_eq!(draft_cookie(&left), "__isr_draft=");
}

#[tokio::test]
async fn stranger_cannot_preview_and_signing_out_ends_draft_mode() {
    let server = server().await;
    let editor = sign_in(&server).await;
    save(&server, &editor, NEW_DRAFT).await;
    let edit = get_with(&server, "/editor/scoop", &editor).await;
    for cookie in ["", "editor=x", "__isr_draft=x"] {
        let refused = preview(&server, &edit.body, cookie).await;
        assert_eq!(draft_cookie(&refused), "", "{cookie}");
    }
    let desk = get_with(&server, "/editor", &editor).await;
    let signed_out = post(&server, &action(&desk.body, "sign_out"), &editor, "").await;
    assert_eq!(draft_cookie(&signed_out), "__isr_draft=");
}

#[tokio::test]
async fn withdrawn_article_is_404() {
    let server = server().await;
    let editor = sign_in(&server).await;
    save(&server, &editor, &NEW_DRAFT.replace("intent]=draft", "intent]=publish")).await;
    for path in ["/articles/scoop", "/"] {
        assert!(server.get(path).await.body.contains("The scoop"), "{path}");
    }
    let withdraw = NEW_DRAFT
        .replace("form[slug]=", "form[slug]=scoop")
        .replace("new_slug]=scoop", "new_slug]=");
    save(&server, &editor, &withdraw).await;
    server.get("/articles/scoop").await;
    server.get("/").await;
    server.idle().await;
    let page = server.get("/articles/scoop").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(page.cache_status(), "isr; hit; ttl=300");
    assert!(!server.get("/").await.body.contains("The scoop"));
}

#[tokio::test]
async fn draft_mode_from_outside_needs_its_secret() {
    const SECRET: &str = "a secret of sixteen bytes or more";
    let server =
        server_in(folder(), &["--isr-draft-secret", SECRET, "--site-url", "https://news.example"])
            .await;
    let begin = async |bearer: &str| {
        let bearer = format!("Bearer {bearer}");
        server.request(Method::POST, "/_isr/draft", &[("authorization", &bearer)]).await
    };
    let editor = sign_in(&server).await;
    save(&server, &editor, NEW_DRAFT).await;
    assert_eq!(begin("token").await.status, StatusCode::UNAUTHORIZED);
    let begun = begin(SECRET).await;
    assert_eq!(begun.status, StatusCode::NO_CONTENT);
    let draft = draft_cookie(&begun);
    assert!(draft.starts_with("__Host-isr-draft="), "{draft}");
    assert!(get_with(&server, "/articles/scoop", &draft).await.body.contains("Secret text"));
}

#[tokio::test]
async fn drafts_of_an_api_elsewhere_are_read_with_its_token() {
    const SECRET: &str = "a secret of sixteen bytes or more";
    let store = newsroom::ContentStore::in_memory().await.unwrap();
    let draft = newsroom::ArticleDraft {
        title: "Elsewhere".to_owned(),
        summary: String::new(),
        section: "News".to_owned(),
        author: "A".to_owned(),
        body_markdown: "Text".to_owned(),
        slug: None,
        published_at: None,
        published: false,
    };
    store.create(draft).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let api = newsroom::router(store, Some("token".to_owned()));
    tokio::spawn(async move { axum::serve(listener, api).await });
    let server =
        server_in(folder(), &["--content-api-url", &url, "--isr-draft-secret", SECRET]).await;
    let cookie = server.engine().draft_cookie().unwrap();
    let page = get_with(&server, "/articles/elsewhere", cookie.to_str().unwrap()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(server.get("/articles/elsewhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn wrong_draft_secret_fails_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    for (secret, said) in [("short", "at least 16"), ("the purge token of ours", "another secret")]
    {
        let line = [
            "server",
            "--site-root",
            &root,
            "--isr-dir",
            &root,
            "--isr-token",
            "the purge token of ours",
            "--isr-draft-secret",
            secret,
        ];
        let mut config = Cli::parse_from(line).config;
        config.content_db = folder.path().join("news.db");
        config.content_dir = folder.path().join("none");
        let content = content::open(&config, ANY_PORT.into()).await.unwrap();
        let error = site(&config, &content, SystemTime::now).await.unwrap_err();
        let cause = app::data::answer::with_causes(&error);
        assert!(cause.contains("ISR_DRAFT_SECRET") && cause.contains(said), "{cause}");
    }
}
