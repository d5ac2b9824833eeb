//! Starts the news site's server. See `server --help`.

use std::process::ExitCode;

use app::data::answer::with_causes;
use clap::Parser;
use server::config::Cli;

/// Gives memory back that threads no longer need: with glibc's allocator a storm of regenerations
/// leaves far more resident (`bench memory`).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The stack of each thread, in bytes: as large as on the engine's own, since pages are rendered on
/// these too.
const STACK_SIZE: usize = 8 << 20;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_SIZE)
        .build()
        .expect("threads can be started");
    match runtime.block_on(server::run(Cli::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}
