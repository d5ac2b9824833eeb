//! Data read with tags: a purge of one tag reaches just the pages that show it.
//!
//! The front page shows both articles and so has the tags of both; each article's own
//! page has one. They share what is read: the source is asked once for all of them.
//!
//! ```sh
//! cargo run -p leptos_isr --features ssr --example tags
//! ```
//!
//! Try in another terminal (under each command, the lines of its answer that matter):
//!
//! ```text
//! $ curl -i http://127.0.0.1:3000/
//! cache-status: isr; fwd=miss; fwd-status=200; stored
//! tea (reading 1), coffee (reading 1)
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; fwd=miss; fwd-status=200; stored
//! tea (reading 1)
//! $ curl -i http://127.0.0.1:3000/articles/coffee
//! cache-status: isr; fwd=miss; fwd-status=200; stored
//! coffee (reading 1)
//! $ curl -i -H 'Authorization: Bearer token-of-the-example' -d '{"tags":["article:tea"]}' http://127.0.0.1:3000/_isr/purge
//! HTTP/1.1 204 No Content
//! $ curl -i http://127.0.0.1:3000/articles/coffee
//! cache-status: isr; hit; ttl=3600
//! coffee (reading 1)
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; hit; ttl=0; detail=purged
//! tea (reading 1)
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; hit; ttl=3600
//! tea (reading 2)
//! $ curl -i http://127.0.0.1:3000/
//! cache-status: isr; hit; ttl=0; detail=purged
//! tea (reading 1), coffee (reading 1)
//! $ curl -i http://127.0.0.1:3000/
//! cache-status: isr; hit; ttl=3600
//! tea (reading 2), coffee (reading 1)
//! ```

use std::{
    collections::HashMap,
    error::Error,
    sync::{Mutex, PoisonError},
};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use leptos_isr::{
    Engine, Isr,
    data::{DataError, data},
    hours,
    route::RouteTable,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let routes = RouteTable::new()
        .add("/", Isr::revalidate(hours(1)))?
        .add("/articles/:name", Isr::revalidate(hours(1)))?;
    // Yours comes from the environment.
    let isr = Engine::builder(routes).token("token-of-the-example").build()?;
    let app = Router::new().route("/", get(front)).route("/articles/{name}", get(article));

    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(addr).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, isr.wrap(app)).await?)
}

async fn front() -> Result<String, StatusCode> {
    let (tea, coffee) = (read("tea").await, read("coffee").await);
    Ok(format!("{}, {}\n", tea.map_err(bad_gateway)?, coffee.map_err(bad_gateway)?))
}

async fn article(Path(name): Path<String>) -> Result<String, StatusCode> {
    Ok(read(&name).await.map_err(bad_gateway)? + "\n")
}

/// An answer like this is never stored.
fn bad_gateway(_: DataError) -> StatusCode {
    StatusCode::BAD_GATEWAY
}

async fn read(name: &str) -> Result<String, DataError> {
    let asked = name.to_owned();
    let read = data(format!("article {name}")).tags([format!("article:{name}")]);
    read.load(async || source(asked)).await
}

/// In the place of a database: says how often it was asked for the article.
fn source(name: String) -> Result<String, std::io::Error> {
    static ASKED: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let reading = asked.get_or_insert_default().entry(name.clone()).or_default();
    *reading += 1;
    Ok(format!("{name} (reading {reading})"))
}
