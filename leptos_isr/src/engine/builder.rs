//! The settings of an engine.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    access::{draft, webhooks::Webhook},
    cdn::Cdn,
    clock::{Clock, SystemClock},
    data::FetchSettings,
    engine::Engine,
    period,
    render::Limits,
    route::routes::RouteTable,
    store::{Store, disk::Settings as DiskSettings},
    tasks::schedule::Bounds,
};

/// Settings of an [`Engine`].
///
/// # Examples
///
/// ```
/// use leptos_isr::{Engine, Isr, minutes, route::RouteTable};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
/// let routes = RouteTable::new().add("/feed.xml", Isr::revalidate(minutes(5)))?;
/// let isr = Engine::builder(routes).memory(16 << 20).build()?;
/// let app = isr.wrap(axum::Router::new());
/// # let _: axum::Router = app; Ok(()) }
/// ```
pub struct Builder {
    pub(crate) routes: RouteTable,
    pub(crate) memory: u64,
    pub(crate) data_memory: u64,
    pub(crate) fetch: FetchSettings,
    pub(crate) store: Option<Backing>,
    pub(crate) build: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) token: Option<String>,
    pub(crate) draft: draft::Settings,
    pub(crate) webhooks: Vec<(String, Webhook)>,
    pub(crate) cdns: Vec<Cdn>,
    pub(crate) bypass: Option<&'static str>,
    pub(crate) csp: Option<String>,
    pub(crate) bounds: Bounds,
    pub(crate) background_threads: usize,
    pub(crate) limits: Limits,
    pub(crate) sends_tags: bool,
    pub(crate) default_headers: HeaderMap,
    pub(crate) max_streams: usize,
    pub(crate) heartbeat: Duration,
}

/// What is behind the memory.
#[derive(Debug)]
pub(crate) enum Backing {
    Disk(DiskSettings),
    Own(Box<dyn Store>),
}

impl Engine {
    /// An engine for these routes.
    #[must_use]
    pub fn builder(routes: RouteTable) -> Builder {
        Builder::new(routes)
    }
}

impl Builder {
    fn new(routes: RouteTable) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            routes,
            memory: 64 << 20,
            data_memory: 32 << 20,
            fetch: FetchSettings::default(),
            store: None,
            build: None,
            clock: Arc::new(SystemClock),
            token: None,
            draft: draft::Settings::default(),
            webhooks: Vec::new(),
            cdns: Vec::new(),
            bypass: None,
            csp: None,
            bounds: Bounds { renders: (processors * 4).max(8), visitors: 1000, queue: 10_000 },
            background_threads: processors,
            limits: Limits { time: period::seconds(30), body: 16 << 20 },
            sends_tags: false,
            default_headers: HeaderMap::new(),
            max_streams: 10_000,
            // Below the 30 s and 60 s after which proxies commonly give up.
            heartbeat: period::seconds(25),
        }
    }

    /// How many bytes of pages are kept in memory. Defaults to 64 MiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How many bytes of data are kept in memory, apart from pages; see
    /// [`data`](crate::data::data()). Defaults to 32 MiB.
    #[must_use]
    pub fn data_memory(mut self, bytes: u64) -> Self {
        self.data_memory = bytes;
        self
    }

    /// How [`fetch`](crate::data::fetch()) asks. Defaults to [`FetchSettings::default`].
    #[must_use]
    pub fn fetch(mut self, settings: FetchSettings) -> Self {
        self.fetch = settings;
        self
    }

    /// Keeps pages and purges in `folder` too, so that they survive a restart.
    /// Defaults to memory only.
    ///
    /// Pages are kept apart by `build_id`, as [`build_id`](crate::build_id())
    /// derives it; see [`Builder::build_id`].
    /// A folder that cannot be written costs its durability: one warning, and
    /// new pages are kept in memory.
    #[must_use]
    pub fn disk(mut self, folder: impl Into<PathBuf>, build_id: impl Into<String>) -> Self {
        let build_id = build_id.into();
        self.store = Some(Backing::Disk(DiskSettings::new(folder.into(), build_id.clone())));
        self.build_id(build_id)
    }

    /// Says which build of the app this is, for an engine without
    /// [`disk`](Builder::disk), which says it too. Up to 64 letters, digits, `.`,
    /// `-` and `_`, the first a letter or digit. Defaults to none.
    ///
    /// It is sent as `x-isr-build` with each answer, so that an open page of
    /// another build notices; see [`IsrClient`](crate::page::IsrClient).
    #[must_use]
    pub fn build_id(mut self, id: impl Into<String>) -> Self {
        self.build = Some(id.into());
        self
    }

    /// How many bytes of pages are kept on the disk, in whole blocks of 4 KiB for
    /// each; the least recently used go first. Defaults to 1 GiB. Call it after [`disk`](Builder::disk).
    #[must_use]
    pub fn disk_limit(mut self, bytes: u64) -> Self {
        if let Some(Backing::Disk(disk)) = &mut self.store {
            disk.limit = bytes;
        }
        self
    }

    /// Keeps pages and purges in a store of your own.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Backing::Own(Box::new(store)));
        self
    }

    /// Tells the time. Defaults to [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Switches on `POST /_isr/purge` and `POST /_isr/regenerate` for bearers of `token`.
    /// `POST /_isr/purge?dry_run=true` answers what a purge would reach; see
    /// [`Engine::purge_dry_run`]. Defaults to no such endpoint.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Takes webhooks at `POST /_isr/hooks/{name}`, which purge; see [`Webhook`].
    /// `name` is of letters, digits, `-` and `_`. Defaults to no such endpoint.
    #[must_use]
    pub fn webhook(mut self, name: impl Into<String>, webhook: Webhook) -> Self {
        self.webhooks.push((name.into(), webhook));
        self
    }

    /// Switches on draft mode, begun by bearers of `secret`. Defaults to no
    /// draft mode.
    ///
    /// `POST /_isr/draft` with `Authorization: Bearer` and the secret answers
    /// 204 and sets the cookie; `DELETE /_isr/draft` ends draft mode and needs
    /// no secret. [`Engine::draft_cookie`] does the same from the app's own
    /// code. While the cookie is good, each page is rendered for its visitor,
    /// never looked up and never stored.
    ///
    /// The secret is at least 16 bytes long and not the purge token, or
    /// [`build`](Self::build) fails. A changed secret ends draft mode for
    /// everybody.
    #[must_use]
    pub fn draft_secret(mut self, secret: impl Into<String>) -> Self {
        self.draft.secret = Some(secret.into());
        self
    }

    /// How long draft mode lasts, in whole seconds. Defaults to one hour.
    #[must_use]
    pub fn draft_lifetime(mut self, lifetime: Duration) -> Self {
        self.draft.lifetime = lifetime;
        self
    }

    /// Lets draft mode work on a site that is reached by `http://`.
    ///
    /// Without it the cookie is `__Host-isr-draft` with `Secure`: browsers take
    /// it over TLS only, no other host can set it, and whether they take it from
    /// `http://localhost` differs. With it the cookie is `__isr_draft` without
    /// `Secure`. Only the one name is read.
    #[must_use]
    pub fn draft_over_http(mut self) -> Self {
        self.draft.transport = draft::Transport::Http;
        self
    }

    /// Tells a CDN, or another server, of each purge; see [`Cdn`]. Call it for
    /// each one. Defaults to none.
    ///
    /// A purge is answered before they are told. One that fails for the moment
    /// (no answer in ten seconds, 408, 425, 429, 500 and above) is asked again:
    /// after a second, then later and later up to five minutes, or as long as
    /// its `Retry-After` says, an hour at the longest. One that refuses is not
    /// asked again for that purge, and an error is logged. Purges that come
    /// meanwhile are told together; beyond 10,000 of them they become one of
    /// everything.
    ///
    /// With [`disk`](Builder::disk) what was not told survives a restart, in
    /// `outbound.log` in its folder. With another store it does not.
    #[must_use]
    pub fn cdn(mut self, cdn: Cdn) -> Self {
        self.cdns.push(cdn);
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
        self.bounds.renders = renders.max(1);
        self
    }

    /// How many threads regenerate pages that nobody waits for. Defaults to one
    /// for each processor.
    ///
    /// On Linux they are less urgent (nice 10) than the threads that answer
    /// visitors, so that a storm of regenerations leaves hits quick. What page
    /// code starts with `tokio::spawn` meanwhile runs on them. With 0 such pages
    /// are rendered on the server's own threads.
    #[must_use]
    pub fn background_threads(mut self, threads: usize) -> Self {
        self.background_threads = threads;
        self
    }

    /// How many visitors may wait for renders. Defaults to 1,000. More get 503
    /// with `Retry-After`, or the old page if there is one.
    #[must_use]
    pub fn max_waiting(mut self, visitors: usize) -> Self {
        self.bounds.visitors = visitors;
        self
    }

    /// How many stale pages may wait to be regenerated. Defaults to 10,000.
    /// Those beyond it stay stale until they are asked for again.
    #[must_use]
    pub fn max_queue(mut self, pages: usize) -> Self {
        self.bounds.queue = pages;
        self
    }

    /// Sends each page's tags to shared caches: `Cache-Tag: article:7,front`.
    /// Defaults to no such header.
    ///
    /// Bytes other than visible ASCII, and `,` and `%`, are percent-encoded.
    #[must_use]
    pub fn cache_tag(mut self, is_sent: bool) -> Self {
        self.sends_tags = is_sent;
        self
    }

    /// Sends a header with each answer that does not have it, but for 304s:
    /// what a layer around the wrapped router would add, at no cost for stored
    /// pages. Another call with the same name takes the place of the first.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::{HeaderValue, header};
    /// use leptos_isr::{Engine, route::RouteTable};
    ///
    /// let nosniff = HeaderValue::from_static("nosniff");
    /// let builder =
    ///     Engine::builder(RouteTable::new()).default_header(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn default_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.default_headers.insert(name, value);
        self
    }

    /// How many open pages may be told at once that they were regenerated; see
    /// [`use_live`](crate::use_live). Defaults to 10,000. More get 503 with
    /// `Retry-After`; with 0 there is no `GET /_isr/live`.
    ///
    /// An open stream takes a connection and about 20 KiB of memory, nearly all
    /// of it the connection's buffers.
    #[must_use]
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.max_streams = streams;
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
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("routes", &self.routes)
            .field("memory", &self.memory)
            .field("store", &self.store)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
