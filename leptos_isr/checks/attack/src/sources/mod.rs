//! Reads the site while the source of its content misbehaves: it redirects, lies, hangs, cuts
//! answers short, floods, lags, and recovers, as a seed decides.
//!
//! The subject is the news site's own server. This process is the source, the content system that
//! publishes and purges, and all visitors. Each article has a version that only grows, and text
//! that names article and version, so every answer can be judged by itself.

mod content;
mod fault;
mod judge;
mod page;
mod site;
mod stand_in;
mod visitors;

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures::future::join_all;

use self::{
    fault::Mood,
    judge::{Judge, Scope},
    page::{Page, Question},
    site::{Places, Site},
    stand_in::StandIn,
    visitors::Visitor,
};
use crate::{
    Error, Report,
    machine::{Usage, mib},
};

const TOKEN: &str = "the attack's own token";
const HOOK_SECRET: &str = "a secret of the content system";

/// Requests under way at once.
const AT_ONCE: usize = 16;

/// Requests between two turns of the source's mood.
const PHASE: usize = 200;

/// How long every page may take to be the newest once the source has recovered.
const RECOVERY: Duration = Duration::from_secs(10);

/// What the server may take, in bytes: 16 answers of 8 MiB at once, its 4 MiB of pages, and what
/// renders, compressors and the allocator keep.
const MEMORY: u64 = 256 << 20;

/// What a run does.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Requests in all
    #[arg(long, default_value_t = 10_000)]
    pub requests: usize,
    /// Decides the source's answers and the requests
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The site's server [default: `server` beside this program]
    #[arg(long)]
    pub server: Option<PathBuf>,
    /// Keeps the server's two logs in this folder
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

/// Carries out the attack.
///
/// # Errors
///
/// Fails if the server cannot be started, or this process cannot be its source.
pub async fn run(settings: &Settings) -> Result<Report, Error> {
    let began = Instant::now();
    let folder = tempfile::tempdir()?;
    let logs = settings.logs.clone().unwrap_or_else(|| folder.path().to_owned());
    fs::create_dir_all(&logs)?;
    let program = settings.server.clone().map_or_else(server, Ok)?;
    let stand_in = StandIn::start().await?;
    let judge = Arc::new(Judge::new(Arc::clone(&stand_in)));
    let places = Places { program: &program, folder: folder.path(), source_port: stand_in.port };
    let attack = Attack { settings, stand_in, judge, places };

    let first_log = logs.join("first.log");
    let mut site = attack.places.start(&first_log).await?;
    attack.visit(&site).await;
    attack.recover(&site).await;
    let resident = site.resident();
    let files = attack.bounds(&site)?;
    attack.keep(&site).await;
    site.kill()?;

    attack.stand_in.set_down(true);
    let second_log = logs.join("second.log");
    let mut site = attack.places.start(&second_log).await?;
    attack.outage(&site).await;
    attack.stand_in.set_down(false);
    attack.recover(&site).await;
    site.kill()?;
    for log in [first_log, second_log] {
        attack.read_log(&fs::read_to_string(log)?);
    }

    let mut report = attack.judge.report();
    for (fault, count) in attack.stand_in.faults() {
        report.row(&format!("fault {fault:?}"), count);
    }
    report.row("requests", settings.requests);
    report.row("requests to the source", attack.stand_in.requests());
    report.row("resident memory", mib(resident));
    report.row("files", files.files);
    report.row("seconds", format!("{:.0}", began.elapsed().as_secs_f64()));
    report.row("seed", settings.seed);
    Ok(report)
}

fn server() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    // A test's program lies one folder deeper.
    let mut beside = program.ancestors().skip(1).take(2).map(|folder| folder.join("server"));
    beside.find(|server| server.is_file()).ok_or_else(|| {
        io::Error::other(
            "there is no `server` beside this program; build it: cargo build -p server",
        )
    })
}

/// A run.
struct Attack<'a> {
    settings: &'a Settings,
    stand_in: Arc<StandIn>,
    judge: Arc<Judge>,
    places: Places<'a>,
}

impl Attack<'_> {
    /// All phases: the source turns, and visitors come.
    async fn visit(&self, site: &Site) {
        let requests = Arc::new(AtomicUsize::new(0));
        let mut rng = Rng::with_seed(self.settings.seed);
        let phases = self.settings.requests.div_ceil(PHASE);
        for phase in 0..phases {
            self.stand_in.turn(Mood::of_phase(self.settings.seed, phase));
            let end = ((phase + 1) * PHASE).min(self.settings.requests);
            requests.store(phase * PHASE, Ordering::SeqCst);
            let visitors = (0..AT_ONCE).map(|_| {
                tokio::spawn(self.visitor(site).go(Arc::clone(&requests), end, rng.fork()))
            });
            for ended in join_all(visitors.collect::<Vec<_>>()).await {
                ended.expect("a visitor does not panic");
            }
        }
    }

    /// The source is well again: after one purge of everything each page is the newest.
    async fn recover(&self, site: &Site) {
        self.stand_in.content.show_all();
        self.stand_in.turn(Mood::CALM);
        let mut visitor = self.visitor(site);
        visitor.purge(self.settings.requests, Scope::Everything, true).await;
        let pages = Page::all().into_iter().map(|page| self.becomes_newest(site, page));
        join_all(pages).await;
    }

    async fn becomes_newest(&self, site: &Site, page: Page) {
        let (began, mut visitor) = (Instant::now(), self.visitor(site));
        let mut last = String::new();
        while began.elapsed() < RECOVERY {
            let reply = visitor.answer(self.settings.requests, &Question::plain(page)).await;
            if let Some(reply) = reply {
                if self.judge.is_newest(page, &reply) {
                    return;
                }
                last = format!("{} ({})", reply.status, reply.cache_status);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let what = format!("{} is {last} after {RECOVERY:?}", page.path());
        self.judge.broken("no recovery", what);
    }

    /// Has the pages that are good written to the disk.
    async fn keep(&self, site: &Site) {
        let pages = self.judge.good();
        if !self.visitor(site).regenerate_pages(self.settings.requests, &pages).await {
            let what = "not every good page was regenerated, from a source that is well";
            self.judge.broken("no recovery", what.to_owned());
        }
    }

    /// Started again without a source: every good page is there, also after a hard purge.
    async fn outage(&self, site: &Site) {
        self.ask_for_good_pages(site).await;
        self.visitor(site).purge(self.settings.requests, Scope::Everything, true).await;
        self.ask_for_good_pages(site).await;
    }

    async fn ask_for_good_pages(&self, site: &Site) {
        let asked = self.judge.good().into_iter().map(async |page| {
            self.visitor(site).ask(self.settings.requests, &Question::plain(page)).await;
        });
        join_all(asked).await;
    }

    /// Probing leaves nothing: no more files than there are pages, and bounded memory.
    fn bounds(&self, site: &Site) -> io::Result<Usage> {
        let usage = Usage::of(&self.places.store())?;
        // The second page of each section, the names that the source gave, and the purge log, locks
        // and marks.
        let most = Page::all().len() as u64 + 3 + self.stand_in.names_given() + 10;
        if usage.files > most {
            self.judge.broken("bounds", format!("{} files of at most {most}", usage.files));
        }
        if site.resident() > MEMORY {
            self.judge.broken("bounds", format!("{} of memory", mib(site.resident())));
        }
        Ok(usage)
    }

    fn read_log(&self, log: &str) {
        for line in log.lines().filter(|line| line.contains("panicked at")) {
            self.judge.broken("a panic", line.chars().take(300).collect());
        }
    }

    fn visitor(&self, site: &Site) -> Visitor {
        Visitor {
            stand_in: Arc::clone(&self.stand_in),
            judge: Arc::clone(&self.judge),
            port: site.port,
            client: None,
        }
    }
}
