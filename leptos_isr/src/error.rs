//! What can go wrong, by the step that failed.

use std::{io, path::PathBuf, time::Duration};

use http::StatusCode;

/// Why a store could not do what it was asked.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the engine: wrong declarations, a store that cannot be used,
/// a purge that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A route's declaration is wrong.
    #[error("route `{route}`: {problem}")]
    Declaration {
        /// The route's path, as declared.
        route: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The app has no router, or its routes could not be listed.
    #[error("the app lists no routes: does it have a `<Router>` with `<Routes>`?")]
    NoRoutes,
    /// A period override is wrong.
    #[error("period override `{given}`: {problem}")]
    Override {
        /// The part that is wrong.
        given: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The id of the build is not one.
    #[error(
        "build id `{given}`: write up to 64 letters, digits, `.`, `-` and `_`, the first a letter or digit"
    )]
    Build {
        /// The id.
        given: String,
    },
    /// Draft mode is set up wrongly.
    #[error("draft mode: {problem}")]
    Draft {
        /// What is wrong and what to do.
        problem: String,
    },
    /// A webhook is set up wrongly.
    #[error("hook `{name}`: {problem}")]
    Webhook {
        /// The hook's name.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A CDN that is to be told of purges is set up wrongly.
    #[error("CDN `{name}`: {problem}")]
    Cdn {
        /// The CDN.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A `Content-Security-Policy` is wrong.
    #[error("Content-Security-Policy `{given}`: {problem}")]
    Csp {
        /// The part that is wrong.
        given: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A purge names something that is not a path.
    #[error("cannot purge `{path}`: {problem}")]
    PurgePath {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The store could not keep a purge: it holds for this process only.
    #[error("the purge holds until the next restart only: the store could not keep it")]
    PurgeNotKept(#[source] StoreError),
    /// Another dry run of a purge looks at the stored pages: one at a time.
    #[error("another dry run looks at the stored pages; try again when it has ended")]
    DryRunUnderWay,
    /// The store cannot say what was purged.
    #[error("cannot read the store's purges")]
    Purges(#[source] StoreError),
    /// A path that was to be regenerated is of no stored page.
    #[error("cannot regenerate `{path}`: {problem}")]
    RegeneratePath {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The store could not keep the list of a route's paths.
    #[error("route `{route}`: the store could not keep the list of its paths")]
    KeepList {
        /// The route's path, as declared.
        route: String,
        /// Why.
        source: StoreError,
    },
    /// The purge was not done: the server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A folder or file of the store cannot be used.
    #[error("cannot use the store at `{}`", path.display())]
    Store {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program or its hash file cannot be read to derive the build id.
    #[error("cannot derive the build id from `{}`", path.display())]
    BuildId {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The list of a route's paths failed.
    #[error("route `{route}`: the list of its paths failed: {cause}")]
    List {
        /// The route's path, as declared.
        route: String,
        /// What the list function said.
        cause: String,
    },
}

/// Why a render gave no page that may be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The page's code called [`failed`](crate::failed).
    #[error("{0}")]
    Failed(String),
    /// The page answered with a status that is not a definite result.
    #[error("the page answered with status {0}")]
    Status(StatusCode),
    /// The page answered 200 with an empty body.
    #[error("the page is empty")]
    Empty,
    /// The body is larger than a page may be.
    #[error("the page is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body ended with an error.
    #[error("the page's body broke off: {0}")]
    Body(String),
    /// The render took too long.
    #[error("the render took longer than {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// The page's code panicked.
    #[error("the render panicked: {0}")]
    Panicked(String),
    /// Too many visitors or pages wait for a render.
    #[error("too much waits to be rendered; try again in {}", humantime::format_duration(*retry_after))]
    Busy {
        /// When there may be less.
        retry_after: Duration,
    },
    /// The server is shutting down and starts no more renders.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl RenderError {
    /// Whether nothing was rendered.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::ShuttingDown)
    }
}
