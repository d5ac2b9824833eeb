//! Visitors of each server, and editors who change the content and purge it on any server.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    sync::RwLock,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::model::{Model, Served};
use crate::{
    client::{Client, Reply},
    server::TOKEN,
    versions::{PAGES, Scope},
};

/// Visitors of each server.
const VISITORS: usize = 3;

/// Editors, each of whom has one purge under way.
const EDITORS: usize = 2;

/// How long they do nothing in between, in milliseconds.
const VISITORS_REST: std::ops::Range<u64> = 5..25;
const EDITORS_REST: std::ops::Range<u64> = 20..150;

/// The longest that a visitor waits for an answer: a lease, a render, and a server that was stopped.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest that an editor waits before asking another server.
const EDITORS_PATIENCE: Duration = Duration::from_secs(5);

/// Who is at work; they stop when this is dropped.
#[derive(Debug)]
pub(super) struct Crowd {
    tasks: JoinSet<()>,
    /// Editors hold it for reading from the change of the content until its purge is acknowledged.
    pub(super) desk: Arc<RwLock<()>>,
}

impl Crowd {
    pub(super) fn start(model: &Arc<Model>, ports: &[Arc<AtomicU16>], rng: &mut Rng) -> Self {
        let (mut tasks, desk) = (JoinSet::new(), Arc::new(RwLock::new(())));
        for (server, port) in ports.iter().enumerate() {
            for _ in 0..VISITORS {
                let (model, mut rng) = (Arc::clone(model), rng.fork());
                let mut visitor = Visitor::new(server, Arc::clone(port));
                tasks.spawn(async move {
                    loop {
                        visitor.visit(&model, rng.usize(..PAGES)).await;
                        sleep(Duration::from_millis(rng.u64(VISITORS_REST))).await;
                    }
                });
            }
        }
        for _ in 0..EDITORS {
            let (model, desk, ports) = (Arc::clone(model), Arc::clone(&desk), ports.to_vec());
            let mut rng = rng.fork();
            tasks.spawn(async move {
                loop {
                    let at_work = desk.read().await;
                    change(&model, &ports, &mut rng).await;
                    drop(at_work);
                    sleep(Duration::from_millis(rng.u64(EDITORS_REST))).await;
                }
            });
        }
        Self { tasks, desk }
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.tasks.try_join_next().is_some()
    }
}

/// Somebody who visits pages of one server.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) server: usize,
    port: Arc<AtomicU16>,
    /// Where it leads, and the connection.
    kept: Option<(u16, Client)>,
}

impl Visitor {
    pub(super) fn new(server: usize, port: Arc<AtomicU16>) -> Self {
        Self { server, port, kept: None }
    }

    /// What the server answers, if it is what it may answer.
    pub(super) async fn visit(&mut self, model: &Model, page: usize) -> Option<Served> {
        let asked = model.asks(self.server, page);
        match timeout(PATIENCE, self.get(page)).await {
            Ok(Ok(reply)) => model.judge(&asked, &reply),
            Ok(Err(error)) => {
                self.kept = None;
                model.unanswered(&asked, &error.to_string());
                None
            }
            Err(_) => {
                self.kept = None;
                model.unanswered(&asked, "no answer");
                None
            }
        }
    }

    async fn get(&mut self, page: usize) -> io::Result<Reply> {
        let port = self.port.load(Ordering::SeqCst);
        let mut client = match self.kept.take() {
            Some((to, client)) if to == port => client,
            _ => Client::connect(port).await?,
        };
        let reply = client.get(&format!("/p/{page}")).await?;
        self.kept = Some((port, client));
        Ok(reply)
    }
}

/// Changes the content, and has it purged by one server or another.
async fn change(model: &Model, ports: &[Arc<AtomicU16>], rng: &mut Rng) {
    let (scope, reached) = Scope::random(rng);
    let is_hard = rng.u8(..100) < 40;
    let version = model.raise(scope);
    let json = format!(r#"{{{reached},"hard":{is_hard}}}"#);
    loop {
        let server = rng.usize(..ports.len());
        let took_purges = model.takes_purges(server);
        let purge = async {
            let mut client = Client::connect(ports[server].load(Ordering::SeqCst)).await?;
            client.post("/_isr/purge", TOKEN, &json).await
        };
        let status = match timeout(EDITORS_PATIENCE, purge).await {
            Ok(Ok(reply)) => Some(reply.status),
            Ok(Err(_)) | Err(_) => None,
        };
        if status == Some(204) {
            return model.purged(server, scope, version, is_hard);
        }
        model.not_purged(server, status, took_purges);
        sleep(Duration::from_millis(50)).await;
    }
}
