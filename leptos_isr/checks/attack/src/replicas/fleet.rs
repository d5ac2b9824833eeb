//! The servers, and their ways to the Redis.

use std::{
    fs::File,
    io,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Instant,
};

use super::{Settings, link::Link, model::Model, source::Source};
use crate::{child::Child, server::Place};

/// One server.
#[derive(Debug)]
pub(super) struct Replica {
    number: usize,
    program: PathBuf,
    place: Place,
    log: PathBuf,
    pub(super) link: Link,
    pub(super) source: Source,
    child: Option<Child>,
    /// Where it listens; another port after each start.
    pub(super) port: Arc<AtomicU16>,
}

impl Replica {
    /// One that reaches the Redis by `link`. Every second one has a disk.
    pub(super) fn new(
        settings: &Settings,
        number: usize,
        (link, source): (Link, Source),
        folder: &std::path::Path,
    ) -> Self {
        let place = Place {
            data_port: source.port,
            folder: has_disk(number).then(|| folder.join(format!("disk-{number}"))),
            redis: Some(format!("redis://{}/0", link.addr)),
        };
        let log = settings.logs.as_deref().unwrap_or(folder).join(format!("server-{number}.log"));
        let program = settings.program.clone();
        Self { number, program, place, log, link, source, child: None, port: Arc::default() }
    }

    /// Starts it, on what it left.
    pub(super) async fn start(&mut self, model: &Model) -> io::Result<()> {
        let mut command: Command = self.place.command(&self.program);
        let log = File::options().create(true).append(true).open(&self.log)?;
        command.env("RUST_LOG", "info").stderr(log);
        let spawned = Instant::now();
        let mut child = Child::start(command)?;
        let port = child.port().await?;
        model.started(self.number, spawned);
        self.port.store(port, Ordering::SeqCst);
        self.child = Some(child);
        Ok(())
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.take().map_or(Ok(()), |mut child| child.kill())
    }

    pub(super) fn signal(&self, signal: &str) -> io::Result<()> {
        self.child.as_ref().map_or(Ok(()), |child| child.signal(signal))
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        self.child.as_mut().map_or(Ok(true), |child| Ok(child.has_ended()?.is_some()))
    }
}

/// Whether a server has a disk of its own.
pub(super) fn has_disk(number: usize) -> bool {
    number % 2 == 1
}
