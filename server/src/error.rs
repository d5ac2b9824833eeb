//! Why the program ends with an error.

use std::{io, net::SocketAddr, path::PathBuf};

use app::data::source_error::ContentError;
use leptos_isr::prerender::PrerenderError;
use newsroom::{ImportError, StoreError};

use crate::{cdns::CdnError, hooks::HooksError};

/// A step of the program that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address cannot be listened on.
    #[error("cannot listen on {addr} ({variable}); is another server running? Set another port")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The setting that names it.
        variable: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The folder of scripts and styles is not there.
    #[error(
        "there is no folder `{}` (LEPTOS_SITE_ROOT); build the site first with `cargo leptos build`, \
         and run this from the project's folder",
        .0.display()
    )]
    SiteRoot(PathBuf),
    /// A file of the site cannot be compressed.
    #[error("cannot compress the files in `{}` (LEPTOS_SITE_ROOT)", path.display())]
    SiteFiles {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of the database cannot be made.
    #[error("cannot make the folder of the database `{}` (CONTENT_DB)", path.display())]
    DatabaseFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("cannot use the database `{}` (CONTENT_DB)", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// Markdown files could not be imported.
    #[error("cannot import `{}`", path.display())]
    Import {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: ImportError,
    },
    /// Content is to come from two places.
    #[error(
        "CONTENT_API_URL is `{api}` and SANITY_PROJECT_ID is `{project}`, but content comes from \
         one place; unset one of them"
    )]
    TwoSources {
        /// The content API's address.
        api: String,
        /// The project on Sanity.
        project: String,
    },
    /// A setting of Sanity has no effect without another.
    #[error("{set} is set and {missing} is not; set both to read content from Sanity, or none")]
    SanityLacks {
        /// The variable that is set.
        set: &'static str,
        /// The variable that is missing.
        missing: &'static str,
    },
    /// The address or the token of what content is read from is wrong.
    #[error("cannot read content")]
    Content(#[from] ContentError),
    /// A period that was asked for is wrong.
    #[error("ISR_REVALIDATE is wrong")]
    Periods(#[source] leptos_isr::Error),
    /// The id of the build cannot be one.
    #[error("ISR_BUILD_ID is wrong")]
    BuildId(#[source] leptos_isr::Error),
    /// The draft secret is too short, or opens something else.
    #[error("ISR_DRAFT_SECRET is wrong")]
    DraftSecret(#[source] leptos_isr::Error),
    /// The file of webhooks is wrong.
    #[error("cannot take webhooks from `{}` (ISR_HOOKS)", path.display())]
    Hooks {
        /// The file.
        path: PathBuf,
        /// Why.
        source: HooksError,
    },
    /// A webhook is described wrongly.
    #[error("ISR_HOOKS is wrong")]
    Webhook(#[source] leptos_isr::Error),
    /// The setting of a CDN lacks something.
    #[error("cannot tell a CDN of purges (ISR_CDN_…)")]
    Cdn(#[from] CdnError),
    /// A CDN's id, address or token is wrong.
    #[error("ISR_CDN_… is wrong")]
    WrongCdn(#[source] leptos_isr::Error),
    /// The folder of stored pages cannot be used.
    #[error("cannot keep pages in ISR_DIR")]
    IsrDir(#[source] leptos_isr::Error),
    /// The Redis cannot be used.
    #[error("cannot use the Redis at ISR_REDIS_URL, for ISR_SITE")]
    Redis(#[source] leptos_isr::store::StoreError),
    /// The object store cannot be used.
    #[error("cannot keep pages at ISR_STORE_URL")]
    StoreUrl(#[source] leptos_isr::store::StoreError),
    /// A route is declared wrongly, or pages cannot be rendered.
    #[error("cannot set up the stored pages")]
    Isr(#[from] leptos_isr::Error),
    /// The server stopped by itself.
    #[error("the server stopped")]
    Serve(#[source] io::Error),
    /// Pages could not be rendered.
    #[error("the build failed")]
    Prerender(#[source] PrerenderError),
    /// The check has found something.
    #[error("some pages would surprise once they are stored: see above")]
    Surprises,
    /// Something could not be printed.
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}
