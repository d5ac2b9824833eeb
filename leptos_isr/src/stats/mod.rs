//! What an engine has done since it was opened, and what it does now: numbers for operators.
//!
//! [`Engine::stats`](crate::Engine::stats) gives a snapshot, [`Stats`]. With the feature `metrics` the
//! same snapshot is given to Prometheus: `GET /_isr/metrics`, `Metrics`.
//!
//! Counters are plain atomics that are there from the start, one set for each route: a hit adds one to
//! one of them and does nothing else. They begin at zero with the engine, and count in this process
//! only.

mod counters;
mod histogram;
mod labels;
#[cfg(feature = "metrics")]
mod metrics;
mod snapshot;

pub(crate) use self::counters::{Counters, OTHER_ORIGIN, OperationCounters, RouteSlot};
#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub use self::{
    labels::{
        AnswerKind, Eviction, LeaseOutcome, PurgeSource, ReadOutcome, RenderOutcome, RenderReason,
        RequestResult, StoreOperation, StoreOutcome, Tier, Urgency,
    },
    snapshot::{
        BucketCount, CdnStats, HistogramStats, LeaseCount, LedgerMemory, LedgerStats,
        OperationCount, PurgeCount, PurgeDelays, QueueStats, ReadCount, RenderCount, RequestCount,
        RouteStats, Stats, TierStats, WaitStats,
    },
};
