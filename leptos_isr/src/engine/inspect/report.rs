//! What is told of a page.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::json::{maybe_moment, maybe_seconds, moment, seconds};
use crate::{
    engine::history::PastRender,
    order::{origins::PurgeSource, purge::Scope},
    stats::{RenderOutcome, RenderReason},
};

/// All that is known of one page; see [`Engine::page`](crate::Engine::page).
///
/// In JSON durations are seconds, with a fraction, and points in time are RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PageReport {
    /// The page's path in canonical form, with the query parameters that its route lists.
    pub page: String,
    /// What a visitor would find.
    pub state: PageState,
    /// Why the page is as it is, in one sentence with its numbers.
    pub why: String,
    /// The route whose page it is, as declared.
    pub route: Option<String>,
    /// The build that answers.
    pub build: Option<String>,
    /// What tells the process that answers from others: a random number that it took when it
    /// started.
    pub replica: String,
    /// When this was found out, by the engine's clock.
    #[serde(serialize_with = "moment")]
    pub at: SystemTime,
    /// The stored page, if there is one.
    pub stored: Option<StoredPage>,
    /// The last purge of the page's path, of a folder above it or of one of its tags; if several
    /// have reached the stored page, the one that decides what a visitor gets.
    pub last_purge: Option<PurgeReport>,
    /// The render that is under way in this process, if there is one.
    pub regeneration: Option<RegenerationState>,
    /// That renders of the page fail, or may not be stored, if the last one did in this process.
    pub failing: Option<Failing>,
    /// The last 16 renders in this process, the newest first, for the 10,000 pages that were
    /// rendered last.
    pub renders: Vec<RenderReport>,
    /// Since when it has not been known what other processes purge.
    #[serde(serialize_with = "maybe_moment")]
    pub cut_off_since: Option<SystemTime>,
}

/// What a visitor would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PageState {
    /// A page that is younger than its period.
    Fresh,
    /// A page past its period, which may still be served.
    Stale,
    /// A page past every window, or one that a later render forbids to serve.
    Expired,
    /// A page that a purge has reached since its render began.
    Purged,
    /// No page yet, and its route may render one.
    Missing,
    /// No page of a stored route.
    NotAPage,
}

/// A stored page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StoredPage {
    /// Its status, 200 or another that is stored.
    pub status: u16,
    /// Its ETag when it is sent uncompressed.
    pub etag: String,
    /// When its render began.
    #[serde(serialize_with = "moment")]
    pub rendered_at: SystemTime,
    /// The time since then.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// How long it is fresh; `None` if it never becomes stale by time.
    #[serde(serialize_with = "maybe_seconds")]
    pub period: Option<Duration>,
    /// Who set that period; `None` if there is none.
    pub period_set_by: Option<SetBy>,
    /// What was set for its route by [`set_period`](crate::Engine::set_period), whether or not something
    /// shorter holds.
    #[serde(serialize_with = "maybe_seconds")]
    pub period_override: Option<Duration>,
    /// From which age on it may not be served; `None` if it always may.
    #[serde(serialize_with = "maybe_seconds")]
    pub expire: Option<Duration>,
    /// Its tags.
    pub tags: Vec<TagReport>,
    /// What it was made of, as far as it was read through the data cache; the first 32 reads.
    pub reads: Vec<ReadReport>,
    /// How many more reads there were.
    pub more_reads: u32,
    /// The encodings that were made of it so far, with their sizes.
    pub forms: Vec<Form>,
    /// How often this process has answered with it or with pages before it, since its memory has
    /// had them.
    pub requests: u64,
    /// Its regenerations that no purge asked for.
    pub by_time: Regenerations,
    /// Its regenerations after a purge.
    pub by_purge: Regenerations,
    /// When the render began that last gave another page than the one before it.
    #[serde(serialize_with = "maybe_moment")]
    pub last_change: Option<SystemTime>,
}

/// Who set something of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SetBy {
    /// The declaration of its route.
    Route,
    /// That of a route that its route is part of.
    Parent,
    /// An override of the route's period, by
    /// [`override_revalidate`](crate::route::RouteTable::override_revalidate) or
    /// [`set_period`](crate::Engine::set_period).
    Override,
    /// The page's code.
    Code,
    /// The read of this name: of it the page took it.
    Read(String),
    /// It was not kept, as with pages of a version before.
    Unknown,
}

/// A tag of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TagReport {
    /// The tag.
    pub tag: String,
    /// Where it is from.
    pub set_by: SetBy,
}

/// A read that a page was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReadReport {
    /// Its name, or its method and address.
    pub name: String,
    /// When the value was read. It may be kept from long before the render.
    #[serde(serialize_with = "moment")]
    pub read_at: SystemTime,
    /// The time since then.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
}

/// One encoding of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Form {
    /// `identity`, `br`, `zstd` or `gzip`.
    pub encoding: String,
    /// Its length.
    pub bytes: usize,
}

/// Some of a page's regenerations, for as long as it has been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Regenerations {
    /// How many there were.
    pub count: u32,
    /// How many of them gave another page than the one before.
    pub changed: u32,
    /// The times between them and the renders before them, added up.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
}

/// A purge that reaches a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PurgeReport {
    /// When it was made, by the clock of the process that made it; `None` if that was not kept.
    #[serde(serialize_with = "maybe_moment")]
    pub at: Option<SystemTime>,
    /// Who made it; `None` if that was not kept.
    pub by: Option<PurgeSource>,
    /// The process that made it, as in [`PageReport::replica`].
    pub replica: Option<String>,
    /// Whether it was hard.
    pub hard: bool,
    /// What it named that reaches the page.
    pub through: Scope,
    /// Whether it has reached the stored page. Otherwise that was rendered after it, or there is no
    /// page.
    pub has_reached: bool,
}

/// How far a regeneration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegenerationState {
    /// It is being rendered, in this process or in another that it waits for.
    Running,
    /// It waits for its turn.
    Queued {
        /// Its place in the queue; 1 is next.
        place: usize,
    },
}

/// That renders of a page leave nothing to store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failing {
    /// How many in a row.
    pub failures: u32,
    /// How long the next try must still wait. Zero: the next request is worth one.
    #[serde(serialize_with = "seconds")]
    pub retry_in: Duration,
    /// Why the last one failed; `None` if its page may not be stored, or if that was forgotten.
    pub error: Option<String>,
}

/// A render that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RenderReport {
    /// Why it was begun.
    pub reason: RenderReason,
    /// When it began.
    #[serde(serialize_with = "moment")]
    pub began: SystemTime,
    /// How long it took.
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,
    /// What it came to.
    pub outcome: RenderOutcome,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl RenderReport {
    pub(super) fn of(render: &PastRender) -> Self {
        let PastRender { reason, began, duration, outcome, error } = render.clone();
        let error = error.map(|error| error.to_string());
        Self { reason, began, duration, outcome, error }
    }
}
