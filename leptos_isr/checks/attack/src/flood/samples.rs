//! What the process and its store took at most, looked at all along.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::machine::{Usage, resident};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Most {
    pub(super) resident: u64,
    pub(super) disk: Usage,
}

#[derive(Debug)]
pub(super) struct Samples {
    end: oneshot::Sender<()>,
    task: JoinHandle<Most>,
}

impl Samples {
    pub(super) fn start(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let (end, mut ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut most = Most::default();
            loop {
                let is_last = timeout(Duration::from_millis(250), &mut ended).await.is_ok();
                let walked = folder.clone();
                let began = Instant::now();
                let usage = tokio::task::spawn_blocking(move || Usage::of(&walked)).await;
                if let Ok(Ok(usage)) = usage {
                    most.disk = most.disk.most(usage);
                }
                most.resident = most.resident.max(resident());
                if is_last {
                    return most;
                }
                // Looking must not take more than a tenth of the time.
                sleep(began.elapsed() * 9).await;
            }
        });
        Self { end, task }
    }

    pub(super) async fn end(self) -> Most {
        let _ = self.end.send(());
        self.task.await.unwrap_or_default()
    }
}
