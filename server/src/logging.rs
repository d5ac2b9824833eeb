//! Where log lines go: standard error, as text or JSON.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Command, Config, LogFormat};

/// Starts logging. Without `RUST_LOG` a server logs from `info` on, other
/// commands only warnings: they print a report of their own.
pub(crate) fn start(config: &Config, command: Option<&Command>) {
    let level = match command {
        None | Some(Command::Serve) => "info",
        Some(_) => "warn",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = fmt().with_env_filter(filter).with_ansi(stderr().is_terminal()).with_writer(stderr);
    match config.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
