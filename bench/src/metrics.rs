//! What it costs to know what a server does: hits while metrics are collected, what is remembered of many
//! pages, and hits while the inspector looks through many.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, extract::Request, response::Html};
use clap::Args;
use http::Method;
use leptos_isr::{Builder, Engine, Isr, hours, route::RouteTable};
use tokio::{net::TcpListener, time::sleep};
use tower::ServiceExt;

use crate::{
    Result,
    contender::{Server, free_addr},
    load, machine,
    pairs::{self, Pairs},
    site::{self, Site, path},
};

/// How often Prometheus asks, at most.
const COLLECTED_EVERY: Duration = Duration::from_secs(1);

/// How often the inspector's page follows along.
const FOLLOWS_EVERY: Duration = Duration::from_secs(2);

const TOKEN: &str = "the token of the measurements";

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    hits: Pairs,
    /// Pages that are asked for once
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// Pages that the inspector looks through
    #[arg(long, default_value_t = 100_000)]
    pages: usize,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    println!("Machine: {}.\n", machine::describe());
    remember(options).await?;
    look_through(options).await?;
    collect(options).await
}

/// An engine whose pages are small and rendered at once.
fn engine(configure: impl FnOnce(Builder) -> Builder) -> Result<(Engine, Router)> {
    let routes = RouteTable::new().add("/a/:id", Isr::revalidate(hours(24)))?;
    let engine = configure(Engine::builder(routes).token(TOKEN)).build()?;
    let render = async |request: Request| Html(format!("<p>{}</p>", request.uri().path()));
    let app = engine.wrap(Router::new().fallback(render));
    Ok((engine, app))
}

async fn ask(app: &Router, page: usize) -> Result<()> {
    let request = Request::get(format!("/a/{page}")).body(axum::body::Body::empty())?;
    let answer = app.clone().oneshot(request).await?;
    match answer.status().as_u16() {
        200 => Ok(()),
        status => Err(format!("page {page} was answered {status}").into()),
    }
}

/// Resident memory after a tenth of the pages and after all, of which memory keeps a few.
async fn remember(options: &Options) -> Result<()> {
    let (engine, app) = engine(|builder| builder.memory(16 << 20))?;
    let tenth = options.keys / 10;
    let mut resident = Vec::new();
    for pages in [0..tenth, tenth..options.keys] {
        for page in pages {
            ask(&app, page).await?;
        }
        engine.idle(Duration::from_secs(60)).await;
        resident.push(machine::resident(std::process::id()));
    }
    let bytes = serde_json::to_vec(&engine.stats())?.len();
    println!(
        "| pages asked for once | resident memory, MiB | the snapshot as JSON, bytes |\n|--:|--:|--:|\n\
         | {tenth} | {:.0} | |\n| {} | {:.0} | {bytes} |\n\n\
         One process, 16 MiB for pages.\n",
        resident[0], options.keys, resident[1]
    );
    Ok(())
}

/// Hits of one page while somebody has the inspector open, and while nobody has.
async fn look_through(options: &Options) -> Result<()> {
    let (_engine, app) = engine(|builder| builder.memory(1 << 30).draft_over_http())?;
    for page in 0..options.pages {
        ask(&app, page).await?;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?.to_string();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let cookie = sign_in(&addr).await?;
    let (scratch, url) = (tempfile::tempdir()?, format!("http://{addr}/a/7"));
    let headers = [("Accept-Encoding".to_owned(), "identity".to_owned())];
    let Pairs { rounds, seconds, connections } = options.hits;
    let mut measured = [Vec::new(), Vec::new()];
    let mut looks = Vec::new();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for n in [round % 2, 1 - round % 2] {
            let is_open = Arc::new(AtomicBool::new(n == 1));
            let looking = tokio::spawn(follow(addr.clone(), cookie.clone(), Arc::clone(&is_open)));
            measured[n].push(load::wrk(&url, &headers, seconds, connections, scratch.path())?);
            is_open.store(false, Ordering::Relaxed);
            looks.extend(looking.await??);
        }
    }
    serving.abort();
    println!(
        "| hits of one of {} pages | requests/s | p99, µs | longest, µs |\n|---|--:|--:|--:|",
        options.pages
    );
    for (name, rounds) in ["nobody looks", "the inspector is open"].iter().zip(&measured) {
        let median = |of: fn(&load::Load) -> f64| machine::median(rounds.iter().map(of));
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} |",
            median(load::Load::per_second),
            median(|load| load.p99 as f64),
            median(|load| load.max as f64)
        );
    }
    println!(
        "\n{rounds} rounds of {seconds} s for each, in one process with the inspector, which lists every \
         {} s; a list takes {:.0} ms meanwhile.\n",
        FOLLOWS_EVERY.as_secs(),
        machine::median(looks)
    );
    Ok(())
}

/// Looks at the inspector's list until it is closed. Returns how long each look took, in milliseconds.
async fn follow(addr: String, cookie: String, is_open: Arc<AtomicBool>) -> Result<Vec<f64>> {
    let headers = [("cookie".to_owned(), cookie)];
    let mut looks = Vec::new();
    while is_open.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = load::get(&addr, "/_isr/?sort=waste", &headers).await?;
        if answer.status != 200 {
            return Err(format!("the inspector answered {}", answer.status).into());
        }
        looks.push(began.elapsed().as_secs_f64() * 1000.0);
        let next = began + FOLLOWS_EVERY;
        while is_open.load(Ordering::Relaxed) && Instant::now() < next {
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(looks)
}

/// Returns the cookie of who has signed in.
async fn sign_in(addr: &str) -> Result<String> {
    let headers = [("origin".to_owned(), format!("http://{addr}"))];
    let form = format!("do=sign-in&token={}", TOKEN.replace(' ', "+"));
    let answer = load::send(addr, Method::POST.as_str(), "/_isr/", &headers, &form).await?;
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    Ok(cookie.ok_or("the inspector does not let in")?.to_owned())
}

/// Hits on a server of which metrics are collected each second, and on one of which nothing is.
async fn collect(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let site = Site { scratch: scratch.path(), articles: 200 };
    site.write()?;
    let metrics = free_addr()?;
    let mut servers = Vec::new();
    for name in ["without collection", "with metrics collected"] {
        let addr = free_addr()?;
        let mut command = site.command(&site::program("server")?, name, &addr);
        command.env("CONTENT_ADDR", free_addr()?);
        if !servers.is_empty() {
            command.env("ISR_METRICS_ADDR", &metrics);
        }
        servers.push(Server::start(name, command, &addr, &path(), scratch.path()).await?);
    }
    let collecting = tokio::spawn(async move {
        loop {
            let answer = load::get(&metrics, "/_isr/metrics", &[]).await?;
            if answer.status != 200 {
                return Err::<(), crate::Error>(format!("metrics: {}", answer.status).into());
            }
            sleep(COLLECTED_EVERY).await;
        }
    });
    pairs::compare(&servers[0], &servers[1], &options.hits, scratch.path()).await?;
    if collecting.is_finished() {
        return collecting.await?;
    }
    collecting.abort();
    Ok(())
}
