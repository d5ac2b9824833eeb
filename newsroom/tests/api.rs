//! The JSON API as its clients see it.
//!
//! Published articles are read by anyone. Writing, and reading what is not published, takes the
//! write token; a server without one has no such routes. Every failure is `{"error": "…"}` and
//! says what to change.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt as _;
use newsroom::{ArticleDraft, ArticlePage, ArticleSource, ContentStore, Section, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TOKEN: &str = "correct horse";

struct Answer {
    response: axum::http::response::Parts,
    body: Vec<u8>,
}

impl Answer {
    fn assert_status(self, status: StatusCode) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.response.status, status, "{text}");
        self
    }

    fn assert_error(self, status: StatusCode, said: &str) {
        let answer = self.assert_status(status);
        let json = answer.json::<Value>();
        let error = json["error"].as_str().expect("a failure says what is wrong");
        assert!(error.contains(said), "{error}");
    }

    fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }
}

struct Site(Router);

impl Site {
    async fn new() -> Self {
        let store = ContentStore::in_memory().await.unwrap();
        Self(router(store, Some(TOKEN.to_owned())))
    }

    async fn with_articles(slugs: &[&str]) -> Self {
        let site = Self::new().await;
        for slug in slugs {
            site.write(Method::POST, "/articles", &draft(slug))
                .await
                .assert_status(StatusCode::CREATED);
        }
        site
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = self.0.clone().oneshot(request).await.unwrap();
        let (response, body) = response.into_parts();
        Answer { response, body: body.collect().await.unwrap().to_bytes().into() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn get_as_editor(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        let request =
            Request::delete(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn write(&self, method: Method, path: &str, draft: &impl serde::Serialize) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(serde_json::to_vec(draft).unwrap().into()).unwrap()).await
    }
}

fn draft(slug: &str) -> ArticleDraft {
    ArticleDraft {
        title: format!("About {slug}"),
        summary: "In short.".into(),
        section: "HTTP caching".into(),
        author: "Ada".into(),
        body_markdown: "*Text*<script>alert(1)</script>".into(),
        slug: Some(slug.into()),
        published_at: Some("2024-01-31T10:00:00+02:00".into()),
        published: true,
    }
}

fn unpublished(slug: &str) -> ArticleDraft {
    ArticleDraft { published: false, ..draft(slug) }
}

#[tokio::test]
async fn list_has_the_documented_form() {
    let site = Site::with_articles(&["a"]).await;
    let mut list = site.get("/articles").await.assert_status(StatusCode::OK).json::<Value>();
    let updated_at = list["articles"][0]["updated_at"].take();
    assert!(updated_at.as_str().is_some_and(|time| time.ends_with('Z')), "{updated_at}");
    let article = json!({
        "slug": "a",
        "title": "About a",
        "summary": "In short.",
        "section": "http-caching",
        "author": "Ada",
        "published_at": "2024-01-31T08:00:00Z",
        "updated_at": null,
    });
    assert_eq!(list, json!({ "articles": [article], "total": 1 }));
}

#[tokio::test]
async fn list_is_paged_and_filtered() {
    let site = Site::with_articles(&["a", "b", "c"]).await;
    let cases = [
        ("/articles?page=2&per_page=2", vec!["c"], 3),
        ("/articles?section=http-caching&per_page=1", vec!["a"], 3),
        ("/articles?section=&per_page=200", vec!["a", "b", "c"], 3),
        ("/articles?page=9", vec![], 3),
        ("/articles?section=nowhere", vec![], 0),
    ];
    for (path, slugs, total) in cases {
        let list = site.get(path).await.assert_status(StatusCode::OK).json::<ArticlePage>();
        let listed: Vec<_> = list.articles.iter().map(|article| article.slug.as_str()).collect();
        assert_eq!((listed, list.total), (slugs, total), "{path}");
    }
}

#[tokio::test]
async fn bad_page_names_the_value_and_the_remedy() {
    let site = Site::new().await;
    let cases = [
        ("/articles?page=0", "`page` is `0`: pages count from 1"),
        ("/articles?page=two", "`page` is `two`: give a whole number from 1"),
        ("/articles?page=-1", "`page` is `-1`: give a whole number from 1"),
        ("/articles?page=99999999999", "`page` is `99999999999`"),
        ("/articles?per_page=0", "`per_page` is `0`: ask for 1 to 200 articles"),
        ("/articles?per_page=201", "`per_page` is `201`: ask for 1 to 200 articles"),
        ("/articles?per_page=", "`per_page` is ``"),
        ("/articles?page=1&page=2", "page"),
    ];
    for (path, said) in cases {
        site.get(path).await.assert_error(StatusCode::BAD_REQUEST, said);
    }
}

#[tokio::test]
async fn article_has_its_fields_and_a_sanitised_body() {
    let site = Site::with_articles(&["a"]).await;
    let article = site.get("/articles/a").await.assert_status(StatusCode::OK).json::<Value>();
    assert_eq!(article["body_html"], "<p><em>Text</em></p>\n");
    assert_eq!(article["section"], "http-caching");
    assert_eq!(article["section_name"], "HTTP caching");
    assert_eq!(article.as_object().unwrap().len(), 9);
}

/// Asks with this `If-None-Match`; gives the status, the ETag and whether there is a body.
async fn asked_with(site: &Site, path: &str, known: &str) -> (StatusCode, String, bool) {
    let request = Request::get(path).header(header::IF_NONE_MATCH, known);
    let answer = site.send(request.body(Body::empty()).unwrap()).await;
    let etag = answer.response.headers[header::ETAG].to_str().unwrap().to_owned();
    (answer.response.status, etag, !answer.body.is_empty())
}

#[tokio::test]
async fn client_that_has_the_answer_gets_304_until_it_changes() {
    let site = Site::with_articles(&["a", "b"]).await;
    let paths = ["/articles/a", "/articles?per_page=5", "/sections"];
    let mut tags = Vec::new();
    for path in paths {
        let (status, etag, has_body) = asked_with(&site, path, "\"of-another\"").await;
        assert_eq!((status, has_body), (StatusCode::OK, true), "{path}");
        assert!(etag.starts_with('"') && etag.len() == 34, "a strong one: {etag}");
        let forms = [etag.clone(), format!("\"x\", {etag}"), format!("W/{etag}"), "*".to_owned()];
        for known in forms {
            let answer = asked_with(&site, path, &known).await;
            assert_eq!(answer, (StatusCode::NOT_MODIFIED, etag.clone(), false), "{path} {known}");
        }
        tags.push(etag);
    }
    assert!(tags.windows(2).all(|pair| pair[0] != pair[1]), "{tags:?}");

    let changed = ArticleDraft { title: "Other".into(), section: "Else".into(), ..draft("a") };
    site.write(Method::PUT, "/articles/a", &changed).await.assert_status(StatusCode::OK);
    for (path, old) in paths.iter().zip(&tags) {
        let (status, etag, has_body) = asked_with(&site, path, old).await;
        assert_eq!((status, has_body), (StatusCode::OK, true), "{path}");
        assert_ne!(etag, *old, "{path}");
    }
}

#[tokio::test]
async fn head_has_the_etag_of_get() {
    let site = Site::with_articles(&["a"]).await;
    let get = site.get("/articles/a").await;
    let head = site.send(Request::head("/articles/a").body(Body::empty()).unwrap()).await;
    assert_eq!(head.response.headers[header::ETAG], get.response.headers[header::ETAG]);
    assert_eq!(head.response.headers[header::CONTENT_TYPE], "application/json");
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn missing_article_is_404_and_named() {
    let site = Site::new().await;
    for path in ["/articles/gone", "/articles/%F0%9F%A6%80"] {
        site.get(path).await.assert_error(StatusCode::NOT_FOUND, "there is no article `");
    }
    site.get("/articles/%FF").await.assert_error(StatusCode::BAD_REQUEST, "UTF-8");
}

#[tokio::test]
async fn percent_encoded_slug_is_found() {
    let site = Site::with_articles(&["日本語"]).await;
    let path = "/articles/%E6%97%A5%E6%9C%AC%E8%AA%9E";
    site.get(path).await.assert_status(StatusCode::OK);
    site.get_as_editor(&format!("{path}/source")).await.assert_status(StatusCode::OK);
    site.delete(path).await.assert_status(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn sections_are_counted() {
    let site = Site::with_articles(&["a", "b"]).await;
    let sections = site.get("/sections").await.assert_status(StatusCode::OK).json::<Vec<Section>>();
    let section = Section { slug: "http-caching".into(), name: "HTTP caching".into(), count: 2 };
    assert_eq!(sections, [section]);
}

#[tokio::test]
async fn created_article_is_returned_as_its_source() {
    let site = Site::new().await;
    let without_slug = ArticleDraft { slug: None, ..draft("a") };
    let created = site.write(Method::POST, "/articles", &without_slug).await;
    let created = created.assert_status(StatusCode::CREATED).json::<ArticleSource>();
    assert_eq!(created.slug, "about-a");
    assert_eq!(created.section, "HTTP caching");
    assert_eq!(created.body_markdown, draft("a").body_markdown);

    let again = site.write(Method::POST, "/articles", &without_slug).await;
    again.assert_error(StatusCode::CONFLICT, "there is an article `about-a` already");
}

#[tokio::test]
async fn put_replaces_an_article_that_exists() {
    let site = Site::with_articles(&["a"]).await;
    let changed = ArticleDraft { title: "Other".into(), slug: None, ..draft("a") };
    let answer = site.write(Method::PUT, "/articles/a", &changed).await;
    let source = answer.assert_status(StatusCode::OK).json::<ArticleSource>();
    assert_eq!((source.slug.as_str(), source.title.as_str()), ("a", "Other"));

    let answer = site.write(Method::PUT, "/articles/b", &changed).await;
    answer.assert_error(StatusCode::NOT_FOUND, "there is no article `b`");
}

#[tokio::test]
async fn source_sent_back_changes_nothing() {
    let site = Site::with_articles(&["a"]).await;
    let path = "/articles/a/source";
    let source = site.get_as_editor(path).await.assert_status(StatusCode::OK).json::<Value>();
    let answer = site.write(Method::PUT, "/articles/a", &source).await;
    assert_eq!(answer.assert_status(StatusCode::OK).json::<Value>(), source);
}

#[tokio::test]
async fn deleted_article_is_gone() {
    let site = Site::with_articles(&["a"]).await;
    let answer = site.delete("/articles/a").await.assert_status(StatusCode::NO_CONTENT);
    assert!(answer.body.is_empty());
    site.get("/articles/a").await.assert_error(StatusCode::NOT_FOUND, "`a`");
    site.delete("/articles/a").await.assert_error(StatusCode::NOT_FOUND, "`a`");
}

#[tokio::test]
async fn unpublished_article_is_for_editors_only() {
    let site = Site::with_articles(&["a"]).await;
    let created = site.write(Method::POST, "/articles", &unpublished("b")).await;
    created.assert_status(StatusCode::CREATED);

    site.get("/articles/b").await.assert_error(StatusCode::NOT_FOUND, "`b`");
    assert_eq!(site.get("/articles").await.json::<ArticlePage>().total, 1);
    assert_eq!(site.get("/sections").await.json::<Vec<Section>>()[0].count, 1);

    let source = site.get_as_editor("/articles/b/source").await.assert_status(StatusCode::OK);
    assert_eq!(source.response.headers[header::CACHE_CONTROL], "no-store");
    assert!(!source.json::<ArticleSource>().published);

    let drafts = site.get_as_editor("/drafts").await.assert_status(StatusCode::OK).json::<Value>();
    let slugs: Vec<_> = drafts.as_array().unwrap().iter().map(|draft| &draft["slug"]).collect();
    assert_eq!(slugs, ["a", "b"]);
}

#[tokio::test]
async fn editor_reads_drafts_as_if_they_were_published() {
    let site = Site::with_articles(&["a"]).await;
    let undated = ArticleDraft { published_at: None, ..unpublished("b") };
    let other = ArticleDraft { section: "Other".into(), ..unpublished("c") };
    for draft in [&undated, &other] {
        site.write(Method::POST, "/articles", draft).await.assert_status(StatusCode::CREATED);
    }

    let article = site.get_as_editor("/articles/b?drafts=true").await;
    assert_eq!(article.response.headers[header::CACHE_CONTROL], "no-store");
    assert!(!article.response.headers.contains_key(header::ETAG));
    let article = article.assert_status(StatusCode::OK).json::<Value>();
    assert_eq!(article["body_html"], "<p><em>Text</em></p>\n");
    assert_eq!(article["published_at"], "");

    let lists = [
        ("/articles?drafts=true", vec!["b", "a", "c"], 3),
        ("/articles?drafts=true&page=2&per_page=1", vec!["a"], 3),
        ("/articles?drafts=true&section=http-caching", vec!["b", "a"], 2),
        ("/articles", vec!["a"], 1),
        ("/articles?drafts=false", vec!["a"], 1),
    ];
    for (path, slugs, total) in lists {
        let list = site.get_as_editor(path).await.json::<ArticlePage>();
        let listed: Vec<_> = list.articles.iter().map(|article| article.slug.as_str()).collect();
        assert_eq!((listed, list.total), (slugs, total), "{path}");
    }
    let sections = site.get_as_editor("/sections?drafts=true").await.json::<Vec<Section>>();
    let counts: Vec<_> = sections.iter().map(|it| (it.slug.as_str(), it.count)).collect();
    assert_eq!(counts, [("http-caching", 2), ("other", 1)]);
    site.get_as_editor("/articles/b").await.assert_error(StatusCode::NOT_FOUND, "`b`");
    let yes = site.get_as_editor("/articles?drafts=yes").await;
    yes.assert_error(StatusCode::BAD_REQUEST, "`drafts` is `yes`: write `true`");
}

#[tokio::test]
async fn missing_source_is_404() {
    let site = Site::new().await;
    let answer = site.get_as_editor("/articles/gone/source").await;
    answer.assert_error(StatusCode::NOT_FOUND, "there is no article `gone`");
}

#[tokio::test]
async fn draft_that_cannot_be_stored_is_422_and_names_the_field() {
    let site = Site::new().await;
    let cases = [
        (ArticleDraft { title: " ".into(), ..draft("b") }, "`title` is empty"),
        (ArticleDraft { title: "x".repeat(201), ..draft("b") }, "`title` has 201 characters"),
        (draft("Not A Slug"), "`slug` is `Not A Slug`: use `not-a-slug`"),
        (
            ArticleDraft { body_markdown: "\u{1}".repeat((1 << 20) + 1), ..draft("b") },
            "`body_markdown` has 1048577 bytes",
        ),
        (
            ArticleDraft { published_at: Some("2024-01-31".into()), ..draft("b") },
            "`published_at` is `2024-01-31`: write it in RFC 3339",
        ),
    ];
    for (draft, said) in cases {
        let answer = site.write(Method::POST, "/articles", &draft).await;
        answer.assert_error(StatusCode::UNPROCESSABLE_ENTITY, said);
    }
}

#[tokio::test]
async fn put_checks_the_draft_too() {
    let site = Site::with_articles(&["a"]).await;
    let untitled = ArticleDraft { title: String::new(), ..draft("a") };
    for (draft, said) in [(untitled, "`title` is empty"), (draft("b"), "`slug` is `b`: use `a`")] {
        let answer = site.write(Method::PUT, "/articles/a", &draft).await;
        answer.assert_error(StatusCode::UNPROCESSABLE_ENTITY, said);
    }
}

#[tokio::test]
async fn request_that_is_no_draft_is_answered_in_json() {
    let site = Site::new().await;
    let missing = site.write(Method::POST, "/articles", &json!({ "title": "T" })).await;
    missing.assert_error(StatusCode::UNPROCESSABLE_ENTITY, "missing field");

    let request = |content_type: &str, body: &'static str| {
        Request::post("/articles")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap()
    };
    let broken = site.send(request("application/json", "{")).await;
    broken.assert_error(StatusCode::BAD_REQUEST, "JSON");
    let form = site.send(request("text/plain", "{}")).await;
    form.assert_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/json");
    let huge = site.write(Method::POST, "/articles", &"x".repeat(9 << 20)).await;
    huge.assert_error(StatusCode::PAYLOAD_TOO_LARGE, "length limit");
}

fn editors_requests(authorization: Option<&str>) -> Vec<Request<Body>> {
    let routes = [
        (Method::POST, "/articles"),
        (Method::PUT, "/articles/a"),
        (Method::DELETE, "/articles/a"),
        (Method::GET, "/articles/a/source"),
        (Method::GET, "/drafts"),
        (Method::GET, "/articles?drafts=true"),
        (Method::GET, "/articles/a?drafts=true"),
        (Method::GET, "/sections?drafts=true"),
    ];
    let request = |(method, path)| {
        let request = Request::builder().method(method).uri(path);
        let request = match authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        };
        request.body(Body::empty()).unwrap()
    };
    routes.map(request).into()
}

#[tokio::test]
async fn wrong_token_is_401_on_every_editors_route() {
    let site = Site::with_articles(&["a"]).await;
    let wrong = [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer wrong"),
        Some("Bearer correct horsy"),
        Some("Bearer correct hors"),
        Some("Bearer correct horse!"),
        Some("Basic correct horse"),
        Some("correct horse"),
    ];
    for authorization in wrong {
        for request in editors_requests(authorization) {
            let answer = site.send(request).await;
            assert_eq!(answer.response.headers[header::WWW_AUTHENTICATE], "Bearer");
            answer.assert_error(StatusCode::UNAUTHORIZED, "Authorization: Bearer <token>");
        }
    }
    site.get("/articles/a").await.assert_status(StatusCode::OK);
}

#[tokio::test]
async fn scheme_is_matched_without_regard_to_case() {
    let site = Site::new().await;
    let request = Request::get("/drafts").header(header::AUTHORIZATION, format!("bearer {TOKEN}"));
    site.send(request.body(Body::empty()).unwrap()).await.assert_status(StatusCode::OK);
}

#[tokio::test]
async fn server_without_a_token_has_no_editors_routes() {
    for token in [None, Some(String::new())] {
        let store = ContentStore::in_memory().await.unwrap();
        store.create(draft("a")).await.unwrap();
        let site = Site(router(store, token));
        for authorization in [None, Some("Bearer "), Some("Bearer correct horse")] {
            for request in editors_requests(authorization) {
                let answer = site.send(request).await;
                answer.assert_error(StatusCode::NOT_FOUND, "not set up for editing");
            }
        }
        site.get("/articles/a").await.assert_status(StatusCode::OK);
    }
}

#[tokio::test]
async fn failing_store_is_500_without_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("content.sqlite");
    let store = ContentStore::open(&path).await.unwrap();
    let damage = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    sqlx::query("DROP TABLE articles").execute(&damage).await.unwrap();

    let site = Site(router(store, Some(TOKEN.to_owned())));
    let answer = site.get("/articles").await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("no such table"));
    answer.assert_error(StatusCode::INTERNAL_SERVER_ERROR, "the content store failed");
}
