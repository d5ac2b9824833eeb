//! A site whose renderer answers as told, in the library's own kit for tests.

pub(crate) mod ledger;
pub(crate) mod limited_ledger;
pub(crate) mod log;
pub(crate) mod report;

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode};
use leptos_isr::{
    Builder, Engine, Isr,
    data::{DataError, data},
    minutes,
    page::{Draft, RenderScope},
    route::RouteTable,
    testing::{Answer, TestClock, TestSite},
};

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
    /// A file, as tower-http's services answer with one.
    File,
    /// Always the same body, with this status and response header.
    Same(StatusCode, &'static str, &'static str),
    /// 200 with nothing in it.
    Empty,
    /// This status and header, with nothing in it.
    Bare(StatusCode, &'static str, &'static str),
    /// Says in its scope that the render failed.
    SaysFailed,
    /// Says in its scope that the render must not be stored.
    SaysNoStore,
    /// Adds this tag in its scope.
    SaysTag(&'static str),
    /// Asks in its scope for this period.
    SaysPeriod(Duration),
    /// A page that shows data of the name `titles` with a tag of that name: this number, if the
    /// data are not kept.
    Reads(u32),
    Panic,
    Hang,
    /// Waits for `Site::let_pass`, then renders a page.
    Gate,
}

#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) engine: Engine,
    kit: TestSite,
    app: Router,
    state: Arc<State>,
}

struct State {
    renders: AtomicUsize,
    begun: AtomicUsize,
    behaviour: Mutex<Renders>,
    requests: Mutex<Vec<(Method, String, HeaderMap)>>,
}

impl Deref for Site {
    type Target = TestSite;

    fn deref(&self) -> &TestSite {
        &self.kit
    }
}

/// `/a/:id` for 60 s, expiring after 10 min, tags `all` and `a:{id}`.
pub(crate) fn routes() -> RouteTable {
    let isr = Isr::revalidate(minutes(1)).expire(minutes(10)).query(["page"]);
    RouteTable::new()
        .add("/a/:id", isr.tag("all").tag("a:{id}"))
        .and_then(|routes| routes.add("/forever", Isr::forever().tag("all")))
        .and_then(|routes| routes.add("/a/dynamic", Isr::dynamic()))
        .unwrap()
}

/// The files of the pages that [`Site::on_disk`] stored.
pub(crate) fn page_files(folder: &Path) -> Vec<PathBuf> {
    page_files_of(folder, "build-1")
}

/// The files of the pages of a build.
pub(crate) fn page_files_of(folder: &Path, build: &str) -> Vec<PathBuf> {
    let build = folder.join("pages").join(build);
    let folders = fs::read_dir(build).unwrap().map(|f| f.unwrap().path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|f| fs::read_dir(f).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::build(routes(), |builder| builder)
    }

    pub(crate) fn on_disk(folder: &Path) -> Self {
        Self::build(routes(), |builder| builder.disk(folder, "build-1"))
    }

    pub(crate) fn build(routes: RouteTable, configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::build_at(TestClock::new(), routes, configure)
    }

    /// A site that goes by this clock.
    pub(crate) fn build_at(
        clock: TestClock,
        routes: RouteTable,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let state = Arc::new(State {
            renders: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            behaviour: Mutex::new(Renders::Page),
            requests: Mutex::default(),
        });
        let engine = configure(Engine::builder(routes).clock(clock.clone())).build().unwrap();
        let renderer = {
            let state = Arc::clone(&state);
            Router::new().fallback(
                move |scope: Option<Extension<RenderScope>>, request: Request| async move {
                    state.render(scope.map(|Extension(scope)| scope), request).await
                },
            )
        };
        let app = engine.wrap(renderer);
        let kit = TestSite::new(&engine, app.clone(), clock);
        Self { engine, kit, app, state }
    }

    /// Asks for a page, and waits until what was rendered for it is in the store.
    pub(crate) async fn get_kept(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.idle().await;
        answer
    }

    /// The router, to be served on a socket.
    pub(crate) fn router(&self) -> Router {
        self.app.clone()
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

    pub(crate) fn behave(&self, behaviour: Renders) {
        if matches!(behaviour, Renders::Gate) {
            self.hold_renders();
        } else {
            self.release_renders();
        }
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// What the renderer was asked.
    pub(crate) fn requests(&self) -> Vec<(Method, String, HeaderMap)> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until one more render has begun.
    pub(crate) async fn begun(&self) {
        let begun = self.state.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.renders_begun(begun).await;
    }

    /// Lets one render through the gate.
    pub(crate) fn let_pass(&self) {
        self.release_render();
    }

    pub(crate) async fn purge_hard(&self, path: &str) {
        self.purge_path_hard(path).await;
    }
}

impl State {
    async fn render(&self, scope: Option<RenderScope>, request: Request) -> Response {
        let number = self.renders.fetch_add(1, Ordering::SeqCst) + 1;
        let path = request.uri().to_string();
        let asked = (request.method().clone(), path.clone(), request.headers().clone());
        self.requests.lock().unwrap().push(asked);
        let is_draft = request.extensions().get::<Draft>().is_some();
        let page = format!("{path} #{number}{}", if is_draft { " draft" } else { "" });
        let behaviour = self.behaviour.lock().unwrap().clone();
        let scope = scope.unwrap_or_default();
        match behaviour {
            Renders::Page | Renders::Gate => page.into_response(),
            Renders::Status(status) => (status, page).into_response(),
            Renders::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
            Renders::Header(name, value) => ([(name, value)], page).into_response(),
            Renders::File => {
                let written = ("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT");
                ([written, ("accept-ranges", "bytes")], page).into_response()
            }
            Renders::Same(status, name, value) => (status, [(name, value)], "same").into_response(),
            Renders::Empty => StatusCode::OK.into_response(),
            Renders::Bare(status, name, value) => (status, [(name, value)]).into_response(),
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
            Renders::Reads(number) => {
                let read = data("titles").tags(["titles"]);
                let read = read.load(async move || Ok::<_, DataError>(number));
                read.await.unwrap().to_string().into_response()
            }
            Renders::Panic => panic!("the page panics"),
            Renders::Hang => std::future::pending().await,
        }
    }
}
