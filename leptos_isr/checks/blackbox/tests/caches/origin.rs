//! A small site on the engine, which counts what the cache asks it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Uri, header},
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::get,
};
use leptos_isr::{
    Builder, Engine, Isr, minutes, purge::Purge, route::RouteTable, seconds, testing::TestClock,
};
use tokio::{net::TcpListener, sync::RwLock, task::JoinHandle};

pub(crate) struct Origin {
    pub(crate) engine: Engine,
    asked: Arc<Mutex<Vec<String>>>,
    /// Whoever holds it for writing holds up every answer.
    pub(crate) gate: Arc<RwLock<()>>,
    server: JoinHandle<()>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Origin {
    pub(crate) async fn start(
        listener: TcpListener,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let builder = Engine::builder(routes()).clock(TestClock::new()).cache_tag(true);
        let builder = builder.build_id("b1").draft_secret("a secret of some length");
        let engine = configure(builder.draft_over_http()).build().unwrap();
        let (asked, gate) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<RwLock<()>>::default());
        let (asking, passing) = (Arc::clone(&asked), Arc::clone(&gate));
        let app = engine.wrap(pages()).layer(from_fn(move |request: Request, next: Next| {
            let path = request.uri().path().to_owned();
            asking.lock().unwrap().push(path);
            let passing = Arc::clone(&passing);
            async move {
                let _open = passing.read().await;
                next.run(request).await
            }
        }));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { engine, asked, gate, server }
    }

    /// How often the cache asked for this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }

    pub(crate) async fn purge(&self, purge: Purge) {
        self.engine.purge(&purge).await.unwrap();
    }
}

/// A place for the site to listen.
pub(crate) async fn place() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// The tags of 68 slugs of 45 letters, as a front page has them.
pub(crate) fn many_tags() -> impl Iterator<Item = String> {
    (0..68).map(|i| format!("article:{i:045}"))
}

fn routes() -> RouteTable {
    let page = Isr::revalidate(minutes(1)).tag("all").tag("page:{id}");
    let many = many_tags().fold(Isr::revalidate(minutes(1)), |isr, tag| isr.tag(tag));
    RouteTable::new()
        .add("/page/:id", page)
        .and_then(|routes| routes.add("/soon", Isr::revalidate(seconds(1))))
        .and_then(|routes| routes.add("/many", many))
        .and_then(|routes| routes.add("/mine", Isr::dynamic()))
        .unwrap()
}

/// Each page names its path and the number of its render.
fn pages() -> Router {
    let renders = Arc::new(AtomicUsize::new(0));
    let page = move |uri: Uri| async move {
        let number = renders.fetch_add(1, Ordering::SeqCst) + 1;
        let text = format!("{} #{number}. {}", uri.path(), "Some text. ".repeat(100));
        ([(header::CONTENT_TYPE, "text/html")], text)
    };
    let mine = async |headers: HeaderMap| {
        let cookie = headers.get(header::COOKIE).map(|value| value.to_str().unwrap().to_owned());
        cookie.unwrap_or_default().into_response()
    };
    Router::new().route("/mine", get(mine)).fallback(page)
}

/// A purge of these tags.
pub(crate) fn of_tags(tags: &[&str]) -> Purge {
    Purge { tags: tags.iter().map(ToString::to_string).collect(), ..Purge::default() }
}
