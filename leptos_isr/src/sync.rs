//! The locks, counters and channel of [`single_flight`](crate::tasks::single_flight)
//! and [`clock`](crate::clock).
//!
//! Those two files are compiled a second time by the crate `leptos_isr_loom`,
//! with another module of this name: its types let loom run them under every
//! interleaving of threads. There `cfg(isr_loom)` holds.

pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

pub(crate) use tokio::sync::watch;
