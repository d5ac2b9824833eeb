//! One render of one page, and whether its result may be stored.
//!
//! The app's own router renders the page. It is asked with a request that carries the page's path
//! and listed query parameters and nothing else: no header, cookie or method of a visitor can reach
//! it.

pub(crate) mod csp;
mod html_inline;
pub(crate) mod links;
pub(crate) mod outcome;
pub(crate) mod spawned;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use tokio::{runtime::Handle, time::timeout};
use tower::ServiceExt;
use tracing::{Instrument, warn};

use crate::{
    address::{key::Key, tag::Tag},
    data::reading::Reading,
    entry::{Entry, RenderStart, ServedEntry, facts::Facts},
    error::{RenderError, panic_message},
    render::{
        csp::{Csp, is_html},
        outcome::{RenderFailure, outcome},
    },
    route::static_mode::REMEDY,
    rules::cache_control::{is_file, other_vary, why_not_stored},
    scope::RenderScope,
    tasks::subscriber::with_current_subscriber,
};

/// What one render needs.
pub(crate) struct Job {
    pub(crate) router: Router,
    pub(crate) key: Key,
    /// Whether its path is asked for with a slash at the end.
    pub(crate) ends_in_slash: bool,
    pub(crate) route: Arc<str>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) start: RenderStart,
    pub(crate) scope: RenderScope,
    pub(crate) reading: Reading,
    /// The media type that the request accepts.
    pub(crate) accept: &'static str,
    pub(crate) limits: Limits,
    pub(crate) csp: Option<Arc<Csp>>,
    /// The page that is stored. An equal body is not compressed again; a different one is
    /// compressed in the encodings in which the stored page was served.
    pub(crate) old: Option<Arc<ServedEntry>>,
    /// The threads to render on.
    pub(crate) threads: Handle,
}

/// How long a render may take and how large a page may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    pub(crate) body: usize,
}

/// A page that was rendered.
#[derive(Debug)]
pub(crate) struct RenderOutput {
    pub(crate) entry: ServedEntry,
    /// Why it may not be stored, if it may not.
    pub(crate) not_stored: Option<String>,
}

/// Renders the page of `job`.
pub(crate) async fn render(job: Job) -> Result<RenderOutput, RenderFailure> {
    let (limit, threads) = (job.limits.time, job.threads.clone());
    in_own_task(answer(job), limit, &threads).await?
}

/// Works in a task of its own, so that a panic or a hang ends only this work and the tasks that it
/// started.
pub(crate) async fn in_own_task<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    limit: Duration,
    threads: &Handle,
) -> Result<T, RenderError> {
    let mut task = threads.spawn(with_current_subscriber(work.in_current_span()));
    match timeout(limit, &mut task).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(stopped)) => Err(stopped_render(stopped)),
        Err(_) => {
            task.abort();
            Err(RenderError::TimedOut(limit))
        }
    }
}

fn stopped_render(stopped: tokio::task::JoinError) -> RenderError {
    match stopped.try_into_panic() {
        Ok(panic) => RenderError::Panicked(panic_message(&*panic).to_owned()),
        Err(_) => RenderError::ShuttingDown,
    }
}

async fn answer(job: Job) -> Result<RenderOutput, RenderFailure> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() =
        job.key.address(job.ends_in_slash).parse().expect("a key is a path and query of a URL");
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(job.accept));
    request.extensions_mut().insert(job.scope.clone());
    request.extensions_mut().insert(job.reading.clone());
    let policy = job.csp.as_ref().map(|csp| csp.begin(&mut request));
    let answering = async {
        let response = match job.router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, job.limits.body).collect().await;
        let body = body.map_err(|error| broken_body(&*error, job.limits.body))?;
        Ok::<_, RenderError>((parts, body.to_bytes()))
    };
    let answering = job.reading.scope(answering);
    let (mut parts, body) = spawned::scope(answering).await?;
    let body = match policy {
        Some(policy) => policy.seal((&job.key, &job.route), &mut parts.headers, body),
        None => body,
    };

    let (not_stored, vary) = (why_not_stored(&parts.headers), other_vary(&parts.headers));
    let notes = job.scope.take();
    let status = match parts.status {
        // Said by a read, which has no response to set the status of.
        StatusCode::OK if notes.is_absent && !notes.is_data => StatusCode::NOT_FOUND,
        status => status,
    };
    let mut entry = Entry::new(job.key, status, parts.headers, body, job.start);
    entry.tags = job.tags.clone();
    entry.tags.extend(notes.tags.iter().cloned());
    entry.tags.sort_unstable();
    entry.tags.dedup();
    entry.facts = Facts::new(&entry.tags, &job.tags, notes.asked_by.clone(), &notes.reads);
    entry.asked = notes.revalidate;
    entry.is_absent = notes.is_absent && notes.is_data;
    if notes.is_data && lacks_arguments(&entry) {
        entry.status = StatusCode::BAD_REQUEST;
    }
    let html = is_html(&entry.headers).then(|| str::from_utf8(&entry.body).ok()).flatten();
    let thrown = html.and_then(html_inline::thrown_error);
    let is_page = outcome(&notes, thrown, entry.status);
    if let Err(error) = is_page.and_then(|()| check_body(&entry, html)) {
        return Err(RenderFailure { page: Some(Box::new(entry)), ..error.into() });
    }
    if is_html(&entry.headers) && is_file(&entry.headers) {
        warn!(isr.key = %entry.key, route = &*job.route,
            "the page is a file, so a regeneration changes nothing; if Leptos's static mode wrote \
             it, {REMEDY}");
    }
    if let Some(why) = &not_stored {
        warn!(isr.key = %entry.key, route = &*job.route,
            "the page {why}, so it is not stored: a stored page is the same for everybody");
    }
    let no_store = || notes.no_store.then(|| "says `no_store`, or reads data that do".to_owned());
    let not_stored = not_stored.or_else(no_store);
    let may_store = not_stored.is_none();
    if let Some(vary) = vary.filter(|_| may_store) {
        warn!(isr.key = %entry.key, route = &*job.route,
            "the page says `Vary: {vary}`, and is stored for everybody all the same: \
             what differs by a visitor's headers belongs on a dynamic route");
    }
    let same = job.old.as_ref().filter(|old| old.body == entry.body);
    if may_store {
        // Memory is counted by length, and the buffer in which a body grew may be twice as large.
        // The body of a page from the store keeps its encodings in memory too.
        entry.body =
            same.map_or_else(|| Bytes::copy_from_slice(&entry.body), |old| old.body.clone());
    }
    let encodings = same.filter(|_| may_store).and_then(|old| old.encodings.clone());
    let entry = match encodings {
        Some(encodings) => ServedEntry::with_encodings(entry, Some(encodings)),
        None => ServedEntry::new(entry),
    };
    if may_store && let Some(old) = &job.old {
        // Its next visitors are likely to ask for the same encodings.
        for encoding in old.served_in() {
            entry.make(encoding).await;
        }
    }
    Ok(RenderOutput { entry, not_stored })
}

/// Whether a server function was not called, for want of arguments that it can read: Leptos answers
/// that with 500. An error type of the app's own sets the status itself.
fn lacks_arguments(entry: &Entry) -> bool {
    let is_refusal = |kind: &&[u8]| entry.body.starts_with(kind);
    entry.status == StatusCode::INTERNAL_SERVER_ERROR
        && entry.headers.contains_key(SERVER_FN_ERROR_HEADER)
        && [&b"Args|"[..], b"MissingArg|"].iter().any(is_refusal)
}

fn check_body(entry: &Entry, html: Option<&str>) -> Result<(), RenderError> {
    if entry.status == StatusCode::OK && entry.body.is_empty() {
        return Err(RenderError::Empty);
    }
    match html.is_some_and(html_inline::is_out_of_order) {
        true => Err(RenderError::OutOfOrder),
        false => Ok(()),
    }
}

fn broken_body(
    error: &(dyn std::error::Error + Send + Sync + 'static),
    limit: usize,
) -> RenderError {
    let is_too_large = error.is::<LengthLimitError>()
        || error.source().is_some_and(|source| source.is::<LengthLimitError>());
    if is_too_large {
        RenderError::TooLarge { limit }
    } else {
        RenderError::Body(error.to_string())
    }
}
