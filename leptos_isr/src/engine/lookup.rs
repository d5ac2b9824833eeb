//! What a request for a page gets.

use std::sync::Arc;

use crate::{
    address::{key::Key, path::CanonicalPath},
    engine::Engine,
    entry::{Entry, Position, ServedEntry, Version},
    error::Error,
    render::outcome::{NewEntry, RenderFailure},
    route::{policy::Lifetime, target::Target},
    rules::{
        decide::{Decision, EntryKind, decide},
        freshness::Freshness,
    },
    stats::RenderReason,
    tasks::{backoff::UnstoredReason, schedule::Urgency},
};

/// What a request for a page gets.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// The stored page. `waits` says why its regeneration must still wait, if it is stale.
    Stored { entry: Arc<ServedEntry>, waits: Option<UnstoredReason> },
    /// A page that the request waited for. `had_page` says whether an old one was stored.
    Rendered { new: NewEntry, had_page: bool },
    /// The old page, because the render failed, now or so recently that it is not tried again yet.
    StaleIfError(Arc<ServedEntry>),
    /// No page.
    Failed { failure: RenderFailure, had_page: bool },
    /// Nothing yet: it would have to wait for a render, which a prefetch does not.
    NotPrefetched { had_page: bool },
}

/// Why there is no page at a path.
#[derive(Debug)]
pub(crate) enum NoPage {
    /// It is no path, for this reason.
    Malformed(String),
    NoRoute,
    /// The pages of this route are not stored.
    Dynamic(String),
    /// This route admits only listed paths.
    NotListed(String),
    /// The app answers by this handler of its own.
    OwnHandler(String),
}

impl Engine {
    /// Looks up what the request for `target` gets. A stale page is regenerated.
    pub(crate) async fn serve(&self, target: &Target, is_prefetch: bool) -> Lookup {
        let Some(entry) = self.stored(&target.key).await else {
            return self.serve_rendered(target, None, is_prefetch).await;
        };
        let kind = EntryKind::of(target.is_data, entry.is_gone());
        let regenerated = || (target.clone(), is_prefetch);
        match self.serve_stored(target.lifetime, kind, &entry, regenerated) {
            Some((_, waits)) => Lookup::Stored { entry, waits },
            None => self.serve_rendered(target, Some(entry), is_prefetch).await,
        }
    }

    /// As `serve`, for somebody who is to see all purges up to `position`. A prefetch waits for
    /// nothing.
    pub(crate) async fn serve_after(
        &self,
        target: &Target,
        position: Position,
        is_prefetch: bool,
    ) -> Lookup {
        if is_prefetch {
            return self.serve(target, true).await;
        }
        self.hear_until(position).await;
        match self.stored(&target.key).await {
            Some(old) if self.0.order.purged(&old).is_some() => {
                self.serve_rendered(target, Some(old), false).await
            }
            _ => self.serve(target, false).await,
        }
    }

    /// How fresh a stored page is if it may be served, and why its regeneration must still wait; `None`
    /// if the request must wait for a render. A stale page that may be served is regenerated:
    /// `regenerated` names it, and says whether the request is a prefetch.
    pub(crate) fn serve_stored(
        &self,
        lifetime: Lifetime,
        kind: EntryKind,
        entry: &ServedEntry,
        regenerated: impl FnOnce() -> (Target, bool),
    ) -> Option<(Freshness, Option<UnstoredReason>)> {
        let freshness = self.0.order.freshness(lifetime, entry);
        match decide(kind, freshness) {
            Decision::Serve => Some((freshness, None)),
            Decision::Regenerate => Some((freshness, self.regenerate_behind(entry, regenerated))),
            Decision::Render => None,
        }
    }

    /// Starts a regeneration that nobody waits for, unless the page's backoff is still running.
    /// Returns why it is, if it is.
    fn regenerate_behind(
        &self,
        entry: &Entry,
        regenerated: impl FnOnce() -> (Target, bool),
    ) -> Option<UnstoredReason> {
        let waits = self.backs_off(entry);
        if waits.is_none() {
            let (target, is_prefetch) = regenerated();
            let urgency = if is_prefetch { Urgency::Prefetch } else { Urgency::Background };
            self.join_flight(&target, RenderReason::Time, urgency, Version::default());
        }
        waits
    }

    /// Why the page's next try must still wait. A purge that has reached the page since its last
    /// try began is worth one at once.
    pub(crate) fn backs_off(&self, entry: &Entry) -> Option<UnstoredReason> {
        let last = self.0.backoff.waits(&entry.key, self.now())?;
        (!self.0.order.is_purged_after(entry, last.began)).then_some(last.why)
    }

    /// Waits for a render that began after every purge of the page. A prefetch does not wait.
    async fn serve_rendered(
        &self,
        target: &Target,
        old: Option<Arc<ServedEntry>>,
        is_prefetch: bool,
    ) -> Lookup {
        let had_page = old.is_some();
        // During the backoff of a failure the old page is served at once. After a render that may
        // not be stored it is not: the old page is for failures only.
        let waits = old.as_ref().and_then(|entry| self.backs_off(entry));
        let outcome = match waits {
            Some(UnstoredReason::Failed) => None,
            _ if is_prefetch => return Lookup::NotPrefetched { had_page },
            Some(UnstoredReason::NotStorable) | None => {
                let reason = if had_page { RenderReason::Time } else { RenderReason::Miss };
                match self.remembered_failure(target).filter(|_| !had_page) {
                    Some(failure) => Some(Err(failure)),
                    None => Some(self.await_render(target, reason).await),
                }
            }
        };
        match (outcome, old) {
            (Some(Ok(new)), _) => Lookup::Rendered { new, had_page },
            (_, Some(entry)) => Lookup::StaleIfError(entry),
            (Some(Err(failure)), None) => Lookup::Failed { failure, had_page },
            (None, None) => unreachable!("without an old page the request waits for a render"),
        }
    }

    /// Why the last render of a missing page failed, if another try is not due yet.
    pub(crate) fn remembered_failure(&self, target: &Target) -> Option<RenderFailure> {
        self.0.failures.get(&target.key, self.0.order.generation(), self.now())
    }

    /// The page of a key, from memory or the store.
    pub(crate) async fn stored(&self, key: &Key) -> Option<Arc<ServedEntry>> {
        let entry = self.0.tiers.get(key, &self.0.order).await?;
        self.hear_what_was_seen(&entry).await;
        if self.0.watch.is_on() {
            self.0.watch.learn_tags(&entry);
        }
        Some(entry)
    }

    /// Waits until this process has heard of what a page of the store has seen, or has noticed that the
    /// ledger has lost it; for a second at most.
    pub(crate) async fn hear_what_was_seen(&self, entry: &Entry) {
        if self.0.order.is_behind(entry.seen) {
            self.hear_until(entry.seen.0).await;
        }
    }

    /// The page at `path`, which may come in any spelling.
    ///
    /// # Errors
    ///
    /// The same as those of [`regenerate`](Engine::regenerate).
    pub(crate) async fn target(&self, path: &str) -> Result<Target, Error> {
        self.find_page(path).await?.map_err(|no_page| Error::RegeneratePath {
            path: path.to_owned(),
            problem: no_page.problem(),
        })
    }

    /// The page at `path`, or why there is none.
    ///
    /// # Errors
    ///
    /// Returns [`Error::List`] if the paths of its route cannot be listed.
    pub(crate) async fn find_page(&self, path: &str) -> Result<Result<Target, NoPage>, Error> {
        let (text, query) = match path.split_once('?') {
            Some((text, query)) => (text, Some(query)),
            None => (path, None),
        };
        let canonical = match CanonicalPath::parse(text) {
            Ok(canonical) => canonical,
            Err(error) => return Ok(Err(NoPage::Malformed(error.to_string()))),
        };
        let Some(route) = self.0.routes.find(canonical.segments.iter()) else {
            return Ok(Err(NoPage::NoRoute));
        };
        let Some(policy) = route.policy() else {
            return Ok(Err(NoPage::Dynamic(route.path().to_owned())));
        };
        let key = match Key::new(&canonical, query, &policy.query) {
            Ok(key) => key,
            Err(error) => return Ok(Err(NoPage::Malformed(error.to_string()))),
        };
        if !self.is_admitted(route, &canonical.text).await? {
            return Ok(Err(NoPage::NotListed(route.path().to_owned())));
        }
        let target = Target::new(key, route, policy, self.lifetime_of(route), &canonical.segments);
        Ok(match self.own_handler(route, &target) {
            Some(handler) => Err(NoPage::OwnHandler(handler)),
            None => Ok(target),
        })
    }
}

impl NoPage {
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::Malformed(problem) => problem.clone(),
            Self::NoRoute | Self::Dynamic(_) => "it is of no stored route".to_owned(),
            Self::NotListed(route) => format!("`{route}` does not list it"),
            Self::OwnHandler(handler) => {
                format!("the app has a handler of its own, `{handler}`")
            }
        }
    }

    /// The route that the path belongs to.
    pub(crate) fn route(&self) -> Option<&str> {
        match self {
            Self::Dynamic(route) | Self::NotListed(route) => Some(route),
            Self::Malformed(_) | Self::NoRoute | Self::OwnHandler(_) => None,
        }
    }
}
