//! Attacks the engine. See `attack --help` and README.md.

use std::{path::PathBuf, process::ExitCode};

use attack::{Error, Place, Report, crash, flood, memory, replicas, serve, sources};
use clap::{Parser, Subcommand};

/// Attacks the engine; exits with 1 if a promise was broken.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    attack: Attack,
}

#[derive(Debug, Subcommand)]
enum Attack {
    /// Kills the server with SIGKILL while it writes, and looks at what it serves afterwards
    Crash {
        /// How often it is killed
        #[arg(long, default_value_t = 200)]
        kills: usize,
        /// Also damages stored pages and the purge log before each start
        #[arg(long)]
        damage: bool,
        /// Has another server on the same folder all the time, which is not killed
        #[arg(long, conflicts_with = "damage")]
        neighbour: bool,
        /// Decides the random choices; another one each time by default
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Asks for more pages, and for more paths that are none, than the limits hold
    Flood(flood::Settings),
    /// Renders Leptos pages over and over and watches the process's memory
    Memory(memory::Settings),
    /// Reads the site while the source of its content misbehaves
    Source(sources::Settings),
    /// Breaks what servers share a Redis with, one fault after the other, and looks whether they
    /// still behave as one site
    Replicas {
        /// How many faults there are
        #[arg(long, default_value_t = 200)]
        rounds: usize,
        /// How many servers there are
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..))]
        servers: u8,
        /// Decides the random choices; another one each time by default
        #[arg(long)]
        seed: Option<u64>,
        /// A folder in which the logs of the servers stay
        #[arg(long)]
        logs: Option<PathBuf>,
    },
    /// A server that is attacked
    #[command(hide = true)]
    Server(Place),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().attack).await {
        Ok(report) => {
            eprint!("{report}");
            if report.violations() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(attack: Attack) -> Result<Report, Error> {
    match attack {
        Attack::Crash { kills, damage, neighbour, seed } => {
            let settings = crash::Settings {
                program: std::env::current_exe()?,
                kills,
                damage,
                neighbour,
                seed: seed.unwrap_or_else(new_seed),
            };
            crash::run(&settings).await
        }
        Attack::Flood(settings) => flood::run(&settings).await,
        Attack::Memory(settings) => memory::run(&settings).await,
        Attack::Source(settings) => sources::run(&settings).await,
        Attack::Replicas { rounds, servers, seed, logs } => {
            let settings = replicas::Settings {
                program: std::env::current_exe()?,
                rounds,
                servers: servers.into(),
                seed: seed.unwrap_or_else(new_seed),
                logs,
            };
            replicas::run(&settings).await
        }
        Attack::Server(place) => {
            serve(place).await?;
            Ok(Report::default())
        }
    }
}

fn new_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_nanos() as u64
}
