//! What can go wrong, by the step that failed.

use std::{any::Any, error::Error as _, fmt, io, iter, path::PathBuf, time::Duration};

use http::StatusCode;

/// Why a store could not do what it was asked to do.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the engine: wrong declarations, a store that cannot be used,
/// a purge that cannot be kept. `Debug`, which is what `unwrap` and `main` print, has the text of
/// `Display` and its causes.
#[derive(thiserror::Error)]
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
    /// A setting of the [`Builder`](crate::Builder) is wrong, or contradicts another.
    #[error("setting `{setting}`: {problem}")]
    Setting {
        /// The name of the method that sets it.
        setting: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The build id is malformed.
    #[error(
        "build id `{given}`: use up to 64 letters, digits, `.`, `-` and `_`, and begin with a letter or digit"
    )]
    Build {
        /// The id as given.
        given: String,
    },
    /// The purge token is too short.
    #[error("purge token: {problem}")]
    Token {
        /// What is wrong and what to do.
        problem: String,
    },
    /// Draft mode is set up wrongly.
    #[error("draft mode: {problem}")]
    Draft {
        /// What is wrong and what to do.
        problem: String,
    },
    /// A webhook is set up wrongly.
    #[error("webhook `{name}`: {problem}")]
    Webhook {
        /// The webhook's name.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A CDN is set up wrongly.
    #[error("CDN `{name}`: {problem}")]
    Cdn {
        /// The CDN's kind and id, or its address.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A trusted proxy is neither an address nor a network, or means all addresses.
    #[error("trusted proxy `{given}`: {problem}")]
    TrustedProxy {
        /// The part that is wrong.
        given: String,
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
    /// A purge is to be done once more after too long a time.
    #[error("cannot purge again after {}: at most an hour", humantime::format_duration(*after))]
    PurgeAgain {
        /// The time as given.
        after: Duration,
    },
    /// The store could not keep a purge, so it holds for this process only.
    #[error(
        "the store could not keep the purge: it holds in this process only, until its next restart; try again"
    )]
    PurgeNotKept(#[source] StoreError),
    /// The store could not keep a period that was to be set.
    #[error("the store could not keep the period: nothing has changed; try again")]
    PeriodNotKept(#[source] StoreError),
    /// Another dry run is reading the stored pages; only one runs at a time.
    #[error("another dry run is reading the stored pages; try again when it ends")]
    DryRunUnderWay,
    /// The store's purges cannot be read.
    #[error("cannot read the store's purges")]
    Purges(#[source] StoreError),
    /// A path cannot be regenerated: no route stores a page for it.
    #[error("cannot regenerate `{path}`: {problem}")]
    RegeneratePath {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A report is asked for of something that is not a path.
    #[error("`{path}` is not the path of a page: {problem}")]
    PagePath {
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
    /// The server is shutting down, so the purge or the dry run was not done.
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
    /// The file that lists the names of the site's files cannot be read.
    #[error(
        "cannot read `{}`, which `cargo leptos build` writes and which stands beside the program: copy \
         it there, or set `hash-files = false`",
        path.display()
    )]
    HashFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The build id cannot be derived: the program cannot be read.
    #[error("cannot derive the build id from `{}`", path.display())]
    BuildId {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The function that lists a route's paths failed.
    #[error("route `{route}`: cannot list its paths: {cause}")]
    List {
        /// The route's path, as declared.
        route: String,
        /// The error of that function.
        cause: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut causes = iter::successors(self.source(), |&error| error.source());
        causes.try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// Why a render gave no page that may be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The page's code called [`failed`](crate::failed).
    #[error("{0}")]
    Failed(String),
    /// A read of the page failed.
    #[error(
        "a read failed: {cause}{} (a read that the page can do without says `optional()`)",
        not_again_for(*retry_in)
    )]
    Read {
        /// The read's error and its causes.
        cause: String,
        /// How long it is not tried again, if it failed just before and was not tried now.
        retry_in: Option<Duration>,
    },
    /// The page answered 200 although an error was thrown into an `<ErrorBoundary>`.
    #[error(
        "an error was thrown into an `<ErrorBoundary>`, and the page answered 200: {0} (a page that \
         is as it should be draws no error there, or sets another status, such as by `not_found()`)"
    )]
    Boundary(String),
    /// The page answered with a status that is not a definite result.
    #[error("the page answered with status {0}")]
    Status(StatusCode),
    /// The page answered 200 with an empty body.
    #[error("the page is empty")]
    Empty,
    /// Leptos sent the page out of order, as a handler of the app's own makes it do: what is drawn
    /// while resources load would be stored in the place of the content.
    #[error(
        "the page was sent out of order, as by `leptos_axum::render_app_to_stream`, and would be \
         stored with what is drawn while its resources load: render it by `render_app_async`"
    )]
    OutOfOrder,
    /// The body is larger than a page may be.
    #[error("the page is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body ended with an error.
    #[error("the page's body ended early: {0}")]
    Body(String),
    /// The render took too long.
    #[error("the render took longer than {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// The page's code panicked.
    #[error("the render panicked: {0}")]
    Panicked(String),
    /// Too many visitors or pages wait for a render.
    #[error("too many renders are waiting; try again in {}", humantime::format_duration(*retry_after))]
    Busy {
        /// How long to wait before trying again.
        retry_after: Duration,
    },
    /// The server is shutting down and starts no more renders, or the router that
    /// [`Engine::wrap`](crate::Engine::wrap) returned was dropped.
    #[error("the server is shutting down, or has dropped its router")]
    ShuttingDown,
}

impl RenderError {
    /// Whether the render was refused, so that nothing was rendered.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::ShuttingDown)
    }
}

/// What a panic says.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message")
}

/// The end of an error of what was not tried.
pub(crate) fn not_again_for(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| {
        let wait = Duration::from_secs(wait.as_secs().max(1));
        format!("; it is not tried again for {}", humantime::format_duration(wait))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_main_prints_has_the_remedy_and_the_causes() {
        let (path, source) = ("site/hash.txt".into(), io::ErrorKind::NotFound.into());
        let printed = format!("{:?}", Error::HashFile { path, source });
        assert!(printed.starts_with("cannot read `site/hash.txt`"), "{printed}");
        assert!(printed.ends_with("`hash-files = false`: entity not found"), "{printed}");
    }
}
