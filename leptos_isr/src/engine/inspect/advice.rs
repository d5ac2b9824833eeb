//! What is told of periods that are too short, or too long.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{
    json::{maybe_seconds, moment, seconds},
    report::SetBy,
};

/// Which periods are too short, or too long; see [`Engine::advice`](crate::Engine::advice).
///
/// In JSON durations are seconds, with a fraction, and points in time are RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AdviceReport {
    /// When this was found out, by the engine's clock.
    #[serde(serialize_with = "moment")]
    pub at: SystemTime,
    /// The share of old answers up to which a period counts as short enough.
    pub wanted_old_share: f64,
    /// The routes that have pages with a period in memory.
    pub routes: Vec<RouteAdvice>,
    /// The 50 pages where another period would save most renders and old answers, most first. Those
    /// of which nothing is to be said are left out.
    pub pages: Vec<PageAdvice>,
}

/// What is advised for a route.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RouteAdvice {
    /// The route, as declared.
    pub route: String,
    /// How many of its pages with a period are in memory.
    pub pages: usize,
    /// For how many of them their code or a read sets a shorter period than the route.
    pub limited: usize,
    /// How many of them were different each time, at least 20 times. They are left out, unless all
    /// are.
    pub differ_each_time: usize,
    /// What all of its pages in memory come to.
    #[serde(flatten)]
    pub advice: Advice,
}

/// What is advised for a page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PageAdvice {
    /// The page's path in canonical form, with the query parameters that its route lists.
    pub page: String,
    /// The route whose page it is, as declared.
    pub route: String,
    /// Who sets its period.
    pub set_by: SetBy,
    /// What is advised.
    #[serde(flatten)]
    pub advice: Advice,
}

/// What the period of a page, or of a route, has come to, and what another would.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// What is to be said of its period.
    pub verdict: Verdict,
    /// The same in one sentence with its numbers.
    pub sentence: String,
    /// How often it was regenerated without a purge.
    pub regenerations: u64,
    /// How many of these regenerations gave another page.
    pub changed: u64,
    /// The times between these renders and those before them, added up.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// How often it was regenerated after a purge. What purges tell of does not count as changed: the
    /// changes are those that they missed.
    pub purged: u64,
    /// How often it is asked for in a day, in this process.
    pub requests_per_day: f64,
    /// How often it changes in a day, by an estimate; `None` where that is not known.
    pub changes_per_day: Option<f64>,
    /// The period that holds.
    #[serde(serialize_with = "maybe_seconds")]
    pub period: Option<Duration>,
    /// What that period costs; `None` where that is not known.
    pub now: Option<PeriodCost>,
    /// What is advised in its place, if it is too short or too long; or the shortest period, if none
    /// helps.
    pub advised: Option<PeriodCost>,
    /// How many renders there would have been in the same time if each change were purged; `None`
    /// where that is not known.
    pub renders_when_purged: Option<f64>,
}

/// What a period costs, by estimates that take changes and requests to come by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PeriodCost {
    /// The period. That which holds may be shorter for some pages of a route.
    #[serde(serialize_with = "seconds")]
    pub period: Duration,
    /// How many renders there would have been in the time of those that there were.
    pub renders: f64,
    /// The share of renders that give the same page.
    pub wasted_share: f64,
    /// The share of answers that show what is no longer so.
    pub old_share: f64,
    /// The same if there are more changes than were seen, as in one of twenty cases.
    pub old_share_at_most: f64,
}

/// What is to be said of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Half of the renders or more are wasted, and with twice the period hardly more answers would be
    /// old than is wanted, or than with any period.
    TooShort,
    /// More answers are old than is wanted, and fewer would be with a shorter period.
    TooLong,
    /// Neither.
    Fits,
    /// More answers are old than is wanted, and about as many would be with any period: purges help.
    NoneHelps,
    /// It was different each time, so nothing is known of how often it changes.
    DiffersEachTime,
    /// It was not regenerated 20 times, or not for three periods.
    TooEarly,
}
