//! The site: the app's pages, the feeds, and the stored pages in front of them.

use std::path::Path;

use app::{
    App, SiteUrl,
    data::{
        feed::{feed_xml, sitemap_xml},
        listing::PrerenderedArticles,
        source::ContentSource,
        source_error::ContentError,
    },
    shell,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use leptos::prelude::provide_context;
use leptos_isr::{
    Builder, Clock, Engine, Isr, LeptosPages, build_id, minutes,
    store::{BucketStore, RedisStore},
};
use newsroom::PICTURES_PATH;
use tower_http::{limit::RequestBodyLimitLayer, services::ServeDir};

use crate::{cdns, config::Config, content::Content, error::Error, hooks, security};

/// The largest request that is read: an article of a megabyte, encoded as a form.
const MAX_REQUEST: usize = 4 << 20;

/// How many open pages may follow what is regenerated.
const MAX_STREAMS: usize = 10_000;

/// The site, ready to be served.
#[derive(Clone, Debug)]
pub struct Site {
    /// Answers every request.
    pub router: Router,
    /// The stored pages.
    pub isr: Engine,
}

/// Puts the site together; `clock` says how old pages are. Nothing is rendered yet.
///
/// # Errors
///
/// Returns [`Error::SiteRoot`] if the site was not built, and [`Error::Isr`],
/// [`Error::Periods`], [`Error::BuildId`], [`Error::DraftSecret`], [`Error::Hooks`], [`Error::Webhook`],
/// [`Error::Cdn`], [`Error::WrongCdn`], [`Error::Redis`], [`Error::StoreUrl`] or [`Error::IsrDir`] for a wrong
/// declaration, a wrong period, a wrong secret, wrong webhooks, a wrong CDN or a
/// store that cannot be used.
pub async fn site(config: &Config, content: &Content, clock: impl Clock) -> Result<Site, Error> {
    if !Path::new(&config.site_root).is_dir() {
        return Err(Error::SiteRoot(config.site_root.clone()));
    }
    let options = config.leptos_options();
    let site_url = SiteUrl(config.site_url());
    let pages = {
        let (source, editor, site_url) =
            (content.source.clone(), content.editor.clone(), site_url.clone());
        let listed = PrerenderedArticles(config.isr_prerender_articles);
        LeptosPages::discover(App, move || {
            provide_context(source.clone());
            provide_context(editor.clone());
            provide_context(site_url.clone());
            provide_context(listed);
        })?
    };
    let feeds = || Isr::revalidate(minutes(5));
    let mut routes =
        pages.routes().clone().add("/feed.xml", feeds())?.add("/sitemap.xml", feeds())?;
    if let Some(periods) = &config.isr_revalidate {
        routes.override_revalidate(periods).map_err(Error::Periods)?;
    }
    let builder = with_draft_mode(Engine::builder(routes).clock(clock), config, content);
    let build = match &config.isr_build_id {
        Some(id) => id.clone(),
        None => build_id(&options)?,
    };
    let isr = engine(config, content, builder, build).await?;
    let has_hashed_names = options.hash_files;
    let router = pages
        .router(&isr, options, shell)
        .route("/feed.xml", get(feed(content.source.clone(), site_url.clone())))
        .route("/sitemap.xml", get(sitemap(content.source.clone(), site_url)))
        .nest_service(PICTURES_PATH, ServeDir::new(&config.content_pictures))
        .layer(from_fn_with_state(has_hashed_names, let_browsers_keep_files))
        .layer(RequestBodyLimitLayer::new(MAX_REQUEST));
    Ok(Site { router: isr.wrap(router), isr })
}

async fn engine(
    config: &Config,
    content: &Content,
    builder: Builder,
    build: String,
) -> Result<Engine, Error> {
    let mut builder = builder
        .memory(config.isr_memory_mib << 20)
        .disk(&config.isr_dir, &build)
        .disk_limit(config.isr_disk_mib << 20)
        .max_waiting(config.isr_max_waiting.try_into().unwrap_or(usize::MAX))
        .shared_cache(config.isr_shared_cache)
        .cache_tag(config.isr_cache_tag)
        .render_timeout(config.isr_render_timeout)
        .trusted_proxies(config.isr_trusted_proxies.clone().unwrap_or_default())
        .max_streams(MAX_STREAMS)
        .speculation_rules()
        .store_in_watch(config.isr_in_watch)
        .csp(security::policy(config))
        .fetch(content.source.fetch_settings());
    for (name, value) in security::default_headers() {
        builder = builder.default_header(name, value);
    }
    if let Some(url) = &config.isr_redis_url {
        let redis = RedisStore::open(url, &config.isr_site, &build).await.map_err(Error::Redis)?;
        let redis = redis.replica_acks(config.isr_redis_acks);
        builder = match &config.isr_store_url {
            Some(url) => builder.store(BucketStore::from_url(url, build).map_err(Error::StoreUrl)?),
            None => builder.store(redis.clone()),
        };
        builder = builder.ledger(redis);
    }
    if let Some(renders) = config.isr_max_renders {
        builder = builder.max_renders(renders.into());
    }
    if let Some(token) = &config.isr_token {
        builder = builder.token(token);
    }
    if let Some(path) = &config.isr_hooks {
        let variable = |name: &str| std::env::var(name).ok();
        builder = hooks::add(builder, path, variable)
            .map_err(|source| Error::Hooks { path: path.clone(), source })?;
    }
    builder = cdns::add(builder, config)?;
    if !config.stores_pages() {
        builder = builder.bypass("watch");
    }
    builder.build().map_err(|error| match error {
        leptos_isr::Error::Build { .. } => Error::BuildId(error),
        leptos_isr::Error::Draft { .. } => Error::DraftSecret(error),
        leptos_isr::Error::Webhook { .. } => Error::Webhook(error),
        leptos_isr::Error::Cdn { .. } => Error::WrongCdn(error),
        error => Error::IsrDir(error),
    })
}

/// The editor can preview without any setting; the server forgets a random secret with its end.
fn with_draft_mode(builder: Builder, config: &Config, content: &Content) -> Builder {
    let random = || content.editor.is_enabled().then(|| uuid::Uuid::new_v4().to_string());
    let secret = config.isr_draft_secret.clone().or_else(random);
    let builder = if let Some(secret) = secret { builder.draft_secret(secret) } else { builder };
    // Of the inspector too.
    if SiteUrl(config.site_url()).is_https() { builder } else { builder.draft_over_http() }
}

/// The Atom feed.
fn feed(source: ContentSource, url: SiteUrl) -> MethodRouter {
    get(move || {
        let (source, url) = (source.clone(), url.clone());
        async move { xml("application/atom+xml; charset=utf-8", feed_xml(&source, &url.0).await) }
    })
}

/// The site map.
fn sitemap(source: ContentSource, url: SiteUrl) -> MethodRouter {
    get(move || {
        let (source, url) = (source.clone(), url.clone());
        async move { xml("application/xml; charset=utf-8", sitemap_xml(&source, &url.0).await) }
    })
}

fn xml(content_type: &'static str, text: Result<String, ContentError>) -> Response {
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        // The read that failed has told the engine why.
        Err(_) => {
            (StatusCode::BAD_GATEWAY, "The content cannot be read just now.\n").into_response()
        }
    }
}

/// Files whose name carries a hash never change; others are asked for again.
async fn let_browsers_keep_files(
    State(has_hashed_names): State<bool>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_in = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let is_hashed = has_hashed_names && is_in("/pkg") || is_in(PICTURES_PATH);
    if is_in(PICTURES_PATH) {
        // They have no compressed forms, and tower-http before 0.7 answers with the file `/a` where
        // `identity` is accepted by name and `/a.svg` is missing.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let mut response = next.run(request).await;
    let is_file = response.headers().contains_key(header::LAST_MODIFIED);
    if is_file && response.status().is_success() {
        let value = match is_hashed {
            true => "public, max-age=31536000, immutable",
            false => "public, max-age=3600",
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        // A file may have compressed forms.
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}
