//! Tells CDNs of purges: after the purge, behind its caller, until they took it.
//!
//! A purge is in the queue's log before it is answered, so a restart tells what
//! was not told. A CDN that fails is asked again, later and later; the others do
//! not wait for it.

mod api;
mod log;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    error::Error as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use http::StatusCode;
use tokio::{task::JoinSet, time::timeout};
use tracing::{error, info, warn};

pub use self::api::Cdn;
use self::{
    api::Call,
    log::{Log, Record},
    queue::Queue,
};
use crate::{
    clock::{Clock, Stamp},
    data::fetch::client::{Client, is_passing, retry_after},
    error::Error,
    order::purge::{Purge, Scope},
    period,
    tasks::backoff::Backoff,
};

/// How long one request may take.
const LIMIT: Duration = period::seconds(10);

/// The longest `Retry-After` that is kept to.
const PATIENCE: Duration = period::hours(1);

/// How much of an answer is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Records that are no longer needed before the log is written anew.
const SUPERSEDED: usize = 1000;

/// Waits for a while; tests count instead.
type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The CDNs of an engine and what they are still to be told.
pub(crate) struct Cdns {
    queues: Vec<Arc<Queue>>,
    shared: Arc<Shared>,
    /// Empty until there is a runtime. They end with this.
    workers: Mutex<JoinSet<()>>,
}

struct Shared {
    queues: Vec<Arc<Queue>>,
    log: Option<Log>,
    /// How many records the log has. Held while the log and a queue change, so
    /// that the log is never written anew without what was just appended.
    records: tokio::sync::Mutex<usize>,
    client: Client,
    clock: Arc<dyn Clock>,
    backoff: Backoff<String, ()>,
    sleep: Sleep,
    limit: Duration,
}

impl Cdns {
    /// Opens the queue in `folder`; without one it is in memory only.
    ///
    /// # Errors
    ///
    /// Names the CDN that is set up wrongly.
    pub(crate) fn new(
        cdns: Vec<Cdn>,
        folder: Option<&Path>,
        client: Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let sleep: Sleep = Arc::new(|time| Box::pin(tokio::time::sleep(time)));
        Self::with(cdns, folder, client, clock, sleep, LIMIT)
    }

    fn with(
        cdns: Vec<Cdn>,
        folder: Option<&Path>,
        client: Client,
        clock: Arc<dyn Clock>,
        sleep: Sleep,
        limit: Duration,
    ) -> Result<Self, Error> {
        let mut queues: Vec<Arc<Queue>> = Vec::new();
        for cdn in cdns {
            let name = cdn.name();
            let wrong = |problem| Error::Cdn { name: name.clone(), problem };
            cdn.check().map_err(wrong)?;
            if queues.iter().any(|queue| queue.name == name) {
                return Err(wrong("it is there twice; remove one".to_owned()));
            }
            queues.push(Arc::new(Queue::new(cdn)));
        }
        let mut log = None;
        let mut records = 0;
        if let Some(folder) = folder.filter(|_| !queues.is_empty()) {
            let opened = Log::open(folder);
            log = Some(opened.log);
            // A damaged line goes as soon as it was made up for.
            records = if opened.is_damaged { usize::MAX / 2 } else { opened.lines };
            for (cdn, stamp, purge) in opened.pending {
                let is_meant =
                    |queue: &&Arc<Queue>| cdn.as_ref().is_none_or(|cdn| *cdn == queue.name);
                for queue in queues.iter().filter(is_meant) {
                    queue.push(stamp, purge.clone());
                }
            }
        }
        let shared = Arc::new(Shared {
            queues: queues.clone(),
            log,
            records: tokio::sync::Mutex::new(records),
            client,
            clock,
            backoff: Backoff::new(),
            sleep,
            limit,
        });
        let cdns = Self { queues, shared, workers: Mutex::default() };
        cdns.start();
        Ok(cdns)
    }

    /// Starts telling, once there is a runtime.
    pub(crate) fn start(&self) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if !workers.is_empty() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        for queue in &self.queues {
            let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(queue));
            workers.spawn(async move { shared.work(&queue).await });
        }
    }

    /// Takes note of a purge, for every CDN. Returns when no restart forgets it.
    pub(crate) async fn note(&self, scopes: &[Scope], is_hard: bool, stamp: Stamp) {
        if self.queues.is_empty() {
            return;
        }
        self.start();
        let purge = purge_of(scopes, is_hard);
        let mut records = self.shared.records.lock().await;
        for queue in &self.queues {
            let (cdn, purge) = (queue.name.clone(), purge.clone());
            let record = Record::Wanted { cdn, stamp, purge: purge.clone() };
            self.shared.append(&record, &mut records).await;
            queue.push(stamp, purge);
        }
    }
}

impl Shared {
    async fn append(&self, record: &Record, records: &mut usize) {
        let Some(log) = &self.log else { return };
        match log.append(record).await {
            Ok(()) => *records += 1,
            Err(error) => {
                warn!(error, "cannot keep what CDNs are to be told, a restart forgets it")
            }
        }
    }

    async fn work(&self, queue: &Queue) {
        loop {
            let Some(next) = queue.next() else {
                queue.changed.notified().await;
                continue;
            };
            for call in queue.cdn.calls(&next.purge) {
                self.tell(queue, &call).await;
            }
            let mut records = self.records.lock().await;
            let record = Record::Told { cdn: queue.name.clone(), stamps: next.stamps.clone() };
            self.append(&record, &mut records).await;
            queue.told(&next.stamps);
            self.tidy(&mut records).await;
        }
    }

    /// Writes the log anew when most of it is superseded.
    async fn tidy(&self, records: &mut usize) {
        let Some(log) = &self.log else { return };
        let waiting: usize = self.queues.iter().map(|queue| queue.len()).sum();
        if *records < 2 * waiting + SUPERSEDED {
            return;
        }
        let needed: Vec<_> = self.queues.iter().flat_map(|queue| queue.records()).collect();
        match log.replace(&needed).await {
            // If another process has it open: again after as many records.
            Ok(_) => *records = needed.len(),
            Err(error) => warn!(error, "cannot write the log of CDNs anew, it grows"),
        }
    }

    /// Asks until the CDN took it, or says that it never will.
    async fn tell(&self, queue: &Queue, call: &Call) {
        let name = &queue.name;
        loop {
            let asked = timeout(self.limit, self.ask(&queue.cdn, call)).await;
            let failed =
                match asked.unwrap_or_else(|_| Err(CallFailure::passing("it did not answer"))) {
                    Ok(()) => {
                        self.backoff.succeeded(name);
                        info!(cdn = name, url = call.url, "told a CDN of purges");
                        return;
                    }
                    Err(failed) => failed,
                };
            if !failed.is_passing {
                error!(
                    cdn = name,
                    url = call.url,
                    cause = failed.cause,
                    "a CDN refused a purge, it may serve old pages: check its settings"
                );
                return;
            }
            let wait = self.backoff.note(name, (), self.clock.now());
            let wait = wait.max(failed.retry_after.unwrap_or_default().min(PATIENCE));
            warn!(cdn = name, url = call.url, cause = failed.cause, retry_in = ?wait,
                "could not tell a CDN of a purge");
            (self.sleep)(wait).await;
        }
    }

    async fn ask(&self, cdn: &Cdn, call: &Call) -> Result<(), CallFailure> {
        let client =
            self.client.plain().map_err(|error| CallFailure::passing(&error.to_string()))?;
        let request = client.post(&call.url).headers(call.headers.clone()).body(call.body.clone());
        let mut answer = request.send().await.map_err(no_answer)?;
        let status = answer.status();
        if answer.url().as_str() != request_url(&call.url) || status.is_redirection() {
            let cause = format!("it redirects to {}", answer.url());
            return Err(CallFailure { cause, is_passing: false, retry_after: None });
        }
        let retry_after = retry_after(answer.headers());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                break;
            }
        }
        let text = || String::from_utf8_lossy(&body).trim().chars().take(500).collect::<String>();
        match status {
            status if !status.is_success() => {
                let cause = format!("it answered {status}: {}", text());
                Err(CallFailure { cause, is_passing: is_passing(status), retry_after })
            }
            StatusCode::OK if !cdn.is_done(&body) => Err(CallFailure::passing(&format!(
                "its answer does not say that it is done: {}",
                text()
            ))),
            _ => Ok(()),
        }
    }
}

/// Why a request was not done, and whether it may be the next time.
#[derive(Debug)]
struct CallFailure {
    cause: String,
    is_passing: bool,
    retry_after: Option<Duration>,
}

impl CallFailure {
    fn passing(cause: &str) -> Self {
        Self { cause: cause.to_owned(), is_passing: true, retry_after: None }
    }
}

fn no_answer(error: reqwest::Error) -> CallFailure {
    let error = error.without_url();
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    CallFailure::passing(&format!("{error}{source}"))
}

/// As a request's address is spelled once it is parsed.
fn request_url(url: &str) -> String {
    reqwest::Url::parse(url).map_or_else(|_| url.to_owned(), String::from)
}

/// The purge, with its paths in canonical form.
fn purge_of(scopes: &[Scope], hard: bool) -> Purge {
    let mut purge = Purge { hard, ..Purge::default() };
    for scope in scopes {
        match scope {
            Scope::Path(path) => purge.paths.push(path.clone()),
            Scope::Prefix(path) => purge.prefixes.push(path.clone()),
            Scope::Tag(tag) => purge.tags.push(tag.as_str().to_owned()),
        }
    }
    purge
}
