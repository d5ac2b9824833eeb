//! The news site's server: configuration, content, pages, commands.
//!
//! [`run`] is the whole program. [`site::site`] puts the app and the stored
//! pages together without a socket, so that tests can call it.

mod cdns;
mod check;
pub mod compress;
pub mod config;
pub mod content;
mod error;
mod hooks;
mod import;
mod logging;
mod prerender;
mod report;
mod security;
mod serve;
pub mod site;

pub use cdns::CdnError;
pub use error::Error;
pub use hooks::HooksError;

use config::{Cli, Command};

/// Does what the command line asks for.
///
/// # Errors
///
/// Returns why it could not be done; a build with failed pages is an error too.
pub async fn run(cli: Cli) -> Result<(), Error> {
    logging::start(&cli.config, cli.command.as_ref());
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::serve(&cli.config).await,
        Command::Prerender { jobs } => prerender::prerender(&cli.config, jobs).await,
        Command::Check { json } => check::check(&cli.config, json).await,
        Command::Import { folder, dates_from_git } => {
            import::import(&cli.config, &folder, dates_from_git).await
        }
    }
}
