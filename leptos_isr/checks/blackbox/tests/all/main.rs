//! What a reader of a site sees, over HTTP: the behaviours that Next.js tests
//! of its own incremental static regeneration, ported to this engine.
//!
//! Each test names the behaviours by the numbers of the table in this package's
//! README. Every site runs as a process of its own on a folder and a clock of
//! its own; the clock stands still until the test moves it. Nothing sleeps: a
//! test that needs a regeneration to have ended asks the app for it.
//!
//! The library's examples are run here too (`examples`), by the system's clock.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command_line;
mod errors;
mod examples;
mod headers;
mod lists;
mod metrics;
#[path = "../caches/program.rs"]
#[expect(dead_code, reason = "some of it is for caches")]
mod program;
mod prometheus;
mod purging;
mod readme;
mod redis;
mod restart;
mod results;
mod spellings;
mod support;
mod two_servers;
