//! Starts the news site's server. See `server --help`.

use std::process::ExitCode;

use app::data::answer::with_causes;
use clap::Parser;
use server::config::Cli;

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
