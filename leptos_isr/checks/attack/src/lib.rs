//! Attacks on the engine: kills while it writes, faults between servers that are one site, floods of
//! unknown paths, renders without end, a source that misbehaves. Each looks for a broken promise and
//! reports what it found.

pub mod crash;
pub mod flood;
pub mod memory;
pub mod replicas;
pub mod sources;

mod child;
mod client;
mod machine;
mod report;
mod sealed;
mod server;
mod versions;

pub use report::Report;
pub use server::{Place, serve};

/// Why an attack could not be carried out; a broken promise is no error but in its [`Report`].
pub type Error = Box<dyn std::error::Error + Send + Sync>;
