//! Compressed forms of a page: which one a request gets, and its validators.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::IntoResponse, routing::get};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use leptos_isr::{Engine, Isr, route::RouteTable};
use tower::ServiceExt;

const TEXT: &str = "A page that says the same thing again and again. ";

fn site(folder: &std::path::Path) -> (Engine, Router, Arc<AtomicUsize>) {
    let renders = Arc::new(AtomicUsize::new(0));
    let routes = ["/page", "/short", "/image", "/encoded"]
        .into_iter()
        .try_fold(RouteTable::new(), |routes, path| {
            routes.add(path, Isr::forever().tag("a b").tag("all"))
        });
    let counter = Arc::clone(&renders);
    let router = Router::new()
        .route(
            "/page",
            get(move || {
                counter.fetch_add(1, Ordering::SeqCst);
                async { ([("content-type", "text/html")], TEXT.repeat(100)) }
            }),
        )
        .route("/short", get(|| async { ([("content-type", "text/html")], TEXT) }))
        .route("/image", get(|| async { ([("content-type", "image/png")], TEXT.repeat(100)) }))
        .route(
            "/encoded",
            get(|| async {
                let headers = [("content-type", "text/html"), ("content-encoding", "gzip")];
                (headers, TEXT.repeat(100)).into_response()
            }),
        );
    let engine = Engine::builder(routes.unwrap()).disk(folder, "b1").cache_tag(true);
    let engine = engine.build().unwrap();
    let router = engine.wrap(router);
    (engine, router, renders)
}

async fn ask(
    site: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = site.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

fn decode(encoding: &str, body: &[u8]) -> String {
    let mut text = String::new();
    match encoding {
        "br" => brotli::Decompressor::new(body, 4096).read_to_string(&mut text).unwrap(),
        "gzip" => flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap(),
        "zstd" => {
            zstd::stream::read::Decoder::new(body).unwrap().read_to_string(&mut text).unwrap()
        }
        "" => return String::from_utf8(body.to_vec()).unwrap(),
        other => panic!("unknown encoding {other}"),
    };
    text
}

#[tokio::test]
async fn each_form_has_its_own_validator_and_all_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, first, renders) = site(folder.path());
    ask(&first, Method::GET, "/page", &[]).await;
    assert!(engine.idle(Duration::from_secs(20)).await);
    let (_engine, restarted, renders_after) = site(folder.path());
    let mut etags = Vec::new();
    for site in [&first, &restarted] {
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", "br"),
            ("zstd, gzip", "zstd"),
            ("gzip", "gzip"),
            ("br;q=0.1, gzip;q=0.9", "gzip"),
            ("identity", ""),
            ("deflate", ""),
        ] {
            let accept = [("accept-encoding", accept)];
            let (status, headers, body) = ask(site, Method::GET, "/page", &accept).await;
            let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
            assert_eq!(status, StatusCode::OK);
            assert_eq!(header("content-encoding"), encoding, "{accept:?}");
            assert_eq!(header("vary"), "accept-encoding");
            assert_eq!(header("content-length"), body.len().to_string());
            assert_eq!(header("cache-tag"), "build:b1,a%20b,all");
            assert_eq!(decode(encoding, &body), TEXT.repeat(100));
            let etag = header("etag").to_owned();
            etags.push(etag.clone());

            let (status, head, no_body) = ask(site, Method::HEAD, "/page", &accept).await;
            assert_eq!((status, no_body.len()), (StatusCode::OK, 0));
            assert_eq!(head["content-length"], body.len().to_string());
            assert_eq!(head.get("content-encoding"), headers.get("content-encoding"));

            let conditional = [accept[0], ("if-none-match", etag.as_str())];
            let (status, headers, body) = ask(site, Method::GET, "/page", &conditional).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
            assert_eq!(headers["etag"], etag);
            assert_eq!(headers["vary"], "accept-encoding");
            assert!(!headers.contains_key("content-encoding"));
        }
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 4, "one for each form, also after the restart: {etags:?}");
    let other = [("accept-encoding", "gzip"), ("if-none-match", etags[0].as_str())];
    let (status, ..) = ask(&first, Method::GET, "/page", &other).await;
    assert_eq!(status, StatusCode::OK, "the browser has another form");
    assert_eq!(renders.load(Ordering::SeqCst), 1);
    assert_eq!(renders_after.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_compressing_does_not_help_is_sent_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, site, _) = site(folder.path());
    let accept = [("accept-encoding", "br, gzip")];
    for (path, encoding) in [("/short", None), ("/image", None), ("/encoded", Some("gzip"))] {
        for _ in 0..2 {
            let (_, headers, body) = ask(&site, Method::GET, path, &accept).await;
            let sent = headers.get("content-encoding").map(|value| value.to_str().unwrap());
            assert_eq!(sent, encoding, "{path}");
            assert!(String::from_utf8(body).unwrap().starts_with(TEXT), "{path}");
        }
    }
}
