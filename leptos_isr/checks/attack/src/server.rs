//! The server that is attacked: the engine on a disk, on a Redis, or on both, in front of pages that
//! are made of the content system's data.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use clap::Args;
use leptos_isr::{Engine, Isr, page::RenderScope, route::RouteTable, store::RedisStore};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::{
    Error,
    client::Client,
    sealed::seal,
    versions::{GROUPS, PAGES},
};

/// The token of its purge endpoint.
pub(crate) const TOKEN: &str = "the attack's own token";

const BUILD: &str = "build";

/// The name of the site in a Redis.
pub(crate) const SITE: &str = "attack";

/// Small, so that pages come from the disk as well.
const MEMORY: u64 = 256 << 10;

/// Connections to the content system.
type Pool = Arc<Mutex<Vec<Client>>>;

/// What a server is given.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// Where the content system listens
    pub data_port: u16,
    /// The server's own disk
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// The Redis that it shares with others
    #[arg(long)]
    pub redis: Option<String>,
}

impl Place {
    /// The command that starts `program`, which is `attack`, as a server.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg("server").arg(self.data_port.to_string());
        if let Some(folder) = &self.folder {
            command.arg("--folder").arg(folder);
        }
        if let Some(url) = &self.redis {
            command.arg("--redis").arg(url);
        }
        command
    }
}

/// Serves until it is killed; says its port in a line of its own.
///
/// # Errors
///
/// Fails if the store cannot be opened or nothing can be listened on.
pub async fn serve(place: Place) -> Result<(), Error> {
    let filter = EnvFilter::from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
    let isr = Isr::forever().tag("page-{page}");
    let routes = RouteTable::new().add("/p/:page", isr)?;
    let mut builder = Engine::builder(routes).memory(MEMORY).token(TOKEN);
    if let Some(url) = &place.redis {
        let redis = RedisStore::open(url, SITE, BUILD).await?;
        builder = builder.store(redis.clone()).ledger(redis).build_id(BUILD);
    }
    if let Some(folder) = &place.folder {
        builder = builder.disk(folder, BUILD);
    }
    let engine = builder.build()?;
    let data_port = place.data_port;
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
