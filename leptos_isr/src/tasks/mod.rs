//! When work is done: one render per key, in turn, again after a failure, or behind visitors.

pub(crate) mod background;
pub(crate) mod backoff;
pub(crate) mod schedule;
pub(crate) mod single_flight;
