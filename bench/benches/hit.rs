//! One request through the engine, without a socket: `cargo bench -p bench`.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use axum::{Router, body::Body, extract::Request, routing::get};
use criterion::{Criterion, criterion_group, criterion_main};
use leptos_isr::{Engine, Isr, minutes, purge::Purge, route::RouteTable};
use tower::{Service, ServiceExt};

const PATH: &str = "/articles/hello";

fn request(headers: &[(&'static str, &str)]) -> Request {
    let mut request = Request::get(PATH);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn hits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let isr = Isr::revalidate(minutes(60)).tag("a").tag("article:{slug}");
    let routes = RouteTable::new().add("/articles/:slug", isr).unwrap();
    let engine = Engine::builder(routes).draft_secret("a secret of some length").build().unwrap();
    let page = || async { ([("content-type", "text/html")], "<p>A line.</p>".repeat(2300)) };
    let site = engine.wrap(Router::new().route("/articles/{slug}", get(page)));
    let stored = runtime.block_on(site.clone().oneshot(request(&[]))).unwrap();
    let etag = stored.headers()["etag"].to_str().unwrap().to_owned();
    let bare = Router::new().route("/articles/{slug}", {
        let headers = stored.headers().clone();
        get(move || {
            let headers = headers.clone();
            async move { (headers, "") }
        })
    });
    let mut group = criterion.benchmark_group("one request");
    let mut measure = |name: &str, site: &Router, headers: &[(&'static str, &str)]| {
        let mut site = site.clone();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || request(headers),
                |request| runtime.block_on(site.call(request)).unwrap(),
                criterion::BatchSize::SmallInput,
            );
        });
    };
    measure("bare axum handler with the same headers", &bare, &[]);
    measure("stored page", &site, &[]);
    measure("stored page, br", &site, &[("accept-encoding", "gzip, deflate, br, zstd")]);
    measure("304", &site, &[("if-none-match", &etag)]);
    group.finish();

    let mut number = 0;
    criterion.bench_function("purge of a tag, in memory", |bencher| {
        bencher.iter(|| {
            number += 1;
            let purge = Purge { tags: vec![format!("t{}", number % 1000)], ..Purge::default() };
            runtime.block_on(engine.purge(&purge)).unwrap();
        });
    });
}

criterion_group!(benches, hits);
criterion_main!(benches);
