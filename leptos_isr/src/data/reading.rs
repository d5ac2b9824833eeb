//! Where reads are kept, and where they are noted.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::request::Parts;
use leptos::prelude::{use_context, with_context};

use crate::{
    address::tag::Tag,
    data::{error::DataError, reads::Reads, value::Value},
    entry::{
        Began,
        facts::{Asker, NotedRead, ReadFact},
    },
    scope::{RenderNotes, RenderScope},
};

tokio::task_local! {
    /// The reading of a render, a dynamic request or a read, in its own task.
    static READING: Reading;
}

/// What a read finds around it: the engine's cache, and the render or the outer read that it is
/// part of.
///
/// It travels in the request's extensions beside [`RenderScope`]; Leptos pages find these in their
/// context.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    reads: Option<Arc<Reads>>,
    reader: Option<ReadContext>,
}

/// The render or the outer read that a read is part of.
#[derive(Clone, Debug)]
pub(crate) struct ReadContext {
    /// Where its reads are noted.
    pub(crate) scope: RenderScope,
    pub(crate) began: SystemTime,
    /// Data that was read before this must not be used.
    pub(crate) since: Began,
    /// How long reads without a period of their own are fresh.
    pub(crate) period: Option<Duration>,
    /// Whether memory has a page already, which stays if the render fails.
    pub(crate) has_page: bool,
    /// Whether it is the render of a page that may be stored, or a read of one.
    pub(crate) is_of_page: bool,
}

/// The reading in progress: that of this task, or that of the Leptos page.
pub(crate) fn reading() -> Option<Reading> {
    READING
        .try_with(Clone::clone)
        .ok()
        .or_else(|| with_context::<Parts, _>(|parts| parts.extensions.get().cloned()).flatten())
        .or_else(|| use_context::<Arc<Reads>>().map(Reading::of_request))
}

impl Reading {
    /// The reads of a page that is rendered to be stored, or of another read.
    pub(crate) fn of(reads: Arc<Reads>, reader: ReadContext) -> Self {
        Self { reads: Some(reads), reader: Some(reader) }
    }

    /// The reads of a request that is answered without the store.
    pub(crate) fn of_request(reads: Arc<Reads>) -> Self {
        Self { reads: Some(reads), reader: None }
    }

    /// The reads of a visitor in draft mode: each goes to its source.
    pub(crate) fn of_draft() -> Self {
        Self { reads: None, reader: None }
    }

    /// The reading of what a read of this one is made of, which begins now and notes its own reads.
    pub(crate) fn within(
        &self,
        reads: Arc<Reads>,
        began: SystemTime,
        period: Option<Duration>,
    ) -> Self {
        let (since, has_page) = (self.since(), !self.may_use_stale());
        let scope = RenderScope::default();
        let is_of_page = self.is_of_page();
        Self::of(reads, ReadContext { scope, began, since, period, has_page, is_of_page })
    }

    /// Lets `work` find this reading.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        READING.scope(self, work).await
    }

    /// The cache that is read through; `None` if each read goes to its source.
    pub(crate) fn reads(&self) -> Option<&Arc<Reads>> {
        self.reads.as_ref()
    }

    /// Where the render in progress is noted.
    pub(crate) fn render_scope(&self) -> Option<&RenderScope> {
        self.reader.as_ref().map(|reader| &reader.scope)
    }

    pub(crate) fn since(&self) -> Began {
        self.reader.as_ref().map(|reader| reader.since).unwrap_or_default()
    }

    /// How long reads without a period of their own are fresh.
    pub(crate) fn period(&self) -> Option<Duration> {
        self.reader.as_ref().and_then(|reader| reader.period)
    }

    /// Whether this is part of a page that is rendered to be stored.
    pub(crate) fn is_of_page(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.is_of_page)
    }

    /// Whether stale data may be used: not if a stored page stays instead.
    pub(crate) fn may_use_stale(&self) -> bool {
        self.reader.as_ref().is_none_or(|reader| !reader.has_page)
    }

    pub(crate) fn tag(&self, tag: Tag) {
        if let Some(scope) = self.render_scope() {
            scope.add_tag(tag);
        }
    }

    pub(crate) fn no_store(&self) {
        if let Some(scope) = self.render_scope() {
            scope.no_store();
        }
    }

    /// Notes a read of `value` by its name and with its own tags. Its period has `left` left from
    /// `now` on.
    pub(crate) fn note(
        &self,
        (name, tags): (&str, &[Tag]),
        value: &Value,
        left: Option<Duration>,
        now: SystemTime,
    ) {
        self.lower_period(name, left, now);
        if let Some(scope) = self.render_scope() {
            scope.note_named_read(NotedRead {
                fact: ReadFact::new(name, value.read_at),
                tags: tags.iter().chain(&*value.inner_tags).cloned().collect(),
            });
            scope.note_read(&value.inner_tags, value.oldest, value.is_stored);
            if value.is_absent {
                scope.note_absent();
            }
        }
    }

    /// Notes a read that failed. Without it there is no page.
    pub(crate) fn note_failed(&self, error: &DataError) {
        if let Some(scope) = self.render_scope() {
            scope.note_failed_read(error.failed_read());
        }
    }

    /// Notes that there is no such thing as was read, which holds for `period` from `now` on.
    pub(crate) fn note_absence(
        &self,
        (name, tags): (&str, &[Tag]),
        error: &DataError,
        period: Option<Duration>,
        now: SystemTime,
    ) {
        let notes = error.notes();
        self.lower_period(name, period.into_iter().chain(notes.revalidate).min(), now);
        if let Some(scope) = self.render_scope() {
            scope.note_named_read(NotedRead {
                fact: ReadFact::new(name, now),
                tags: tags.iter().chain(&notes.tags).cloned().collect(),
            });
            scope.note_absence(notes);
        }
    }

    /// Lowers the period to what is `left` of the read of this name from `now` on.
    pub(crate) fn lower_period(&self, name: &str, left: Option<Duration>, now: SystemTime) {
        if let (Some(ReadContext { scope, began, .. }), Some(left)) = (&self.reader, left) {
            // A page's age counts from when its render began.
            let passed = now.duration_since(*began).unwrap_or_default();
            scope.lower_period(left.saturating_add(passed), || Asker::read(name));
        }
    }

    pub(crate) fn take(&self) -> RenderNotes {
        self.render_scope().map(RenderScope::take).unwrap_or_default()
    }
}
