//! A webhook: a signed delivery purges the page of the article that it names.
//!
//! A delivery is believed if it carries the time and an HMAC of time and body by the
//! shared secret, and done once: one that comes again is answered as well, and purges
//! nothing.
//!
//! ```sh
//! cargo run -p leptos_isr --features ssr --example webhook
//! ```
//!
//! Try in another terminal (under each command, the lines of its answer that matter):
//!
//! ```text
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; fwd=miss; fwd-status=200; stored
//! tea (render 1)
//! $ body='{"slug":"tea"}'
//! $ time=$(date +%s)
//! $ secret=an-example-of-a-secret
//! $ mac=$(printf %s "$time.$body" | openssl dgst -sha256 -hmac "$secret" -r | cut -d ' ' -f 1)
//! $ curl -i -H "X-Isr-Signature: t=$time,v1=$mac" -d "$body" http://127.0.0.1:3000/_isr/hooks/cms
//! HTTP/1.1 204 No Content
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; hit; ttl=0; detail=purged
//! tea (render 1)
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; hit
//! tea (render 2)
//! $ curl -i -H "X-Isr-Signature: t=$time,v1=$mac" -d "$body" http://127.0.0.1:3000/_isr/hooks/cms
//! HTTP/1.1 204 No Content
//! $ curl -i http://127.0.0.1:3000/articles/tea
//! cache-status: isr; hit
//! tea (render 2)
//! $ curl -i -H "X-Isr-Signature: t=$time,v1=$mac" -d '{}' http://127.0.0.1:3000/_isr/hooks/cms
//! HTTP/1.1 401 Unauthorized
//! This is no delivery of the webhook's sender.
//! ```

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::Path, routing::get};
use leptos_isr::{
    Engine, Isr,
    purge::{Mapping, Webhook},
    route::RouteTable,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let routes = RouteTable::new().add("/articles/:slug", Isr::forever().tag("article:{slug}"))?;
    // Yours comes from the environment. `{slug}` is a field of the delivery's JSON.
    let hook = Webhook::generic("an-example-of-a-secret", Mapping::new().tag("article:{slug}"));
    let isr = Engine::builder(routes).webhook("cms", hook).build()?;
    let app = Router::new().route("/articles/{slug}", get(article));

    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(addr).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, isr.wrap(app)).await?)
}

/// An article that shows which render it is from.
async fn article(Path(slug): Path<String>) -> String {
    static RENDERS: AtomicUsize = AtomicUsize::new(0);
    let render = RENDERS.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{slug} (render {render})\n")
}
