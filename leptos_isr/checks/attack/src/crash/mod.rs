//! Kills the server with SIGKILL at random moments while it is purged and
//! regenerated at full speed, starts it again, and compares what it serves with
//! what it had acknowledged. Another server may be beside it on the same folder,
//! which is not killed: both must hear of each other's purges within a second.
//!
//! This process is the content system: each page is made of three versions
//! (its own, its group's, everybody's), which are raised here before each purge.
//! A page's body says which versions it was rendered from and ends with a hash
//! of itself.

mod check;
mod damage;
mod model;
mod neighbour;
mod source;
mod traffic;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;

use self::model::Model;
use crate::{Error, Report, child::Child, server::Place};

/// What a run does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program `attack`, which is started as the server.
    pub program: PathBuf,
    /// How often the server is killed.
    pub kills: usize,
    /// Whether pages and the purge log are damaged before each start.
    pub damage: bool,
    /// Whether another server is on the same folder all the time.
    pub neighbour: bool,
    /// Decides the random choices.
    pub seed: u64,
}

/// Carries out the attack.
///
/// # Errors
///
/// Fails if the server cannot be started at all, or this process cannot serve
/// the data.
pub async fn run(settings: &Settings) -> Result<Report, Error> {
    if settings.neighbour {
        return neighbour::run(settings).await;
    }
    let began = Instant::now();
    let mut rng = Rng::with_seed(settings.seed);
    let folder = tempfile::tempdir()?;
    let model = Arc::new(Model::default());
    let data_port = source::serve(Arc::clone(&model)).await?;
    let place = Place { folder: Some(folder.path().to_owned()), data_port, redis: None };
    let (mut starts, mut slowest, mut damaged) = (0, Duration::ZERO, 0);
    let mut kills_at_start = 0;
    while starts <= settings.kills {
        let is_last = starts == settings.kills;
        let started = Instant::now();
        let mut child = Child::start(place.command(&settings.program))?;
        starts += 1;
        if !is_last && rng.u8(..100) < 10 {
            // Before it is ready, or just then.
            tokio::time::sleep(Duration::from_millis(rng.u64(..40))).await;
            child.kill()?;
            kills_at_start += 1;
        } else {
            let port = match child.port().await {
                Ok(port) => port,
                Err(error) => {
                    model.broken(format!("start {starts}: the server did not start: {error}"));
                    break;
                }
            };
            slowest = slowest.max(started.elapsed());
            if let Err(error) = check::every_page(&model, port).await {
                model.broken(format!("start {starts}: the server stopped answering: {error}"));
            }
            if is_last {
                child.kill()?;
                break;
            }
            let traffic = traffic::start(&model, port, &mut rng);
            tokio::time::sleep(Duration::from_millis(rng.u64(20..420))).await;
            if let Some(status) = child.has_ended()? {
                model.broken(format!("start {starts}: the server ended by itself: {status}"));
            }
            child.kill()?;
            traffic.ended().await;
        }
        if settings.damage {
            damaged += damage::pages(folder.path(), &model, &mut rng)?;
            damage::purge_log(folder.path(), &model, &mut rng)?;
        }
    }
    let mut report = model.report();
    report.row("kills", settings.kills);
    report.row("of these while starting", kills_at_start);
    report.row("starts", starts);
    report.row("slowest start", format!("{} ms", slowest.as_millis()));
    if settings.damage {
        report.row("pages damaged", damaged);
    }
    report.row("seconds", format!("{:.0}", began.elapsed().as_secs_f64()));
    report.row("seed", settings.seed);
    Ok(report)
}
