//! A site under test: an engine in front of one renderer that counts, fails,
//! hangs or waits as told, and a clock that is moved by hand.

#![expect(clippy::unwrap_used, dead_code, reason = "a test may panic, and each uses its own part")]

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use leptos_isr::{Builder, Draft, Engine, Isr, Purge, RenderScope, Routes, days, minutes};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// What the renderer does next.
#[derive(Clone, Debug)]
pub(crate) enum Renders {
    /// A page that names its path and the number of this render, and says if it is a draft.
    Page,
    /// This status, with a body.
    Status(StatusCode),
    /// A redirect to this place.
    Redirect(&'static str),
    /// A page with this response header.
    Header(&'static str, &'static str),
    /// 200 with nothing in it.
    Empty,
    /// Says in its scope that the render failed.
    SaysFailed,
    /// Says in its scope that the render must not be stored.
    SaysNoStore,
    /// Adds this tag in its scope.
    SaysTag(&'static str),
    /// Asks in its scope for this period.
    SaysPeriod(Duration),
    Panic,
    Hang,
    /// Waits for `Site::let_pass`, then renders a page.
    Gate,
}

#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) engine: Engine,
    app: Router,
    state: Arc<State>,
}

struct State {
    now: Mutex<SystemTime>,
    renders: AtomicUsize,
    behaviour: Mutex<Renders>,
    gate: Semaphore,
    begun: Semaphore,
    requests: Mutex<Vec<(Method, String, HeaderMap)>>,
}

/// One answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn assert_cache_status(&self, expected: &str) -> &Self {
        assert_eq!(self.header("cache-status"), expected, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn assert_body(&self, expected: &str) -> &Self {
        assert_eq!(self.body, expected, "{self:?}");
        self
    }
}

/// `/a/:id` for 60 s, expiring after 10 min, tags `all` and `a:{id}`.
pub(crate) fn routes() -> Routes {
    let isr = Isr::revalidate(minutes(1)).expire(minutes(10)).query(["page"]);
    Routes::new()
        .add("/a/:id", isr.tag("all").tag("a:{id}"))
        .and_then(|routes| routes.add("/forever", Isr::forever().tag("all")))
        .and_then(|routes| routes.add("/a/dynamic", Isr::dynamic()))
        .unwrap()
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::build(routes(), |builder| builder)
    }

    pub(crate) fn on_disk(folder: &Path) -> Self {
        Self::build(routes(), |builder| builder.disk(folder, "build-1"))
    }

    pub(crate) fn build(routes: Routes, configure: impl FnOnce(Builder) -> Builder) -> Self {
        let state = Arc::new(State {
            now: Mutex::new(UNIX_EPOCH + days(20_000)),
            renders: AtomicUsize::new(0),
            behaviour: Mutex::new(Renders::Page),
            gate: Semaphore::new(0),
            begun: Semaphore::new(0),
            requests: Mutex::default(),
        });
        let clock = {
            let state = Arc::clone(&state);
            move || *state.now.lock().unwrap()
        };
        let engine = configure(Engine::builder(routes).clock(clock)).build().unwrap();
        let renderer = {
            let state = Arc::clone(&state);
            Router::new().fallback(
                move |scope: Option<Extension<RenderScope>>, request: Request| async move {
                    state.render(scope.map(|Extension(scope)| scope), request).await
                },
            )
        };
        let app = engine.wrap(renderer);
        Self { engine, app, state }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[]).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(method, path, headers, Body::empty()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let (parts, body) = self.open(method, path, headers, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request; the answer's body is not read yet.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// The router, to be served on a socket.
    pub(crate) fn router(&self) -> Router {
        self.app.clone()
    }

    /// Starts a request that is answered later.
    pub(crate) fn start(&self, path: &'static str) -> tokio::task::JoinHandle<Answer> {
        let site = self.clone();
        tokio::spawn(async move { site.get(path).await })
    }

    pub(crate) fn advance(&self, time: Duration) {
        *self.state.now.lock().unwrap() += time;
    }

    pub(crate) fn set_back(&self, time: Duration) {
        *self.state.now.lock().unwrap() -= time;
    }

    pub(crate) fn behave(&self, behaviour: Renders) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// How often the renderer was called.
    pub(crate) fn renders(&self) -> usize {
        self.state.renders.load(Ordering::SeqCst)
    }

    /// What the renderer was asked.
    pub(crate) fn requests(&self) -> Vec<(Method, String, HeaderMap)> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until the renderer was called once more.
    pub(crate) async fn begun(&self) {
        self.state.begun.acquire().await.unwrap().forget();
    }

    /// Lets one render through the gate.
    pub(crate) fn let_pass(&self) {
        self.state.gate.add_permits(1);
    }

    /// Waits for the regenerations under way.
    pub(crate) async fn idle(&self) {
        assert!(self.engine.idle(Duration::from_secs(20)).await, "regenerations go on");
    }

    pub(crate) async fn purge_tag(&self, tag: &str) {
        let purge = Purge { tags: vec![tag.to_owned()], ..Purge::default() };
        self.engine.purge(&purge).await.unwrap();
    }

    pub(crate) async fn purge_hard(&self, path: &str) {
        let purge = Purge { paths: vec![path.to_owned()], hard: true, ..Purge::default() };
        self.engine.purge(&purge).await.unwrap();
    }
}

impl State {
    async fn render(&self, scope: Option<RenderScope>, request: Request) -> Response {
        let number = self.renders.fetch_add(1, Ordering::SeqCst) + 1;
        let path = request.uri().to_string();
        let asked = (request.method().clone(), path.clone(), request.headers().clone());
        self.requests.lock().unwrap().push(asked);
        self.begun.add_permits(1);
        let is_draft = request.extensions().get::<Draft>().is_some();
        let page = format!("{path} #{number}{}", if is_draft { " draft" } else { "" });
        let behaviour = self.behaviour.lock().unwrap().clone();
        let scope = scope.unwrap_or_default();
        match behaviour {
            Renders::Page => page.into_response(),
            Renders::Status(status) => (status, page).into_response(),
            Renders::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
            Renders::Header(name, value) => ([(name, value)], page).into_response(),
            Renders::Empty => StatusCode::OK.into_response(),
            Renders::SaysFailed => {
                scope.failed("the source is down");
                page.into_response()
            }
            Renders::SaysNoStore => {
                scope.no_store();
                page.into_response()
            }
            Renders::SaysTag(tag) => {
                scope.tag(tag);
                page.into_response()
            }
            Renders::SaysPeriod(period) => {
                scope.revalidate_within(period);
                page.into_response()
            }
            Renders::Panic => panic!("the page panics"),
            Renders::Hang => std::future::pending().await,
            Renders::Gate => {
                self.gate.acquire().await.unwrap().forget();
                page.into_response()
            }
        }
    }
}
