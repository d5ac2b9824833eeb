//! A site under test, asked without a socket.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use http::Method;
use http_body_util::BodyExt;
use tokio::{task::JoinHandle, time::timeout};
use tower::ServiceExt;

use super::{
    answer::Answer,
    clock::TestClock,
    probe::{Probe, RenderFault},
};
use crate::{
    Clock, Engine,
    address::{key::Key, path::CanonicalPath},
    purge::{Purge, Regeneration},
};

/// How long a test waits, in real time, for what should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A site under test: its requests, its clock, its renders. Cheap to clone.
///
/// See the [module's documentation](super) for an example.
#[derive(Clone, Debug)]
pub struct TestSite {
    engine: Engine,
    app: Router,
    clock: TestClock,
    probe: Arc<Probe>,
}

impl TestSite {
    /// Makes the site of `engine`, which answers through `app`: the router that [`Engine::wrap`]
    /// returned, or one with layers around it.
    ///
    /// Renders are counted from this call on.
    ///
    /// # Panics
    ///
    /// Panics if `clock` was not given to the engine's [`Builder::clock`](crate::Builder::clock),
    /// or if [`Engine::wrap`] was not called.
    #[track_caller]
    #[must_use]
    pub fn new(engine: &Engine, app: Router, clock: TestClock) -> Self {
        assert!(
            engine.now() == clock.now(),
            "the engine has another clock: give a clone of this one to `Builder::clock`"
        );
        let probe = Arc::new(Probe::default());
        let watched = Arc::clone(&probe);
        let around = |inner: Router| {
            let watched = Arc::clone(&watched);
            Router::new().fallback(move |request: Request| {
                let (probe, inner) = (Arc::clone(&watched), inner.clone());
                async move { probe.answer(inner, request).await }
            })
        };
        let inner = engine.app().expect("`app` is, or holds, the router that `wrap` returned");
        inner.replace(around);
        Self { engine: engine.clone(), app, clock, probe }
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Asks for `GET path` and returns the answer. A query may follow the path.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[]).await
    }

    /// Sends a request without a body and returns the answer.
    pub async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(method, path, headers, Body::empty()).await
    }

    /// Sends a request with a body and returns the answer.
    ///
    /// # Panics
    ///
    /// Panics if the path or a header cannot be sent, or if the answer's body breaks off.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let asked = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into());
        let request = request.unwrap_or_else(|error| panic!("{asked} cannot be sent: {error}"));
        let response = match self.app.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.unwrap_or_else(|error| panic!("{asked}: the body breaks off: {error}"));
        Answer::new(asked, parts.status, parts.headers, body.to_bytes())
    }

    /// Starts `GET path` in a task, as a visitor who waits. Aborting the task is a visitor who
    /// leaves.
    pub fn start(&self, path: &str) -> JoinHandle<Answer> {
        let (site, path) = (self.clone(), path.to_owned());
        tokio::spawn(async move { site.get(&path).await })
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves the clock back.
    pub fn set_back(&self, by: Duration) {
        self.clock.set_back(by);
    }

    /// Makes the pages with this tag stale.
    ///
    /// # Panics
    ///
    /// Panics if the purge fails, as the other purges do.
    pub async fn purge_tag(&self, tag: &str) {
        self.purge(&Purge { tags: vec![tag.to_owned()], ..Purge::default() }).await;
    }

    /// Makes the pages of this path stale.
    pub async fn purge_path(&self, path: &str) {
        self.purge(&Purge { paths: vec![path.to_owned()], ..Purge::default() }).await;
    }

    /// Makes the pages of this path and below it stale.
    pub async fn purge_prefix(&self, prefix: &str) {
        self.purge(&Purge { prefixes: vec![prefix.to_owned()], ..Purge::default() }).await;
    }

    /// Purges hard: the next visitor of a page with this tag waits for a new page.
    pub async fn purge_tag_hard(&self, tag: &str) {
        self.purge(&Purge { tags: vec![tag.to_owned()], hard: true, ..Purge::default() }).await;
    }

    /// Purges hard: the next visitor of this path waits for a new page.
    pub async fn purge_path_hard(&self, path: &str) {
        self.purge(&Purge { paths: vec![path.to_owned()], hard: true, ..Purge::default() }).await;
    }

    /// Purges hard: the next visitor of this path or below it waits for a new page.
    pub async fn purge_prefix_hard(&self, prefix: &str) {
        let prefixes = vec![prefix.to_owned()];
        self.purge(&Purge { prefixes, hard: true, ..Purge::default() }).await;
    }

    async fn purge(&self, purge: &Purge) {
        if let Err(error) = self.engine.purge(purge).await {
            panic!("{purge:?} failed: {error}");
        }
    }

    /// Regenerates a page and waits until it is stored; see [`Engine::regenerate`].
    ///
    /// # Panics
    ///
    /// Panics if no route stores a page for `path`. A render that fails is in the result.
    pub async fn regenerate(&self, path: &str) -> Regeneration {
        match self.engine.regenerate(&[path]).await {
            Ok(mut pages) => pages.pop().expect("one path gives one result"),
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until no regeneration is under way. First does what is due by the site's clock: purges
    /// that are done once more, see [`Purge`], and the removal of old builds, see
    /// [`Engine::begin_service`].
    ///
    /// # Panics
    ///
    /// Panics after 20 seconds: is a render held, or does it hang?
    pub async fn idle(&self) {
        self.engine.purge_due().await;
        self.engine.drop_ended_builds().await;
        self.engine.remove_old_builds_if_due().await;
        let is_idle = self.engine.idle(PATIENCE).await;
        assert!(
            is_idle,
            "regenerations still run after {PATIENCE:?}: is a render held, or does it hang?"
        );
    }

    /// Returns how many renders have begun: those of visitors who waited, those behind stale pages,
    /// and those at build.
    #[must_use]
    pub fn renders(&self) -> usize {
        self.probe.renders()
    }

    /// Returns how many renders of one page have begun. `path` is the page's path, in any spelling,
    /// with the query parameters that its route lists.
    ///
    /// # Panics
    ///
    /// Panics if there can be no such page.
    #[track_caller]
    #[must_use]
    pub fn renders_of(&self, path: &str) -> usize {
        match page(&self.engine, path) {
            Ok(key) => self.probe.renders_of(key.as_str()),
            Err(problem) => panic!("no page is stored for `{path}`: {problem}"),
        }
    }

    /// Returns how many requests the app answered without the store: dynamic pages, server
    /// functions, files.
    #[must_use]
    pub fn dynamic_requests(&self) -> usize {
        self.probe.dynamic()
    }

    /// Waits until `renders` renders have begun, counted as [`renders`](Self::renders) does.
    ///
    /// # Panics
    ///
    /// Panics if they have not begun after 20 seconds.
    pub async fn renders_begun(&self, renders: usize) {
        let begun = within(self.probe.begun(renders)).await;
        assert!(begun, "{} renders have begun, {renders} were expected", self.renders());
    }

    /// Makes all renders fail that begin from now on, and those that are held. Dynamic pages do not
    /// fail.
    pub fn fail_renders(&self, fault: RenderFault) {
        self.probe.set_fault(Some(fault));
    }

    /// Ends [`fail_renders`](Self::fail_renders).
    pub fn repair_renders(&self) {
        self.probe.set_fault(None);
    }

    /// Makes all renders that begin from now on wait until they are released.
    pub fn hold_renders(&self) {
        self.probe.hold();
    }

    /// Lets one held render go on, or the next one pass if none is held.
    pub fn release_render(&self) {
        self.probe.release_one();
    }

    /// Lets all held renders go on, and stops holding new ones.
    pub fn release_renders(&self) {
        self.probe.release_all();
    }
}

/// The key of a page, as its route makes it.
fn page(engine: &Engine, path: &str) -> Result<Key, String> {
    let (text, query) = match path.split_once('?') {
        Some((text, query)) => (text, Some(query)),
        None => (path, None),
    };
    let canonical = CanonicalPath::parse(text).map_err(|error| error.to_string())?;
    let route = engine.0.routes.find(canonical.segments.iter()).ok_or("no route has it")?;
    let policy = route.policy().ok_or("its route is dynamic")?;
    Key::new(&canonical, query, &policy.query).map_err(|error| error.to_string())
}

async fn within(event: impl Future<Output = ()>) -> bool {
    timeout(PATIENCE, event).await.is_ok()
}
