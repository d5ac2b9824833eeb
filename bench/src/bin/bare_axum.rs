//! A bare axum server: the recorded answers of another server, from memory.
//!
//! `bare_axum <address> <folder>`: the folder holds `head.json` (path, status,
//! header pairs) and `body` as the load generator recorded them.

use std::{error::Error, fs, path::Path};

use axum::{Router, routing::get};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Head {
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(addr), Some(folder)) = (args.next(), args.next()) else {
        return Err("usage: bare_axum <address> <folder>".into());
    };
    let folder = Path::new(&folder);
    let head: Head = serde_json::from_slice(&fs::read(folder.join("head.json"))?)?;
    let body = Bytes::from(fs::read(folder.join("body"))?);
    let status = StatusCode::from_u16(head.status)?;
    let mut headers = HeaderMap::new();
    for (name, value) in &head.headers {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let answer = move || {
        let (headers, body) = (headers.clone(), body.clone());
        async move { (status, headers, body) }
    };
    let router = Router::new().route(&head.path, get(answer));
    axum::serve(TcpListener::bind(&addr).await?, router).await?;
    Ok(())
}
