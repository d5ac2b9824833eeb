//! Servers that share a Redis: how often a page is rendered when it expires, when a purge is heard,
//! and what hits cost beside a server without one.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use clap::Args;
use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{
    Result,
    contender::{Server, free_addr},
    content, load, machine,
    pairs::{self, Pairs},
    site::{self, Site, path, purge},
};

/// How long a page is fresh, and how long visitors come in each round. A page expires once in a round.
const PERIOD: Duration = Duration::from_secs(6);
const VISITS: Duration = Duration::from_secs(4);

/// For how many seconds a page must be fresh for a purge of it to be timed.
const LEFT: u64 = 3;

/// Visitors of each server.
const VISITORS: usize = 4;

/// Servers are told apart in logs.
const NAMES: [&str; 5] = ["replica 1", "replica 2", "replica 3", "replica 4", "replica 5"];

/// How servers are measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Pages that expire at once
    #[arg(long, default_value_t = 200)]
    pages: usize,
    /// How often they do
    #[arg(long, default_value_t = 5)]
    expiries: usize,
    /// How many purges are waited for
    #[arg(long, default_value_t = 50)]
    purges: usize,
    #[command(flatten)]
    hits: Pairs,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    println!("Machine: {}.", machine::describe());
    println!("{}.\n", machine::version("redis-server", "--version"));
    println!(
        "| servers | renders per expiry | answers | from the store | a purge is heard, median, ms | worst, ms |\n\
         |--:|--:|--:|--:|--:|--:|"
    );
    for count in [1, 3, 5] {
        eprintln!("{count} servers");
        let scratch = tempfile::tempdir()?;
        let redis = Redis::start(scratch.path()).await?;
        let servers = start(options, scratch.path(), &redis, count).await?;
        let visits = expire(options, &servers, scratch.path()).await?;
        let heard = hear(options, &servers).await?;
        let worst = heard.iter().copied().reduce(f64::max);
        let median = worst.map(|_| machine::median(heard));
        let millis = |time: Option<f64>| time.map_or("–".to_owned(), |time| format!("{time:.0}"));
        println!(
            "| {count} | {:.3} | {} | {:.2} % | {} | {} |",
            visits.renders as f64 / (options.pages * options.expiries) as f64,
            visits.answers,
            visits.hits as f64 / visits.answers as f64 * 100.0,
            millis(median),
            millis(worst),
        );
    }
    println!(
        "\n{} pages expire {} times under load; {} purges of a page by one server, each waited for on \
         every other one.\n",
        options.pages, options.expiries, options.purges
    );
    compare_hits(options).await
}

/// Servers on a Redis, each with a disk and a database of its own, that have rendered all pages.
async fn start(
    options: &Options,
    scratch: &Path,
    redis: &Redis,
    count: usize,
) -> Result<Vec<Server>> {
    let site = Site { scratch, articles: options.pages };
    site.write()?;
    let mut servers = Vec::new();
    for name in &NAMES[..count] {
        let addr = free_addr()?;
        let mut command = site.command(&site::program("server")?, name, &addr);
        command
            .env("CONTENT_ADDR", free_addr()?)
            .env("ISR_REDIS_URL", redis.url())
            .env("ISR_REVALIDATE", format!("/articles/:slug={}s", PERIOD.as_secs()))
            .env("RUST_LOG", "leptos_isr=info,warn");
        servers.push(Server::start(name, command, &addr, "/about", scratch).await?);
    }
    visit(options, &servers).await?;
    Ok(servers)
}

/// What visitors got.
#[derive(Default)]
struct Visits {
    answers: usize,
    /// From the store, at once.
    hits: usize,
    renders: usize,
}

/// Lets all pages expire again and again.
async fn expire(options: &Options, servers: &[Server], scratch: &Path) -> Result<Visits> {
    let mut all = Visits::default();
    for _ in 0..options.expiries {
        sleep(PERIOD + Duration::from_millis(500)).await;
        let before = renders(scratch)?;
        let visits = visit(options, servers).await?;
        all.answers += visits.answers;
        all.hits += visits.hits;
        all.renders += renders(scratch)? - before;
    }
    Ok(all)
}

/// How many renders of articles all servers have logged.
fn renders(scratch: &Path) -> Result<usize> {
    let mut renders = 0;
    for entry in fs::read_dir(scratch)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let log = fs::read_to_string(path)?;
            let is_render =
                |line: &&str| line.contains("regenerated") && line.contains("/articles/");
            renders += log.lines().filter(is_render).count();
        }
    }
    Ok(renders)
}

/// Each visitor asks for all pages in turn, again and again.
async fn visit(options: &Options, servers: &[Server]) -> Result<Visits> {
    let began = Instant::now();
    let visitor = |server: &Server, first: usize| {
        let (addr, pages) = (server.addr.clone(), options.pages);
        tokio::spawn(async move {
            let mut visits = Visits::default();
            for n in (0..pages).cycle().skip(first) {
                if began.elapsed() >= VISITS {
                    break;
                }
                let status = cache_status(&addr, n).await?;
                visits.answers += 1;
                visits.hits += usize::from(status.starts_with("isr; hit"));
            }
            Ok::<_, crate::Error>(visits)
        })
    };
    let first = |n| n * options.pages / VISITORS;
    let all = servers.iter().flat_map(|server| (0..VISITORS).map(move |n| (server, first(n))));
    let mut sum = Visits::default();
    for visits in try_join_all(all.map(|(server, first)| visitor(server, first))).await? {
        let visits = visits?;
        sum.answers += visits.answers;
        sum.hits += visits.hits;
    }
    Ok(sum)
}

async fn cache_status(addr: &str, page: usize) -> Result<String> {
    let path = format!("/articles/{}", content::slug(page));
    let answer = load::get(addr, &path, &[]).await?;
    if answer.status != 200 {
        return Err(format!("{addr}{path} answered {}", answer.status).into());
    }
    Ok(answer.header("cache-status").unwrap_or_default().to_owned())
}

/// Purges a page on one server after the other. Returns when each of the others had heard of it, in
/// milliseconds after the answer.
async fn hear(options: &Options, servers: &[Server]) -> Result<Vec<f64>> {
    let mut heard = Vec::new();
    for n in 0..options.purges {
        let page = n % options.pages;
        for server in servers {
            // Its period must not end before the purge is heard: the server would then take the new
            // page of another one, and never say that the old one was purged.
            while left(&cache_status(&server.addr, page).await?) < Some(LEFT) {
                sleep(Duration::from_millis(5)).await;
            }
        }
        let asked = n % servers.len();
        let path = format!("/articles/{}", content::slug(page));
        purge(&servers[asked], &serde_json::json!({ "paths": [path] })).await?;
        let answered = Instant::now();
        let others = servers.iter().enumerate().filter(|(other, _)| *other != asked);
        let others = others.map(|(_, server)| async move {
            // The first answer after it has heard says so.
            while !cache_status(&server.addr, page).await?.contains("detail=purged") {
                if answered.elapsed() > Duration::from_secs(LEFT) {
                    return Err::<_, crate::Error>("a purge was not heard".into());
                }
                sleep(Duration::from_millis(1)).await;
            }
            Ok(answered.elapsed().as_secs_f64() * 1000.0)
        });
        heard.extend(try_join_all(others).await?);
    }
    Ok(heard)
}

/// For how many seconds a page is fresh that came from the store.
fn left(status: &str) -> Option<u64> {
    status.strip_prefix("isr; hit; ttl=")?.parse().ok()
}

/// Hits of one page, on a server with a Redis and on one without, in pairs.
async fn compare_hits(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let redis = Redis::start(scratch.path()).await?;
    let site = Site { scratch: scratch.path(), articles: options.pages };
    site.write()?;
    let mut servers = Vec::new();
    for name in ["without a Redis", "with a Redis"] {
        let addr = free_addr()?;
        let mut command = site.command(&site::program("server")?, name, &addr);
        command.env("CONTENT_ADDR", free_addr()?);
        if name == "with a Redis" {
            command.env("ISR_REDIS_URL", redis.url());
        }
        servers.push(Server::start(name, command, &addr, &path(), scratch.path()).await?);
    }
    pairs::compare(&servers[0], &servers[1], &options.hits, scratch.path()).await
}

/// A Redis that keeps a log; it is killed when this is dropped.
struct Redis {
    addr: String,
    child: Child,
}

impl Redis {
    async fn start(scratch: &Path) -> Result<Self> {
        let (addr, folder) = (free_addr()?, scratch.join("redis"));
        fs::create_dir_all(&folder)?;
        let port = addr.rsplit(':').next().unwrap_or_default();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--port", port]);
        command.arg("--dir").arg(&folder).stdin(Stdio::null()).stdout(Stdio::null());
        let child =
            command.spawn().map_err(|error| format!("redis-server: {error}; is it installed?"))?;
        let redis = Self { addr, child };
        let began = Instant::now();
        while !redis.answers().await {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("redis-server does not answer".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(redis)
    }

    async fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(&self.addr).await else { return false };
        let mut answer = [0; 5];
        stream.write_all(b"PING\r\n").await.is_ok()
            && stream.read_exact(&mut answer).await.is_ok()
            && answer == *b"+PONG"
    }

    fn url(&self) -> String {
        format!("redis://{}/0", self.addr)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
