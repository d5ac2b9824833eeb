//! Starts the news site's server. See `server --help`.

use std::process::ExitCode;

use app::data::answer::with_causes;
use clap::Parser;
use server::config::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match server::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}
