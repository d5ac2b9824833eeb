//! A page rendered once more, for somebody who compares it with the stored one.

use std::{str, sync::Arc, time::Instant};

use serde::Serialize;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::{
    address::key::Key,
    engine::{Engine, finished, regenerate::refused, stats::failure_outcome},
    entry::{Entry, Version},
    error::{Error, RenderError},
    render::{RenderOutput, outcome::RenderFailure},
    route::target::Target,
    stats::{RenderOutcome, RenderReason},
    tasks::{schedule::Urgency, subscriber::with_current_subscriber},
    wire,
};

/// A stored page beside a fresh render of it.
#[derive(Debug, Serialize)]
pub(crate) struct FreshRender {
    /// The page's path in canonical form, with the query parameters that its route lists.
    page: String,
    /// Whether a regeneration that gave this would count as the same page; `false` if none is stored.
    same: bool,
    /// Whether the render may be stored.
    may_store: bool,
    #[serde(skip)]
    not_stored: Option<String>,
    stored: Option<Content>,
    fresh: Content,
}

/// What a visitor gets of a page.
#[derive(Debug, Serialize)]
struct Content {
    status: u16,
    /// Those that are stored with the page: names and values.
    headers: Vec<(String, String)>,
    bytes: usize,
    /// `None` if it is no UTF-8.
    body: Option<String>,
}

impl FreshRender {
    /// The status with which the page is.
    pub(crate) fn status(&self) -> u16 {
        self.fresh.status
    }

    /// Why the render may not be stored, if it may not.
    pub(crate) fn not_stored(self) -> Option<String> {
        self.not_stored
    }
}

impl Content {
    fn of(entry: &Entry) -> Self {
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = entry.headers.iter();
        Self {
            status: entry.status.as_u16(),
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            bytes: entry.body.len(),
            body: str::from_utf8(&entry.body).ok().map(str::to_owned),
        }
    }
}

impl Engine {
    /// Renders the page at `path` as [`regenerate`](Engine::regenerate) does, from data that are read
    /// anew, and leaves the stored page as it is: no visitor gets the render, and nothing is noted of
    /// it but that there was one.
    ///
    /// It waits for its turn like a render that a visitor waits for, and there is one at a time; other
    /// callers wait. It goes on to its end if its caller leaves.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PagePath`] for what is no path of a stored page, [`Error::List`] if the paths of
    /// its route cannot be listed, and [`Error::ShuttingDown`] if the runtime shuts down first. The inner
    /// error says why the render gave no page.
    pub(crate) async fn render_unstored(
        &self,
        path: &str,
    ) -> Result<Result<FreshRender, RenderError>, Error> {
        let target = self.find_page(path).await?.map_err(|no_page| Error::PagePath {
            path: path.to_owned(),
            problem: no_page.problem(),
        })?;
        let turn = Arc::clone(&self.0.fresh_turn).lock_owned().await;
        let (engine, threads) = (self.clone(), Handle::current());
        let rendering = async move {
            let _turn = turn;
            engine.compare(&target, threads).await.map_err(|failure| failure.error)
        };
        let compared = finished(self.0.tasks.spawn(with_current_subscriber(rendering))).await?;
        Ok(compared)
    }

    async fn compare(
        &self,
        target: &Target,
        threads: Handle,
    ) -> Result<FreshRender, RenderFailure> {
        // A key of its own: the page itself may be in the queue, where each has one place.
        let key = Key::of_canonical(wire::FRESH);
        let asked = Instant::now();
        let turn = self.0.scheduler.ask(&target.route, target.max_renders, &key, Urgency::Waiting);
        let permit = match turn {
            Ok(turn) => turn.begin().await,
            Err(refusal) => Err(refusal),
        };
        let permit = permit.map_err(refused)?;
        self.count_wait(permit.urgency, asked.elapsed());
        // Brings the page into memory, where the render looks for it.
        let stored = self.stored(&target.key).await;
        let after = Version(self.0.order.next());
        let (counted, started) =
            (self.begin_counting(target, RenderReason::Requested), Instant::now());
        let render = self.render(target, self.0.order.begin(), after, threads);
        let rendered = render.instrument(counted.span.clone()).await;
        drop(permit);
        let RenderOutput { entry, not_stored } = match rendered {
            Ok(rendered) => rendered,
            Err(failure) => {
                counted.ended(failure_outcome(&failure.error), started.elapsed());
                return Err(failure);
            }
        };
        counted.ended(RenderOutcome::Unstored, started.elapsed());
        Ok(FreshRender {
            page: target.key.as_str().to_owned(),
            same: stored.as_ref().is_some_and(|stored| stored.is_same_page(&entry)),
            may_store: not_stored.is_none(),
            not_stored,
            stored: stored.as_ref().map(|stored| Content::of(stored)),
            fresh: Content::of(&entry),
        })
    }
}
