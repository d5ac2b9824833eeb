//! Starts the news site's server. See `server --help`.

use std::process::ExitCode;

use clap::Parser;
use server::config::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match server::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", server::causes(&error).join("\n  because: "));
            ExitCode::FAILURE
        }
    }
}
