//! Hits on one page while many others are regenerated.

use clap::Args;

use crate::{
    Result,
    contender::{Server, free_addr},
    content,
    load::{self, Rounds},
    machine,
    site::{self, Site, path},
};

/// How the storm is made.
#[derive(Args)]
pub(crate) struct Options {
    /// Stale pages that are regenerated meanwhile
    #[arg(long, default_value_t = 1500)]
    pages: usize,
    #[command(flatten)]
    load: Rounds,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let site = Site { scratch: scratch.path(), articles: options.pages + 10 };
    site.write()?;
    let addr = free_addr()?;
    let server = site.start(&addr, &free_addr()?).await?;
    visit_all(&server, options.pages).await?;
    let url = format!("http://{addr}{}", path());
    let identity = [("Accept-Encoding".to_owned(), "identity".to_owned())];
    let wrk = || {
        load::wrk(&url, &identity, options.load.seconds, options.load.connections, scratch.path())
    };
    wrk()?;
    let (mut idle, mut storm) = (Vec::new(), Vec::new());
    let mut regenerated = Vec::new();
    for round in 0..options.load.rounds {
        eprintln!("round {} of {}", round + 1, options.load.rounds);
        idle.push(wrk()?);
        purge(&server, options.pages).await?;
        let (url, headers, scratch) = (url.clone(), identity.clone(), scratch.path().to_owned());
        let (seconds, connections) = (options.load.seconds, options.load.connections);
        let hits = tokio::task::spawn_blocking(move || {
            load::wrk(&url, &headers, seconds, connections, &scratch)
        });
        let stale = count_stale(&server, options.pages).await?;
        storm.push(hits.await??);
        if stale < options.pages {
            return Err(format!("only {stale} pages were stale").into());
        }
        let left = count_stale(&server, options.pages).await?;
        regenerated.push((options.pages - left) as f64);
        // The rest, before the next round.
        while count_stale(&server, options.pages).await? > 0 {}
    }
    let rate = |loads: &[load::Load]| machine::median(loads.iter().map(load::Load::per_second));
    let of = |loads: &[load::Load], value: fn(&load::Load) -> u64| {
        machine::median(loads.iter().map(|load| value(load) as f64)) / 1000.0
    };
    println!(
        "| hits on one page | requests/s | p50, ms | p99, ms | max, ms |\n|---|--:|--:|--:|--:|"
    );
    for (name, loads) in [("nothing else to do", &idle), ("while pages are regenerated", &storm)] {
        println!(
            "| {name} | {:.0} | {:.2} | {:.2} | {:.1} |",
            rate(loads),
            of(loads, |load| load.p50),
            of(loads, |load| load.p99),
            of(loads, |load| load.max)
        );
    }
    println!(
        "\n{} pages were stale at the start of each measurement, {:.0} of them were regenerated \
         within its {} s. Requests per second: {:.2} of those when idle; p99: {:.1} times.",
        options.pages,
        machine::median(regenerated),
        options.load.seconds,
        rate(&storm) / rate(&idle),
        of(&storm, |load| load.p99) / of(&idle, |load| load.p99)
    );
    Ok(())
}

fn page(n: usize) -> String {
    format!("/articles/{}", content::slug(n + 10))
}

async fn visit_all(server: &Server, pages: usize) -> Result<()> {
    for n in 0..pages {
        let answer = load::get(&server.addr, &page(n), &[]).await?;
        if answer.status != 200 {
            return Err(format!("{} answered {}", page(n), answer.status).into());
        }
    }
    Ok(())
}

/// Purges all pages but the one that is hit.
async fn purge(server: &Server, pages: usize) -> Result<()> {
    let paths: Vec<_> = (0..pages).map(page).collect();
    site::purge(server, &serde_json::json!({ "paths": paths })).await
}

/// Visits the pages: each that is stale is served so, and its regeneration
/// queued. Returns how many were stale.
async fn count_stale(server: &Server, pages: usize) -> Result<usize> {
    let mut stale = 0;
    for n in 0..pages {
        let answer = load::get(&server.addr, &page(n), &[]).await?;
        let status = answer.header("cache-status").unwrap_or_default();
        if status.contains("detail=purged") {
            stale += 1;
        } else if !status.starts_with("isr; hit") {
            return Err(format!("{}: {status}: a visitor waited", page(n)).into());
        }
    }
    Ok(stale)
}
