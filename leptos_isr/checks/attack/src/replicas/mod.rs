//! Several servers share a Redis, and one fault after the other strikes what they share, or one of
//! them. Visitors and editors are at work all the time.
//!
//! This process is the content system, and the way from each server to the Redis. Pages are made of
//! versions as in [`crash`](crate::crash).

mod fault;
mod fleet;
mod link;
mod model;
mod redis;
mod source;
mod visitors;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures::future::join_all;
use tokio::time::sleep;

pub use self::redis::redis_server;
use self::{
    fault::{FAULTS, Fault, Site},
    fleet::{Replica, has_disk},
    link::Link,
    model::{HEARD, How, Model},
    redis::Redis,
    source::Source,
    visitors::{Crowd, Visitor},
};
use crate::{Error, Report, versions::PAGES};

/// When all pages of all servers must be fresh again after a fault: a server that was killed may have
/// a page to itself for ten seconds.
const RECOVERY: Duration = Duration::from_secs(15);

/// What a run does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program `attack`, which is started as the servers.
    pub program: PathBuf,
    /// How many faults there are.
    pub rounds: usize,
    /// How many servers there are.
    pub servers: usize,
    /// Decides the random choices.
    pub seed: u64,
    /// A folder in which the logs of the servers stay.
    pub logs: Option<PathBuf>,
}

/// Carries out the attack.
///
/// # Errors
///
/// Fails without a redis-server, and if it or a server cannot be started.
pub async fn run(settings: &Settings) -> Result<Report, Error> {
    let redis = redis_server().ok_or("redis-server is missing: install redis-server")?;
    let began = Instant::now();
    let mut rng = Rng::with_seed(settings.seed);
    let faults = choose(settings.rounds, &mut rng);
    let folder = tempfile::tempdir()?;
    let model = Arc::new(Model::new(settings.servers));
    let mut site = start(settings, &model, &redis, folder.path()).await?;
    let ports: Vec<_> = site.replicas.iter().map(|replica| Arc::clone(&replica.port)).collect();
    let mut crowd = Crowd::start(&model, &ports, &mut rng);
    let mut visitors: Vec<_> =
        ports.iter().enumerate().map(|(n, port)| Visitor::new(n, Arc::clone(port))).collect();
    let mut rounds = Vec::new();
    recover(&model, &site, &mut crowd, &mut visitors).await?;
    for (round, fault) in faults.into_iter().enumerate() {
        model.set_scene(format!("round {round}, {fault}"));
        fault.happen(&mut site, &model, &mut rng).await?;
        sleep(HEARD).await;
        rounds.push((fault, recover(&model, &site, &mut crowd, &mut visitors).await?));
        if site.has_ended(&model)? {
            break;
        }
    }
    drop(crowd);
    let mut report = Report::default();
    report.row("servers", settings.servers);
    report.row("of these with a disk", (0..settings.servers).filter(|n| has_disk(*n)).count());
    report.row("faults, and when all pages were fresh again at the latest", rounds.len());
    for fault in FAULTS {
        let times = rounds.iter().filter(|(other, _)| *other == fault).map(|(_, time)| *time);
        let (count, slowest) = (times.clone().count(), times.max().unwrap_or_default());
        let row = format!("{count}, {:.1} s", slowest.as_secs_f64());
        report.row(&fault.to_string(), row);
    }
    report.row("acknowledged purges that failovers lost", site.lost);
    model.add_to(&mut report);
    report.row("seconds", format!("{:.0}", began.elapsed().as_secs_f64()));
    report.row("seed", settings.seed);
    Ok(report)
}

/// Each fault once in any order, and again.
fn choose(rounds: usize, rng: &mut Rng) -> Vec<Fault> {
    let mut chosen = Vec::new();
    while chosen.len() < rounds {
        let mut faults = FAULTS;
        rng.shuffle(&mut faults);
        chosen.extend(faults);
    }
    chosen.truncate(rounds);
    chosen
}

async fn start(
    settings: &Settings,
    model: &Arc<Model>,
    redis: &Path,
    folder: &Path,
) -> Result<Site, Error> {
    let primary = Redis::start(redis, folder.join("redis-1")).await?;
    let standby = Redis::start(redis, folder.join("redis-2")).await?;
    let mut replicas = Vec::new();
    for number in 0..settings.servers {
        let ways = (Link::to(primary.addr).await?, Source::serve(model).await?);
        let mut replica = Replica::new(settings, number, ways, folder);
        replica.start(model).await?;
        replicas.push(replica);
    }
    let site = Site { replicas, primary, standby, lost: 0 };
    site.replicate()?;
    Ok(site)
}

/// Lets editors rest until every server has every page fresh, with the content of then. Returns how
/// long that took.
async fn recover(
    model: &Model,
    site: &Site,
    crowd: &mut Crowd,
    visitors: &mut [Visitor],
) -> Result<Duration, Error> {
    let began = Instant::now();
    let at_rest = Arc::clone(&crowd.desk);
    let _at_rest = at_rest.write().await;
    let until = Instant::now() + RECOVERY;
    join_all(visitors.iter_mut().map(|visitor| every_page(model, visitor, until))).await;
    let took = began.elapsed();
    if crowd.has_ended() {
        return Err("a visitor or an editor ended".into());
    }
    site.in_step().await?;
    Ok(took)
}

async fn every_page(model: &Model, visitor: &mut Visitor, until: Instant) {
    for page in 0..PAGES {
        loop {
            let served = visitor.visit(model, page).await;
            let content = model.content(page);
            if served.is_some_and(|served| served.how == How::Fresh && served.versions == content) {
                break;
            }
            if Instant::now() >= until {
                let server = visitor.server;
                let what = format!("server {server}, /p/{page}: {served:?} at last, not {content}");
                model.broken(what);
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}
