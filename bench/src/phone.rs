//! What a reader with a slow phone gets.

use std::{path::PathBuf, process::Command};

use clap::Args;

use crate::{
    Result,
    contender::free_addr,
    frameworks, machine,
    site::{Site, path},
};

/// What drives the browser, and what it visits besides.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the program that drives the browser
    #[arg(long, default_value = "bench/phone")]
    phone: PathBuf,
    /// An article of a server that runs already, to be visited in turns with the others; any number
    #[arg(long, value_name = "NAME=URL")]
    beside: Vec<String>,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let site = Site { scratch: scratch.path(), articles: 300 };
    site.write()?;
    let (addr, content_addr) = (free_addr()?, free_addr()?);
    let _server = site.start(&addr, &content_addr).await?;
    let others = frameworks::start(&site, &content_addr).await?;
    println!("Machine: {}.\n", machine::describe());
    println!("Versions: {}; Node.js {}.\n", frameworks::versions(), machine::version("node", "-v"));
    let program = options.phone.join("phone.mjs");
    let mut command = Command::new("node");
    command.arg(program).arg(format!("http://{addr}")).args(["/", &path()]);
    let others =
        others.iter().map(|other| format!("{}=http://{}{}", other.name, other.addr, path()));
    for other in others.chain(options.beside.iter().cloned()) {
        command.arg("--beside").arg(other);
    }
    if command.status()?.success() {
        return Ok(());
    }
    Err("the measurement on a phone failed; `make bench` installs what it needs".into())
}
