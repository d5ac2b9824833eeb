//! Tells CDNs of purges, in the background, until they accept them.
//!
//! - The ledger keeps the purges, and until which position each CDN has been told. So a process that
//!   starts goes on with what is left, and one process tells for all that share the ledger.
//! - A purge that came from another server goes on with its ids, by which none goes round.
//! - A CDN that fails is asked again after growing waits. The others do not wait for it.

mod api;
mod ids;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    error::Error as _,
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{HeaderValue, StatusCode, header};
use reqwest::redirect::Policy;
use tokio::time::timeout;
use tracing::{error, info, warn};

pub use self::api::Cdn;
use self::{
    api::{Call, shown},
    ids::Seen,
};
pub(crate) use self::{
    ids::Arrival,
    queue::{Batch, Queue},
};
use crate::{
    clock::{Clock, Stamp, stamp_of},
    data::fetch::client::{is_passing, retry_after},
    error::Error,
    order::{
        purge::{Purge, Scope},
        purge_id::PurgeId,
    },
    period,
    rules::freshness::PurgeKind,
    store::purge_log::{Heard, NewPurge},
    tasks::{backoff::Backoff, worker::Worker},
    tls::client_builder,
};

/// How long one request may take.
const LIMIT: Duration = period::seconds(10);

/// The longest `Retry-After` that is respected.
const PATIENCE: Duration = period::hours(1);

/// How much of an answer is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// What a CDN made of purges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Done,
    /// It accepts them at no time from this process.
    Refused,
    /// It may accept them later.
    Failed {
        retry_in: Duration,
    },
}

/// The CDNs of an engine, and what they are still to be told.
pub(crate) struct Cdns {
    pub(crate) queues: Vec<Arc<Queue>>,
    /// Of each queue, what tells its CDN.
    pub(crate) tellers: Vec<Worker>,
    seen: Arc<Seen>,
    caller: Arc<Caller>,
}

/// What calls to CDNs need.
struct Caller {
    client: OnceLock<reqwest::Client>,
    clock: Arc<dyn Clock>,
    backoff: Backoff<String, ()>,
    limit: Duration,
}

impl Cdns {
    /// `is_shared` says whether processes on other machines share the ledger.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Cdn`], which names the CDN that is set up wrongly.
    pub(crate) fn new(
        cdns: Vec<Cdn>,
        is_shared: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Self::with(cdns, is_shared, clock, LIMIT)
    }

    fn with(
        cdns: Vec<Cdn>,
        is_shared: bool,
        clock: Arc<dyn Clock>,
        limit: Duration,
    ) -> Result<Self, Error> {
        let seen = Arc::new(Seen::new());
        let mut queues: Vec<Arc<Queue>> = Vec::new();
        for cdn in cdns {
            let name = cdn.name();
            let wrong = |problem| Error::Cdn { name: name.clone(), problem };
            cdn.check().map_err(wrong)?;
            if queues.iter().any(|queue| queue.cdn.name() == name) {
                return Err(wrong("it is set up twice; remove one".to_owned()));
            }
            // Each machine has one of its own there.
            let name = if is_shared && cdn.is_local() { name + " of " + &machine() } else { name };
            queues.push(Arc::new(Queue::new(cdn, name, Arc::clone(&seen))));
        }
        let (client, backoff) = (OnceLock::new(), Backoff::new());
        let caller = Arc::new(Caller { client, clock, backoff, limit });
        let tellers = queues.iter().map(|_| Worker::default()).collect();
        Ok(Self { queues, tellers, seen, caller })
    }

    /// The name of each CDN, how many purges it is still to be told of, and when the oldest was made.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&str, usize, Option<Stamp>)> {
        self.queues.iter().map(|queue| {
            let (waiting, oldest) = queue.waiting();
            (queue.name.as_str(), waiting, oldest)
        })
    }

    /// Notes that a request with these purges of other servers has come; with none if a purge begins
    /// here.
    pub(crate) fn begin(&self, ids: &[PurgeId]) -> Arrival {
        if ids.is_empty() { Arrival::New } else { self.seen.begin(ids) }
    }

    /// Notes that these purges of other servers are done, or that they failed and may come again.
    pub(crate) fn end(&self, ids: &[PurgeId], is_done: bool) {
        self.seen.end(ids, is_done);
    }

    /// With which ids CDNs are told of a purge that came with `ids`, in the form of
    /// [`NewPurge::ids`].
    pub(crate) fn ids(&self, arrival: Arrival, ids: &[PurgeId]) -> Option<Vec<PurgeId>> {
        match arrival {
            Arrival::New if !ids.is_empty() => Some(ids.to_vec()),
            Arrival::New => (!self.queues.is_empty()).then(|| vec![self.seen.next()]),
            // By the record of the request that came first.
            Arrival::UnderWay | Arrival::Done => Some(Vec::new()),
        }
    }

    /// Queues what was heard for each CDN, except what it has been told.
    pub(crate) fn hear(&self, heard: &Heard) {
        for queue in &self.queues {
            if heard.is_all {
                queue.begin_anew();
            }
            let told = heard.told.iter().filter(|told| told.cdn == queue.name);
            told.for_each(|told| queue.told_until(told.until));
        }
        for (position, NewPurge { scopes, kind, ids, .. }) in &heard.purges {
            let ids = ids.clone().unwrap_or_else(|| vec![self.seen.next()]);
            self.seen.end(&ids, true);
            let purge = purge_of(scopes, *kind == PurgeKind::Hard);
            let made = position.unwrap_or_else(|| stamp_of(self.caller.clock.now()));
            for queue in self.queues.iter().filter(|_| !ids.is_empty()) {
                queue.push(*position, made, ids.clone(), purge.clone());
            }
        }
    }

    /// Tells a CDN of purges, by one try.
    pub(crate) fn tell(
        &self,
        queue: &Arc<Queue>,
        batch: &Batch,
    ) -> impl Future<Output = Answered> + Send + use<> {
        let (caller, queue) = (Arc::clone(&self.caller), Arc::clone(queue));
        let calls = queue.cdn.calls(&batch.purge, &batch.ids);
        async move {
            let mut answered = Answered::Done;
            for call in calls {
                match caller.tell(&queue, &call).await {
                    Answered::Done => {}
                    Answered::Refused => answered = Answered::Refused,
                    failed @ Answered::Failed { .. } => return failed,
                }
            }
            answered
        }
    }
}

impl Caller {
    async fn tell(&self, queue: &Queue, call: &Call) -> Answered {
        let name = &queue.name;
        let asked = timeout(self.limit, self.ask(&queue.cdn, call)).await;
        let failed = match asked.unwrap_or_else(|_| Err(CallFailure::passing("it did not answer")))
        {
            Ok(()) => {
                self.backoff.succeeded(name);
                info!(cdn = name, url = shown(&call.url), "told a CDN of purges");
                return Answered::Done;
            }
            Err(failed) => failed,
        };
        if !failed.is_passing {
            error!(
                cdn = name,
                url = shown(&call.url),
                cause = failed.cause,
                "a CDN refused a purge and may serve old pages: check its settings"
            );
            return Answered::Refused;
        }
        let wait = self.backoff.note(name, (), self.clock.now());
        let retry_in = wait.max(failed.retry_after.unwrap_or_default().min(PATIENCE));
        warn!(
            cdn = name,
            url = shown(&call.url),
            cause = failed.cause,
            ?retry_in,
            "could not tell a CDN of a purge"
        );
        Answered::Failed { retry_in }
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

/// The name of this machine.
fn machine() -> String {
    #[cfg(target_os = "linux")]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(target_os = "linux"))]
    std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).unwrap_or_default()
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
