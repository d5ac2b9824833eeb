//! The locks, counters and channel of [`single_flight`](crate::tasks::single_flight) and
//! [`clock`](crate::clock).
//!
//! The crate `leptos_isr_loom` compiles those two files a second time, with another module of this
//! name. Its types let loom run them under every interleaving of threads. There `cfg(isr_loom)`
//! holds.

pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

pub(crate) use tokio::sync::watch;
