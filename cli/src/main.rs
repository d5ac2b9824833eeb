//! `isr`: asks a running server of `leptos_isr` about its pages. See `isr --help`.

mod advice;
mod args;
mod diff;
mod doctor;
mod failure;
mod list;
mod public;
mod purge;
mod regenerate;
mod report;
mod server;
mod text;
mod why;

use std::{
    io::{self, IsTerminal, Write, stdout},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    args::{Cli, Command},
    failure::Failure,
    report::Report,
    server::Server,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.format(stdout().is_terminal());
    match run(cli) {
        Ok(report) => match print(&report.in_format(format)) {
            Ok(()) => report.exit_code(),
            // Whoever read has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => report.exit_code(),
            Err(error) => {
                eprintln!("error: cannot write the answer: {error}");
                failure::REFUSED.into()
            }
        },
        Err(failure) => {
            eprintln!("error: {}", text::printable(&failure.to_string()));
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<Report, Failure> {
    let server = Server::new(&cli.connection)?;
    match cli.command {
        Command::Why { page } => why::why(&server, &page),
        Command::Ls(list) => list::ls(&server, &list),
        Command::Top { by, limit } => list::top(&server, by, limit),
        Command::Purge(purge) => purge::purge(&server, &purge),
        Command::Regenerate { pages } => regenerate::regenerate(&server, &pages),
        Command::Diff { page } => diff::diff(&server, &page),
        Command::Doctor { page } => doctor::doctor(&server, page.as_deref()),
        Command::Advise => advice::advise(&server),
        Command::Period { route, period, .. } => {
            advice::set_period(&server, &route, period.as_deref())
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
