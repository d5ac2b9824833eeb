//! The settings of an engine.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, SystemClock},
    engine::Engine,
    error::Error,
    period,
    render::Limits,
    routes::Routes,
};

/// Settings of an [`Engine`].
///
/// # Examples
///
/// ```
/// use leptos_isr::{Engine, Isr, Routes, minutes};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
/// let routes = Routes::new().add("/feed.xml", Isr::revalidate(minutes(5)))?;
/// let isr = Engine::builder(routes).memory(16 << 20).build()?;
/// let app = isr.wrap(axum::Router::new());
/// # let _: axum::Router = app; Ok(()) }
/// ```
pub struct Builder {
    pub(crate) routes: Routes,
    pub(crate) memory: u64,
    pub(crate) disk: Option<(PathBuf, String)>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) token: Option<String>,
    pub(crate) bypass: Option<&'static str>,
    pub(crate) csp: Option<String>,
    pub(crate) max_renders: usize,
    pub(crate) limits: Limits,
}

impl Builder {
    pub(crate) fn new(routes: Routes) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            routes,
            memory: 64 << 20,
            disk: None,
            clock: Arc::new(SystemClock),
            token: None,
            bypass: None,
            csp: None,
            max_renders: (processors * 4).max(8),
            limits: Limits { time: period::seconds(30), body: 16 << 20 },
        }
    }

    /// How many bytes of pages are kept in memory. Defaults to 64 MiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Keeps pages and purges in `folder` too, so that they survive a restart.
    /// Defaults to memory only.
    ///
    /// Pages are kept apart by `build_id`; see [`build_id`](crate::build_id()).
    #[must_use]
    pub fn disk(mut self, folder: impl Into<PathBuf>, build_id: impl Into<String>) -> Self {
        self.disk = Some((folder.into(), build_id.into()));
        self
    }

    /// Tells the time. Defaults to [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Switches on `POST /_isr/purge` for bearers of `token`.
    /// Defaults to no such endpoint.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Stores nothing: each request is rendered, and `Cache-Status` gives
    /// `detail` as the reason, one word. Meant for development.
    #[must_use]
    pub fn bypass(mut self, detail: &'static str) -> Self {
        self.bypass = Some(detail);
        self
    }

    /// Sends `Content-Security-Policy` with each HTML page, stored or not.
    /// Defaults to no such header.
    ///
    /// `policy` is the header's value, as
    /// `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'`.
    /// The inline scripts and styles that the page's own code wrote are added to
    /// `script-src` and `style-src`, or to `script-src-elem` and `style-src-elem`
    /// where those are given. A page's own are those that carry its nonce: what
    /// Leptos writes, and what your code writes with `nonce=use_nonce()`. A
    /// handler without Leptos takes it as `Extension<Nonce>`. What came with a
    /// page's content carries none and does not run. Nor do event handlers and
    /// `style` attributes in HTML, which cannot be marked.
    ///
    /// A page that is sent as it is rendered has the nonce in its policy. A page
    /// that is rendered to be stored has the SHA-256 hashes of those elements
    /// there, and no nonce any more; its policy is stored with it, so a page
    /// keeps the policy it was rendered with until it is rendered again. If the
    /// policy would be longer than 8 KiB, a warning names the page, and its
    /// inline elements are left out.
    ///
    /// A page that sets this header itself keeps what it set. Pages are taken to
    /// be UTF-8. WebAssembly needs `'wasm-unsafe-eval'`. Part of
    /// [Content Security Policy Level 3](https://www.w3.org/TR/CSP3/).
    #[must_use]
    pub fn csp(mut self, policy: impl Into<String>) -> Self {
        self.csp = Some(policy.into());
        self
    }

    /// How many pages are rendered at once. Defaults to four times the
    /// processors, at least 8.
    #[must_use]
    pub fn max_renders(mut self, renders: usize) -> Self {
        self.max_renders = renders.max(1);
        self
    }

    /// How long one render may take. Defaults to 30 s.
    #[must_use]
    pub fn render_timeout(mut self, limit: Duration) -> Self {
        self.limits.time = limit;
        self
    }

    /// How large a page may be, in bytes. Defaults to 16 MiB.
    #[must_use]
    pub fn max_page_size(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// Opens the store and reads the purges.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Store`] if the store's folder or its purge log cannot
    /// be used, and [`Error::Csp`] for a policy that browsers would not read as
    /// meant.
    pub fn build(self) -> Result<Engine, Error> {
        Engine::open(self)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("routes", &self.routes)
            .field("memory", &self.memory)
            .field("disk", &self.disk)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
