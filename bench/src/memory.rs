//! What memory the server takes while all of its pages are purged again and again under load.

use std::time::Duration;

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    Result,
    contender::free_addr,
    content, load, machine,
    site::{Site, purge},
};

/// How the storm is made.
#[derive(Args)]
pub(crate) struct Options {
    /// Pages that are asked for
    #[arg(long, default_value_t = 750)]
    pages: usize,
    /// Seconds between two purges of all pages
    #[arg(long, default_value_t = 1)]
    every: u64,
    /// Seconds of the storm
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Connections that are kept open
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// MiB that pages may take in memory
    #[arg(long, default_value_t = 64)]
    limit: usize,
}

/// Each of wrk's threads asks for random pages, as browsers do: most in Brotli.
fn script(pages: usize) -> String {
    let (first, last) = (content::slug(0), pages - 1);
    let prefix = first.trim_end_matches('0');
    format!(
        r#"
local encodings = {{ "gzip, deflate, br, zstd", "gzip, deflate, br, zstd", "gzip", "identity" }}
init = function() math.randomseed(os.time()) end
request = function()
  wrk.headers["Accept-Encoding"] = encodings[math.random(#encodings)]
  return wrk.format("GET", "/articles/{prefix}" .. math.random(0, {last}))
end
"#
    )
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let site = Site { scratch: scratch.path(), articles: options.pages };
    site.write()?;
    let addr = free_addr()?;
    let limit = options.limit.to_string();
    let server = site.start_with(&addr, &free_addr()?, &[("ISR_MEMORY_MIB", &limit)]).await?;
    let resident = || machine::resident(server.pid());
    let at_start = resident();
    let (url, script) = (format!("http://{addr}/"), script(options.pages));
    let (seconds, connections) = (options.seconds, options.connections);
    let folder = scratch.path().to_owned();
    let storm = tokio::task::spawn_blocking(move || {
        load::wrk_with(&script, &url, &[], seconds, connections, &folder)
    });
    let mut purges = interval(Duration::from_secs(options.every));
    purges.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut curve = Vec::new();
    while !storm.is_finished() {
        purges.tick().await;
        purge(&server, &serde_json::json!({ "prefixes": ["/"] })).await?;
        curve.push(resident());
    }
    let load = storm.await??;
    let tenth = curve.len().div_ceil(10);
    let most = |curve: &[f64]| curve.iter().copied().fold(0.0, f64::max);
    println!("| resident memory, MiB | |\n|---|--:|");
    println!("| at the start | {at_start:.0} |");
    println!("| in the storm, first tenth | {:.0} |", most(&curve[..tenth]));
    println!("| in the storm, last tenth | {:.0} |", most(&curve[curve.len() - tenth..]));
    println!("| in the storm, most | {:.0} |", machine::peak(server.pid()));
    println!(
        "\n{} pages, all purged every {} s for {} s; {:.0} requests/s, p99 {:.1} ms. Memory for \
         pages: {} MiB.",
        options.pages,
        options.every,
        options.seconds,
        load.per_second(),
        load.p99 as f64 / 1000.0,
        options.limit
    );
    Ok(())
}
