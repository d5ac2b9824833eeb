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
mod tail;
mod text;
mod why;

use std::{
    io::{self, IsTerminal, Write, stdout},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    args::{Cli, Command, Format},
    failure::Failure,
    server::Server,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.format(stdout().is_terminal());
    run(cli, format).unwrap_or_else(|failure| {
        eprintln!("error: {}", text::printable(&failure.to_string()));
        failure.exit_code()
    })
}

fn run(cli: Cli, format: Format) -> Result<ExitCode, Failure> {
    let server = Server::new(&cli.connection)?;
    let report = match cli.command {
        Command::Tail => {
            let error = tail::tail(&server, format, print)?;
            return Ok(unread(&error, ExitCode::SUCCESS));
        }
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
    }?;
    let printed = print(&report.in_format(format));
    Ok(printed.map_or_else(|error| unread(&error, report.exit_code()), |()| report.exit_code()))
}

/// The exit code where nobody takes the answer.
fn unread(error: &io::Error, code: ExitCode) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // Whoever read has seen enough.
        return code;
    }
    eprintln!("error: cannot write the answer: {error}");
    failure::REFUSED.into()
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
