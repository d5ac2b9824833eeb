//! One read: from the cache if that may be, or else from its source.

use std::{error::Error, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    DataError,
    cache::{Outcome, Validators, Value},
};
use crate::{
    clock::Stamp,
    engine::Engine,
    scope::{self, Reading},
    single_flight::{self, Leader, Role},
    tag::Tag,
};

/// How often a read that a purge overtook is left for another one.
const TRIES: usize = 4;

const WHY_NONE: &str = "its read panicked, or purges overtook one after the other";

/// How long data that could not be read anew are used once more.
const STALE_IF_ERROR: Duration = Duration::from_secs(5);

/// Reads data through the cache; see [`Read`].
///
/// `name` says what is read, with all that it depends on: two reads of one name
/// are taken to give the same value.
///
/// # Examples
///
/// An async function of your own, here a database query, behind the cache: what it
/// depends on is in the name, and a purge of its tag reads it anew.
///
/// ```
/// use leptos_isr::{DataError, data, minutes};
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
    Read { name: name.into(), revalidate: None, tags: Vec::new(), is_stored: true }
}

/// A read of data that pages are made of: a database query, or any other
/// function.
///
/// While a page is rendered its tags are added to the page, and the page's
/// period is lowered to what is left of the read's. Many who read at once share
/// one call. See [`fetch`](crate::fetch()) for HTTP.
///
/// Without an engine (in a test of the function alone) it calls the function.
#[derive(Clone, Debug)]
#[must_use = "it reads nothing before `load`"]
pub struct Read {
    pub(crate) name: String,
    pub(crate) revalidate: Option<Duration>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) is_stored: bool,
}

/// What a source answered.
pub(crate) enum Loaded {
    New {
        bytes: Bytes,
        /// Those that follow from the answer.
        tags: Vec<Tag>,
        validators: Validators,
    },
    /// The value that has these validators is still the same.
    NotModified,
}

pub(crate) type LoadFuture = Pin<Box<dyn Future<Output = Result<Loaded, DataError>> + Send>>;

impl Read {
    /// How long the value is fresh, counted from when its read began. Defaults
    /// to the period of the page that reads it; outside of a page that is
    /// rendered to be stored, to no limit: until a purge of one of its tags.
    pub fn revalidate(mut self, period: Duration) -> Self {
        self.revalidate = Some(period);
        self
    }

    /// Tags: purging one makes the value, and the pages that show it, stale.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(|tag| Tag::new(tag.into())));
        self
    }

    /// Reads from the source each time. A page that does so is not stored.
    pub fn no_store(mut self) -> Self {
        self.is_stored = false;
        self
    }

    /// The value: kept, or what `load` gives now. It is kept as JSON.
    ///
    /// What `load` reads in turn through [`data`] or [`fetch`](crate::fetch())
    /// counts as read by this too, and the tags that it adds by
    /// [`tag`](crate::tag()) are added to the value.
    ///
    /// # Errors
    ///
    /// Passes on the error of `load`, also to others who waited for it, and for
    /// a while after it instead of calling it again.
    pub async fn load<T, E, F, Fut>(self, load: F) -> Result<T, DataError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let load = move |_: Validators| -> LoadFuture {
            Box::pin(async move {
                let value = load().await.map_err(DataError::new)?;
                let bytes = serde_json::to_vec(&value).map_err(DataError::new)?.into();
                Ok(Loaded::New { bytes, tags: Vec::new(), validators: Validators::default() })
            })
        };
        let bytes = self.bytes(load).await?;
        serde_json::from_slice(&bytes).map_err(DataError::new)
    }

    /// The value's bytes: kept, or what `load` gives now.
    pub(crate) async fn bytes(
        self,
        load: impl FnOnce(Validators) -> LoadFuture + Send + 'static,
    ) -> Result<Bytes, DataError> {
        let reading = scope::reading();
        if let Some(reading) = &reading {
            self.tags.iter().for_each(|tag| reading.tag(tag.clone()));
        }
        let Some(engine) = reading.as_ref().and_then(Reading::engine).filter(|_| self.is_stored)
        else {
            if let Some(reading) = &reading {
                reading.no_store();
            }
            return load_once(load).await;
        };
        let reading = reading.expect("an engine comes with it");
        engine.read(&reading, self, load).await
    }
}

async fn load_once(load: impl FnOnce(Validators) -> LoadFuture) -> Result<Bytes, DataError> {
    match load(Validators::default()).await? {
        Loaded::New { bytes, .. } => Ok(bytes),
        Loaded::NotModified => {
            Err(DataError::new("the source says that nothing changed since never"))
        }
    }
}

impl Engine {
    async fn read(
        &self,
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
                reading.note(&value, left, self.now());
                return Ok(value.bytes);
            }
            // Its source failed just now: it is left alone for a while.
            if let Some((wait, error)) = self.0.data.backoff.failure(&name, self.now()) {
                last = Some(error.not_again_for(wait));
                break;
            }
            let (flight, is_ours) = match self.0.data.flights.join(&name) {
                Role::Follower(flight) => (flight, false),
                Role::Leader(leader, flight) => {
                    let kept = self.kept(&name, &read, reading.since());
                    let is_ours = kept.is_none();
                    match kept {
                        // The last flight ended since the value was looked for.
                        Some((value, _)) => {
                            leader.finish(Ok(value));
                        }
                        None => {
                            let load = load.take().expect("the result of our own call is taken");
                            self.start_load(leader, &name, (&read, reading.since()), load);
                        }
                    }
                    (flight, is_ours)
                }
            };
            match single_flight::wait(flight).await {
                // Our own read began after all that we know of.
                Some(Ok(value)) if is_ours || self.is_usable(&value, &read, reading.since()) => {
                    let left = self.left(&value, &read).unwrap_or(Some(Duration::ZERO));
                    reading.note(&value, left, self.now());
                    return Ok(value.bytes);
                }
                // A definite answer: there is no such thing any more.
                Some(Err(error)) if error.is_definite() => return Err(error),
                Some(Err(error)) => {
                    last = Some(error);
                    break;
                }
                None if is_ours => break,
                // It began before a purge, or its leader is gone.
                Some(Ok(_)) | None => {}
            }
        }
        let error =
            last.unwrap_or_else(|| DataError::new(format!("`{name}` was not read: {WHY_NONE}")));
        match self.0.data.get(&name) {
            Some(value)
                if reading.may_use_stale() && self.is_usable(&value, &read, reading.since()) =>
            {
                tracing::warn!(name = &*name, %error, "cannot read the data anew, the old ones are used");
                reading.note(&value, Some(STALE_IF_ERROR), self.now());
                Ok(value.bytes)
            }
            _ => Err(error),
        }
    }

    /// Reads in a task of its own: who waits for it may leave.
    fn start_load(
        &self,
        leader: Leader<Arc<str>, Outcome>,
        name: &Arc<str>,
        (read, since): (&Read, Stamp),
        load: impl FnOnce(Validators) -> LoadFuture + Send + 'static,
    ) {
        let (engine, name, period) = (self.clone(), Arc::clone(name), read.revalidate);
        let kept = self.0.data.get(&name);
        let (old, tags) = (kept.as_ref().map(|kept| kept.bytes.clone()), read.tags.clone());
        self.0.tasks.spawn(async move {
            let outcome = engine.load(&name, kept, (since, period), load).await;
            if let Ok(value) = &outcome
                && value.is_stored
                && old.as_ref() != Some(&value.bytes)
            {
                engine.data_stored(tags.iter().chain(value.inner_tags.iter()));
            }
            leader.finish(outcome);
        });
    }

    /// Reads from the source and keeps what it gives.
    async fn load(
        &self,
        name: &Arc<str>,
        kept: Option<Value>,
        (since, period): (Stamp, Option<Duration>),
        load: impl FnOnce(Validators) -> LoadFuture + Send,
    ) -> Outcome {
        let at = self.now();
        let stamp = self.0.stamps.next(at);
        let inner = Reading::inner(self, at, since, period);
        let validators = kept.as_ref().map(|kept| kept.validators.clone()).unwrap_or_default();
        let limit = self.0.limits.time;
        let loading = timeout(limit, inner.clone().scope(load(validators)));
        let loaded = loading.await.unwrap_or_else(|_| {
            let limit = humantime::format_duration(limit);
            Err(DataError::new(format!("`{name}` was not read within {limit}")))
        });
        let loaded = loaded.and_then(|loaded| match (loaded, kept) {
            (Loaded::New { bytes, tags, validators }, _) => Ok((bytes, tags, validators)),
            (Loaded::NotModified, Some(kept)) => {
                Ok((kept.bytes, kept.inner_tags.to_vec(), kept.validators))
            }
            (Loaded::NotModified, None) => {
                Err(DataError::new("the source says that nothing changed since never"))
            }
        });
        match loaded {
            Ok((bytes, mut tags, validators)) => {
                let inner = inner.take();
                tags.extend(inner.tags);
                let value = Value {
                    bytes,
                    read_at: at,
                    stamp,
                    oldest: inner.oldest.map_or(stamp, |oldest| oldest.min(stamp)),
                    inner_tags: tags.into(),
                    inner_period: inner.revalidate,
                    is_stored: !inner.no_store,
                    validators,
                };
                self.0.data.backoff.succeeded(name);
                if value.is_stored {
                    self.0.data.put(name, value.clone());
                }
                Ok(value)
            }
            Err(error) => {
                if error.is_definite() {
                    self.0.data.backoff.succeeded(name);
                    self.0.data.remove(name);
                } else {
                    let (now, wait) = (self.now(), error.retry_after());
                    self.0.data.backoff.note_for(name, error.clone(), now, wait);
                }
                Err(error)
            }
        }
    }

    /// The value that is kept, and what is left of its period, if it may be used.
    fn kept(
        &self,
        name: &Arc<str>,
        read: &Read,
        since: Stamp,
    ) -> Option<(Value, Option<Duration>)> {
        let value = self.0.data.get(name).filter(|value| self.is_usable(value, read, since))?;
        let left = self.left(&value, read)?;
        Some((value, left))
    }

    /// Whether no purge came between the read of `value` and now: of the read's
    /// tags, of those of what it read in turn, or of the page that is rendered.
    fn is_usable(&self, value: &Value, read: &Read, since: Stamp) -> bool {
        let tags = read.tags.iter().chain(value.inner_tags.iter());
        value.oldest > since && !self.is_purged(tags, value.stamp)
    }

    /// What is left of a value's period, `None` inside if it has none; `None`
    /// if it is over.
    fn left(&self, value: &Value, read: &Read) -> Option<Option<Duration>> {
        let period = match (read.revalidate, value.inner_period) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => match a.or(b) {
                Some(period) => period,
                None => return Some(None),
            },
        };
        // A time of the future means that the clock was set back.
        let age = self.now().duration_since(value.read_at).ok()?;
        period.checked_sub(age).filter(|left| !left.is_zero()).map(Some)
    }
}
