//! Why the program ends with an error.

use std::{io, net::SocketAddr, path::PathBuf};

use app::data::source_error::ContentError;
use newsroom::{ImportError, StoreError};

use crate::hooks::HooksError;

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
    /// The content API's address is wrong.
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
    Hook(#[source] leptos_isr::Error),
    /// The folder of stored pages cannot be used.
    #[error("cannot keep pages in ISR_DIR")]
    IsrDir(#[source] leptos_isr::Error),
    /// A route is declared wrongly, or pages cannot be rendered.
    #[error("cannot set up the stored pages")]
    Isr(#[from] leptos_isr::Error),
    /// The server stopped by itself.
    #[error("the server stopped")]
    Serve(#[source] io::Error),
    /// Pages could not be rendered.
    #[error("{failed} of {planned} pages could not be rendered; the causes stand above")]
    Pages {
        /// How many failed.
        failed: usize,
        /// How many there are.
        planned: usize,
    },
    /// Something could not be printed.
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}
