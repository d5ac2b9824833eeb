//! The site with its content on Sanity, behind a stand-in for its API.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::UNIX_EPOCH,
};

use axum::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use leptos_isr::{
    Clock, minutes,
    testing::{Answer, TestClock},
};
use serde_json::{Value, json};
use server::{config::Cli, content};
use sha2::Sha256;
use support::{
    ANY_PORT, Server, empty_folder, get_with,
    sanity::{Asked, Sanity, TOKEN},
    server, server_in,
};

const DRAFT_SECRET: &str = "a secret of sixteen bytes or more";

fn section(slug: &str, title: &str) -> Value {
    json!({"_id": format!("section-{slug}"), "_type": "section", "title": title,
        "slug": {"_type": "slug", "current": slug}})
}

/// The article with this number, as those of the other tests.
fn article(n: u32) -> Value {
    let date = format!("2026-01-{n:02}T00:00:00.000Z");
    json!({
        "_id": format!("article-{n}"), "_type": "article",
        "_createdAt": "2026-01-01T00:00:00Z", "_updatedAt": date,
        "title": format!("Article {n}"), "slug": {"_type": "slug", "current": format!("article-{n}")},
        "section": {"_type": "reference", "_ref": "section-news"}, "author": "A",
        "summary": format!("Text {n}."), "publishedAt": date, "body": format!("Text {n}."),
    })
}

fn articles() -> Vec<Value> {
    (1..=15).map(article).chain([section("news", "News")]).collect()
}

async fn site_on(sanity: &Sanity, args: &[&str]) -> Server {
    site_on_dataset("production", sanity, args).await
}

async fn site_on_dataset(dataset: &str, sanity: &Sanity, args: &[&str]) -> Server {
    let settings = [
        "--sanity-project-id",
        "zp7mbokg",
        "--sanity-dataset",
        dataset,
        "--sanity-api-url",
        &sanity.url,
    ];
    server_in(empty_folder(), &[&settings, args].concat()).await
}

/// The parts of `page` that stand between `begin` and `end`.
fn parts<'a>(page: &'a Answer, begin: &str, end: &str) -> Vec<&'a str> {
    page.body.split(begin).skip(1).filter_map(|part| Some(part.split_once(end)?.0)).collect()
}

#[tokio::test]
async fn pages_are_those_of_a_newsroom_with_the_same_articles() {
    let sanity = Sanity::start(articles()).await;
    let (on_sanity, on_newsroom) = (site_on(&sanity, &[]).await, server().await);
    for path in ["/", "/sections/news", "/sections/news?page=2", "/articles/article-3"] {
        let page = on_sanity.get(path).await;
        page.assert_status(200).assert_miss_stored();
        let expected = on_newsroom.get(path).await;
        for (begin, end) in [("href=\"", "\""), ("<h1", "</h1>"), ("<h3", "</h3>"), ("<p", "</p>")]
        {
            assert_eq!(parts(&page, begin, end).is_empty(), begin == "<h3" && path.contains("/a"));
            let same = |page| {
                let parts = parts(page, begin, end).into_iter();
                parts.filter(|part| !part.contains("endered")).collect::<Vec<_>>()
            };
            assert_eq!(same(&page), same(&expected), "{path}");
        }
    }
    for (path, begin, end) in [
        ("/feed.xml", "<title>", "</title>"),
        ("/feed.xml", "<published>", "</published>"),
        ("/sitemap.xml", "<loc>", "</loc>"),
    ] {
        let (page, expected) = (on_sanity.get(path).await, on_newsroom.get(path).await);
        assert!(parts(&page, begin, end).len() >= 15, "{path}: {}", page.body);
        assert_eq!(parts(&page, begin, end), parts(&expected, begin, end), "{path}");
    }
    let published = Asked { perspective: "published".to_owned(), has_token: false };
    assert!(sanity.asked().iter().all(|asked| *asked == published));
}

#[tokio::test]
async fn every_listed_page_is_rendered_at_build() {
    let sanity = Sanity::start(articles()).await;
    let server = site_on(&sanity, &[]).await;
    let report = server.engine().prerender(4, |_| (), |_| ()).await.unwrap();
    assert_eq!(report.routes.iter().map(|row| row.pages).sum::<usize>(), 15 + 6);
}

#[tokio::test]
async fn body_of_portable_text_is_shown_as_html() {
    let sanity = Sanity::start(articles()).await;
    let mut changed = article(1);
    changed["body"] = json!([
        {"_type": "block", "style": "h2", "children": [{"_type": "span", "text": "A <heading>"}]},
        {"_type": "image", "asset": {"_ref": "image-1"}},
        {"_type": "block", "style": "normal", "children": [
            {"_type": "span", "text": "a ", "marks": []},
            {"_type": "span", "text": "link", "marks": ["k"]}],
         "markDefs": [{"_key": "k", "_type": "link", "href": "javascript:alert(1)"}]},
    ]);
    changed["section"] = json!("Odds & ends");
    sanity.put(changed);
    let server = site_on(&sanity, &[]).await;
    let page = server.get("/articles/article-1").await;
    page.assert_body_contains("<h2>A &lt;heading&gt;</h2>\n<p>a link</p>");
    page.assert_body_contains("Odds &amp; ends").assert_body_lacks("javascript");
    server.get("/sections/Odds%20%26%20ends").await.assert_status(200).assert_miss_stored();
}

#[tokio::test]
async fn drafts_are_read_with_the_token_and_not_kept() {
    let sanity = Sanity::start(articles()).await;
    let (mut changed, mut new) = (article(2), article(16));
    changed["_id"] = json!("drafts.article-2");
    changed["title"] = json!("Changed in a draft");
    new["_id"] = json!("drafts.article-16");
    sanity.put(changed);
    sanity.put(new);
    let args = ["--sanity-token", TOKEN, "--isr-draft-secret", DRAFT_SECRET];
    let server = site_on(&sanity, &args).await;
    let cookie = server.engine().draft_cookie().unwrap();
    for (path, text) in [
        ("/articles/article-2", "Changed in a draft"),
        ("/articles/article-16", "Text 16."),
        ("/", "Article 16"),
        ("/sections/news?page=2", "Changed in a draft"),
    ] {
        for _ in 0..2 {
            sanity.asked();
            let page = get_with(&server, path, cookie.to_str().unwrap()).await;
            page.assert_status(200).assert_bypass("draft").assert_body_contains(text);
            let asked = sanity.asked();
            let drafts = Asked { perspective: "drafts".to_owned(), has_token: true };
            assert!(!asked.is_empty() && asked.iter().all(|it| *it == drafts), "{path} {asked:?}");
        }
        let page = server.get(path).await;
        page.assert_body_lacks(text).assert_body_lacks("draft");
    }
    server.get("/articles/article-16").await.assert_status(404);
    let published = Asked { perspective: "published".to_owned(), has_token: true };
    assert!(sanity.asked().iter().all(|asked| *asked == published), "for a private dataset");
}

#[tokio::test]
async fn draft_mode_without_a_token_shows_what_is_published() {
    let sanity = Sanity::start(articles()).await;
    let server = site_on(&sanity, &["--isr-draft-secret", DRAFT_SECRET]).await;
    let cookie = server.engine().draft_cookie().unwrap();
    let page = get_with(&server, "/articles/article-2", cookie.to_str().unwrap()).await;
    page.assert_status(200).assert_bypass("draft").assert_body_contains("Text 2.");
}

#[tokio::test]
async fn missing_article_is_404_and_a_missing_dataset_is_not() {
    let sanity = Sanity::start(articles()).await;
    let server = site_on(&sanity, &[]).await;
    for path in ["/articles/none", "/articles/%22%5D%20%7C%20*%5B%22", "/sections/none"] {
        server.get(path).await.assert_status(404).assert_body_contains("Page not found");
    }
    let server = site_on_dataset("staging", &sanity, &[]).await;
    server.get("/articles/article-1").await.assert_status(502).assert_not_stored();
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Everything of this thread, from now on.
    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

async fn assert_fault_costs_no_page(status: u16, body: &'static str, logged: &str) {
    let log = Log::default();
    let _logging = log.begin();
    let sanity = Sanity::start(articles()).await;
    let args = ["--sanity-token", TOKEN, "--isr-draft-secret", DRAFT_SECRET];
    let server = site_on(&sanity, &args).await;
    let cookie = server.engine().draft_cookie().unwrap();
    let stored = ["/", "/articles/article-1"];
    for path in stored {
        server.get(path).await.assert_status(200).assert_miss_stored();
    }
    sanity.break_with(status, body);
    server.advance(minutes(5));
    for path in stored {
        for _ in 0..2 {
            server.get(path).await.assert_status(200).assert_stale();
            server.idle().await;
        }
    }
    let failed = server.get("/articles/article-2").await;
    failed.assert_status(502).assert_not_stored();
    let draft = get_with(&server, "/articles/article-1", cookie.to_str().unwrap()).await;
    draft.assert_bypass("draft").assert_status(502);
    let log = log.text();
    assert!(log.contains(logged), "{status}: `{logged}` is not in {log}");
    for text in [log, failed.body, draft.body] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[tokio::test]
async fn query_that_is_refused_costs_no_stored_page() {
    let body = r#"{"error":{"description":"expected `}` following object body","end":9,
        "query":"*[","start":2,"type":"queryParseError"}}"#;
    assert_fault_costs_no_page(400, body, "400 Bad Request: expected `}` following").await;
}

#[tokio::test]
async fn token_that_is_refused_costs_no_stored_page() {
    let body = r#"{"statusCode":401,"error":"Unauthorized","message":"Session not found"}"#;
    assert_fault_costs_no_page(401, body, "401 Unauthorized: Unauthorized: Session").await;
}

#[tokio::test]
async fn quota_that_is_used_up_costs_no_stored_page() {
    let body = r#"{"statusCode":429,"error":"Too Many Requests","message":"Rate limit reached"}"#;
    assert_fault_costs_no_page(429, body, "Rate limit reached").await;
}

#[tokio::test]
async fn outage_costs_no_stored_page() {
    assert_fault_costs_no_page(500, "<h1>Oops</h1>", "<h1>Oops</h1>").await;
}

#[tokio::test]
async fn answer_that_is_no_json_costs_no_stored_page() {
    assert_fault_costs_no_page(200, r#"{"result":{"articles":["#, "not what was expected").await;
}

#[tokio::test]
async fn answer_without_a_result_costs_no_stored_page() {
    assert_fault_costs_no_page(200, r#"{"ms":1}"#, "missing field `result`").await;
}

/// The webhooks that the documentation describes. Their secret is what this
/// variable holds wherever tests run.
fn documented_hooks() -> String {
    let text = include_str!("../../docs/sanity.md");
    let toml = text.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    assert!(toml.contains("\"SANITY_WEBHOOK_SECRET\""), "{toml}");
    toml.replace("SANITY_WEBHOOK_SECRET", "PATH")
}

/// Sends `payload` as Sanity does, signed with `secret` at the test clock's start.
async fn deliver(server: &Server, hook: &str, secret: &str, payload: &Value) -> StatusCode {
    let time = TestClock::new().now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let body = payload.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let signature = format!("t={time},v1={signature}");
    let headers = [("sanity-webhook-signature", &*signature), ("content-type", "application/json")];
    server.send(Method::POST, &format!("/_isr/hooks/{hook}"), &headers, body).await.status
}

#[tokio::test]
async fn webhook_of_a_change_regenerates_what_shows_the_article_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), documented_hooks()).unwrap();
    let secret = std::env::var("PATH").unwrap();
    let mut of_tech = article(16);
    of_tech["section"] = json!({"_type": "reference", "_ref": "section-tech"});
    let sanity = Sanity::start(articles()).await;
    sanity.put(section("tech", "Technology"));
    sanity.put(of_tech.clone());
    let server = site_on(&sanity, &["--isr-hooks", &file.path().display().to_string()]).await;

    let shows = ["/articles/article-1", "/sections/news?page=2", "/feed.xml", "/sitemap.xml"];
    let lists = ["/", "/live", "/sections/tech", "/articles/article-16"];
    let others = ["/sections/news", "/articles/article-2", "/about"];
    for path in shows.into_iter().chain(lists).chain(others) {
        server.get(path).await.assert_miss_stored();
    }

    // An edit changes what shows the article; the lists stay as they are.
    let mut edited = article(1);
    edited["title"] = json!("Edited on Sanity");
    sanity.put(edited);
    let payload = json!({"article": ["article-1", "article-1"], "moved": null});
    assert_eq!(deliver(&server, "articles", "guess", &payload).await, StatusCode::UNAUTHORIZED);
    server.get("/articles/article-1").await.assert_fresh();
    assert_eq!(deliver(&server, "articles", &secret, &payload).await, StatusCode::NO_CONTENT);
    for path in shows {
        server.get(path).await.assert_purged();
    }
    for path in lists.into_iter().chain(others) {
        server.get(path).await.assert_fresh();
    }
    server.idle().await;
    for path in shows {
        let page = server.get(path).await;
        page.assert_fresh();
        assert_eq!(page.body.contains("Edited on Sanity"), path != "/sitemap.xml", "{path}");
    }

    // A new article changes the lists of its section and of all articles.
    of_tech["_id"] = json!("article-17");
    of_tech["slug"]["current"] = json!("article-17");
    of_tech["title"] = json!("New on Sanity");
    of_tech["publishedAt"] = json!("2026-01-17T00:00:00.000Z");
    sanity.put(of_tech);
    let payload = json!({"article": ["article-17", null], "moved": {
        "lists": ["articles", "sections"],
        "section": ["tech", null, {"_type": "reference", "_ref": "section-tech"}, null]}});
    assert_eq!(deliver(&server, "articles", &secret, &payload).await, StatusCode::NO_CONTENT);
    for path in lists {
        server.get(path).await.assert_purged();
    }
    for path in ["/articles/article-1", "/articles/article-2", "/about"] {
        server.get(path).await.assert_fresh();
    }
    server.idle().await;
    for path in ["/", "/sections/tech", "/articles/article-16"] {
        server.get(path).await.assert_fresh().assert_body_contains("New on Sanity");
    }
}

#[tokio::test]
async fn webhook_of_a_section_regenerates_what_shows_its_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), documented_hooks()).unwrap();
    let secret = std::env::var("PATH").unwrap();
    let sanity = Sanity::start(articles()).await;
    let server = site_on(&sanity, &["--isr-hooks", &file.path().display().to_string()]).await;
    let shows = ["/", "/sections/news", "/articles/article-1"];
    for path in shows {
        server.get(path).await.assert_miss_stored();
    }
    sanity.put(section("news", "Latest news"));
    let payload = json!({"section": ["news", "news"]});
    assert_eq!(deliver(&server, "sections", &secret, &payload).await, StatusCode::NO_CONTENT);
    for path in shows {
        server.get(path).await.assert_purged();
    }
    server.idle().await;
    for path in shows {
        server.get(path).await.assert_fresh().assert_body_contains("Latest news");
    }
}

#[tokio::test]
async fn settings_that_contradict_each_other_fail_at_start() {
    for (args, parts) in [
        (
            &["--content-api-url=http://a.example", "--sanity-project-id=p1"][..],
            &["CONTENT_API_URL", "http://a.example", "SANITY_PROJECT_ID", "p1", "unset one"][..],
        ),
        (&["--sanity-project-id=p1"], &["SANITY_DATASET", "SANITY_PROJECT_ID"]),
        (&["--content-api-url=http://a.example", "--sanity-token=x"], &["SANITY_TOKEN"]),
        (
            &["--sanity-project-id=p1", "--sanity-dataset=a", "--sanity-token=x\ny"],
            &["the token for the content", "line end"],
        ),
    ] {
        let config = Cli::parse_from(["server"].iter().chain(args)).config;
        let error = content::open(&config, ANY_PORT.into()).await.unwrap_err();
        let error = app::data::answer::with_causes(&error);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
