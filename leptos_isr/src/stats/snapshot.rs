//! What the counters say at one moment.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::labels::{
    AnswerKind, Eviction, LeaseOutcome, PurgeSource, ReadOutcome, RenderOutcome, RenderReason,
    RequestResult, StoreOperation, StoreOutcome, Tier, Urgency,
};

/// What an engine has done since it was opened, and what it does now; see
/// [`Engine::stats`](crate::Engine::stats).
///
/// Durations are seconds in JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// The version of the library.
    pub version: &'static str,
    /// The id of the build, if there is one.
    pub build: Option<String>,
    /// A row for each route, in the order in which they are looked at, and one for requests of no
    /// route.
    pub routes: Vec<RouteStats>,
    /// How many pages wait for their turn to be rendered, and how long others waited.
    pub render_waits: Vec<WaitStats>,
    /// What is rendered now, and what waits.
    pub queue: QueueStats,
    /// How many pages failed when they were last rendered, of the 10,000 that are remembered.
    pub failing_pages: usize,
    /// How much is kept where.
    pub tiers: Vec<TierStats>,
    /// Whether the store behind the memory keeps what it is given: its folder could be made, it answers,
    /// and the last page is in it. `false` also where nothing is stored at all
    /// ([`Builder::bypass`](crate::Builder::bypass)); `None` if there is no store.
    pub store_works: Option<bool>,
    /// What the store behind the memory, and its ledger, were asked to do; empty if there is none.
    pub store_operations: Vec<OperationCount>,
    /// How often pages were left to this process to render. Nothing counts where no ledger says who
    /// renders what.
    pub leases: Vec<LeaseCount>,
    /// How often it was purged.
    pub purges: Vec<PurgeCount>,
    /// How long it took until purges were kept and held here.
    pub purge_delays: Vec<PurgeDelays>,
    /// What reads of data came to.
    pub reads: Vec<ReadCount>,
    /// What CDNs are still to be told.
    pub cdns: Vec<CdnStats>,
    /// The ledger that keeps purges; `None` if nothing is kept.
    pub ledger: Option<LedgerStats>,
    /// How many live streams are open.
    pub live_streams: usize,
}

/// What became of the pages of one route.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RouteStats {
    /// The route's path as declared; `None` for what is of no route.
    pub route: Option<String>,
    /// What requests got. Those for the engine's endpoints are not counted, nor those that were
    /// answered by 400 or 308 for the spelling of their path.
    pub requests: Vec<RequestCount>,
    /// How long past their period pages were that were served stale. A page that is stale because it
    /// was purged does not count.
    pub stale_served: HistogramStats,
    /// Renders, by reason and outcome. What has not happened yet is left out.
    pub renders: Vec<RenderCount>,
    /// How long renders took, whatever they came to.
    pub render_times: HistogramStats,
    /// How many pages failed when they were last rendered, of those that are remembered.
    pub failing_pages: usize,
    /// How long ago the first of the renders was that failed in a row, of the page for which that is
    /// longest; zero if none fails.
    #[serde(serialize_with = "seconds")]
    pub oldest_failure: Duration,
}

/// How many requests got something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestCount {
    /// What they got.
    pub result: RequestResult,
    /// How much of it was sent.
    pub answer: AnswerKind,
    /// How many there were.
    pub count: u64,
}

/// How many renders there were of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RenderCount {
    /// Why.
    pub reason: RenderReason,
    /// What they came to.
    pub outcome: RenderOutcome,
    /// How many there were.
    pub count: u64,
}

/// Pages that wait to be rendered, and that waited.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WaitStats {
    /// For whom they were rendered, as of their turn.
    pub urgency: Urgency,
    /// How many wait now.
    pub waiting: usize,
    /// How long others had waited.
    pub waited: HistogramStats,
}

/// What is rendered at the moment, and what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueStats {
    /// Renders under way that somebody waited for when they began.
    pub running_for_visitors: usize,
    /// Renders under way that nobody waited for when they began.
    pub running_in_background: usize,
    /// Pages that wait for their turn.
    pub waiting: usize,
    /// Visitors who wait for a page.
    pub visitors: usize,
}

/// How much one tier keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TierStats {
    /// Which one.
    pub tier: Tier,
    /// How many pages, or values.
    pub entries: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many they may take. On the disk all builds share it.
    pub limit: u64,
    /// How many were evicted for others, since there was no room for all. In memory, answers that there
    /// is no such page do not count: they have room of their own.
    pub evicted: u64,
}

/// How often a store was asked to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OperationCount {
    /// What.
    pub operation: StoreOperation,
    /// What became of it.
    pub outcome: StoreOutcome,
    /// How often.
    pub count: u64,
}

/// How often the right to render a page was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeaseCount {
    /// What became of it.
    pub outcome: LeaseOutcome,
    /// How often.
    pub count: u64,
}

/// How many purges came from somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PurgeCount {
    /// Where they came from.
    pub source: PurgeSource,
    /// Whether they were hard.
    pub hard: bool,
    /// How many there were.
    pub count: u64,
}

/// How long purges took.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PurgeDelays {
    /// Where they came from.
    pub source: PurgeSource,
    /// From when a purge was asked for until it was kept and held here. For those of other processes
    /// from when the ledger kept them, by the ledger's clock, until they held here; of those that were
    /// kept before this process began, none.
    pub took: HistogramStats,
}

/// How many reads of one origin came to something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReadCount {
    /// Scheme, host and port, as `https://cms.example`; `data` for functions of the app, and `other`
    /// beyond the first 32.
    pub origin: String,
    /// What they came to.
    pub outcome: ReadOutcome,
    /// How many there were.
    pub count: u64,
}

/// What one CDN is still to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CdnStats {
    /// Its name in the log, without a user in its address.
    pub cdn: String,
    /// How many purges wait.
    pub waiting: usize,
    /// How long the oldest has waited; zero if none waits.
    #[serde(serialize_with = "seconds")]
    pub oldest: Duration,
}

/// What is known of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerStats {
    /// Whether it is known what other processes purge. Always, if the store is not shared.
    pub is_connected: bool,
    /// The position of the last purge that holds here: microseconds since 1970, or more.
    pub position: u64,
    /// The memory of the server that keeps it; `None` if it is not in one, or not known.
    pub memory: Option<LedgerMemory>,
}

/// The memory of a server that keeps a ledger, such as a Redis, with all that is in it: pages too, if
/// they are in the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerMemory {
    /// How many bytes are in use.
    pub bytes: u64,
    /// How many may be; `None` if it has no limit of its own.
    pub limit: Option<u64>,
    /// What it removes once that is reached.
    pub eviction: Eviction,
}

/// Durations, in buckets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HistogramStats {
    /// The buckets, from the shortest. Each counts what is in no bucket before it.
    pub buckets: Vec<BucketCount>,
    /// How many were longer than all of these.
    pub longer: u64,
    /// All durations together.
    #[serde(serialize_with = "seconds")]
    pub sum: Duration,
}

impl HistogramStats {
    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum::<u64>() + self.longer
    }
}

/// One bucket of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BucketCount {
    /// The longest that it counts.
    #[serde(serialize_with = "seconds")]
    pub up_to: Duration,
    /// How many there are.
    pub count: u64,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
