//! Real caches in front of the engine, set up as the guide's chapter "Behind a proxy or CDN" says.
//!
//! nginx and Varnish are Debian's packages `nginx`, `varnish` and `varnish-modules`. Where they are
//! missing these tests say so and pass, and fail if `CI` is `true`. Each starts a cache of its own on
//! a free port, with its files in a temporary folder.
//!
//! The caches go by the system's clock and the engine by one that stands still. So a page with a
//! period of a second becomes stale in the cache alone; a test asks until it is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../all/support/built.rs"]
mod built;
mod nginx;
mod origin;
mod program;
mod varnish;
mod visitor;
