//! When renders run: one per key, in turn, again after a failure, and behind visitors. To whom they log.

pub(crate) mod background;
pub(crate) mod backoff;
pub(crate) mod schedule;
pub(crate) mod single_flight;
pub(crate) mod subscriber;
pub(crate) mod worker;
