//! HTTP reads: what is kept, asked for again, given up.

use std::{
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use leptos_isr::{
    Engine, Isr,
    data::{DataError, FetchError, FetchSettings, client_builder, data, fetch},
    days,
    purge::Purge,
    route::RouteTable,
    seconds,
    stats::ReadOutcome,
};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceExt;

#[derive(Deserialize)]
struct Article {
    title: String,
}

/// What the upstream answers, one after the other; the last one again and again.
#[derive(Clone)]
enum Answers {
    Ok(&'static str),
    WithEtag(&'static str, &'static str),
    Status(u16),
    RetryAfter(u16, &'static str),
    Bytes(usize),
    Slow(Duration),
    Hang,
    Header(&'static str),
    /// Compressed, though nobody asked for it.
    Coded(&'static str, Vec<u8>),
}

struct Upstream {
    url: String,
    answers: Arc<Mutex<Vec<Answers>>>,
    asked: Arc<Mutex<Vec<HeaderMap>>>,
    at_once: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Upstream {
    /// One that answers elsewhere.
    fn at(url: String) -> Self {
        Self { url, answers: Arc::default(), asked: Arc::default(), at_once: Arc::default() }
    }

    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self::at(format!("http://{}", listener.local_addr().unwrap()));
        let (answers, asked, at_once) = (
            Arc::clone(&upstream.answers),
            Arc::clone(&upstream.asked),
            Arc::clone(&upstream.at_once),
        );
        let app = Router::new().fallback(move |request: Request| {
            asked.lock().unwrap().push(request.headers().clone());
            let answer = {
                let mut answers = answers.lock().unwrap();
                if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
            };
            let at_once = Arc::clone(&at_once);
            async move {
                let now = at_once.0.fetch_add(1, Ordering::SeqCst) + 1;
                at_once.1.fetch_max(now, Ordering::SeqCst);
                let answered = answered(answer, request.headers()).await;
                at_once.0.fetch_sub(1, Ordering::SeqCst);
                answered
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        upstream
    }

    fn answers(&self, answers: &[Answers]) {
        *self.answers.lock().unwrap() = answers.to_vec();
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn answered(answer: Answers, headers: &HeaderMap) -> Response {
    match answer {
        Answers::Ok(text) => text.into_response(),
        Answers::WithEtag(text, etag) => {
            let asked = headers.get(header::IF_NONE_MATCH).map(|tag| tag.to_str().unwrap());
            match asked == Some(etag) {
                true => StatusCode::NOT_MODIFIED.into_response(),
                false => ([(header::ETAG, etag)], text).into_response(),
            }
        }
        Answers::Status(status) => {
            (StatusCode::from_u16(status).unwrap(), "what went wrong").into_response()
        }
        Answers::RetryAfter(status, after) => {
            (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, after)]).into_response()
        }
        Answers::Bytes(len) => vec![b'x'; len].into_response(),
        Answers::Slow(time) => {
            tokio::time::sleep(time).await;
            "\"slow\"".into_response()
        }
        Answers::Coded(coding, body) => {
            assert_eq!(headers.get(header::ACCEPT_ENCODING), None);
            ([(header::CONTENT_ENCODING, coding)], body).into_response()
        }
        Answers::Hang => std::future::pending().await,
        Answers::Header(name) => {
            let value = headers.get(name).map_or("", |value| value.to_str().unwrap());
            format!("\"{value}\"").into_response()
        }
    }
}

struct Site {
    app: Router,
    engine: Engine,
    now: Arc<Mutex<SystemTime>>,
}

/// `/{path}` shows the title of the upstream's `/{path}`, kept for 60 s; `/raw/…`
/// its bytes; `/text/{path}` what the upstream's `/{path}` has as a string; `/as/{name}` asks with a
/// header; `/gone/…` is a 404 if the upstream has no such thing, also where another read asks it.
fn site(upstream: &Upstream, settings: FetchSettings) -> Site {
    let routes = RouteTable::new().add("/*path", Isr::forever()).unwrap();
    let now = Arc::new(Mutex::new(UNIX_EPOCH + days(20_000)));
    let clock = {
        let now = Arc::clone(&now);
        move || *now.lock().unwrap()
    };
    let builder = Engine::builder(routes).clock(clock).fetch(settings);
    let engine = builder.render_timeout(Duration::from_secs(3)).build().unwrap();
    let base = upstream.url.clone();
    let show = move |request: Request| {
        let path = request.uri().path().to_owned();
        let read = fetch(format!("{base}{path}")).revalidate(seconds(60)).tags(["upstream"]);
        async move {
            let shown = if path.starts_with("/raw") {
                read.bytes().await.map(|bytes| bytes.len().to_string())
            } else if let Some(same) = path.strip_prefix("/text") {
                fetch(format!("{base}{same}")).revalidate(seconds(60)).json::<String>().await
            } else if path.starts_with("/gone/within") {
                let load = async move || read.json::<Article>().await.map(|article| article.title);
                data("outer").revalidate(seconds(300)).load(load).await
            } else if let Some(name) = path.strip_prefix("/as/") {
                let name = HeaderValue::from_str(name).unwrap();
                read.header(HeaderName::from_static("x-name"), name).json::<String>().await
            } else {
                read.json::<Article>().await.map(|article| article.title)
            };
            match shown {
                Ok(text) => text.into_response(),
                Err(error) if path.starts_with("/gone") && said(&error).starts_with('4') => {
                    (StatusCode::NOT_FOUND, said(&error)).into_response()
                }
                Err(error) => (StatusCode::BAD_GATEWAY, said(&error)).into_response(),
            }
        }
    };
    let app = engine.wrap(Router::new().fallback(get(show)));
    Site { app, engine, now }
}

fn said(error: &DataError) -> String {
    let cause = match error.cause().downcast_ref::<DataError>() {
        Some(inner) => inner.cause(),
        None => error.cause(),
    };
    let kind = match cause.downcast_ref::<FetchError>() {
        Some(FetchError::Status { status, .. }) => status.as_str().to_owned(),
        Some(FetchError::TooLarge { .. }) => "too large".to_owned(),
        Some(FetchError::Json { .. }) => "not JSON".to_owned(),
        Some(FetchError::Request { .. }) => "no answer".to_owned(),
        Some(FetchError::LeftAlone { .. }) => "left alone".to_owned(),
        _ => "other".to_owned(),
    };
    format!("{kind}: {error}")
}

impl Site {
    async fn get(&self, path: &str) -> String {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn regenerated(&self, path: &str) -> String {
        self.advance(60);
        self.get(path).await;
        assert!(self.engine.idle(Duration::from_secs(20)).await);
        self.get(path).await
    }

    fn advance(&self, by: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(by);
    }
}

const A: Answers = Answers::Ok(r#"{"title":"a"}"#);
const B: Answers = Answers::Ok(r#"{"title":"b"}"#);

#[tokio::test]
async fn answer_is_kept_and_read_anew_when_it_is_stale() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[A, B]);
    assert_eq!(site.get("/1").await, "a");
    assert_eq!(site.get("/1").await, "a");
    assert_eq!(upstream.asked(), 1);
    assert_eq!(site.regenerated("/1").await, "b");
    assert_eq!(upstream.asked(), 2);
}

#[tokio::test]
async fn answer_that_is_compressed_unasked_is_read() {
    let text = br#"{"title":"a"}"#;
    let gzip = {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    };
    let zlib = {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    };
    let mut br = Vec::new();
    brotli::CompressorWriter::new(&mut br, 4096, 4, 22).write_all(text).unwrap();
    let zstd = zstd::bulk::compress(text, 3).unwrap();
    let upstream = Upstream::start().await;
    for (coding, body) in [
        ("gzip", gzip.clone()),
        ("deflate", zlib),
        ("br", br),
        ("zstd", zstd),
        ("identity", text.to_vec()),
    ] {
        let site = site(&upstream, FetchSettings::default());
        upstream.answers(&[Answers::Coded(coding, body)]);
        assert_eq!(site.get("/1").await, "a", "{coding}");
    }
    let site = site(&upstream, FetchSettings { max_body: 100, ..FetchSettings::default() });
    let mut long = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    long.write_all(&[b' '; 200]).unwrap();
    for (body, coding, said) in [
        (gzip[..gzip.len() - 9].to_vec(), "gzip", "cannot be decompressed"),
        (gzip, "rot13", "`rot13`, which is not known here"),
        (long.finish().unwrap(), "gzip", "longer than 100 bytes"),
    ] {
        upstream.answers(&[Answers::Coded(coding, body)]);
        let error = site.get(&format!("/{coding}/{}", said.len())).await;
        assert!(error.contains(said), "{error}");
    }
}

/// Some editors and programs write one before UTF-8.
#[tokio::test]
async fn byte_order_mark_before_json_is_not_in_the_way() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::Ok("\u{feff}{\"title\":\"a\"}")]);
    assert_eq!(site.get("/1").await, "a");
}

#[tokio::test]
async fn unchanged_content_costs_a_304() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::WithEtag(r#"{"title":"a"}"#, "\"1\"")]);
    site.get("/1").await;
    for _ in 0..3 {
        assert_eq!(site.regenerated("/1").await, "a");
    }
    upstream.answers(&[Answers::WithEtag(r#"{"title":"b"}"#, "\"2\"")]);
    assert_eq!(site.regenerated("/1").await, "b");
    let asked = upstream.asked.lock().unwrap();
    let tags: Vec<_> = asked.iter().map(|headers| headers.get(header::IF_NONE_MATCH)).collect();
    assert_eq!(tags.len(), 5);
    assert!(tags[0].is_none() && tags[1..].iter().all(|tag| *tag.unwrap() == "\"1\""));
}

#[tokio::test]
async fn read_counts_for_its_origin_by_what_it_came_to() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::WithEtag(r#"{"title":"a"}"#, "\"1\"")]);
    site.get("/1").await;
    site.regenerated("/1").await;
    purge(&site, "another").await;
    upstream.answers(&[Answers::Status(500)]);
    site.get("/2").await;
    upstream.answers(&[Answers::Status(404)]);
    site.get("/3").await;
    let reads = site.engine.stats().reads.into_iter().filter(|of| of.count > 0);
    let counted: Vec<_> = reads.map(|of| (of.origin, of.outcome, of.count)).collect();
    let count = |outcome, count| (upstream.url.clone(), outcome, count);
    let expected = [
        count(ReadOutcome::New, 2),
        count(ReadOutcome::NotModified, 1),
        count(ReadOutcome::Failed, 1),
    ];
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn unasked_304_makes_nothing_fresh() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[A, Answers::Status(304)]);
    site.get("/1").await;
    let regenerated = site.engine.regenerate(&["/1"]).await.unwrap().remove(0).result;
    assert!(regenerated.is_err(), "{regenerated:?}");
    assert_eq!(site.get("/1").await, "a");
    upstream.answers(&[B]);
    assert_eq!(site.regenerated("/1").await, "b");
}

#[tokio::test]
async fn passing_failure_is_tried_again_at_once() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::Status(503), Answers::RetryAfter(429, "0"), A]);
    assert_eq!(site.get("/1").await, "a");
    assert_eq!(upstream.asked(), 3);
}

#[tokio::test]
async fn failing_upstream_takes_no_page_away_and_is_left_alone() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[A, Answers::Status(500)]);
    site.get("/1").await;
    assert_eq!(site.regenerated("/1").await, "a");
    assert_eq!(upstream.asked(), 4, "three tries");
    let failed = site.get("/2").await;
    assert!(failed.starts_with("500:") && failed.contains("what went wrong"), "{failed}");
    let asked = upstream.asked();
    purge(&site, "another").await;
    let again = site.get("/2").await;
    assert!(again.contains("it is not tried again for"), "{again}");
    assert_eq!(upstream.asked(), asked);
    upstream.answers(&[B]);
    assert_eq!(site.regenerated("/1").await, "b");
}

#[tokio::test]
async fn explicit_regeneration_asks_a_source_that_failed_just_now() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[A, Answers::Status(500)]);
    site.get("/1").await;
    assert_eq!(site.regenerated("/1").await, "a");
    let asked = upstream.asked();
    let failed = site.engine.regenerate(&["/1"]).await.unwrap();
    assert!(failed[0].result.is_err());
    assert_eq!(upstream.asked(), asked + 3, "it was asked, and the answer tells of that");
    upstream.answers(&[B]);
    let back = site.engine.regenerate(&["/1"]).await.unwrap();
    assert!(back[0].result.is_ok(), "{back:?}");
    assert_eq!(site.get("/1").await, "b");
}

#[tokio::test]
async fn purge_of_its_tag_asks_a_source_that_failed_just_now() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::Status(500)]);
    assert!(site.get("/2").await.starts_with("500:"));
    upstream.answers(&[B]);
    purge(&site, "another").await;
    assert!(site.get("/2").await.contains("it is not tried again for"));
    purge(&site, "upstream").await;
    assert_eq!(site.get("/2").await, "b");
}

/// Any purge is worth another render of a page that is missing.
async fn purge(site: &Site, tag: &str) {
    let purge = Purge { tags: vec![tag.to_owned()], ..Purge::default() };
    site.engine.purge(&purge).await.unwrap();
}

#[tokio::test]
async fn address_that_wants_to_be_left_alone_is_and_the_origin_if_another_wants_so_too() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::RetryAfter(429, "120")]);
    let failed = site.get("/1").await;
    assert!(failed.starts_with("429:"), "{failed}");
    upstream.answers(&[A, Answers::RetryAfter(429, "86400")]);
    assert_eq!(site.get("/2").await, "a", "one article's limit is not that of all");
    purge(&site, "another").await;
    let again = site.get("/1").await;
    assert!(again.contains("it is not tried again for"), "{again}");
    assert_eq!(upstream.asked(), 2);

    for path in ["/3", "/4"] {
        assert!(site.get(path).await.starts_with("429:"), "{path}");
    }
    let other = site.get("/5").await;
    assert!(other.starts_with("left alone:") && other.contains(&upstream.url), "{other}");
    assert!(other.contains("another 4m") || other.contains("another 5m"), "not for a day: {other}");
    assert_eq!(upstream.asked(), 4);
}

#[tokio::test]
async fn one_request_finds_out_whether_an_origin_answers_again() {
    for (then, answered) in
        [(A, "a"), (Answers::Hang, ""), (Answers::RetryAfter(429, "60"), "429:")]
    {
        let upstream = Upstream::start().await;
        let site = Arc::new(site(&upstream, FetchSettings::default()));
        upstream.answers(&[Answers::RetryAfter(429, "120"), Answers::RetryAfter(429, "120"), then]);
        for path in ["/1", "/2"] {
            site.get(path).await;
        }
        assert!(site.get("/3").await.starts_with("left alone:"));
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(121)).await;
        tokio::time::resume();
        let asking = Arc::clone(&site);
        let probe = tokio::spawn(async move { asking.get("/4").await });
        while upstream.asked() < 3 {
            tokio::task::yield_now().await;
        }
        if answered.is_empty() {
            assert!(site.get("/5").await.starts_with("left alone:"), "it is being asked");
        } else {
            assert!(probe.await.unwrap().starts_with(answered));
            let is_back = site.get("/5").await == "a";
            assert_eq!(is_back, answered == "a");
        }
        assert_eq!(upstream.asked(), if answered == "a" { 4 } else { 3 }, "{answered}");
    }
}

/// The page itself is fresh for ever.
#[tokio::test]
async fn page_of_what_a_source_does_not_have_lives_as_long_as_the_read() {
    for (path, status) in [("/gone/1", 404), ("/gone/1", 410), ("/gone/within", 404)] {
        let upstream = Upstream::start().await;
        let site = site(&upstream, FetchSettings::default());
        upstream.answers(&[Answers::Status(status), A]);
        assert!(site.get(path).await.starts_with(&status.to_string()), "{path}");
        site.advance(59);
        site.get(path).await;
        assert_eq!(upstream.asked(), 1, "{path} {status}");
        site.advance(1);
        site.get(path).await;
        assert!(site.engine.idle(Duration::from_secs(20)).await);
        assert_eq!(site.get(path).await, "a", "{path} {status}: it was published meanwhile");
    }
}

#[tokio::test]
async fn refusal_is_no_answer_and_takes_no_kept_value_away() {
    for status in [400, 401, 403] {
        let upstream = Upstream::start().await;
        let site = site(&upstream, FetchSettings::default());
        let kept = Answers::WithEtag(r#"{"title":"a"}"#, "\"1\"");
        upstream.answers(&[kept.clone(), Answers::Status(status), kept]);
        site.get("/1").await;
        assert_eq!(site.regenerated("/1").await, "a", "{status}: the page stays");
        site.advance(600);
        assert_eq!(site.regenerated("/1").await, "a");
        let asked = upstream.asked.lock().unwrap();
        assert!(asked.last().unwrap().contains_key(header::IF_NONE_MATCH), "{status}");
        assert_eq!(asked.len(), 3, "{status}: asking at once would not help");
    }
}

#[tokio::test]
async fn definite_answer_is_not_kept_and_not_waited_for() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::Status(404), A, Answers::Status(404)]);
    assert!(site.get("/1").await.starts_with("404:"));
    site.advance(1);
    assert_eq!(site.get("/1").await, "a", "it was published meanwhile");
    site.advance(60);
    site.get("/1").await;
    assert!(site.engine.idle(Duration::from_secs(20)).await);
    let other = site.engine.regenerate(&["/1"]).await.unwrap();
    assert!(
        other[0].result.is_err(),
        "the old answer is not used: the source said that it is gone"
    );
}

#[tokio::test]
async fn answer_that_is_too_long_or_no_json_is_refused() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings { max_body: 1000, ..FetchSettings::default() });
    upstream.answers(&[Answers::Bytes(50 << 20)]);
    let failed = site.get("/raw/1").await;
    assert!(failed.starts_with("too large:") && failed.contains("1000 bytes"), "{failed}");
    assert_eq!(upstream.asked(), 1);
    upstream.answers(&[Answers::Bytes(1000)]);
    assert_eq!(site.get("/raw/2").await, "1000");
    upstream.answers(&[Answers::Ok("<html>")]);
    assert!(site.get("/3").await.starts_with("not JSON:"));
}

#[tokio::test]
async fn answer_that_cannot_be_parsed_is_not_kept() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    for broken in ["<html>", r#"{"title":"#, r#"{"title":null}"#, ""] {
        let path = format!("/{}", broken.len());
        upstream.answers(&[Answers::Ok(broken), A, Answers::Ok(broken), B]);
        assert!(site.get(&path).await.starts_with("not JSON:"), "{broken}");
        site.advance(5);
        assert_eq!(site.get(&path).await, "a", "{broken}: it is asked for again");
        assert_eq!(site.regenerated(&path).await, "a", "{broken}: the page stays");
        site.advance(5);
        assert_eq!(site.regenerated(&path).await, "b");
    }
}

/// The head of each answer has arrived before the connection ends.
#[tokio::test]
async fn answer_that_breaks_off_is_not_kept() {
    for head in ["content-length: 100\r\n\r\n", "transfer-encoding: chunked\r\n\r\n4\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            // The first try and two more; then it answers in full.
            for answer in [head; 3].into_iter().chain(["content-length: 4\r\n\r\n"]) {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    connection.read_buf(&mut asked).await.unwrap();
                }
                let answer = format!("HTTP/1.1 200 OK\r\n{answer}half");
                connection.write_all(answer.as_bytes()).await.unwrap();
                connection.shutdown().await.unwrap();
            }
        });
        let site = site(&Upstream::at(url), FetchSettings::default());
        let failed = site.get("/raw/1").await;
        assert!(failed.starts_with("no answer:"), "{head}: {failed}");
        site.advance(5);
        assert_eq!(site.get("/raw/1").await, "4");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn each_type_is_parsed_from_an_answer_of_its_own() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::Ok("\"text\""), A]);
    assert_eq!(site.get("/text/1").await, "text");
    assert_eq!(site.get("/1").await, "a", "what another type has read is not in the way");
    upstream.answers(&[A]);
    assert!(site.get("/text/2").await.starts_with("not JSON:"));
    assert_eq!(site.get("/2").await, "a", "nor that another type failed");
}

#[tokio::test]
async fn errors_show_neither_user_nor_query() {
    let upstream = Upstream::at("http://someone:pass@127.0.0.1:1".to_owned());
    let address = format!("{}/articles?token=secret#part", upstream.url);
    let error = fetch(address).bytes().await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1/articles"), "{error}");
    for part in ["someone", "pass", "token", "secret", "part"] {
        assert!(!error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn few_requests_to_one_origin_run_at_once() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings { concurrency: 3, ..FetchSettings::default() });
    upstream.answers(&[Answers::Slow(Duration::from_millis(30))]);
    let paths: Vec<_> = (0..12).map(|page| format!("/raw/{page}")).collect();
    let all = futures::future::join_all(paths.iter().map(|path| site.get(path))).await;
    assert!(all.iter().all(|body| body == "6"), "{all:?}");
    assert_eq!(upstream.at_once.1.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn headers_tell_answers_apart_and_nothing_of_a_visitor_is_sent() {
    let upstream = Upstream::start().await;
    let site = site(&upstream, FetchSettings::default());
    upstream.answers(&[Answers::Header("x-name")]);
    assert_eq!(site.get("/as/ada").await, "ada");
    assert_eq!(site.get("/as/bob").await, "bob");
    let asked = upstream.asked.lock().unwrap();
    assert!(asked.iter().all(|headers| !headers.contains_key(header::COOKIE)));
}

#[tokio::test]
async fn upstream_that_hangs_ends_with_the_time_limit() {
    let upstream = Upstream::start().await;
    let client = client_builder().timeout(Duration::from_millis(50)).build().unwrap();
    let settings = FetchSettings { client: Some(client), ..FetchSettings::default() };
    let site = site(&upstream, settings);
    upstream.answers(&[Answers::Hang]);
    assert!(site.get("/1").await.starts_with("no answer:"));
}

#[tokio::test]
async fn wrong_address_is_named() {
    let error = fetch("ftp://example.org/a").bytes().await.unwrap_err();
    assert!(error.to_string().contains("cannot fetch `ftp://example.org/a`"), "{error}");
}
