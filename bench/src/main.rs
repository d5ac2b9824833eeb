//! Measures stored pages beside what one would use instead, on this machine and in one run.
//!
//! `make bench` installs what is missing, builds everything and runs
//! its commands one after the other; each prints Markdown. See
//! `README.md` in this folder.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

mod build;
mod contender;
mod content;
mod engine;
mod frameworks;
mod load;
mod machine;
mod memory;
mod metrics;
mod pairs;
mod phone;
mod plot;
mod replicas;
mod serve;
mod site;
mod storm;
mod wasm;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// What goes wrong is told and ends the run.
pub(crate) type Result<T> = std::result::Result<T, Error>;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Measures stored pages beside what one would use instead.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One stored article page, from this server and from others
    Serve(serve::Options),
    /// Hits on one page while many others are regenerated
    Storm(storm::Options),
    /// What memory the server takes while all pages are purged under load
    Memory(memory::Options),
    /// Servers that share a Redis: renders, purges, and hits beside a server without one
    Replicas(replicas::Options),
    /// What it costs to know what a server does: metrics, the inspector, what is remembered of pages
    Metrics(metrics::Options),
    /// What a page costs at build, beside `next build`
    Build(build::Options),
    /// Lighthouse and hydration as on a slow phone
    Phone(phone::Options),
    /// What the browser loads, and what that is made of
    Wasm(wasm::Options),
    /// Building, starting, purging and regenerating many pages
    Engine(engine::Options),
    /// Opens a store, answers one request from it and says how long it took
    #[command(hide = true)]
    Start {
        /// The store's folder
        folder: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(options) => serve::run(&options).await,
        Command::Storm(options) => storm::run(&options).await,
        Command::Memory(options) => memory::run(&options).await,
        Command::Replicas(options) => replicas::run(&options).await,
        Command::Metrics(options) => metrics::run(&options).await,
        Command::Build(options) => build::run(&options).await,
        Command::Phone(options) => phone::run(&options).await,
        Command::Wasm(options) => wasm::run(&options),
        Command::Engine(options) => engine::run(&options).await,
        Command::Start { folder } => engine::start(&folder).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
