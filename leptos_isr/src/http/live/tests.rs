//! Tests of heartbeats, with an engine whose streams have many.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, body::BodyDataStream, extract::Request};
use futures::StreamExt;
use tower::ServiceExt;

use crate::{Engine, Isr, minutes, route::RouteTable};

async fn ask(router: &Router, path: &str) -> BodyDataStream {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().into_body().into_data_stream()
}

/// Reads at most `heartbeats` parts, up to the first that is not a heartbeat, and returns that one.
async fn read(stream: &mut BodyDataStream, heartbeats: usize) -> Option<String> {
    for _ in 0..heartbeats {
        let part = stream.next().await.unwrap().unwrap();
        if part != ":\n\n" {
            return Some(String::from_utf8(part.to_vec()).unwrap());
        }
    }
    None
}

/// A page that is fresh for five minutes and watched.
struct Watched {
    engine: Engine,
    _router: Router,
    minute: Arc<AtomicU64>,
    renders: Arc<AtomicUsize>,
    stream: BodyDataStream,
}

async fn watched() -> Watched {
    let (minute, renders) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let clock = {
        let minute = Arc::clone(&minute);
        move || SystemTime::UNIX_EPOCH + minutes(minute.load(Ordering::SeqCst))
    };
    let routes =
        RouteTable::new().add("/a", Isr::revalidate(minutes(5)).expire(minutes(9))).unwrap();
    let mut builder = Engine::builder(routes).clock(clock).max_streams(1);
    builder.heartbeat = Duration::from_millis(1);
    let engine = builder.build().unwrap();
    let renderer = {
        let renders = Arc::clone(&renders);
        move || async move { format!("#{}", renders.fetch_add(1, Ordering::SeqCst)) }
    };
    let router = engine.wrap(Router::new().fallback(renderer));
    drop(ask(&router, "/a").await);
    let mut stream = ask(&router, "/_isr/live?page=/a").await;
    assert!(read(&mut stream, 1).await.unwrap().starts_with("retry: "));
    Watched { engine, _router: router, minute, renders, stream }
}

#[tokio::test]
async fn watched_page_whose_period_is_over_is_regenerated_at_a_heartbeat() {
    let Watched { minute, renders, mut stream, _router, .. } = watched().await;
    minute.store(4, Ordering::SeqCst);
    assert_eq!(read(&mut stream, 20).await, None);
    for stale_or_expired in [6, 20] {
        minute.store(stale_or_expired, Ordering::SeqCst);
        assert!(read(&mut stream, 10_000).await.unwrap().contains(r#"{"page":"/a"}"#));
    }
    assert_eq!(read(&mut stream, 20).await, None);
    assert_eq!(renders.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn watched_page_is_kept_up_by_the_period_that_was_set_since() {
    let Watched { engine, minute, mut stream, _router, .. } = watched().await;
    minute.store(2, Ordering::SeqCst);
    assert_eq!(read(&mut stream, 20).await, None);
    engine.set_period("/a", Some(minutes(1))).await.unwrap();
    assert!(read(&mut stream, 10_000).await.unwrap().contains(r#"{"page":"/a"}"#));
}
