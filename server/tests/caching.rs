//! The policy of each route, on the real site over a small content folder.
//!
//! The front page and the sections are fresh for a minute, an article for five
//! minutes and served stale for seven days, `/live` for two seconds, `/about`
//! until the next build, the feeds for five minutes. Search and the editor are
//! rendered for each visitor. Publishing makes stale what shows the article.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use clap::Parser;
use leptos_isr::{
    days, minutes, seconds,
    testing::{Answer, Outage, TestClock},
};
use serde_json::{Value, json};
use server::{config::Cli, content, site::site};
use support::{ANY_PORT, Server, action, folder, post, server, server_in, sign_in};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::AbortHandle};

impl Server {
    /// The page is stored, and fresh for exactly this long.
    async fn assert_period(&self, path: &str, period: Duration) {
        self.get(path).await.assert_status(200).assert_miss_stored();
        self.advance(period - seconds(1));
        self.get(path).await.assert_cache_status("isr; hit; ttl=1");
        self.advance(seconds(1));
        self.get(path).await.assert_stale();
        self.idle().await;
        let fresh = format!("isr; hit; ttl={}", period.as_secs());
        self.get(path).await.assert_cache_status(&fresh);
    }
}

/// A content API elsewhere, over the articles of a folder, which ignores case; ends when dropped.
struct ContentApi {
    url: String,
    answers: Answers,
    serving: AbortHandle,
}

impl Drop for ContentApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What an API was asked for, and the status of each answer.
type Answers = Arc<Mutex<Vec<(String, u16)>>>;

async fn note(State(answers): State<Answers>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    answers.lock().unwrap().push((path, response.status().as_u16()));
    response
}

async fn ignore_case(mut request: Request, next: Next) -> Response {
    *request.uri_mut() = request.uri().to_string().to_lowercase().parse().unwrap();
    next.run(request).await
}

async fn content_api(folder: &TempDir, outage: &Outage) -> ContentApi {
    let store = newsroom::ContentStore::open(&folder.path().join("elsewhere.db")).await.unwrap();
    newsroom::Import::new(folder.path().join("content")).run(&store).await.unwrap();
    let answers = Answers::default();
    let api = newsroom::router(store, None).layer(from_fn_with_state(Arc::clone(&answers), note));
    let api = outage.wrap(Router::new().fallback_service(api).layer(from_fn(ignore_case)));
    let listener = TcpListener::bind(std::net::SocketAddr::from(ANY_PORT)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, api).await }).abort_handle();
    ContentApi { url, answers, serving }
}

#[tokio::test]
async fn front_page_is_fresh_for_a_minute() {
    let server = server().await;
    server.assert_period("/", minutes(1)).await;
    server.get("/").await.assert_body_contains("Article 15");
}

#[tokio::test]
async fn article_is_fresh_for_five_minutes_and_expires_after_seven_days() {
    let server = server().await;
    server.assert_period("/articles/article-3", minutes(5)).await;
    server.advance(days(7) - seconds(1));
    server.get("/articles/article-3").await.assert_stale();
    server.idle().await;
    server.advance(days(7));
    server.get("/articles/article-3").await.assert_replaced().assert_body_contains("Text 3.");
}

#[tokio::test]
async fn section_counts_its_page_and_nothing_else_of_the_query() {
    let server = server().await;
    server.assert_period("/sections/news", minutes(1)).await;
    let second = server.get("/sections/news?utm_source=x&page=2").await;
    second.assert_miss_stored().assert_body_contains("Article 1<").assert_body_lacks("Article 15");
    server.get("/sections/news?utm_source=x").await.assert_fresh();
    assert_eq!(server.renders_of("/sections/news?page=2"), 1);
}

#[tokio::test]
async fn live_page_and_feeds_have_their_periods() {
    let server = server().await;
    server.assert_period("/live", seconds(2)).await;
    server.assert_period("/feed.xml", minutes(5)).await;
    server.assert_period("/sitemap.xml", minutes(5)).await;
    let feed = server.get("/feed.xml").await;
    feed.assert_header("content-type", "application/atom+xml; charset=utf-8");
    feed.assert_body_contains("/articles/article-15");
}

#[tokio::test]
async fn about_is_stored_for_good() {
    let server = server().await;
    server.get("/about").await;
    server.advance(days(3650));
    server.get("/about").await.assert_cache_status("isr; hit");
}

/// The machine's clock, which code can read past the engine's.
fn seconds_of_the_machine() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn regeneration_of_what_has_not_changed_gives_the_same_bytes() {
    let server = server().await;
    let pages = ["/", "/articles/article-1", "/articles/none", "/sections/news?page=2", "/about"];
    let mut first = Vec::new();
    for path in pages.into_iter().chain(["/feed.xml", "/sitemap.xml"]) {
        first.push((server.get(path).await, path));
    }
    let began = seconds_of_the_machine();
    let mut is_later = false;
    while !is_later {
        // The last time around, all is rendered in another second than at first.
        is_later = seconds_of_the_machine() > began;
        server.advance(days(1));
        for (old, path) in &first {
            let renders = server.renders_of(path);
            server.regenerate(path).await;
            assert_eq!(server.renders_of(path), renders + 1, "{path}");
            let new = server.get(path).await;
            assert_eq!(new.body, old.body, "{path}");
            assert_eq!(new.header("etag"), old.header("etag"), "{path}");
        }
    }
}

#[tokio::test]
async fn search_and_editor_are_never_stored() {
    let server = server().await;
    for path in ["/search?q=Article", "/editor", "/editor/article-1"] {
        let page = server.get(path).await;
        page.assert_bypass("dynamic").assert_header("cache-control", "private, no-store");
    }
    let found = server.get("/search?q=Article%203").await;
    found.assert_body_contains("/articles/article-3");
    assert_eq!(server.renders(), 0);
}

#[tokio::test]
async fn unknown_article_and_page_are_404() {
    let server = server().await;
    for path in ["/articles/none", "/sections/none", "/nowhere"] {
        server.get(path).await.assert_status(404).assert_body_contains("Page not found");
    }
}

#[tokio::test]
async fn every_listed_page_is_rendered_at_build() {
    let server = server().await;
    let report = server.engine().prerender(4, |_| (), |_| ()).await.unwrap();
    let pages: Vec<_> = report
        .routes
        .iter()
        .filter(|row| row.pages > 0)
        .map(|row| (row.route.as_str(), row.pages))
        .collect();
    let expected = [
        ("/", 1),
        ("/about", 1),
        ("/articles/:slug", 15),
        ("/feed.xml", 1),
        ("/live", 1),
        ("/sections/:section", 1),
        ("/sitemap.xml", 1),
    ];
    assert_eq!(pages, expected);
    server.get("/articles/article-1").await.assert_cache_status("isr; hit; ttl=300");
}

#[tokio::test]
async fn so_many_articles_are_rendered_at_build_as_are_asked_for_the_newest_of_them() {
    let server = server_in(folder(), &["--isr-prerender-articles", "2"]).await;
    let report = server.engine().prerender(4, |_| (), |_| ()).await.unwrap();
    let row = report.routes.iter().find(|row| row.route == "/articles/:slug").unwrap();
    assert_eq!(row.pages, 2);
    server.get("/articles/article-15").await.assert_cache_status("isr; hit; ttl=300");
    server
        .get("/articles/article-13")
        .await
        .assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
}

#[tokio::test]
async fn periods_can_be_overridden_and_a_wrong_one_fails_at_start() {
    let server = server_in(folder(), &["--isr-revalidate", "/articles/:slug=2s; /=1s"]).await;
    server.assert_period("/", seconds(1)).await;
    server.assert_period("/articles/article-1", seconds(2)).await;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let line = ["server", "--site-root", &root, "--isr-revalidate", "/artikel=2s"];
    let config = Cli::parse_from(line).config;
    let mut config = config;
    config.content_db = folder.path().join("news.db");
    let content = content::open(&config, ANY_PORT.into()).await.unwrap();
    let error = site(&config, &content, TestClock::new()).await.unwrap_err();
    let cause = app::data::answer::with_causes(&error);
    assert!(
        cause.contains("ISR_REVALIDATE")
            && cause.contains("/artikel=2s")
            && cause.contains("/articles/:slug"),
        "{cause}"
    );
}

#[tokio::test]
async fn watching_stores_nothing() {
    let server = server_in(folder(), &["--watch", "true"]).await;
    for _ in 0..2 {
        server.get("/").await.assert_bypass("watch");
    }
}

/// The editor's page of article 1, as someone with this cookie sees it.
async fn editing(server: &Server, cookie: &str) -> Answer {
    server.request(Method::GET, "/editor/article-1", &[("cookie", cookie)]).await
}

#[tokio::test]
async fn publishing_makes_stale_what_shows_the_article_and_deleting_ends_in_404() {
    let server = server().await;
    let shows = ["/articles/article-1", "/sections/news?page=2", "/feed.xml", "/sitemap.xml"];
    let others = ["/", "/sections/news", "/articles/article-2", "/about", "/live"];
    for path in shows.into_iter().chain(others) {
        server.get(path).await.assert_miss_stored();
    }
    let cookie = sign_in(&server).await;
    let edit = editing(&server, &cookie).await;
    let form = "form[slug]=article-1&form[title]=Changed&form[summary]=&form[section]=News\
                &form[author]=A&form[body_markdown]=New+text&form[intent]=publish&form[new_slug]=";
    let saved = post(&server, &action(&edit.body, "save"), &cookie, form).await;
    assert!(saved.status.is_redirection(), "{saved:?}");
    for path in shows {
        server.get(path).await.assert_purged();
    }
    for path in others {
        server.get(path).await.assert_fresh();
    }
    server.idle().await;
    server.get("/articles/article-1").await.assert_fresh().assert_body_contains("New text");
    for path in others {
        assert_eq!(server.renders_of(path), 1, "{path} shows nothing of the article");
    }

    let form = "slug=article-1&confirmed=yes";
    let deleted = post(&server, &action(&edit.body, "delete"), &cookie, form).await;
    assert!(deleted.status.is_redirection(), "{deleted:?}");
    server.get("/articles/article-1").await.assert_status(200).assert_stale();
    // The lists have one article less, and each article links to the newest of its section.
    for path in ["/", "/sections/news", "/articles/article-2", "/live", "/feed.xml"] {
        server.get(path).await.assert_purged();
    }
    server.get("/about").await.assert_fresh();
    server.idle().await;
    server.get("/articles/article-1").await.assert_status(404).assert_fresh();
}

#[tokio::test]
async fn stranger_cannot_write() {
    let server = server().await;
    let cookie = sign_in(&server).await;
    let edit = editing(&server, &cookie).await;
    let delete = action(&edit.body, "delete");
    for cookie in ["", "editor=x", "editor=99999999999.00"] {
        post(&server, &delete, cookie, "slug=article-1&confirmed=yes").await;
        server.get("/articles/article-1").await.assert_status(200);
        server.get("/editor").await.assert_body_lacks("article-1");
    }
}

#[tokio::test]
async fn request_that_is_too_large_is_refused() {
    let server = server().await;
    let desk = server.get("/editor").await;
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", &(5 << 20).to_string()),
    ];
    let form = "password=".to_owned() + &"x".repeat(5 << 20);
    server
        .send(Method::POST, &action(&desk.body, "sign_in"), &headers, form)
        .await
        .assert_status(413);
}

/// An API with one article, in one section.
async fn small_api(is_section_readable: Arc<AtomicBool>) -> ContentApi {
    let article = json!({ "slug": "a", "title": "A", "section": "news" });
    let list = json!({ "articles": [article], "total": 1 });
    let sections = async move || {
        let slug =
            if is_section_readable.load(Ordering::SeqCst) { json!("news") } else { Value::Null };
        Json(json!([{ "slug": slug, "name": "News", "count": 1 }, { "slug": "other" }]))
    };
    let api = Router::new()
        .route("/articles", get(async move || Json(list)))
        .route("/sections", get(sections));
    serve(api).await
}

async fn serve(api: Router) -> ContentApi {
    let listener = TcpListener::bind(std::net::SocketAddr::from(ANY_PORT)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, api).await }).abort_handle();
    ContentApi { url, answers: Answers::default(), serving }
}

#[tokio::test]
async fn section_that_cannot_be_read_is_no_404() {
    let is_readable = Arc::new(AtomicBool::new(true));
    let api = small_api(Arc::clone(&is_readable)).await;
    let server = server_in(folder(), &["--content-api-url", &api.url]).await;
    server.get("/sections/news").await.assert_miss_stored();
    is_readable.store(false, Ordering::SeqCst);
    server.purge_tag_hard("sections").await;
    server.get("/sections/news").await.assert_status(200).assert_stale_if_error();
    server.get("/sections/none").await.assert_status(502).assert_not_stored();

    is_readable.store(true, Ordering::SeqCst);
    server.advance(minutes(1));
    server.get("/sections/news").await.assert_replaced().assert_body_contains("News");
    server.get("/sections/none").await.assert_status(404);
}

#[tokio::test]
async fn feed_and_site_map_have_the_moments_of_dates_and_leave_out_what_is_no_date() {
    let article =
        |slug: &str, date: &str| json!({ "slug": slug, "title": slug, "published_at": date });
    let list = json!({ "articles": [
        article("east", "2026-01-02T01:00:00+05:00"),
        article("west", "2026-01-01T23:00:00-05:00"),
        article("bare", "2026-01-01T10:00"),
        article("never", "2026-02-30T10:00:00Z"),
    ], "total": 4 });
    let api = Router::new()
        .route("/articles", get(async move || Json(list)))
        .route("/sections", get(async || Json(json!([]))));
    let api = serve(api).await;
    let server = server_in(folder(), &["--content-api-url", &api.url]).await;
    let feed = server.get("/feed.xml").await;
    // That of the latest moment, which is not the last as text.
    feed.assert_body_contains("</subtitle>\n<updated>2026-01-02T04:00:00Z</updated>");
    let site_map = server.get("/sitemap.xml").await;
    for moment in ["2026-01-01T20:00:00Z", "2026-01-02T04:00:00Z", "2026-01-01T10:00:00Z"] {
        feed.assert_body_contains(&format!("<published>{moment}</published>"));
        site_map.assert_body_contains(&format!("<lastmod>{moment}</lastmod>"));
    }
    feed.assert_body_lacks("never");
    site_map.assert_body_lacks("never");
    let named = app::data::source::left_out();
    let line = named.iter().find(|line| line.contains("`never`")).unwrap();
    assert!(line.contains("\"2026-02-30T10:00:00Z\" is no date: write one as"), "{line}");
}

#[tokio::test]
async fn content_that_cannot_be_read_costs_no_stored_page() {
    let (folder, outage) = (folder(), Outage::new());
    let api = content_api(&folder, &outage).await;
    let server = server_in(folder, &["--content-api-url", &api.url]).await;
    let stored = ["/", "/articles/article-1", "/sections/news", "/feed.xml"];
    for path in stored {
        server.get(path).await.assert_miss_stored();
    }
    outage.begin();
    server.advance(minutes(5));
    for path in stored {
        server.get(path).await.assert_status(200).assert_stale();
        server.idle().await;
        server.get(path).await.assert_status(200).assert_stale();
        server.idle().await;
        assert_eq!(server.renders_of(path), 2, "{path} is not tried again at once");
    }
    server.get("/articles/article-2").await.assert_status(502).assert_not_stored();
    // It may be where an article was before, and nobody has asked yet.
    let unknown = server.get("/of/no/route").await;
    unknown.assert_status(502).assert_not_stored().assert_header("retry-after", "5");
    server.purge_tag_hard("articles").await;
    server.get("/").await.assert_status(200).assert_stale_if_error();

    outage.end();
    server.advance(minutes(1));
    server.get("/").await.assert_replaced().assert_body_contains("Article 15");
    server.get("/articles/article-2").await.assert_miss_stored().assert_body_contains("Text 2.");
    server.get("/articles/article-1").await;
    server.idle().await;
    server.get("/articles/article-1").await.assert_fresh().assert_body_contains("Text 1.");
}

#[tokio::test]
async fn article_has_one_address_however_a_source_finds_it() {
    let folder = folder();
    let api = content_api(&folder, &Outage::new()).await;
    let server = server_in(folder, &["--content-api-url", &api.url]).await;
    let canonical = "/articles/article-3";
    let spellings = ["/articles/Article-3", "/articles/ARTICLE-3"];
    for path in spellings {
        let moved = server.get(path).await;
        moved.assert_status(308).assert_header("location", canonical).assert_miss_stored();
        server.get(path).await.assert_status(308).assert_fresh();
    }
    server.get(canonical).await.assert_status(200).assert_miss_stored();
    server.purge_tag("article:article-3").await;
    for path in spellings.into_iter().chain([canonical]) {
        server.get(path).await.assert_purged();
    }
}

#[tokio::test]
async fn addresses_that_an_article_had_before_lead_to_it() {
    let folder = folder();
    let text = "+++\npath = \"2015/05/11/moved\"\ntitle = \"Moved\"\n\
                aliases = [\"2015/05/11/caf\u{e9}.html\", \"/articles/before\", \"/about\"]\n+++\nText.\n";
    fs::write(folder.path().join("content/here.md"), text).unwrap();
    let server = server_in(folder, &[]).await;
    for path in ["/2015/05/11/moved", "/2015/05/11/moved/", "/2015/05/11/caf%C3%A9.html?a=b"] {
        let moved = server.get(path).await;
        moved.assert_status(308).assert_header("location", "/articles/here").assert_not_stored();
    }
    let renamed = server.get("/articles/before").await;
    renamed.assert_status(308).assert_header("location", "/articles/here").assert_miss_stored();
    server.get("/articles/here").await.assert_status(200).assert_body_contains("Text.");
    server.get("/about").await.assert_status(200);
    for path in ["/2015/05/11/other", "/favicon.ico", "/articles/none"] {
        server.get(path).await.assert_status(404).assert_body_contains("Page not found");
    }
}

#[tokio::test]
async fn source_is_asked_once_for_the_addresses_of_before_however_many_are_tried() {
    let folder = folder();
    let text = "---\ndate: 2026-01-20\naliases: [/old]\n---\nText";
    fs::write(folder.path().join("content/here.md"), text).unwrap();
    let api = content_api(&folder, &Outage::new()).await;
    let server = server_in(folder, &["--content-api-url", &api.url]).await;
    let assert_asked = async |status: u16| {
        for n in 0..20 {
            server.get(&format!("/nowhere/{n}")).await.assert_status(404);
        }
        let moved = server.get("/old").await;
        moved.assert_status(308).assert_header("location", "/articles/here");
        let asked = std::mem::take(&mut *api.answers.lock().unwrap());
        assert_eq!(asked, [("/aliases".to_owned(), status)]);
    };
    assert_asked(200).await;
    server.advance(minutes(5));
    assert_asked(304).await;
    server.purge_tag("aliases").await;
    assert_asked(304).await;
}

#[tokio::test]
async fn addresses_of_before_are_known_while_the_source_is_down() {
    let (folder, outage) = (folder(), Outage::new());
    let text = "---\ndate: 2026-01-20\naliases: [/old]\n---\nText";
    fs::write(folder.path().join("content/here.md"), text).unwrap();
    let api = content_api(&folder, &outage).await;
    let server = server_in(folder, &["--content-api-url", &api.url]).await;
    server.get("/nowhere").await.assert_status(404);
    outage.begin();
    for _ in 0..3 {
        server.advance(minutes(5));
        server.get("/elsewhere").await.assert_status(404).assert_body_contains("Page not found");
        server.get("/old").await.assert_status(308).assert_header("location", "/articles/here");
    }
}

#[tokio::test]
async fn source_without_addresses_of_before_is_asked_for_them_once() {
    let answers = Answers::default();
    let api = Router::new().fallback(async || StatusCode::NOT_FOUND);
    let api = serve(api.layer(from_fn_with_state(Arc::clone(&answers), note))).await;
    let server = server_in(folder(), &["--content-api-url", &api.url]).await;
    for n in 0..20 {
        server.get(&format!("/nowhere/{n}")).await.assert_status(404);
    }
    assert_eq!(*answers.lock().unwrap(), [("/aliases".to_owned(), 404)]);
}

#[tokio::test]
async fn address_of_before_ends_with_its_article() {
    let folder = folder();
    let text = "---\ndate: 2026-01-20\naliases: [/old, /articles/old]\n---\nText";
    fs::write(folder.path().join("content/here.md"), text).unwrap();
    let server = server_in(folder, &[]).await;
    let paths = ["/old", "/articles/old"];
    for path in paths {
        server.get(path).await.assert_status(308);
    }
    let cookie = sign_in(&server).await;
    let edit = server.request(Method::GET, "/editor/here", &[("cookie", &cookie)]).await;
    let form = "slug=here&confirmed=yes";
    let deleted = post(&server, &action(&edit.body, "delete"), &cookie, form).await;
    assert!(deleted.status.is_redirection(), "{deleted:?}");
    for path in paths {
        server.get(path).await;
        server.idle().await;
        server.get(path).await.assert_status(404);
    }
}

#[tokio::test]
async fn pictures_beside_a_post_come_along_and_are_kept_by_browsers() {
    let folder = folder();
    let post = folder.path().join("content/post");
    fs::create_dir(&post).unwrap();
    fs::write(post.join("index.md"), "---\ndate: 2026-01-20\n---\n![A](./a%20b.svg)").unwrap();
    fs::write(post.join("a b.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let server = server_in(folder, &[]).await;
    let page = server.get("/articles/post").await;
    let address =
        page.body.split("src=\"").find(|rest| rest.starts_with("/pictures/a-b-")).unwrap();
    let picture = server.get(address.split('"').next().unwrap()).await;
    picture.assert_status(200).assert_body_contains("<svg").assert_bypass("no-route");
    picture.assert_header("content-type", "image/svg+xml");
    picture.assert_header("cache-control", "public, max-age=31536000, immutable");
    // A picture that is opened by itself runs nothing.
    picture.assert_header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    for path in
        ["/pictures/none.svg", "/pictures/", "/pictures/..%2Fnews.db", "/pictures/../news.db"]
    {
        let refused = server.get(path).await;
        assert!(refused.status.is_client_error(), "{path}: {refused:?}");
    }
    // Without its ending that is the folder.
    let identity = [("accept-encoding", "identity")];
    server.request(Method::GET, "/pictures/%2e.svg", &identity).await.assert_status(404);
}

#[tokio::test]
async fn regeneration_of_an_unchanged_article_costs_the_api_a_304() {
    let folder = folder();
    let api = content_api(&folder, &Outage::new()).await;
    let server = server_in(folder, &["--content-api-url", &api.url]).await;
    let assert_answered = |status: u16| {
        let mut answers = std::mem::take(&mut *api.answers.lock().unwrap());
        answers.sort_unstable();
        let expected = ["/articles", "/articles/article-1"].map(|path| (path.to_owned(), status));
        assert_eq!(answers, expected, "the article, and others of its section");
    };
    let path = "/articles/article-1";
    server.get(path).await.assert_miss_stored();
    assert_answered(200);
    server.advance(minutes(5));
    server.get(path).await.assert_stale();
    server.idle().await;
    assert_answered(304);
    server.get(path).await.assert_fresh().assert_body_contains("Text 1.");
    assert_eq!(server.renders_of(path), 2);
}

/// The secret is what this variable holds wherever tests run.
const HOOKS: &str = "[cms]\npreset = \"strapi\"\nsecret_env = \"PATH\"\n\
    paths = [\"/articles/{entry.slug}\"]\n";

#[tokio::test]
async fn webhook_of_the_file_purges_its_page() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), HOOKS).unwrap();
    let server = server_in(folder(), &["--isr-hooks", &file.path().display().to_string()]).await;
    server.get("/articles/article-3").await;
    let deliver = async |secret: String| {
        let headers = [("authorization", secret.as_str())];
        let body = r#"{"entry":{"slug":"article-3"}}"#;
        server.send(Method::POST, "/_isr/hooks/cms", &headers, body).await
    };
    assert_eq!(deliver("Bearer wrong".to_owned()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/articles/article-3").await.cache_status(), "isr; hit; ttl=300");
    let secret = format!("Bearer {}", std::env::var("PATH").unwrap());
    assert_eq!(deliver(secret).await.status, StatusCode::NO_CONTENT);
    let purged = server.get("/articles/article-3").await;
    assert_eq!(purged.cache_status(), "isr; hit; ttl=0; detail=purged");
}
