//! The render in progress, as its page's code sees it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::request::Parts;
use leptos::prelude::with_context;

use crate::{
    address::tag::Tag,
    entry::{
        Began,
        facts::{Asker, NotedRead},
    },
};

/// What one render says about itself: its tags, its period, whether it may be stored.
///
/// The engine puts a scope into the extensions of the request with which it renders a page. Leptos
/// pages use the functions of [`page`](crate::page) instead. A plain axum handler takes
/// `Extension<RenderScope>`.
///
/// # Examples
///
/// ```
/// use axum::Extension;
/// use leptos_isr::page::RenderScope;
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
pub struct RenderScope(Arc<Mutex<RenderNotes>>);

/// Everything that was noted while a page was rendered.
#[derive(Clone, Debug, Default)]
pub(crate) struct RenderNotes {
    pub(crate) tags: Vec<Tag>,
    pub(crate) revalidate: Option<Duration>,
    /// Who asked for `revalidate`.
    pub(crate) asked_by: Option<Asker>,
    /// What was read by name, in its order.
    pub(crate) reads: Vec<NotedRead>,
    pub(crate) no_store: bool,
    /// Why the page's code says that the render failed.
    pub(crate) failure: Option<String>,
    /// Why a read failed that the page cannot do without.
    pub(crate) failed_read: Option<FailedRead>,
    is_shared_not_found: bool,
    /// Whether the answer is data for pages, not a page.
    pub(crate) is_data: bool,
    /// Whether its code, or that of a read, says that there is no such thing.
    pub(crate) is_absent: bool,
    /// When the earliest read began of those that the page was made of.
    pub(crate) oldest: Option<Began>,
}

/// A read that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedRead {
    pub(crate) cause: String,
    /// How long it is not tried again, if that is why it failed.
    pub(crate) retry_in: Option<Duration>,
}

impl RenderScope {
    /// Marks this as the render of the 404 page that all paths which are not admitted share.
    pub(crate) fn for_missing_paths(self) -> Self {
        self.notes().is_shared_not_found = true;
        self
    }

    /// Marks this as the render of data for pages, not of a page.
    pub(crate) fn for_data(self) -> Self {
        self.notes().is_data = true;
        self
    }

    /// Whether this is the 404 page that all paths which are not admitted share.
    pub(crate) fn is_for_missing_paths(&self) -> bool {
        self.notes().is_shared_not_found
    }

    /// Whether this is the render of data for pages.
    pub(crate) fn is_for_data(&self) -> bool {
        self.notes().is_data
    }

    /// Notes that there is no such page or data.
    pub(crate) fn note_absent(&self) {
        self.notes().is_absent = true;
    }

    /// Notes what was read, of which the page says that it is made.
    pub(crate) fn note_named_read(&self, read: NotedRead) {
        self.notes().reads.push(read);
    }

    /// Notes a read. `oldest` is when the earliest read began of those that it was made of.
    pub(crate) fn note_read(&self, tags: &[Tag], oldest: Began, is_stored: bool) {
        let mut notes = self.notes();
        notes.tags.extend(tags.iter().cloned());
        notes.oldest = notes.oldest.into_iter().chain([oldest]).reduce(Began::earlier);
        notes.no_store |= !is_stored;
    }

    /// Notes a definite "no such thing": what was noted while it was read holds for this too.
    pub(crate) fn note_absence(&self, read: &RenderNotes) {
        let mut notes = self.notes();
        notes.tags.extend(read.tags.iter().cloned());
        notes.oldest = notes.oldest.into_iter().chain(read.oldest).reduce(Began::earlier);
        notes.no_store |= read.no_store;
    }

    /// Adds a tag to the page: purging the tag makes the page stale.
    pub fn tag(&self, tag: impl Into<String>) {
        self.add_tag(Tag::new(tag.into()));
    }

    pub(crate) fn add_tag(&self, tag: Tag) {
        self.notes().tags.push(tag);
    }

    /// Asks for a shorter period than the route declares. A longer one changes nothing, and zero is
    /// [`no_store`](Self::no_store).
    pub fn revalidate_within(&self, period: Duration) {
        if period.is_zero() {
            self.no_store();
        }
        self.lower_period(period, || Asker::Code);
    }

    pub(crate) fn lower_period(&self, period: Duration, by: impl FnOnce() -> Asker) {
        let mut notes = self.notes();
        if notes.revalidate.is_none_or(|least| period < least) {
            notes.revalidate = Some(period);
            notes.asked_by = Some(by());
        }
    }

    /// Keeps this render out of the store.
    pub fn no_store(&self) {
        self.notes().no_store = true;
    }

    /// Says that this render failed: it is not stored, and `cause` is logged. Of several causes the
    /// first one counts.
    pub fn failed(&self, cause: impl Into<String>) {
        self.notes().failure.get_or_insert(cause.into());
    }

    /// Notes that a read failed that the page cannot do without. Of several causes the first one
    /// counts.
    pub(crate) fn note_failed_read(&self, read: FailedRead) {
        self.notes().failed_read.get_or_insert(read);
    }

    pub(crate) fn take(&self) -> RenderNotes {
        std::mem::take(&mut *self.notes())
    }

    fn notes(&self) -> MutexGuard<'_, RenderNotes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The scope of the render in progress. It travels in the request's extensions, which Leptos pages
/// find in their context.
pub(crate) fn current() -> Option<RenderScope> {
    with_context::<Parts, _>(|parts| parts.extensions.get().cloned()).flatten()
}
