//! The content system's face: what a page is made of now.

use std::{io, sync::Arc};

use axum::{Router, extract::Request, http::StatusCode};
use tokio::net::TcpListener;

use super::model::Model;
use crate::versions::PAGES;

/// Answers `GET /<page>` with the page's versions; returns the port.
pub(super) async fn serve(model: Arc<Model>) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let router = Router::new().fallback(async move |request: Request| {
        let page = request.uri().path().trim_start_matches('/').parse().ok();
        let page = page.filter(|page| *page < PAGES).ok_or(StatusCode::NOT_FOUND)?;
        Ok::<_, StatusCode>(model.data(page).to_string())
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(port)
}
