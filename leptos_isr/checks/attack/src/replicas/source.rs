//! The content system's face: what a page is made of now. Each server has an address of its own to
//! ask, so that one of them can be struck while it renders.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, extract::Request, http::StatusCode};
use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{sleep, timeout},
};

use super::model::Model;
use crate::versions::PAGES;

/// The longest that an answer takes, in milliseconds.
const SLOWEST: u64 = 20;

/// What one server asks.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) port: u16,
    asked: Arc<Notify>,
}

impl Source {
    /// Answers `GET /<page>` with the page's versions.
    pub(super) async fn serve(model: &Arc<Model>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (model, asked) = (Arc::clone(model), Arc::new(Notify::new()));
        let notify = Arc::clone(&asked);
        let router = Router::new().fallback(async move |request: Request| {
            let page = request.uri().path().trim_start_matches('/').parse().ok();
            let page = page.filter(|page| *page < PAGES).ok_or(StatusCode::NOT_FOUND)?;
            // As it is when the render begins: the answer may be old when it comes.
            let versions = model.content(page);
            notify.notify_waiters();
            sleep(Duration::from_millis(fastrand::u64(..SLOWEST))).await;
            Ok::<_, StatusCode>(versions.to_string())
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { port, asked })
    }

    /// Waits until the server renders, for a while.
    pub(super) async fn is_asked(&self) {
        let _ = timeout(Duration::from_secs(5), self.asked.notified()).await;
    }
}
