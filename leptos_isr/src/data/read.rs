//! One read: from the cache if possible, otherwise from its source.

use std::{error::Error, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    address::tag::Tag,
    data::{
        cache::ReadResult,
        error::DataError,
        reading::{Reading, reading},
        reads::Reads,
        value::{SourceAnswer, Validators, Value},
    },
    entry::Began,
    stats::ReadOutcome,
    tasks::single_flight::{self, Leader, Role},
    watch::Topic,
};

/// How many reads are waited for if a purge overtakes each of them.
const TRIES: usize = 4;

/// What reads count for that are not of a server.
const OWN_ORIGIN: &str = "data";

const WHY_NONE: &str = "its read panicked, or a purge overtook every try";

/// How long stale data is used once more if it could not be read again, and how long a page does
/// without an optional value if it is not known when that is tried again.
const STALE_IF_ERROR: Duration = Duration::from_secs(5);

/// Reads data through the cache; see [`Read`].
///
/// `name` identifies the value, so it must contain everything that the value depends on: two reads
/// of one name are taken to give the same value.
///
/// # Examples
///
/// An async function of your own behind the cache, here a database query. What it depends on is in
/// the name. After a purge of its tag it is called again.
///
/// ```
/// use leptos_isr::{minutes, data::{DataError, data}};
///
/// # #[derive(Clone)] struct Db;
/// # impl Db { async fn rows(&self, _: &str, _: &str) -> std::io::Result<Vec<String>> { Ok(vec![]) } }
/// async fn query(db: Db, section: String) -> Result<Vec<String>, std::io::Error> {
///     db.rows("SELECT title FROM articles WHERE section = ?", &section).await
/// }
///
/// async fn titles(db: Db, section: String) -> Result<Vec<String>, DataError> {
///     data(format!("titles of {section}"))
///         .revalidate(minutes(1))
///         .tags([format!("section:{section}")])
///         .load(move || query(db, section))
///         .await
/// }
/// # let _ = titles;
/// ```
pub fn data(name: impl Into<String>) -> Read {
    let label = name.into();
    Read {
        name: format!("data {label}"),
        label,
        origin: OWN_ORIGIN.to_owned(),
        revalidate: None,
        tags: Vec::new(),
        is_stored: true,
        is_optional: false,
        has_tags: false,
    }
}

/// A read of data that pages are made of: a database query, or any other function.
///
/// While a page is rendered, the tags of the read are added to the page, and the page's period is
/// lowered to what is left of the read's. Readers who read at the same time share one call. See
/// [`fetch`](crate::data::fetch()) for HTTP.
///
/// If the read fails, so does the render, whatever the page then draws: the stored page stays, and
/// without one the visitor gets what was drawn, as 502. What is [`optional`](Self::optional) may
/// fail.
///
/// Without an engine, as in a test of the function alone, it calls the function each time.
#[derive(Clone, Debug)]
#[must_use = "it reads nothing until `load` is called"]
pub struct Read {
    pub(crate) name: String,
    /// What errors and the log call it.
    pub(crate) label: String,
    /// What its outcomes count for.
    pub(crate) origin: String,
    pub(crate) revalidate: Option<Duration>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) is_stored: bool,
    pub(crate) is_optional: bool,
    /// Whether a purge of a tag reaches it.
    pub(crate) has_tags: bool,
}

pub(crate) type LoadFuture = Pin<Box<dyn Future<Output = Result<SourceAnswer, DataError>> + Send>>;

impl Read {
    /// Sets how long the value is fresh, counted from when its read began.
    ///
    /// Defaults to the period of the page that reads it. Outside a page that is rendered to be
    /// stored, a value with tags lasts until one of them is purged, and one without is not kept.
    /// Zero is [`no_store`](Self::no_store).
    pub fn revalidate(mut self, period: Duration) -> Self {
        self.revalidate = Some(period);
        self.is_stored &= !period.is_zero();
        self
    }

    /// Adds tags: purging one makes the value, and the pages that show it, stale.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(|tag| Tag::new(tag.into())));
        self.has_tags |= !self.tags.is_empty();
        self
    }

    /// Reads from the source each time. A page that does so is not stored.
    pub fn no_store(mut self) -> Self {
        self.is_stored = false;
        self
    }

    /// Says that the page, or the read, around it can do without the value: if this read fails, the
    /// render goes on, and its page is regenerated when this is tried again. A value that is stale
    /// by time alone is used meanwhile.
    ///
    /// Use it for what is tried first and has a substitute too, such as a mirror.
    ///
    /// # Examples
    ///
    /// ```
    /// # use leptos_isr::data::{DataError, fetch};
    /// async fn weather() -> Option<String> {
    ///     fetch("https://weather.example/today").optional().json().await.ok()
    /// }
    /// # let _ = weather;
    /// ```
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Returns the kept value, or calls `load` and keeps its value. Values are kept as JSON; one
    /// that cannot be read back from it is an error and is not kept.
    ///
    /// What `load` itself reads through [`data`] or [`fetch`](crate::data::fetch()) passes its tags
    /// and its period on to this read. Tags that `load` adds by [`tag`](crate::tag()) are added to
    /// the value.
    ///
    /// # Errors
    ///
    /// Returns the error of `load`. Others who waited for the call get it too, and so does whoever
    /// reads soon after: `load` is not called again for a while.
    pub async fn load<T, E, F, Fut>(self, load: F) -> Result<T, DataError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let load = move |_: Validators| -> LoadFuture {
            Box::pin(async move {
                let value = load().await.map_err(DataError::of_load)?;
                let bytes = Bytes::from(serde_json::to_vec(&value).map_err(DataError::new)?);
                serde_json::from_slice::<T>(&bytes).map_err(DataError::new)?;
                Ok(SourceAnswer::New { bytes, tags: Vec::new(), validators: Validators::default() })
            })
        };
        self.value(load, |bytes| serde_json::from_slice(bytes).map_err(DataError::new)).await
    }

    /// Returns what `parse` makes of the value's bytes: the kept ones, or those that `load` gives
    /// now. A read that fails fails the render that it is part of, unless it is optional.
    pub(crate) async fn value<T>(
        self,
        load: impl FnOnce(Validators) -> LoadFuture + Send + 'static,
        parse: impl FnOnce(&Bytes) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        let is_optional = self.is_optional;
        let value = self.bytes(load).await.and_then(|bytes| parse(&bytes));
        value.inspect_err(|error| note_failed(error, is_optional))
    }

    async fn bytes(
        self,
        load: impl FnOnce(Validators) -> LoadFuture + Send + 'static,
    ) -> Result<Bytes, DataError> {
        let Some(reading) = reading() else { return load_once(load).await };
        self.tags.iter().for_each(|tag| reading.tag(tag.clone()));
        if !self.is_stored {
            reading.no_store();
        }
        // What nothing would ever make stale is not kept.
        let ends = self.revalidate.is_some() || self.has_tags || reading.is_of_page();
        match reading.reads().filter(|_| self.is_stored && ends) {
            Some(reads) => reads.read(&reading, self, load).await,
            None => {
                let value = load_once(load).await;
                if let Some(reads) = reading.reads() {
                    reads.counters.read(&self.origin, outcome_of_load(&value));
                }
                value
            }
        }
    }
}

/// Lets the render that a read is part of fail with it.
pub(crate) fn note_failed(error: &DataError, is_optional: bool) {
    if !is_optional
        && !error.is_definite()
        && let Some(reading) = reading()
    {
        reading.note_failed(error);
    }
}

/// What a read came to that asked its source.
fn outcome_of_load<T>(result: &Result<T, DataError>) -> ReadOutcome {
    match result {
        Err(error) if !error.is_definite() => ReadOutcome::Failed,
        _ => ReadOutcome::New,
    }
}

async fn load_once(load: impl FnOnce(Validators) -> LoadFuture) -> Result<Bytes, DataError> {
    match load(Validators::default()).await? {
        SourceAnswer::New { bytes, .. } => Ok(bytes),
        SourceAnswer::NotModified => {
            Err(DataError::new("the source answered 304, but no earlier answer is kept"))
        }
    }
}

impl Reads {
    async fn read(
        self: &Arc<Self>,
        reading: &Reading,
        mut read: Read,
        load: impl FnOnce(Validators) -> LoadFuture + Send + 'static,
    ) -> Result<Bytes, DataError> {
        let name: Arc<str> = read.name.as_str().into();
        read.revalidate = read.revalidate.or(reading.period());
        let mut load = Some(load);
        let mut last = None;
        for _ in 0..TRIES {
            if let Some((value, left)) = self.kept(&name, &read, reading.since()) {
                reading.note((&read.label, &read.tags), &value, left, self.order.now());
                self.count(&read, ReadOutcome::Kept);
                return Ok(value.bytes);
            }
            // Its source failed a moment ago, and is left alone for a while.
            if let Some((wait, (error, began))) =
                self.cache.backoff.failure(&name, self.order.now())
                && !self.is_worth_a_try(began, &read, reading.since())
            {
                last = Some(error.not_again_for(wait));
                break;
            }
            let (flight, is_ours) = match self.cache.flights.join(&name) {
                Role::Follower(flight) => (flight, false),
                Role::Leader(leader, flight) => {
                    let kept = self.kept(&name, &read, reading.since());
                    let is_ours = kept.is_none();
                    match kept {
                        // A flight has ended since the value was looked for.
                        Some((value, _)) => {
                            leader.finish(Ok(value));
                        }
                        None => {
                            let load = load.take().expect("the loop ends with our own call");
                            self.start_load(leader, &name, (&read, reading), load);
                        }
                    }
                    (flight, is_ours)
                }
            };
            match single_flight::wait(flight).await {
                // Our own read began after every purge that we know of.
                Some(Ok(value)) if is_ours || self.is_usable(&value, &read, reading.since()) => {
                    let left = self.left(&value, &read).unwrap_or(Some(Duration::ZERO));
                    reading.note((&read.label, &read.tags), &value, left, self.order.now());
                    self.count_joined(&read, is_ours);
                    return Ok(value.bytes);
                }
                // A definite answer: there is no such thing any more.
                Some(Err(error)) if error.is_definite() => {
                    // It is an answer like any other, and holds as long.
                    reading.note_absence(
                        (&read.label, &read.tags),
                        &error,
                        read.revalidate,
                        self.order.now(),
                    );
                    self.count_joined(&read, is_ours);
                    return Err(error);
                }
                // Somebody else's try may have begun before a purge, which is worth another.
                Some(Err(error)) => {
                    last = Some(error);
                    if is_ours {
                        break;
                    }
                }
                None if is_ours => break,
                // The read began before a purge, or its leader is gone.
                Some(Ok(_)) | None => {}
            }
        }
        let error = last.unwrap_or_else(|| {
            DataError::new(format!("`{}` was not read: {WHY_NONE}", read.label))
        });
        match self.cache.get(&name) {
            Some(value)
                if (read.is_optional || reading.may_use_stale())
                    && self.is_usable(&value, &read, reading.since()) =>
            {
                tracing::warn!(name = read.label, %error, "cannot read the data anew, so the old value is used");
                reading.note(
                    (&read.label, &read.tags),
                    &value,
                    Some(STALE_IF_ERROR),
                    self.order.now(),
                );
                self.count(&read, ReadOutcome::Stale);
                Ok(value.bytes)
            }
            _ => {
                self.count(&read, ReadOutcome::Failed);
                if read.is_optional {
                    let wait = self.cache.backoff.failure(&name, self.order.now());
                    let wait = wait.map_or(STALE_IF_ERROR, |(wait, _)| wait);
                    reading.lower_period(&read.label, Some(wait), self.order.now());
                }
                Err(error)
            }
        }
    }

    fn count(&self, read: &Read, outcome: ReadOutcome) {
        self.counters.read(&read.origin, outcome);
    }

    /// Counts a read that has ended well; `load` counts what its own call came to.
    fn count_joined(&self, read: &Read, is_ours: bool) {
        if !is_ours {
            self.count(read, ReadOutcome::Joined);
        }
    }

    /// Reads in a task of its own: whoever waits for it may leave.
    fn start_load(
        self: &Arc<Self>,
        leader: Leader<Arc<str>, ReadResult>,
        name: &Arc<str>,
        (read, reading): (&Read, &Reading),
        load: impl FnOnce(Validators) -> LoadFuture + Send + 'static,
    ) {
        let (reads, name) = (Arc::clone(self), Arc::clone(name));
        let (read, reading) = (read.clone(), reading.clone());
        let kept = self.cache.get(&name);
        let old = kept.as_ref().map(|kept| kept.bytes.clone());
        self.tasks.spawn(async move {
            let outcome = reads.load(&name, kept, (&read, &reading), load).await;
            if let Ok(value) = &outcome
                && value.is_stored
                && old.as_ref() != Some(&value.bytes)
            {
                reads.tell_watchers(read.tags.iter().chain(value.inner_tags.iter()));
            }
            leader.finish(outcome);
        });
    }

    /// Tells whoever watches one of `tags` that data with that tag has changed.
    fn tell_watchers<'a>(&self, tags: impl IntoIterator<Item = &'a Tag>) {
        let topics = tags.into_iter().cloned().map(Topic::Tag);
        self.watch.changed(topics, || self.order.next());
    }

    /// Reads from the source and keeps what it gives.
    async fn load(
        self: &Arc<Self>,
        name: &Arc<str>,
        kept: Option<Value>,
        (read, reading): (&Read, &Reading),
        load: impl FnOnce(Validators) -> LoadFuture + Send,
    ) -> ReadResult {
        let start = self.order.begin();
        let inner = reading.within(Arc::clone(self), start.at, read.revalidate);
        let validators = kept.as_ref().map(|kept| kept.validators.clone()).unwrap_or_default();
        let limit = self.limit;
        let loading = timeout(limit, inner.clone().scope(load(validators)));
        let loaded = loading.await.unwrap_or_else(|_| {
            let limit = humantime::format_duration(limit);
            Err(DataError::new(format!("`{}` was not read within {limit}", read.label)))
        });
        let outcome = match &loaded {
            Ok(SourceAnswer::NotModified) => ReadOutcome::NotModified,
            _ => ReadOutcome::New,
        };
        let loaded = loaded.and_then(|loaded| match (loaded, kept) {
            (SourceAnswer::New { bytes, tags, validators }, _) => Ok((bytes, tags, validators)),
            (SourceAnswer::NotModified, Some(kept)) => {
                Ok((kept.bytes, kept.inner_tags.to_vec(), kept.validators))
            }
            (SourceAnswer::NotModified, None) => {
                Err(DataError::new("the source answered 304, but no earlier answer is kept"))
            }
        });
        let inner = inner.take();
        // A value that was made without what it needs is not kept.
        let failed = inner.failed_read.as_ref().map(|read| &read.cause).or(inner.failure.as_ref());
        let loaded = match (failed, loaded) {
            (_, Err(error)) if !error.is_definite() => Err(error),
            (Some(cause), _) => Err(DataError::new(cause.as_str())),
            (None, loaded) => loaded,
        };
        if loaded.as_ref().err().is_none_or(DataError::is_definite) {
            self.count(read, outcome);
        }
        match loaded {
            Ok((bytes, mut tags, validators)) => {
                tags.extend(inner.tags);
                let value = Value {
                    bytes,
                    read_at: start.at,
                    began: start.began,
                    oldest: inner.oldest.map_or(start.began, |oldest| oldest.earlier(start.began)),
                    inner_tags: tags.into(),
                    inner_period: inner.revalidate,
                    is_stored: !inner.no_store,
                    is_absent: inner.is_absent,
                    validators,
                };
                self.cache.backoff.succeeded(name);
                if value.is_stored {
                    self.cache.put(name, value.clone());
                }
                Ok(value)
            }
            Err(error) => {
                if error.is_definite() {
                    self.cache.backoff.succeeded(name);
                    self.cache.remove(name);
                    return Err(error.noted(inner));
                }
                // What failed for a read that it is made of waits no longer than that one.
                if inner.failed_read.is_none() {
                    let (now, wait) = (self.order.now(), error.retry_after());
                    let last = (error.clone(), start.began);
                    self.cache.backoff.note_for(name, last, now, wait);
                }
                Err(error)
            }
        }
    }

    /// Whether a purge of the read's tags, a purge of the page, or the request to regenerate it
    /// came after the try that failed, which began at `began`.
    fn is_worth_a_try(&self, began: Began, read: &Read, since: Began) -> bool {
        !began.is_since(since) || self.order.is_purged(&read.tags, began.seen)
    }

    /// The kept value and what is left of its period, if it may be used.
    fn kept(
        &self,
        name: &Arc<str>,
        read: &Read,
        since: Began,
    ) -> Option<(Value, Option<Duration>)> {
        let value = self.cache.get(name).filter(|value| self.is_usable(value, read, since))?;
        let left = self.left(&value, read)?;
        Some((value, left))
    }

    /// Whether no purge has reached `value` since it was read: a purge of the read's tags, of the
    /// tags of its inner reads, or of the page that is rendered.
    fn is_usable(&self, value: &Value, read: &Read, since: Began) -> bool {
        let tags = read.tags.iter().chain(value.inner_tags.iter());
        value.oldest.is_since(since) && !self.order.is_purged(tags, value.began.seen)
    }

    /// What is left of a value's period: `Some(None)` if it has no period, `None` if its period is
    /// over.
    fn left(&self, value: &Value, read: &Read) -> Option<Option<Duration>> {
        let period = match (read.revalidate, value.inner_period) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => match a.or(b) {
                Some(period) => period,
                None => return Some(None),
            },
        };
        // A time in the future means that the clock was set back.
        let age = self.order.now().duration_since(value.read_at).ok()?;
        period.checked_sub(age).filter(|left| !left.is_zero()).map(Some)
    }
}
