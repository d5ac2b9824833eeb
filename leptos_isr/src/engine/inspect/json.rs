//! Times in JSON: durations are seconds, points in time are RFC 3339.

use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_millis;
use serde::{Serialize, Serializer};

pub(in crate::engine) fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    in_seconds(*time).serialize(to)
}

pub(in crate::engine) fn maybe_seconds<S: Serializer>(
    time: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    time.map(in_seconds).serialize(to)
}

/// To the millisecond.
fn in_seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

pub(in crate::engine) fn moment<S: Serializer>(
    time: &SystemTime,
    to: S,
) -> Result<S::Ok, S::Error> {
    format_rfc3339_millis(*time).to_string().serialize(to)
}

pub(super) fn maybe_moment<S: Serializer>(
    time: &Option<SystemTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| format_rfc3339_millis(time).to_string()).serialize(to)
}
