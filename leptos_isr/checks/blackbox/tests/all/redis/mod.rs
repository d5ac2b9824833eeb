//! Servers on machines of their own that share a Redis: the app's processes, and real redis-servers.
//!
//! `redis-server` is a Debian package of that name. Where it is missing these tests say so and pass,
//! and fail if `CI` is `true`. Each starts a Redis of its own on a free port, with its files in a
//! temporary folder.
//!
//! The servers go by the test's clock, which stands still until it is moved, and Redis by its own.

mod cdns;
mod conformance;
mod faults;
mod fleet;
mod link;
mod refused;
pub(crate) mod server;
