//! The server that is killed: the engine on a disk, in front of pages that are
//! made of the content system's data.

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use leptos_isr::{Engine, Isr, page::RenderScope, route::RouteTable};
use tokio::net::TcpListener;

use super::{
    TOKEN,
    model::{GROUPS, PAGES},
};
use crate::{Error, client::Client, sealed::seal};

/// Small, so that pages come from the disk as well.
const MEMORY: u64 = 256 << 10;

/// Connections to the content system.
type Pool = Arc<Mutex<Vec<Client>>>;

/// Serves until it is killed; says its port in a line of its own.
///
/// # Errors
///
/// Fails if the store cannot be opened or nothing can be listened on.
pub async fn serve(folder: &Path, data_port: u16) -> Result<(), Error> {
    let isr = Isr::forever().tag("page-{page}");
    let routes = RouteTable::new().add("/p/:page", isr)?;
    let engine =
        Engine::builder(routes).memory(MEMORY).disk(folder, "build").token(TOKEN).build()?;
    let pool = Pool::default();
    let pages = Router::new().fallback(
        async move |scope: Option<Extension<RenderScope>>, request: Request| {
            let scope = scope.map(|Extension(scope)| scope).unwrap_or_default();
            render(&pool, data_port, &scope, request.uri().path()).await
        },
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    Ok(axum::serve(listener, engine.wrap(pages)).await?)
}

async fn render(pool: &Pool, data_port: u16, scope: &RenderScope, path: &str) -> Response {
    let page = path.strip_prefix("/p/").and_then(|page| page.parse::<usize>().ok());
    let Some(page) = page.filter(|page| *page < PAGES) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    scope.tag(format!("group-{}", page % GROUPS));
    match versions(pool, data_port, page).await {
        Ok(versions) => {
            // Some fill a block, some many; one in four is compressed as well.
            let len = 300 + page * 150;
            let body = seal(&format!("page={page} versions={versions} "), len, page as u64);
            let kind = if page % 4 == 0 { "text/html" } else { "application/octet-stream" };
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn versions(pool: &Pool, port: u16, page: usize) -> io::Result<String> {
    let lock = || pool.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = lock().pop();
    let mut client = match kept {
        Some(client) => client,
        None => Client::connect(port).await?,
    };
    let reply = client.get(&format!("/{page}")).await?;
    lock().push(client);
    String::from_utf8(reply.body).map_err(io::Error::other)
}
