//! Two stored routes in front of plain axum handlers: a miss, hits, a stale page.
//!
//! A page is fresh for five seconds. Who comes later still gets it at once, and it is
//! rendered again behind them.
//!
//! ```sh
//! cargo run -p leptos_isr --features ssr --example hello
//! ```
//!
//! Try in another terminal (under each command, the lines of its answer that matter):
//!
//! ```text
//! $ curl -i http://127.0.0.1:3000/hello/ada
//! cache-status: isr; fwd=miss; fwd-status=200; stored
//! Hello, ada! (render 1)
//! $ curl -i http://127.0.0.1:3000/hello/ada
//! cache-status: isr; hit; ttl=5
//! Hello, ada! (render 1)
//! $ curl -i http://127.0.0.1:3000/
//! cache-status: isr; fwd=miss; fwd-status=200; stored
//! The front page (render 2)
//! $ sleep 5
//! $ curl -i http://127.0.0.1:3000/hello/ada
//! cache-status: isr; hit; ttl=0
//! Hello, ada! (render 1)
//! $ curl -i http://127.0.0.1:3000/hello/ada
//! cache-status: isr; hit; ttl=5
//! Hello, ada! (render 3)
//! ```

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::Path, routing::get};
use leptos_isr::{Engine, Isr, route::RouteTable, seconds};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let routes = RouteTable::new()
        .add("/", Isr::revalidate(seconds(5)))?
        .add("/hello/:name", Isr::revalidate(seconds(5)))?;
    let isr = Engine::builder(routes).build()?;
    let app = Router::new()
        .route("/", get(async || page("The front page")))
        .route("/hello/{name}", get(hello));

    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(addr).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, isr.wrap(app)).await?)
}

async fn hello(Path(name): Path<String>) -> String {
    page(&format!("Hello, {name}!"))
}

/// A text that shows which render it is from.
fn page(text: &str) -> String {
    static RENDERS: AtomicUsize = AtomicUsize::new(0);
    let render = RENDERS.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{text} (render {render})\n")
}
