//! Visitors, purges and regenerations at full speed, until the server is gone.

use std::{io, sync::Arc};

use fastrand::Rng;
use futures::future::join_all;
use tokio::task::JoinHandle;

use super::{check, model::Model};
use crate::{
    client::Client,
    server::TOKEN,
    versions::{PAGES, Scope},
};

/// How many connections there are of each kind.
const OF_EACH: usize = 3;

/// How many connections there are whose visits take a second each.
const LATE_VISITORS: usize = 40;

/// Under way until the server is killed.
#[derive(Debug)]
pub(super) struct Traffic(Vec<JoinHandle<()>>);

pub(super) fn start(model: &Arc<Model>, port: u16, rng: &mut Rng) -> Traffic {
    of_kinds([Kind::Visit, Kind::Purge, Kind::Regenerate], OF_EACH, model, port, rng)
}

/// Purges, one after the other.
pub(super) fn purges(model: &Arc<Model>, port: u16, rng: &mut Rng) -> Traffic {
    of_kinds([Kind::Purge], 1, model, port, rng)
}

/// Visits that must see what was acknowledged a second before, by whichever server.
pub(super) fn late_visits(model: &Arc<Model>, port: u16, rng: &mut Rng) -> Traffic {
    of_kinds([Kind::LateVisit], LATE_VISITORS, model, port, rng)
}

fn of_kinds<const N: usize>(
    kinds: [Kind; N],
    of_each: usize,
    model: &Arc<Model>,
    port: u16,
    rng: &mut Rng,
) -> Traffic {
    let tasks = kinds.into_iter().cycle().take(N * of_each).map(|kind| {
        let (model, mut rng) = (Arc::clone(model), rng.fork());
        tokio::spawn(async move {
            // It ends with the connection.
            let _ = kind.repeat(&model, port, &mut rng).await;
        })
    });
    Traffic(tasks.collect())
}

impl Traffic {
    pub(super) async fn ended(self) {
        join_all(self.0).await;
    }

    /// Ends it before the server ends.
    pub(super) fn abort(self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Visit,
    LateVisit,
    Purge,
    Regenerate,
}

impl Kind {
    async fn repeat(self, model: &Model, port: u16, rng: &mut Rng) -> io::Result<()> {
        let mut client = Client::connect(port).await?;
        loop {
            match self {
                Self::Visit => check::page(model, &mut client, rng.usize(..PAGES)).await?,
                Self::LateVisit => check::late(model, &mut client, rng.usize(..PAGES)).await?,
                Self::Purge => purge(model, &mut client, rng).await?,
                Self::Regenerate => regenerate(model, &mut client, rng).await?,
            }
        }
    }
}

async fn purge(model: &Model, client: &mut Client, rng: &mut Rng) -> io::Result<()> {
    let (scope, reached) = Scope::random(rng);
    let is_hard = rng.u8(..100) < 40;
    let version = model.purge_begins(scope, is_hard);
    let json = format!(r#"{{{reached},"hard":{is_hard}}}"#);
    let reply = client.post("/_isr/purge", TOKEN, &json).await;
    let is_acknowledged = reply.as_ref().is_ok_and(|reply| reply.status == 204);
    model.purge_ended(scope, is_hard, version, is_acknowledged);
    if let Ok(reply) = &reply
        && !is_acknowledged
    {
        model.broken(format!("purge {json} was refused: {}", reply.status));
    }
    reply.map(drop)
}

async fn regenerate(model: &Model, client: &mut Client, rng: &mut Rng) -> io::Result<()> {
    let mut pages: Vec<_> = (0..rng.usize(1..=4)).map(|_| rng.usize(..PAGES)).collect();
    pages.sort_unstable();
    pages.dedup();
    let began: Vec<_> = pages.iter().map(|page| model.regenerate_begins(*page)).collect();
    let paths: Vec<_> = pages.iter().map(|page| format!("\"/p/{page}\"")).collect();
    let json = format!(r#"{{"paths":[{}]}}"#, paths.join(","));
    let reply = client.post("/_isr/regenerate", TOKEN, &json).await?;
    let text = String::from_utf8_lossy(&reply.body);
    if reply.status == 200 && !text.contains(r#""stored":false"#) {
        for (page, began) in pages.into_iter().zip(began) {
            model.regenerated(page, began);
        }
    } else {
        model.broken(format!("regeneration {json} failed: {} {text}", reply.status));
    }
    Ok(())
}
