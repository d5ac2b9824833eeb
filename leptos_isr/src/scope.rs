//! The render in progress, as its page's code sees it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{StatusCode, request::Parts};
use leptos::prelude::{provide_context, use_context, with_context};
use leptos_axum::ResponseOptions;

use crate::{draft::Draft, tag::Tag};

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
pub struct RenderScope(Arc<Mutex<Said>>);

/// Everything a render said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) tags: Vec<Tag>,
    pub(crate) revalidate: Option<Duration>,
    pub(crate) no_store: bool,
    pub(crate) failure: Option<String>,
    pub(crate) is_shared_not_found: bool,
}

impl RenderScope {
    /// The scope of the 404 page that all paths which are not admitted share.
    pub(crate) fn shared_not_found() -> Self {
        let scope = Self::default();
        scope.said().is_shared_not_found = true;
        scope
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    if let Some(scope) = current() {
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
    set_status(StatusCode::NOT_FOUND);
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
