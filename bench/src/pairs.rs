//! Hits of one page on two servers, in pairs of rounds.

use std::path::Path;

use clap::Args;

use crate::{
    Result,
    contender::Server,
    load::{self, Load},
    machine,
    site::path,
};

/// How two servers are compared.
#[derive(Args)]
pub(crate) struct Pairs {
    /// Rounds in which hits are measured on each of two servers
    #[arg(long, default_value_t = 20)]
    pub(crate) rounds: usize,
    /// Seconds of each of their measurements
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Connections that are kept open for hits
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
}

/// Measures hits on both servers in turns, and prints what they cost.
///
/// # Errors
///
/// Passes on what the load generator says.
pub(crate) async fn compare(
    one: &Server,
    other: &Server,
    pairs: &Pairs,
    scratch: &Path,
) -> Result<()> {
    let servers = [one, other];
    let measure = |server: &Server, seconds| -> Result<(Load, f64)> {
        let before = machine::processor_time(server.pid());
        let url = format!("http://{}{}", server.addr, path());
        let headers = [("Accept-Encoding".to_owned(), "br".to_owned())];
        let load = load::wrk(&url, &headers, seconds, pairs.connections, scratch)?;
        let used = machine::processor_time(server.pid()).saturating_sub(before);
        let used = used.as_secs_f64() * 1e6 / load.requests as f64;
        Ok((load, used))
    };
    for server in servers {
        measure(server, 1)?;
    }
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..pairs.rounds {
        eprintln!("round {} of {}", round + 1, pairs.rounds);
        // Each goes first in every other round.
        for n in [round % 2, 1 - round % 2] {
            measured[n].push(measure(servers[n], pairs.seconds)?);
        }
    }
    println!(
        "| hits on one page, br | requests/s | processor time of the server per request, µs |\n\
         |---|--:|--:|"
    );
    for (server, rounds) in servers.iter().zip(&measured) {
        println!(
            "| {} | {:.0} | {:.2} |",
            server.name,
            machine::median(rounds.iter().map(|(load, _)| load.per_second())),
            machine::median(rounds.iter().map(|(_, used)| *used))
        );
    }
    let mut ratios: Vec<_> = measured[1]
        .iter()
        .zip(&measured[0])
        .map(|((_, with), (_, without))| with / without)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let quarter = ratios.len() / 4;
    println!(
        "\n{} rounds of {} s for each, {} connections. Processor time {}: {:.3} of that {}, the median \
         of the rounds; half of them lie between {:.3} and {:.3}.",
        pairs.rounds,
        pairs.seconds,
        pairs.connections,
        other.name,
        machine::median(ratios.iter().copied()),
        one.name,
        ratios[quarter],
        ratios[ratios.len() - 1 - quarter]
    );
    Ok(())
}
