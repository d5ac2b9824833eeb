//! Asks for more known pages than memory and disk may hold, and for far more
//! paths that are no pages, while visitors go on reading a few pages.

mod judge;
mod samples;
mod site;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures::future::try_join_all;
use tokio::net::TcpListener;

use self::{
    judge::{Asked, Judge},
    samples::Samples,
    site::Site,
};
use crate::{
    Error, Report,
    client::Client,
    machine::{Usage, mib, resident},
};

/// Requests under way at once.
const AT_ONCE: usize = 32;

/// Pages that are asked for all along, in between.
const HOT: usize = 50;

/// Every how many requests one is for a hot page.
const HOT_EVERY: usize = 32;

/// What the disk may hold beyond its limit for a moment: the pages being written.
const DISK_ALLOWANCE: u64 = AT_ONCE as u64 * 32 * 1024;

/// What the process may take beyond the limit of its memory: the index of the
/// disk's files, the working memory of renders and compressors at once, and what
/// the allocator keeps of it in one arena; each further arena keeps its own.
const MEMORY_ALLOWANCE: u64 = 96 << 20;

/// What a run does.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Random paths that are no pages, half of them of a route that lists its paths
    #[arg(long, default_value_t = 1_000_000)]
    pub unknown: usize,
    /// Pages of about 4 kB, half of them of a route that lists its paths
    #[arg(long, default_value_t = 200_000)]
    pub known: usize,
    /// The engine's limit of memory, in bytes
    #[arg(long, default_value_t = 64 << 20)]
    pub memory: u64,
    /// The engine's limit of the disk, in bytes
    #[arg(long, default_value_t = 256 << 20)]
    pub disk: u64,
    /// How many pages are asked for over a socket in the end
    #[arg(long, default_value_t = 5_000)]
    pub socket: usize,
    /// Decides the random paths
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Whether the pages are of a kind that is compressed
    #[arg(skip = true)]
    pub compressed: bool,
}

/// Carries out the attack.
///
/// # Errors
///
/// Fails if the store cannot be made or measured.
pub async fn run(settings: &Settings) -> Result<Report, Error> {
    let folder = tempfile::tempdir()?;
    let site = Site::new(folder.path(), settings)?;
    let judge = Arc::new(Judge::new(settings.known));
    let before = resident();
    // The lists are read, the hot pages rendered.
    site.ask(&judge, Asked::Unknown(0, settings.seed)).await;
    for page in 0..HOT {
        site.ask(&judge, judge.hot(page).once()).await;
    }
    let samples = Samples::start(folder.path());

    let (began, seed) = (Instant::now(), settings.seed);
    let first = settings.unknown / 10;
    site.written().await;
    let files = Usage::of(folder.path())?.files;
    flood(&site, &judge, first, move |turn| Asked::Unknown(turn, seed)).await?;
    site.written().await;
    let new_files = Usage::of(folder.path())?.files.saturating_sub(files);
    let (unknown_time, rate) = (began.elapsed(), per_second(first, began.elapsed()));

    let (unknown, known) = (settings.unknown - first, settings.known);
    flood(&site, &judge, unknown + known, move |turn| {
        let known_before = |turn: usize| turn * known / (unknown + known);
        let page = known_before(turn);
        match known_before(turn + 1) > page {
            true => Asked::Known(page),
            false => Asked::Unknown(turn + first, seed),
        }
    })
    .await?;
    let took = began.elapsed();
    let most = samples.end().await;
    let hits_before_socket = judge.hits();
    let socket_time = over_socket(&site, &judge, settings).await?;
    let at_end = Usage::of(folder.path())?;

    let mut report = judge.report();
    let asked = settings.unknown + known;
    report.row("requests in process", asked + asked / HOT_EVERY);
    report.row("seconds", format!("{:.1}", took.as_secs_f64()));
    report.row("requests/s", format!("{:.0}", per_second(asked + asked / HOT_EVERY, took)));
    report.row("unknown paths alone, requests/s", format!("{rate:.0}"));
    report.row("their seconds", format!("{:.1}", unknown_time.as_secs_f64()));
    report.row("files they left", new_files);
    report.row("hits in process", hits_before_socket);
    report.row(
        "over the socket, requests/s",
        format!("{:.0}", per_second(settings.socket, socket_time)),
    );
    report.row("resident memory at first", mib(before));
    report.row("resident memory, most", mib(most.resident));
    report.row("resident memory allowed", mib(before + settings.memory + MEMORY_ALLOWANCE));
    report.row("disk, most", mib(most.disk.bytes));
    report.row("disk allowed", mib(settings.disk + DISK_ALLOWANCE));
    report.row("disk in whole blocks, most", mib(most.disk.allocated));
    report.row("files at the end", at_end.files);
    judge_limits(&mut report, settings, before, &most, new_files);
    Ok(report)
}

fn judge_limits(
    report: &mut Report,
    settings: &Settings,
    before: u64,
    most: &samples::Most,
    new_files: u64,
) {
    report.expect(most.resident <= before + settings.memory + MEMORY_ALLOWANCE, || {
        format!("memory grew from {} to {}", mib(before), mib(most.resident))
    });
    report.expect(most.disk.bytes <= settings.disk + DISK_ALLOWANCE, || {
        format!("the store grew to {}", mib(most.disk.bytes))
    });
    report.expect(most.disk.allocated <= settings.disk + DISK_ALLOWANCE, || {
        format!("the store's files take {} of the disk", mib(most.disk.allocated))
    });
    report.expect(new_files == 0, || format!("unknown paths left {new_files} files"));
}

/// Asks `count` times, some at once, with hot pages in between.
async fn flood(
    site: &Site,
    judge: &Arc<Judge>,
    count: usize,
    what: impl Fn(usize) -> Asked + Send + Sync + Copy + 'static,
) -> Result<(), Error> {
    let turns = Arc::new(AtomicUsize::new(0));
    let visitors = (0..AT_ONCE).map(|_| {
        let (site, judge, turns) = (site.clone(), Arc::clone(judge), Arc::clone(&turns));
        tokio::spawn(async move {
            loop {
                let turn = turns.fetch_add(1, Ordering::Relaxed);
                if turn >= count {
                    return;
                }
                site.ask(&judge, what(turn)).await;
                if turn.is_multiple_of(HOT_EVERY) {
                    site.ask(&judge, judge.hot(turn / HOT_EVERY % HOT)).await;
                }
            }
        })
    });
    try_join_all(visitors).await?;
    Ok(())
}

/// The same through a real socket: unknown, known and hot pages in turn.
async fn over_socket(site: &Site, judge: &Judge, settings: &Settings) -> Result<Duration, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let router = site.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut client = Client::connect(port).await?;
    let mut rng = Rng::with_seed(settings.seed);
    let began = Instant::now();
    for turn in 0..settings.socket {
        let asked = match turn % 3 {
            0 => Asked::Unknown(turn, !settings.seed),
            1 => Asked::Known(rng.usize(..settings.known)),
            _ => judge.hot(rng.usize(..HOT)),
        };
        let reply = client.get(&asked.path(settings.known)).await?;
        judge.judge(asked, reply.status, &reply.cache_status, &reply.body);
    }
    server.abort();
    Ok(began.elapsed())
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
