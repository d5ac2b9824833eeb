//! Single flight, stamps and purges under every interleaving of threads.
//!
//! loom runs a model again and again, each time with another order of what its
//! threads do, until there is no other order. What it runs:
//!
//! - `single_flight.rs` and `clock.rs` of `leptos_isr`, the very files, compiled
//!   here with loom's locks and counters (`sync.rs`).
//! - In the place of tokio's `watch`, which loom cannot see into, a small channel
//!   of the same interface (`sync.rs`). That tokio's channel keeps its promises
//!   (a value sent is seen, a dropped sender wakes who waits) is not proved here.
//! - For purges, the steps of a render, a purge and a visit as the engine takes
//!   them, written down once more in [`purge`], with the real stamps and the real
//!   single flight. That the engine takes these steps in this order is for its
//!   own tests to show.
//!
//! The models are functions; `tests/` runs each under loom.

#[path = "../../../src/clock.rs"]
pub mod clock;
pub mod flights;
pub mod purge;
#[expect(dead_code, reason = "no model asks whether a flight is under way")]
#[path = "../../../src/tasks/single_flight.rs"]
mod single_flight;
pub mod stamps;
mod sync;
