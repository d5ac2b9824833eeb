//! The tests of the library from outside, in one binary: a file for each of its subjects.
//!
//! `hit_cost` stands beside it: it counts allocations, with an allocator of the whole process. So does
//! `no_subscriber`, which is about what its process has never done.
//! Where tests share a process (`cargo test`) they must run one at a time: while one lists a Leptos
//! app's routes, resources are switched off for all.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

mod advice;
mod again;
mod apps;
mod at_start;
mod background;
#[cfg(feature = "object-store")]
mod bucket;
mod cdn;
mod check;
mod concurrent;
mod conformance;
mod contract;
mod csp;
mod data;
mod dependencies;
mod draft;
mod dropped;
mod dry_run;
mod encoding;
mod events;
mod failed_reads;
mod fetch;
mod fresh;
mod health;
mod inspector;
mod kit;
mod layers;
mod leptos;
mod live;
#[cfg(feature = "metrics")]
mod metrics;
mod missing;
mod own_handlers;
mod own_store;
mod page_list;
mod periods;
mod private;
mod queue;
mod restart;
mod serving;
mod sessions;
mod settings;
mod shared_files;
mod site_files;
mod slow_store;
mod spawned;
mod speculation_rules;
mod stats;
#[cfg(feature = "tls")]
mod tls;
mod two_engines;
mod webhooks;
mod why;
#[cfg(not(feature = "tls"))]
mod without_tls;
