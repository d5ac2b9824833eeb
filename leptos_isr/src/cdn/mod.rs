//! Tells CDNs of purges, in the background, until they accept them.
//!
//! - A purge is in the log of the queue before it is answered, so after a restart CDNs are told of
//!   what they missed.
//! - A purge that came from another server goes on with its ids. None is passed on twice.
//! - A CDN that fails is asked again after growing waits. The others do not wait for it.

mod api;
mod ids;
mod log;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    error::Error as _,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode, header};
use reqwest::redirect::Policy;
use tokio::{task::JoinSet, time::timeout};
use tracing::{error, info, warn};

pub use self::api::Cdn;
pub(crate) use self::ids::{Arrival, PurgeId};
use self::{
    api::Call,
    ids::Seen,
    log::{Log, PendingPurge, Record},
    queue::{Queue, QueuedPurge},
};
use crate::{
    clock::{Clock, Stamp},
    data::fetch::client::{is_passing, retry_after},
    error::Error,
    order::purge::{Purge, Scope},
    period,
    tasks::backoff::Backoff,
    tls::client_builder,
};

/// How long one request may take.
const LIMIT: Duration = period::seconds(10);

/// The longest `Retry-After` that is respected.
const PATIENCE: Duration = period::hours(1);

/// How much of an answer is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// How many superseded records the log may have before it is rewritten.
const SUPERSEDED: usize = 1000;

/// Waits for a while. Tests record the wait instead.
type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The CDNs of an engine, and what they are still to be told.
pub(crate) struct Cdns {
    queues: Vec<Arc<Queue>>,
    shared: Arc<Shared>,
    seen: Arc<Seen>,
    /// The tasks that tell the CDNs. Empty until there is a runtime. They end with this value.
    workers: Mutex<JoinSet<()>>,
}

struct Shared {
    queues: Vec<Arc<Queue>>,
    log: Option<Log>,
    /// How many records the log has. The lock is held while the log and a queue change, so that
    /// rewriting the log loses no record that was just appended.
    records: tokio::sync::Mutex<usize>,
    client: OnceLock<reqwest::Client>,
    clock: Arc<dyn Clock>,
    backoff: Backoff<String, ()>,
    sleep: Sleep,
    limit: Duration,
}

impl Cdns {
    /// Opens the queues in `folder`; without one they are in memory only.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Cdn`], which names the CDN that is set up wrongly.
    pub(crate) fn new(
        cdns: Vec<Cdn>,
        folder: Option<&Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let sleep: Sleep = Arc::new(|time| Box::pin(tokio::time::sleep(time)));
        Self::with(cdns, folder, clock, sleep, LIMIT)
    }

    fn with(
        cdns: Vec<Cdn>,
        folder: Option<&Path>,
        clock: Arc<dyn Clock>,
        sleep: Sleep,
        limit: Duration,
    ) -> Result<Self, Error> {
        let seen = Arc::new(Seen::new());
        let mut queues: Vec<Arc<Queue>> = Vec::new();
        for cdn in cdns {
            let name = cdn.name();
            let wrong = |problem| Error::Cdn { name: name.clone(), problem };
            cdn.check().map_err(wrong)?;
            if queues.iter().any(|queue| queue.name == name) {
                return Err(wrong("it is set up twice; remove one".to_owned()));
            }
            queues.push(Arc::new(Queue::new(cdn, Arc::clone(&seen))));
        }
        let mut log = None;
        let mut records = 0;
        if let Some(folder) = folder.filter(|_| !queues.is_empty()) {
            let opened = Log::open(folder);
            log = Some(opened.log);
            // A damaged line is removed as soon as its purge of everything has been told.
            records = if opened.is_damaged { usize::MAX / 2 } else { opened.lines };
            for PendingPurge { cdn, stamp, purge, ids } in opened.pending {
                let is_meant =
                    |queue: &&Arc<Queue>| cdn.as_ref().is_none_or(|cdn| *cdn == queue.name);
                for queue in queues.iter().filter(is_meant) {
                    let ids = if ids.is_empty() { vec![seen.next()] } else { ids.clone() };
                    queue.push(QueuedPurge { stamps: vec![stamp], ids, purge: purge.clone() });
                }
            }
        }
        let shared = Arc::new(Shared {
            queues: queues.clone(),
            log,
            records: tokio::sync::Mutex::new(records),
            client: OnceLock::new(),
            clock,
            backoff: Backoff::new(),
            sleep,
            limit,
        });
        let cdns = Self { queues, shared, seen, workers: Mutex::default() };
        cdns.start();
        Ok(cdns)
    }

    /// Starts to tell the CDNs, once there is a runtime.
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

    /// Notes that a request with these purges of other servers has come.
    pub(crate) fn begin(&self, ids: &[PurgeId]) -> Arrival {
        self.seen.begin(ids)
    }

    /// Notes that these purges of other servers are done, or that they failed and may come again.
    pub(crate) fn end(&self, ids: &[PurgeId], is_done: bool) {
        self.seen.end(ids, is_done);
    }

    /// Notes a purge for every CDN. `ids` are those with which it came; none if it begins here.
    /// Returns once no restart forgets it.
    pub(crate) async fn note(
        &self,
        scopes: &[Scope],
        is_hard: bool,
        stamp: Stamp,
        ids: &[PurgeId],
    ) {
        if self.queues.is_empty() {
            return;
        }
        self.start();
        let ids = if ids.is_empty() { vec![self.seen.next()] } else { ids.to_vec() };
        let queued = QueuedPurge { stamps: vec![stamp], ids, purge: purge_of(scopes, is_hard) };
        let mut records = self.shared.records.lock().await;
        for queue in &self.queues {
            for record in queued.records(&queue.name) {
                self.shared.append(&record, &mut records).await;
            }
            queue.push(queued.clone());
        }
    }
}

impl Shared {
    async fn append(&self, record: &Record, records: &mut usize) {
        let Some(log) = &self.log else { return };
        match log.append(record).await {
            Ok(()) => *records += 1,
            Err(error) => {
                warn!(error, "cannot keep what CDNs are to be told: a restart forgets it")
            }
        }
    }

    async fn work(&self, queue: &Queue) {
        loop {
            let Some(next) = queue.next() else {
                queue.changed.notified().await;
                continue;
            };
            for call in queue.cdn.calls(&next.purge, &next.ids) {
                self.tell(queue, &call).await;
            }
            let mut records = self.records.lock().await;
            let record = Record::Told { cdn: queue.name.clone(), stamps: next.stamps.clone() };
            self.append(&record, &mut records).await;
            queue.told(&next.stamps);
            self.tidy(&mut records).await;
        }
    }

    /// Rewrites the log when most of it is superseded.
    async fn tidy(&self, records: &mut usize) {
        let Some(log) = &self.log else { return };
        let waiting: usize = self.queues.iter().map(|queue| queue.len()).sum();
        if *records < 2 * waiting + SUPERSEDED {
            return;
        }
        let needed: Vec<_> = self.queues.iter().flat_map(|queue| queue.records()).collect();
        match log.replace(&needed).await {
            // If another process has it open, it is tried again after as many records.
            Ok(_) => *records = needed.len(),
            Err(error) => warn!(error, "cannot rewrite the log of purges for CDNs, so it grows"),
        }
    }

    /// Asks until the CDN has accepted the purge, or refuses it for good.
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
                    "a CDN refused a purge and may serve old pages: check its settings"
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
        let client = self.client().map_err(no_answer)?;
        let request = client.request(call.method.clone(), &call.url);
        let request = request.headers(call.headers.clone()).body(call.body.clone());
        let mut answer = request.send().await.map_err(no_answer)?;
        let status = answer.status();
        if cdn.answers_with_pages() && status != StatusCode::FORBIDDEN {
            return Ok(());
        }
        if status.is_redirection() {
            let to = answer.headers().get(header::LOCATION).map(HeaderValue::as_bytes);
            let cause = format!("it redirects to {}", to.unwrap_or_default().escape_ascii());
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
                "its answer does not confirm the purge: {}",
                text()
            ))),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// A client that follows no redirect: a call carries the CDN's token.
    fn client(&self) -> reqwest::Result<reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = client_builder().redirect(Policy::none()).build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

/// Why a CDN did not accept a request, and whether it may accept it the next time.
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
