//! Where content comes from: Sanity, an API elsewhere, or the built-in one over SQLite.

use std::{fs, net::SocketAddr, path::Path};

use app::data::{session::EditorConfig, source::ContentSource};
use newsroom::ContentStore;
use tokio::{net::TcpListener, task::AbortHandle};
use tracing::{info, warn};

use crate::{config::Config, error::Error};

/// The content of the site, and who may edit it.
#[derive(Debug)]
pub struct Content {
    /// Reads content.
    pub source: ContentSource,
    /// Who may edit.
    pub editor: EditorConfig,
    api: Option<AbortHandle>,
}

impl Drop for Content {
    /// Ends the built-in API.
    fn drop(&mut self) {
        if let Some(api) = &self.api {
            api.abort();
        }
    }
}

/// Opens what the configuration names; the built-in API listens on `addr`.
///
/// An empty database is filled from the folder of Markdown files.
///
/// # Errors
///
/// Returns which part cannot be used, and why.
pub async fn open(config: &Config, addr: SocketAddr) -> Result<Content, Error> {
    if let Some(source) = elsewhere(config)? {
        return Ok(Content { source, editor: EditorConfig::default(), api: None });
    }
    let store = open_store(&config.content_db).await?;
    fill_if_empty(&store, config).await?;
    let token = config.content_token.clone();
    let token = token.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let listen_error = |source| Error::Listen { addr, variable: "CONTENT_ADDR", source };
    let listener = TcpListener::bind(addr).await.map_err(listen_error)?;
    let url = format!("http://{}", listener.local_addr().map_err(listen_error)?);
    info!(%url, database = %config.content_db.display(), "content API");
    let router = newsroom::router(store, Some(token.clone()));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(Content {
        source: ContentSource::new(&url)?.with_token(Some(&token))?,
        editor: EditorConfig::new(config.editor_password.clone(), Some(token)),
        api: Some(serving.abort_handle()),
    })
}

/// Content that is kept and edited elsewhere, if the configuration names any.
fn elsewhere(config: &Config) -> Result<Option<ContentSource>, Error> {
    let (api, sanity) = (&config.content_api_url, &config.sanity);
    if let (Some(api), Some(project)) = (api, &sanity.sanity_project_id) {
        return Err(Error::TwoSources { api: api.clone(), project: project.clone() });
    }
    let (source, variable) = match (sanity.dataset()?, api) {
        (Some(dataset), _) => {
            let token = sanity.sanity_token.as_deref();
            (ContentSource::sanity(&dataset)?.with_token(token)?, "SANITY_PROJECT_ID")
        }
        (None, Some(url)) => {
            let token = config.content_token.as_deref();
            (ContentSource::new(url)?.with_token(token)?, "CONTENT_API_URL")
        }
        (None, None) => return Ok(None),
    };
    if config.editor_password.is_some() {
        warn!("EDITOR_PASSWORD has no effect: with {variable} there is no editor");
    }
    Ok(Some(source))
}

/// Opens the database, and makes it if it is not there.
///
/// # Errors
///
/// Returns [`Error::DatabaseFolder`] or [`Error::Database`].
pub(crate) async fn open_store(path: &Path) -> Result<ContentStore, Error> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)
            .map_err(|source| Error::DatabaseFolder { path: folder.to_owned(), source })?;
    }
    ContentStore::open(path)
        .await
        .map_err(|source| Error::Database { path: path.to_owned(), source })
}

async fn fill_if_empty(store: &ContentStore, config: &Config) -> Result<(), Error> {
    let database = |source| Error::Database { path: config.content_db.clone(), source };
    if !store.is_empty().await.map_err(database)? {
        return Ok(());
    }
    let folder = &config.content_dir;
    if !folder.is_dir() {
        warn!(folder = %folder.display(),
            "the database is empty and there is no folder to fill it from (CONTENT_DIR)");
        return Ok(());
    }
    let report = newsroom::Import::new(folder)
        .pictures(&config.content_pictures)
        .run(store)
        .await
        .map_err(|source| Error::Import { path: folder.clone(), source })?;
    info!(folder = %folder.display(), articles = report.created, skipped = report.skipped.len(),
        "filled the empty database");
    for skipped in &report.skipped {
        warn!(file = %skipped.path.display(), reason = skipped.reason, "not imported");
    }
    Ok(())
}
