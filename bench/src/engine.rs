//! Many pages: building, starting, purging and regenerating them.

use std::{
    fmt::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    routing::get,
};
use clap::{Args, Parser};
use futures::{StreamExt, TryStreamExt, future::ready, stream};
use leptos_isr::{
    Engine, Isr, SystemClock, hours,
    purge::Purge,
    route::{PathParams, RouteTable},
};
use server::{config::Cli, content, site::site};
use tower::ServiceExt;

use crate::{Result, content as articles, machine};

/// Purges whose median is told.
const PURGES: usize = 101;

/// Pages rendered at once, with the engine and without.
const AT_ONCE: usize = 16;

/// Starts whose median is told.
const STARTS: usize = 5;

/// How many pages there are.
#[derive(Args)]
pub(crate) struct Options {
    /// Pages that are built, in two builds: a tenth of them, and all
    #[arg(long, default_value_t = 100_000)]
    pages: usize,
    /// Pages of the site that are regenerated
    #[arg(long, default_value_t = 2_000)]
    regenerate: usize,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    println!("| work | pages | measured |\n|---|--:|---|");
    let mut last = None;
    for pages in [options.pages / 10, options.pages] {
        let folder = tempfile::tempdir()?;
        build(folder.path(), pages).await?;
        start_all(folder.path(), pages)?;
        purge(folder.path(), pages).await?;
        last = Some(folder);
    }
    drop(last);
    regenerate(options.regenerate, &std::env::temp_dir(), "").await?;
    // What the disk has to do with it.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        regenerate(options.regenerate, memory, ", files in memory").await?;
    }
    Ok(())
}

fn row(work: &str, pages: usize, measured: &str) {
    println!("| {work} | {pages} | {measured} |");
}

/// A site of `pages` pages of 32 kB, made of text without a template: what is
/// measured is the engine.
fn engine(folder: &Path, pages: usize) -> Result<(Engine, Router)> {
    let list = move || async move {
        let slugs = (0..pages).map(|n| PathParams::from(articles::slug(n)));
        Ok::<_, String>(slugs.collect::<Vec<_>>())
    };
    let isr = Isr::revalidate(hours(1)).tag("article:{slug}").tag("articles").prerender(list);
    let routes = RouteTable::new().add("/articles/:slug", isr)?;
    let engine = Engine::builder(routes).disk(folder, "bench").disk_limit(64 << 30).build()?;
    let page = |request: Request| async move {
        let n = request.uri().path().rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html(n))
    };
    let router = engine.wrap(Router::new().route("/articles/{slug}", get(page)));
    Ok((engine, router))
}

fn html(n: usize) -> String {
    let mut html = format!("<!DOCTYPE html><html><head><title>Article {n}</title></head><body>");
    while html.len() < 32_000 {
        for paragraph in articles::body(n + html.len()).split("\n\n") {
            write!(html, "<p>{paragraph}</p>").expect("a string takes everything");
            if html.len() >= 32_000 {
                break;
            }
        }
    }
    html.push_str("</body></html>");
    html
}

async fn build(folder: &Path, pages: usize) -> Result<()> {
    let (engine, _router) = engine(folder, pages)?;
    let (began, used) = (Instant::now(), machine::processor_time(std::process::id()));
    let jobs = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    engine.prerender(jobs, |_| {}, |_| {}).await?;
    let (wall, processor) =
        (began.elapsed(), machine::processor_time(std::process::id()).saturating_sub(used));
    let each = |time: Duration| time.as_secs_f64() * 1e3 / pages as f64;
    // What the text itself costs is not the engine's.
    let (text, n) = (Instant::now(), 200);
    let len: usize = (0..n).map(|n| html(n).len()).sum();
    let text = text.elapsed().as_secs_f64() * 1e3 / n as f64;
    let measured = format!(
        "{:.1} s; {:.2} ms each, {:.2} ms of processor time, of which {text:.2} ms make the text \
         of {} bytes; at most {:.0} MiB resident",
        wall.as_secs_f64(),
        each(wall),
        each(processor),
        len / n,
        machine::peak(std::process::id()),
    );
    row("build: br, zstd, gzip, durable write", pages, &measured);
    Ok(())
}

/// In a process of its own, as after a deployment.
fn start_all(folder: &Path, pages: usize) -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let output = Command::new(std::env::current_exe()?).arg("start").arg(folder).output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
        let [millis, first, then] = numbers[..] else {
            return Err(format!("a start said: {text}").into());
        };
        starts.push((millis, first, then));
    }
    let median = |value: fn(&(f64, f64, f64)) -> f64| machine::median(starts.iter().map(value));
    let measured = format!(
        "{:.1} ms until the first hit was answered; {:.0} MiB resident then, {:.0} MiB once the \
         folder was read",
        median(|start| start.0),
        median(|start| start.1),
        median(|start| start.2)
    );
    row("start", pages, &measured);
    Ok(())
}

/// What [`start_all`] measures.
pub(crate) async fn start(folder: &Path) -> Result<()> {
    let began = Instant::now();
    let (_engine, router) = engine(folder, 0)?;
    let answer = router.oneshot(ask(&articles::slug(7))?).await?;
    let status = answer.headers().get("cache-status").ok_or("no Cache-Status")?.to_str()?;
    if !status.starts_with("isr; hit") {
        return Err(format!("the first answer was no hit: {status}").into());
    }
    let (millis, first) =
        (began.elapsed().as_secs_f64() * 1e3, machine::resident(std::process::id()));
    // The folder is read behind the first answers.
    let mut last = 0.0;
    while last < machine::resident(std::process::id()) {
        last = machine::resident(std::process::id());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("{millis} {first} {last}");
    Ok(())
}

fn ask(slug: &str) -> Result<Request> {
    Ok(Request::get(format!("/articles/{slug}")).body(Body::empty())?)
}

async fn purge(folder: &Path, pages: usize) -> Result<()> {
    let (engine, router) = engine(folder, 0)?;
    let mut times = Vec::new();
    for n in 0..PURGES {
        // A tag that every page has, and one that one page has.
        let tag = if n % 2 == 0 { "articles".to_owned() } else { format!("article:article-{n}") };
        let purge = Purge { tags: vec![tag], ..Purge::default() };
        let began = Instant::now();
        engine.purge(&purge).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let answer = router.oneshot(ask(&articles::slug(7))?).await?;
    let status = answer.headers().get("cache-status").ok_or("no Cache-Status")?.to_str()?;
    if !status.contains("detail=purged") {
        return Err(format!("the purge did not reach the page: {status}").into());
    }
    row(
        "purge of a tag, on the disk when it is answered",
        pages,
        &format!("{:.2} ms", machine::median(times)),
    );
    Ok(())
}

/// In a task of its own, as the engine renders.
async fn render(router: Router, path: &str) -> Result<()> {
    let request = Request::get(path).body(Body::empty())?;
    let page = tokio::spawn(async move {
        let answer = match router.oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let status = answer.status();
        axum::body::to_bytes(answer.into_body(), usize::MAX).await.map(|_| status)
    });
    match page.await?? {
        StatusCode::OK => Ok(()),
        status => Err(format!("{path} answered with status {status}").into()),
    }
}

/// The site's own pages, rendered for each request and regenerated, with all files in a folder
/// of `place`.
async fn regenerate(pages: usize, place: &Path, named: &str) -> Result<()> {
    let folder = tempfile::tempdir_in(place)?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    articles::write(&folder.path().join("content"), pages)?;
    std::fs::create_dir_all(folder.path().join("site"))?;
    let config = |watch: &str| {
        let (root, isr, db, files) = (at("site"), at("isr"), at("news.db"), at("content"));
        let line = ["bench", "--site-root", &root, "--isr-dir", &isr, "--content-db", &db];
        let line = line.into_iter().chain(["--content-dir", &files, "--hash-files", "false"]);
        let at_once = AT_ONCE.to_string();
        Cli::parse_from(line.chain(["--watch", watch, "--isr-max-renders", &at_once])).config
    };
    let any_port = ([127, 0, 0, 1], 0).into();
    let paths: Vec<_> = (0..pages).map(|n| format!("/articles/{}", articles::slug(n))).collect();
    let content = content::open(&config("false"), any_port).await?;
    let stored = site(&config("false"), &content, SystemClock).await?;
    let (mut bare_times, mut stored_times) = (Vec::new(), Vec::new());
    // Twice each, in turns; the first warms up.
    for _ in 0..3 {
        // A new one each time: it has read nothing, as a regeneration must read all.
        let bare = site(&config("true"), &content, SystemClock).await?;
        let used = machine::processor_time(std::process::id());
        let pages = stream::iter(&paths).map(|path| render(bare.router.clone(), path));
        pages.buffer_unordered(AT_ONCE).try_for_each(|()| ready(Ok(()))).await?;
        bare_times.push(machine::processor_time(std::process::id()).saturating_sub(used));
        let used = machine::processor_time(std::process::id());
        let done = stored.isr.regenerate(&paths).await?;
        stored_times.push(machine::processor_time(std::process::id()).saturating_sub(used));
        if let Some(failed) = done.iter().find(|page| page.result.is_err()) {
            return Err(format!("{}: {:?}", failed.page, failed.result).into());
        }
    }
    let each = |times: &[Duration]| {
        let times = times[1..].iter().map(|time| time.as_secs_f64() * 1e3 / pages as f64);
        machine::median(times)
    };
    let (bare, stored) = (each(&bare_times), each(&stored_times));
    let measured = format!(
        "{stored:.2} ms of processor time each, {bare:.2} ms for the render alone: {:.2} of its rate",
        bare / stored
    );
    row(&format!("regenerate article pages of the site{named}"), pages, &measured);
    Ok(())
}
