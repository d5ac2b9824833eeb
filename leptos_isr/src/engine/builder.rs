//! The settings of an engine.

use std::{env, fmt, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::info;

use crate::{
    access::{draft, proxies::TrustedProxies, signed_cookie::Transport, webhooks::Webhook},
    cdn::Cdn,
    clock::{Clock, SystemClock},
    data::FetchSettings,
    engine::Engine,
    period,
    render::Limits,
    route::routes::RouteTable,
    rules::shared_cache::SharedCache,
    store::{Ledger, Store, disk::Settings as DiskSettings},
    tasks::schedule::Bounds,
};

/// The settings of an [`Engine`], which [`build`](Builder::build) opens.
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
    pub(crate) disk: Option<DiskSettings>,
    pub(crate) disk_limit: Option<u64>,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    pub(crate) build: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) token: Option<String>,
    pub(crate) draft: draft::Settings,
    pub(crate) webhooks: Vec<(String, Webhook)>,
    pub(crate) cdns: Vec<Cdn>,
    pub(crate) bypass: Option<&'static str>,
    pub(crate) stores_in_watch: bool,
    pub(crate) csp: Option<String>,
    pub(crate) has_speculation_rules: bool,
    pub(crate) bounds: Bounds,
    pub(crate) background_threads: usize,
    pub(crate) render_stack_size: usize,
    pub(crate) limits: Limits,
    pub(crate) shared_cache: SharedCache,
    pub(crate) sends_tags: bool,
    pub(crate) max_header_size: usize,
    pub(crate) default_headers: HeaderMap,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) max_streams: usize,
    pub(crate) heartbeat: Duration,
}

impl Engine {
    /// Returns the settings of an engine for these routes, all at their defaults.
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
            disk: None,
            disk_limit: None,
            store: None,
            ledger: None,
            build: None,
            clock: Arc::new(SystemClock),
            token: None,
            draft: draft::Settings::default(),
            webhooks: Vec::new(),
            cdns: Vec::new(),
            bypass: None,
            stores_in_watch: false,
            csp: None,
            has_speculation_rules: false,
            bounds: Bounds { renders: (processors * 4).max(8), places: 1000, queue: 10_000 },
            background_threads: processors,
            render_stack_size: 8 << 20,
            limits: Limits { time: period::seconds(30), body: 16 << 20 },
            shared_cache: SharedCache::default(),
            sends_tags: false,
            max_header_size: 4 << 10,
            default_headers: HeaderMap::new(),
            trusted_proxies: TrustedProxies::default(),
            max_streams: 0,
            // Proxies commonly close an idle connection after 30 s or 60 s.
            heartbeat: period::seconds(25),
        }
    }

    /// How many bytes of pages are kept in memory. Defaults to 64 MiB.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How many bytes of data are kept in memory, in addition to the pages; see
    /// [`data`](crate::data::data()). Defaults to 32 MiB.
    #[must_use]
    pub fn data_memory(mut self, bytes: u64) -> Self {
        self.data_memory = bytes;
        self
    }

    /// How [`fetch`](crate::data::fetch()) sends its requests. Defaults to
    /// [`FetchSettings::default`].
    #[must_use]
    pub fn fetch(mut self, settings: FetchSettings) -> Self {
        self.fetch = settings;
        self
    }

    /// Also keeps pages and purges in `folder`, so that they survive a restart. Defaults to memory
    /// only.
    ///
    /// Each build has its own pages, told apart by `build_id`: use [`build_id`](crate::build_id())
    /// to derive one. It is that of [`Builder::build_id`] too. If the folder cannot be written, the
    /// engine logs one warning and keeps new pages in memory only.
    #[must_use]
    pub fn disk(mut self, folder: impl Into<PathBuf>, build_id: impl Into<String>) -> Self {
        self.disk = Some(DiskSettings::new(folder.into(), build_id.into()));
        self
    }

    /// Sets the id of this build of the app. Defaults to that of [`disk`](Builder::disk), and to none
    /// without a disk. Where both are given they must be the same, or [`build`](Self::build) fails.
    ///
    /// An id is up to 64 letters, digits, `.`, `-` and `_`, of which the first is a letter or
    /// digit. It is sent with each response as `x-isr-build`, so that an open page of another build
    /// notices; see [`IsrClient`](crate::page::IsrClient).
    #[must_use]
    pub fn build_id(mut self, id: impl Into<String>) -> Self {
        self.build = Some(id.into());
        self
    }

    /// How many bytes of pages are kept on disk, those of all builds in the folder together.
    /// Defaults to 1 GiB.
    ///
    /// Each page counts in whole blocks of 4 KiB. Beyond the limit, pages of builds that were in
    /// service before and that no process has open are removed, then the least recently used of
    /// this build. It keeps half of the limit: if builds that stay take more than the other half, a
    /// warning says so. Give it room for two builds, since while one is rendered or rolled back
    /// another is there. Without a [`disk`](Builder::disk) it has no effect.
    #[must_use]
    pub fn disk_limit(mut self, bytes: u64) -> Self {
        self.disk_limit = Some(bytes);
        self
    }

    /// Keeps pages in a store that is not a folder, and purges in a [`ledger`](Builder::ledger), which
    /// must be set too. Defaults to memory only.
    ///
    /// With a [`disk`](Builder::disk) as well, the disk is between memory and the store: it has a copy
    /// of the pages that this machine serves, and of the purges. So the machine goes on with those when
    /// the store cannot be reached, after a restart too, and with the pages that it was built with.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Keeps purges in a ledger that is not a file. Only together with a [`store`](Builder::store), or
    /// [`build`](Self::build) fails: a [`disk`](Builder::disk) alone has its own ledger.
    #[must_use]
    pub fn ledger(mut self, ledger: impl Ledger) -> Self {
        self.ledger = Some(Arc::new(ledger));
        self
    }

    /// Sets the clock. Defaults to [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Enables `POST /_isr/purge`, `POST /_isr/regenerate`, `/_isr/periods`, and `GET` of `/_isr/page`,
    /// `/_isr/pages` and `/_isr/advice` for bearers of `token`, and with the feature `metrics`
    /// `GET /_isr/metrics`. Defaults to no such endpoints.
    ///
    /// A person signs in to the inspector at `/_isr/` with it: what the server does, and why each page
    /// is as it is. Whoever changes the token signs everybody out.
    ///
    /// The token must be at least 16 bytes long, or [`build`](Self::build) fails.
    ///
    /// `POST /_isr/purge?dry_run=true` purges nothing and answers what a purge would reach; see
    /// [`Engine::purge_dry_run`].
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Accepts a webhook at `POST /_isr/hooks/{name}` and purges what its deliveries name; see
    /// [`Webhook`]. Call this once for each webhook. Defaults to no such endpoint.
    ///
    /// `name` consists of letters, digits, `-` and `_`.
    #[must_use]
    pub fn webhook(mut self, name: impl Into<String>, webhook: Webhook) -> Self {
        self.webhooks.push((name.into(), webhook));
        self
    }

    /// Enables draft mode, which bearers of `secret` can begin. Defaults to no draft mode.
    ///
    /// `POST /_isr/draft` with `Authorization: Bearer` and the secret answers 204 and sets the
    /// cookie. `DELETE /_isr/draft` ends draft mode and needs no secret. The app's own code does
    /// the same with [`Engine::draft_cookie`]. While the cookie lasts, each page is rendered for
    /// that visitor alone: it is neither looked up nor stored.
    ///
    /// The secret must be at least 16 bytes long and must not be the purge token, or
    /// [`build`](Self::build) fails. Changing the secret ends draft mode for everybody.
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

    /// Lets draft mode and the inspector work on a site that is served over `http://`. Defaults to
    /// `https://` only.
    ///
    /// Without this, the cookies are `__Host-isr-draft` and `__Host-isr-inspector` with `Secure`.
    /// Browsers accept them over TLS only, and no other host can set them. Browsers differ in whether
    /// they accept them from `http://localhost`. With this, the cookies are `__isr_draft` and
    /// `__isr_inspector` without `Secure`. Only a cookie with the name in use is read.
    #[must_use]
    pub fn draft_over_http(mut self) -> Self {
        self.draft.transport = Transport::Http;
        self
    }

    /// Passes each purge on to a CDN or another server; see [`Cdn`]. Call this once for each of
    /// them. Defaults to none.
    ///
    /// A purge is answered before the CDN is told. If the CDN fails for the moment (no answer in
    /// ten seconds, 408, 425, 429, 500 and above), it is asked again after a second, then with
    /// growing pauses of up to five minutes. A longer `Retry-After` is respected, up to an hour. If
    /// the CDN refuses a purge, that purge is not sent again, and an error is logged. Purges that
    /// arrive in the meantime are sent together; more than 10,000 of them become one purge of
    /// everything.
    ///
    /// Of several processes that share a ledger one tells the CDN. The [`Ledger`](crate::store::Ledger)
    /// keeps what is still to be told, so another process goes on if that one ends, and a restart
    /// forgets nothing. Without a store it does.
    #[must_use]
    pub fn cdn(mut self, cdn: Cdn) -> Self {
        self.cdns.push(cdn);
        self
    }

    /// Stores nothing: each request is rendered, and `Cache-Status` gives `detail`, one word, as
    /// the reason. Defaults to off, and to `watch` in `cargo leptos watch`.
    #[must_use]
    pub fn bypass(mut self, detail: &'static str) -> Self {
        self.bypass = Some(detail);
        self
    }

    /// Stores pages in `cargo leptos watch` too, which sets `LEPTOS_WATCH`. Defaults to storing none
    /// there: a later run would serve them with the script that reloads the page.
    #[must_use]
    pub fn store_in_watch(mut self, is_stored: bool) -> Self {
        self.stores_in_watch = is_stored;
        self
    }

    /// Why nothing is stored, if that is so.
    pub(super) fn why_bypassed(&self) -> Option<&'static str> {
        let is_watched = env::var_os("LEPTOS_WATCH").is_some() && !self.stores_in_watch;
        if self.bypass.is_none() && is_watched {
            info!("nothing is stored in `cargo leptos watch`");
        }
        self.bypass.or(is_watched.then_some("watch"))
    }

    /// Sends `Content-Security-Policy` with each HTML page, stored or not. Defaults to no such
    /// header.
    ///
    /// `policy` is the header's value, such as
    /// `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'`. The inline
    /// scripts and styles that the page's own code wrote are added to `script-src` and `style-src`,
    /// or to `script-src-elem` and `style-src-elem` where those are given.
    ///
    /// A page's own elements are those that carry its nonce: what Leptos writes, and what your code
    /// writes with `nonce=use_nonce()`. A handler without Leptos takes the nonce as
    /// `Extension<Nonce>`. Elements that came with a page's content carry no nonce and do not run.
    /// Neither do event handlers and `style` attributes in HTML, which cannot carry one.
    ///
    /// A page that is sent as it is rendered has the nonce in its policy. A page that is rendered
    /// to be stored has no nonce: its policy lists the SHA-256 hashes of those elements instead.
    /// The policy is stored with the page and stays until the page is regenerated. If the policy
    /// would be longer than 8 KiB, a warning names the page, and the policy leaves out its inline
    /// elements.
    ///
    /// A page that sets this header itself keeps its own. Pages are assumed to be UTF-8.
    /// WebAssembly needs `'wasm-unsafe-eval'`. See
    /// [Content Security Policy Level 3](https://www.w3.org/TR/CSP3/).
    #[must_use]
    pub fn csp(mut self, policy: impl Into<String>) -> Self {
        self.csp = Some(policy.into());
        self
    }

    /// Has browsers prefetch stored pages that the visitor is about to open: those to which a link is
    /// hovered or pressed. Defaults to no prefetch.
    ///
    /// Stored HTML pages get the header `Speculation-Rules`. It names
    /// `/_isr/speculation-rules.json`, which everybody may read and caches keep for five minutes: the
    /// [rules](https://developer.mozilla.org/docs/Web/API/Speculation_Rules_API) name the links, by the
    /// routes of the Leptos app that are stored. Links to dynamic routes, to data, to what
    /// [`RouteTable::add`] declares, and to other sites are left alone. If a handler of the app's own
    /// has a path that such a route matches too, a prefetch of it gets 503 and does not reach the
    /// handler.
    ///
    /// Prefetches cost a request for each link that is hovered and not followed. A prefetch waits for
    /// no render, and takes no visitor's place. Browsers that do not know the header ignore it. A page
    /// that has the header of its own keeps that. If the Leptos app has no stored route, this does
    /// nothing.
    #[must_use]
    pub fn speculation_rules(mut self) -> Self {
        self.has_speculation_rules = true;
        self
    }

    /// How many pages are rendered at once. Defaults to four for each processor, and at least 8.
    ///
    /// Regenerations that nobody waits for leave one of these to visitors, unless there is only
    /// one. The same holds for [`Isr::max_renders`](crate::Isr::max_renders) of a route. With 0
    /// [`build`](Self::build) fails.
    #[must_use]
    pub fn max_renders(mut self, renders: usize) -> Self {
        self.bounds.renders = renders;
        self
    }

    /// How many threads regenerate pages that nobody waits for. Defaults to one for each processor.
    ///
    /// On Linux these threads run at nice 10, so that a storm of regenerations does not slow hits
    /// down. Tasks that page code starts with `tokio::spawn` in such a render run on them too. With
    /// 0, these pages are rendered on the server's own threads.
    #[must_use]
    pub fn background_threads(mut self, threads: usize) -> Self {
        self.background_threads = threads;
        self
    }

    /// How large the stack of each of these [threads](Self::background_threads) is, in bytes. Defaults
    /// to 8 MiB.
    ///
    /// A page that needs more ends the whole process. Pages that visitors wait for are rendered on
    /// the server's own threads: tokio gives those 2 MiB, unless the app sets `thread_stack_size` of
    /// its runtime. Make both as large. Of a stack only what was used takes memory.
    #[must_use]
    pub fn render_stack_size(mut self, bytes: usize) -> Self {
        self.render_stack_size = bytes;
        self
    }

    /// How many pages visitors may wait for at once, those being rendered included. Defaults to
    /// 1,000.
    ///
    /// A page counts once, however many wait for it. A route with
    /// [`Isr::max_renders`](crate::Isr::max_renders) may have as large a part of these pages as it
    /// may have of all renders, so that visitors who wait for a slow route leave room for those of
    /// others. A visitor of any further page gets the old page, or 503 with `Retry-After` if there
    /// is none. So does one who would join others, once ten times as many visitors as pages wait.
    #[must_use]
    pub fn max_waiting(mut self, pages: usize) -> Self {
        self.bounds.places = pages;
        self
    }

    /// How many stale pages may wait to be regenerated. Defaults to 10,000.
    ///
    /// Pages beyond the limit stay stale until somebody asks for them again.
    #[must_use]
    pub fn max_queue(mut self, pages: usize) -> Self {
        self.bounds.queue = pages;
        self
    }

    /// Says which shared cache stands in front, so that pages are sent with the headers that it
    /// reads. Defaults to [`SharedCache::CdnCacheControl`].
    ///
    /// Where several stand in a row, take the nearest. A cache that reads none of these headers, or
    /// is told of none, asks for each page each time.
    #[must_use]
    pub fn shared_cache(mut self, cache: SharedCache) -> Self {
        self.shared_cache = cache;
        self
    }

    /// Sends each page's tags to shared caches: `Cache-Tag: build:b7,article:7,front`, or as the
    /// [shared cache](Self::shared_cache) reads them. Defaults to no such header.
    ///
    /// The first is `build:` and the [id of the build](Self::build_id), if it is known; see
    /// [`Engine::begin_service`]. It is for shared caches only: it is not stored, and in the engine
    /// a purge of it reaches what your pages have given that tag to.
    ///
    /// With tags and a [CDN](Self::cdn) that is told of purges by tag, shared caches may keep a page
    /// for twelve hours at most, and serve it as stale for as long. Otherwise for five minutes each.
    ///
    /// Bytes other than visible ASCII, and `,` and `%`, are percent-encoded. Where there is no
    /// [room](Self::max_header_size) for all tags, those of more than 17 bytes are shortened to `~`
    /// and 16 hexadecimal digits, a hash. CDNs are told both forms.
    #[must_use]
    pub fn cache_tag(mut self, is_sent: bool) -> Self {
        self.sends_tags = is_sent;
        self
    }

    /// How large the head of a stored page may be, in bytes. Defaults to 4 KiB, which is what nginx
    /// takes by default.
    ///
    /// All headers count, the page's own too, and 640 bytes for what others add. If the tags do not
    /// fit, they are shortened. If they still do not, the last are left out, and shared caches may
    /// keep that page for five minutes at most, and serve it as stale for as long, since a purge may
    /// not reach it. One warning names the first such page. Headers of the page's own, a
    /// [policy](Self::csp) among them, are never left out.
    #[must_use]
    pub fn max_header_size(mut self, bytes: usize) -> Self {
        self.max_header_size = bytes;
        self
    }

    /// Sends a header with each response that does not have it, except 304s. Defaults to none.
    ///
    /// A layer around the wrapped router would do the same; this costs nothing for stored pages. A
    /// second call with the same name replaces the first.
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

    /// The proxies that are trusted to name the visitor's address, in `X-Forwarded-For` or in
    /// `Forwarded` (RFC 7239). Defaults to none.
    ///
    /// What is counted for each visitor goes by that address; see
    /// [`Engine::visitor_address`]. Without this setting all visitors behind a proxy count as one.
    /// Trust what you run, or rent, and nothing else: who is trusted may name any address. Each
    /// trusted proxy must add who asked it, or set the header anew.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, route::RouteTable};
    ///
    /// # fn main() -> Result<(), leptos_isr::Error> {
    /// let nginx = "127.0.0.1".parse()?;
    /// let builder = Engine::builder(RouteTable::new()).trusted_proxies(nginx);
    /// # let _ = builder; Ok(()) }
    /// ```
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Enables `GET /_isr/live`: how many live streams may be open at once, 10,000 for example.
    /// Defaults to 0, no such endpoint.
    ///
    /// Through such a stream an open page learns that it was regenerated; see
    /// [`use_live`](crate::use_live), which says in the log if there is no such endpoint. Any further
    /// stream gets 503 with `Retry-After`.
    ///
    /// One visitor may have a tenth of the streams, by [address](Engine::visitor_address); further
    /// ones get 429. Behind a proxy all visitors have one address unless
    /// [`trusted_proxies`](Self::trusted_proxies) names the proxy. Where the address is not known,
    /// one visitor may take all streams. Of both there is a warning.
    ///
    /// A stream takes a connection and about 20 KiB of memory, nearly all of it the connection's
    /// buffers.
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
            .field("disk", &self.disk)
            .field("store", &self.store)
            .field("ledger", &self.ledger)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
