//! Two servers on one folder, of which one is killed again and again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;

use super::{
    Settings,
    model::Model,
    source,
    traffic::{self, Traffic},
};
use crate::{Error, Report, child::Child, server::Place};

pub(super) async fn run(settings: &Settings) -> Result<Report, Error> {
    let began = Instant::now();
    let mut rng = Rng::with_seed(settings.seed);
    let folder = tempfile::tempdir()?;
    let model = Arc::new(Model::default());
    let data_port = source::serve(Arc::clone(&model)).await?;
    let place = Place { folder: Some(folder.path().to_owned()), data_port, redis: None };
    let mut neighbour = Child::start(place.command(&settings.program))?;
    let port = neighbour.port().await?;
    let beside = traffic::late_visits(&model, port, &mut rng);
    for kill in 0..settings.kills {
        let mut child = Child::start(place.command(&settings.program))?;
        let own_port = match child.port().await {
            Ok(port) => port,
            Err(error) => {
                model.broken(format!("start {kill}: the server did not start: {error}"));
                break;
            }
        };
        // Purges of one of the two: who purges hears of others by that alone.
        let purged = if rng.bool() { port } else { own_port };
        let traffic = [
            traffic::late_visits(&model, own_port, &mut rng),
            traffic::purges(&model, purged, &mut rng),
        ];
        // Long enough for some visits, each of which takes a second.
        tokio::time::sleep(Duration::from_millis(rng.u64(500..3000))).await;
        child.kill()?;
        traffic.into_iter().for_each(Traffic::abort);
        if let Some(status) = neighbour.has_ended()? {
            model.broken(format!("kill {kill}: the other server ended by itself: {status}"));
            break;
        }
    }
    beside.abort();
    let mut report = model.report();
    report.row("kills of one of two servers", settings.kills);
    report.row("seconds", format!("{:.0}", began.elapsed().as_secs_f64()));
    report.row("seed", settings.seed);
    Ok(report)
}
