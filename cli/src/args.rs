//! What the command line says.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "\
Environment:
  ISR_URL     the server's address, unless --url gives it
  ISR_TOKEN   its token (`Builder::token`), unless --token-file names a file that holds it
  ISR_COOKIE  cookies to send with pages that are fetched as visitors fetch them, such as a draft's

Exit codes:
  0  all is well
  1  there is a finding, a difference, or a page that failed
  2  the command or the server's answer says that the call is wrong
  3  the server cannot be reached, or refuses";

/// Asks a running server of leptos_isr about its pages.
///
/// Prints text for people on a terminal, and JSON elsewhere.
#[derive(Debug, Parser)]
#[command(name = "isr", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print JSON, also on a terminal
    #[arg(long, global = true, conflicts_with = "text")]
    json: bool,
    /// Print text, also where the output is no terminal
    #[arg(long, global = true)]
    text: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which server is asked, and how it knows who asks.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The server's address, such as `http://127.0.0.1:3000`
    #[arg(long, env = "ISR_URL", hide_env_values = true, global = true)]
    pub(crate) url: Option<String>,
    /// A file that holds the token
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// How the answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Cli {
    pub(crate) fn format(&self, is_terminal: bool) -> Format {
        match self {
            Self { json: true, .. } => Format::Json,
            Self { text: true, .. } => Format::Text,
            _ if is_terminal => Format::Text,
            _ => Format::Json,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say why a page is as old as it is
    ///
    /// With a whole address, such as `https://example.org/articles/x`, the page is also fetched from
    /// there, as a visitor would, and compared with what the server says. Cookies for that are taken
    /// from ISR_COOKIE.
    Why {
        /// A path, or the page's public address
        page: String,
    },
    /// List the pages in the server's memory, and those that fail
    Ls(List),
    /// List the pages that come first by what they cost or how much they are asked for
    Top {
        /// What comes first
        #[arg(long, value_enum, default_value_t)]
        by: Order,
        /// How many
        #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Make pages stale, to be regenerated before their period is over
    Purge(Purge),
    /// Regenerate pages, and wait until they are stored
    Regenerate {
        /// Paths or addresses
        #[arg(required = true, value_name = "PAGE")]
        pages: Vec<String>,
    },
    /// Show how a stored page differs from a fresh render, which is not stored
    ///
    /// What differs each time, such as the time of the render or a random id, makes every
    /// regeneration a change.
    Diff {
        /// A path or an address
        page: String,
    },
    /// Look for what is wrong with the server and what is in front of it
    Doctor {
        /// The public address of a stored page, to look at what is in front of the server too
        #[arg(value_name = "URL")]
        page: Option<String>,
    },
    /// Print what the server advises about periods
    Advise,
    /// Follow what the server renders and what is purged, until it is interrupted
    ///
    /// Prints the last ten, then each as it happens, a line each.
    Tail,
    /// Change the period of a route while the server runs
    #[command(group(ArgGroup::new("to").required(true)))]
    Period {
        /// The route's path, as declared
        route: String,
        /// Its period, such as 10m
        #[arg(group = "to")]
        period: Option<String>,
        /// Go back to the declared period
        #[arg(long, group = "to")]
        reset: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// What comes first
    #[arg(long, value_enum, default_value_t)]
    pub(crate) sort: Order,
    /// Only pages whose path or query has this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// Only pages of this route, as declared
    #[arg(long)]
    pub(crate) route: Option<String>,
    /// Only pages that were made of the read of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) read: Option<String>,
    /// How many
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

/// What comes first in a list of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Asked for most often
    #[default]
    Demand,
    /// Took most time to render
    Cost,
    /// Regenerated most often without a change
    Waste,
    /// Longest past its period, or purged longest ago
    Staleness,
    /// Largest
    Size,
    /// Failed most often in a row
    Errors,
}

impl Order {
    /// Its name for the server.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Demand => "demand",
            Self::Cost => "cost",
            Self::Waste => "waste",
            Self::Staleness => "staleness",
            Self::Size => "size",
            Self::Errors => "errors",
        }
    }
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true)))]
pub(crate) struct Purge {
    /// The pages of this path
    #[arg(long = "path", group = "what", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// This path, and all below it
    #[arg(long = "prefix", group = "what", value_name = "PATH")]
    pub(crate) prefixes: Vec<String>,
    /// What carries this tag
    #[arg(long = "tag", group = "what", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Have the next visitors wait for the new pages
    #[arg(long)]
    pub(crate) hard: bool,
    /// Purge nothing, and say how many pages it would reach
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn output_is_text_on_a_terminal_and_json_elsewhere_unless_told_otherwise() {
        for (flag, is_terminal, format) in [
            (None, true, Format::Text),
            (None, false, Format::Json),
            (Some("--json"), true, Format::Json),
            (Some("--text"), false, Format::Text),
        ] {
            let cli = Cli::try_parse_from(["isr", "advise"].into_iter().chain(flag)).unwrap();
            assert_eq!(cli.format(is_terminal), format, "{flag:?} {is_terminal}");
        }
    }

    #[test]
    fn purge_of_nothing_and_period_without_one_are_wrong_usage() {
        for wrong in [
            &["isr"][..],
            &["isr", "purge", "--dry-run"],
            &["isr", "period", "/a"],
            &["isr", "period", "/a", "1m", "--reset"],
            &["isr", "ls", "--limit", "0"],
            &["isr", "ls", "--sort", "name"],
            &["isr", "advise", "--json", "--text"],
        ] {
            assert_eq!(Cli::try_parse_from(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }
}
