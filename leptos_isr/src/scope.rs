//! The render in progress, as its page's code sees it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use http::{StatusCode, request::Parts};
use leptos::prelude::{provide_context, use_context, with_context};
use leptos_axum::ResponseOptions;

use crate::{clock::Stamp, data::Value, draft::Draft, engine::Engine, tag::Tag};

/// What one render said of itself: its tags, its period, whether it may be stored.
///
/// The engine puts one into the extensions of the request that it renders a
/// page with. Leptos pages use the functions at the crate's root instead; a
/// plain axum handler takes it as `Extension<RenderScope>`.
///
/// # Examples
///
/// ```
/// use axum::Extension;
/// use leptos_isr::RenderScope;
///
/// async fn feed(scope: Option<Extension<RenderScope>>) -> String {
///     if let Some(Extension(scope)) = scope {
///         scope.tag("articles");
///     }
///     "<rss/>".to_owned()
/// }
/// # let _ = feed;
/// ```
#[derive(Clone, Debug, Default)]
pub struct RenderScope(Arc<Scope>);

#[derive(Debug, Default)]
struct Scope {
    said: Mutex<Said>,
    /// Reads go through this engine's cache.
    engine: Option<Engine>,
    began: Option<SystemTime>,
    /// Data that were read before this must not be used.
    since: Stamp,
    /// Whether the page is stored already, and stays if this render fails.
    has_page: bool,
    /// The page's period, which holds for reads that have none of their own.
    period: Option<Duration>,
}

/// Everything a render said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) tags: Vec<Tag>,
    pub(crate) revalidate: Option<Duration>,
    pub(crate) no_store: bool,
    pub(crate) failure: Option<String>,
    pub(crate) is_shared_not_found: bool,
    /// Whether this is data for pages, not a page.
    is_data: bool,
    /// Whether the data say that there is no such thing.
    pub(crate) is_absent: bool,
    /// The earliest of the reads.
    pub(crate) oldest: Option<Stamp>,
}

impl RenderScope {
    /// The scope of a render that began at `began` and uses no data from
    /// before `since`. Reads without a period are fresh for `period`.
    pub(crate) fn of_render(
        engine: &Engine,
        began: SystemTime,
        since: Stamp,
        period: Option<Duration>,
    ) -> Self {
        Self::new(engine, began, since, period, false)
    }

    /// The scope of a render of a page that is stored already.
    pub(crate) fn of_regeneration(
        engine: &Engine,
        began: SystemTime,
        since: Stamp,
        period: Option<Duration>,
    ) -> Self {
        Self::new(engine, began, since, period, true)
    }

    fn new(
        engine: &Engine,
        began: SystemTime,
        since: Stamp,
        period: Option<Duration>,
        has_page: bool,
    ) -> Self {
        let (said, engine) = (Mutex::default(), Some(engine.clone()));
        Self(Arc::new(Scope { said, engine, began: Some(began), since, has_page, period }))
    }

    /// Says that this is the 404 page that all paths which are not admitted share.
    pub(crate) fn for_missing_paths(self) -> Self {
        self.said().is_shared_not_found = true;
        self
    }

    /// Says that this is data for pages, not a page.
    pub(crate) fn for_data(self) -> Self {
        self.said().is_data = true;
        self
    }

    /// Says that the data are absent; `false` if this is a page.
    fn note_absent(&self) -> bool {
        let mut said = self.said();
        said.is_absent = said.is_data;
        said.is_data
    }

    /// Adds a tag to the page.
    pub fn tag(&self, tag: impl Into<String>) {
        self.said().tags.push(Tag::new(tag.into()));
    }

    /// Asks for a shorter period than the route declares.
    pub fn revalidate_within(&self, period: Duration) {
        let mut said = self.said();
        said.revalidate = Some(said.revalidate.map_or(period, |least| least.min(period)));
    }

    /// Keeps this render out of the store.
    pub fn no_store(&self) {
        self.said().no_store = true;
    }

    /// Says that this render failed: it is not stored, and `cause` is logged.
    pub fn failed(&self, cause: impl Into<String>) {
        self.said().failure.get_or_insert(cause.into());
    }

    pub(crate) fn take(&self) -> Said {
        std::mem::take(&mut *self.said())
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// The reading of a render, a dynamic request or a read, in its own task.
    static READING: Reading;
}

/// Where the reads of a page, or of another read, are noted.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    scope: Option<RenderScope>,
    engine: Option<Engine>,
}

/// The reading in progress: of this task, or of the Leptos page.
pub(crate) fn reading() -> Option<Reading> {
    READING.try_with(Clone::clone).ok().or_else(|| match current() {
        Some(scope) => Some(Reading::of(scope)),
        None if is_draft() => Some(Reading::of_draft()),
        None => use_context::<Engine>().map(Reading::of_request),
    })
}

impl Reading {
    /// The reads of a page that is rendered to be stored.
    pub(crate) fn of(scope: RenderScope) -> Self {
        let engine = scope.0.engine.clone();
        Self { scope: Some(scope), engine }
    }

    /// The reads of a request that is answered without the store.
    pub(crate) fn of_request(engine: Engine) -> Self {
        Self { scope: None, engine: Some(engine) }
    }

    /// The reads of a visitor in draft mode: each goes to its source.
    pub(crate) fn of_draft() -> Self {
        Self { scope: None, engine: None }
    }

    /// What is read while something else is.
    pub(crate) fn inner(
        engine: &Engine,
        began: SystemTime,
        since: Stamp,
        period: Option<Duration>,
    ) -> Self {
        Self::of(RenderScope::of_render(engine, began, since, period))
    }

    /// Lets `work` find this reading.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        READING.scope(self, work).await
    }

    pub(crate) fn engine(&self) -> Option<Engine> {
        self.engine.clone()
    }

    pub(crate) fn since(&self) -> Stamp {
        self.scope.as_ref().map_or(0, |scope| scope.0.since)
    }

    /// How long reads without a period of their own are fresh.
    pub(crate) fn period(&self) -> Option<Duration> {
        self.scope.as_ref().and_then(|scope| scope.0.period)
    }

    /// Whether stale data are better than none: not if an old page stays.
    pub(crate) fn may_use_stale(&self) -> bool {
        self.scope.as_ref().is_none_or(|scope| !scope.0.has_page)
    }

    pub(crate) fn tag(&self, tag: Tag) {
        if let Some(scope) = &self.scope {
            scope.said().tags.push(tag);
        }
    }

    pub(crate) fn no_store(&self) {
        if let Some(scope) = &self.scope {
            scope.no_store();
        }
    }

    /// Notes a read of `value`, of whose period `left` is left from `now` on.
    pub(crate) fn note(&self, value: &Value, left: Option<Duration>, now: SystemTime) {
        let Some(scope) = &self.scope else { return };
        if let Some(left) = left {
            // A page's age counts from when its render began.
            let passed = scope.0.began.map(|began| now.duration_since(began).unwrap_or_default());
            scope.revalidate_within(left + passed.unwrap_or_default());
        }
        let mut said = scope.said();
        said.tags.extend(value.inner_tags.iter().cloned());
        said.oldest = Some(said.oldest.map_or(value.oldest, |oldest| oldest.min(value.oldest)));
        said.no_store |= !value.is_stored;
    }

    pub(crate) fn take(&self) -> Said {
        self.scope.as_ref().map(RenderScope::take).unwrap_or_default()
    }
}

/// The scope of the render in progress: it travels with the request, and
/// Leptos gives its pages the request's parts.
fn current() -> Option<RenderScope> {
    with_context::<Parts, _>(|parts| parts.extensions.get().cloned()).flatten()
}

/// Gives the page's code the scope of its render.
pub(crate) fn provide() {
    if let Some(scope) = current() {
        provide_context(scope);
    }
}

/// Whether the page is rendered to be stored.
pub(crate) fn is_render() -> bool {
    current().is_some()
}

fn with_scope(act: impl FnOnce(&RenderScope)) {
    if let Some(scope) = reading().and_then(|reading| reading.scope) {
        act(&scope);
    }
}

fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

pub(crate) fn tag(tag: String) {
    with_scope(|scope| scope.tag(tag));
}

pub(crate) fn revalidate_within(period: Duration) {
    with_scope(|scope| scope.revalidate_within(period));
}

pub(crate) fn no_store() {
    with_scope(RenderScope::no_store);
}

pub(crate) fn not_found() {
    // The browser takes a server function's 404 for a failure.
    if !current().is_some_and(|scope| scope.note_absent()) {
        set_status(StatusCode::NOT_FOUND);
    }
}

pub(crate) fn failed(cause: String) {
    set_status(StatusCode::BAD_GATEWAY);
    with_scope(|scope| scope.failed(cause));
}

pub(crate) fn hydrates() -> bool {
    current().is_none_or(|scope| !scope.said().is_shared_not_found)
}

pub(crate) fn is_draft() -> bool {
    with_context::<Parts, _>(|parts| parts.extensions.get::<Draft>().is_some()).unwrap_or(false)
}
