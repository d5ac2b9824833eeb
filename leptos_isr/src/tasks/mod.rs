//! When renders run: one per key, in turn, again after a failure, and behind visitors.

pub(crate) mod background;
pub(crate) mod backoff;
pub(crate) mod schedule;
pub(crate) mod single_flight;
pub(crate) mod worker;
