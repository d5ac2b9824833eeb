//! The app with the engine in front of it.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension, Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use leptos::{config::LeptosOptions, prelude::provide_context};
use leptos_isr::{
    Engine, Isr, LeptosPages,
    page::RenderScope,
    purge::{Cdn, Purge},
    store::RedisStore,
};

use crate::{
    app::{PERIOD, app, shell},
    source::{Is, Source},
};

/// What the environment says.
pub(crate) struct Settings {
    /// The source of the data.
    source: Source,
    /// A file with the time: milliseconds since 1970.
    clock: PathBuf,
    /// Where pages are kept; in memory only if it is not set.
    store: Option<PathBuf>,
    build: String,
    /// The Redis that all servers share.
    redis: Option<String>,
    /// An address that is told of purges.
    cdn: Option<String>,
    /// Bytes of pages in memory.
    memory: Option<u64>,
}

impl Settings {
    /// Reads `BLACKBOX_SOURCE`, `_CLOCK`, `_STORE`, `_BUILD`, `_REDIS`, `_CDN`,
    /// `_MEMORY` and `_WATCH`.
    ///
    /// # Errors
    ///
    /// Names the variable that is missing or wrong.
    pub(crate) fn from_env() -> Result<Self, String> {
        let optional = |name: &str| env::var(format!("BLACKBOX_{name}")).ok();
        let needed = |name: &str| optional(name).ok_or(format!("set BLACKBOX_{name}"));
        let memory = optional("MEMORY").map(|bytes| bytes.parse()).transpose();
        Ok(Self {
            source: Source(needed("SOURCE")?.parse().map_err(|_| "BLACKBOX_SOURCE: an address")?),
            clock: needed("CLOCK")?.into(),
            store: optional("STORE").map(PathBuf::from),
            build: optional("BUILD").unwrap_or_else(|| "one".to_owned()),
            redis: optional("REDIS"),
            cdn: optional("CDN"),
            memory: memory.map_err(|_| "BLACKBOX_MEMORY: a number of bytes")?,
        })
    }
}

/// Puts the app together.
///
/// # Errors
///
/// Passes on what the engine says.
pub(crate) async fn site(
    settings: Settings,
) -> Result<(Engine, Router), Box<dyn Error + Send + Sync>> {
    let source = settings.source;
    let pages = LeptosPages::discover(app, move || provide_context(source))?;
    let feed_policy = || Isr::revalidate(PERIOD).tag("posts");
    let routes =
        pages.routes().clone().add("/feed.xml", feed_policy())?.add("/blob", feed_policy())?;
    let clock = settings.clock;
    let mut builder = Engine::builder(routes)
        .clock(move || time(&clock))
        .token("the token for purges")
        .max_page_size(1 << 20)
        .render_timeout(Duration::from_secs(5));
    if let Some(url) = settings.redis {
        let redis = RedisStore::open(&url, "blackbox", &settings.build).await?;
        builder = builder.store(redis.clone()).ledger(redis).build_id(&settings.build);
    }
    if let Some(folder) = settings.store {
        builder = builder.disk(folder, settings.build);
    }
    if let Some(url) = settings.cdn {
        builder = builder.cache_tag(true).cdn(Cdn::url(url, "the token of the CDN"));
    }
    if let Some(bytes) = settings.memory {
        builder = builder.memory(bytes);
    }
    let isr = builder.build()?;
    let (publishing, idle) = (isr.clone(), isr.clone());
    let options =
        LeptosOptions::builder().output_name("blackbox").site_root("no-such-folder").build();
    let router = pages
        .router(&isr, options, shell)
        .route("/feed.xml", get(move |scope| plain(source, "feed:", "application/xml", scope)))
        .route("/blob", get(move |scope| plain(source, "blob:", "application/octet-stream", scope)))
        .route("/api/ping", get(async || "pong"))
        .route("/api/publish", post(async move || publish(&publishing).await));
    // What tests wait for instead of sleeping: no regeneration is under way.
    let idle = async move || idle.idle(Duration::from_secs(20)).await.to_string();
    Ok((isr.clone(), isr.wrap(router).route("/_blackbox/idle", get(idle))))
}

/// The time in `file`. Tests put a new file in its place, so it is always whole.
fn time(file: &Path) -> SystemTime {
    let text = fs::read_to_string(file).expect("the clock's file is there");
    UNIX_EPOCH + Duration::from_millis(text.trim().parse().expect("it holds milliseconds"))
}

/// A handler without Leptos whose answers are stored too.
async fn plain(
    source: Source,
    key: &'static str,
    content_type: &'static str,
    scope: Option<Extension<RenderScope>>,
) -> Response {
    match source.load(key).await {
        Ok(document) => {
            if let Some(Extension(scope)) = scope {
                document.tags.iter().for_each(|tag| scope.tag(tag.as_str()));
            }
            match document.is {
                Is::Found(bytes) => ([(header::CONTENT_TYPE, content_type)], bytes).into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }
        Err(cause) => (StatusCode::BAD_GATEWAY, cause).into_response(),
    }
}

/// A handler that purges, as an editor's would.
async fn publish(isr: &Engine) -> StatusCode {
    let purge = Purge { tags: vec!["posts".to_owned()], hard: true, ..Purge::default() };
    match isr.purge(&purge).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
