//! The site that is flooded: a route that lists its paths, and one that renders any.

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos_isr::{Engine, Isr, OnMissing, route::RouteTable, seconds};
use tower::ServiceExt;

use super::{
    Settings,
    judge::{Asked, Judge},
};
use crate::{Error, sealed::seal};

const PAGE: usize = 4000;
const NOT_FOUND_PAGE: usize = 1000;

#[derive(Clone, Debug)]
pub(super) struct Site {
    engine: Engine,
    router: Router,
}

impl Site {
    pub(super) fn new(folder: &Path, settings: &Settings) -> Result<Self, Error> {
        let known = settings.known;
        let kind = if settings.compressed { "text/html" } else { "application/octet-stream" };
        let list = move || async move {
            let pages = (0..known / 2).map(|page| page.to_string());
            Ok::<Vec<_>, String>(pages.collect())
        };
        let listed = Isr::forever().prerender(list).on_missing(OnMissing::NotFound);
        let routes =
            RouteTable::new().add("/listed/:page", listed)?.add("/open/:page", Isr::forever())?;
        let engine = Engine::builder(routes)
            .memory(settings.memory)
            .disk(folder, "build")
            .disk_limit(settings.disk)
            .build()?;
        let pages =
            Router::new().fallback(async move |request: Request| render(known, kind, &request));
        let router = engine.wrap(pages);
        Ok(Self { engine, router })
    }

    pub(super) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Waits until the disk has what was rendered.
    pub(super) async fn written(&self) {
        self.engine.idle(seconds(60)).await;
    }

    pub(super) async fn ask(&self, judge: &Arc<Judge>, asked: Asked) {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = judge.path(asked).parse().expect("the paths are plain letters");
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let cache_status = parts.headers.get("cache-status").and_then(|value| value.to_str().ok());
        judge.judge(asked, parts.status.as_u16(), cache_status.unwrap_or_default(), &body);
    }
}

fn render(known: usize, kind: &'static str, request: &Request) -> Response {
    let path = request.uri().path();
    let page = path.rsplit('/').next().and_then(|page| page.parse::<usize>().ok());
    let html = [(header::CONTENT_TYPE, kind)];
    match page {
        Some(page) if Asked::Known(page).path(known) == path => {
            (html, seal(path, PAGE, page as u64)).into_response()
        }
        _ => (StatusCode::NOT_FOUND, html, seal("no such page", NOT_FOUND_PAGE, 0)).into_response(),
    }
}
