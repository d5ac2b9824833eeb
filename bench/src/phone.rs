//! What a reader with a slow phone gets.

use std::{path::PathBuf, process::Command};

use clap::Args;

use crate::{
    Result,
    contender::free_addr,
    machine,
    site::{Site, path},
};

/// Where the program is that drives the browser.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the program that drives the browser
    #[arg(long, default_value = "bench/phone")]
    phone: PathBuf,
    /// An article of a server that runs already, to be visited in turns with ours; any number
    #[arg(long, value_name = "NAME=URL")]
    beside: Vec<String>,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let site = Site { scratch: scratch.path(), articles: 300 };
    site.write()?;
    let addr = free_addr()?;
    let _server = site.start(&addr, &free_addr()?).await?;
    println!("Machine: {}.\n", machine::describe());
    let program = options.phone.join("phone.mjs");
    let mut command = Command::new("node");
    command.arg(program).arg(format!("http://{addr}")).args(["/", &path()]);
    for other in &options.beside {
        command.args(["--beside", other]);
    }
    if command.status()?.success() {
        return Ok(());
    }
    Err("the measurement on a phone failed; `make bench` installs what it needs".into())
}
