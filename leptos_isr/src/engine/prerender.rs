//! Renders every page that the routes list, and stores it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::OptionFuture, stream};
use http::{HeaderValue, StatusCode, header};
use tokio::{runtime::Handle, sync::Semaphore, time::sleep};
use tracing::Instrument;

use crate::{
    address::{key::Key, path::CanonicalPath},
    engine::{
        Engine,
        prerender_report::{PageOutcome, PageResult, PrerenderError, PrerenderReport, RouteReport},
        stats::failure_outcome,
    },
    entry::{Entry, Version},
    error::Error,
    render::outcome::RenderFailure,
    route::{policy::Policy, routes::DeclaredRoute, target::Target},
    stats::{RenderOutcome, RenderReason},
};

/// The pauses before each retry of a page that fails.
const RETRIES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];

/// A page to render, and whether its route lets it fail.
struct PlannedPage {
    target: Target,
    path: String,
    may_fail: bool,
    /// The app's own handler that has the path, if there is one.
    own_handler: Option<String>,
    /// Limits how many pages of the route are rendered at once, if it says so.
    places: Option<Arc<Semaphore>>,
}

impl Engine {
    /// Renders and stores every page that the routes list, `parallel` at a time.
    ///
    /// `on_plan` is called with the number of pages, then `on_page` with each page as it ends. A
    /// page that fails is retried twice. If it still fails, so does the build, unless the page's
    /// route declares [`optional_at_build`](crate::Isr::optional_at_build). A build that
    /// succeeds removes what was rendered for builds that never came into service. Which build is in
    /// service is said by [`begin_service`](Engine::begin_service), and its pages stay.
    ///
    /// Returns a report of all routes.
    ///
    /// # Errors
    ///
    /// Returns [`PrerenderError::Pages`] with the report if pages failed: the others are rendered and
    /// stored all the same. Otherwise [`Error::List`] if a route's paths cannot be listed,
    /// [`Error::KeepList`] if the store cannot keep them, and [`Error::Store`] if the disk store could
    /// not be created.
    ///
    /// # Panics
    ///
    /// Panics when called before [`wrap`](Engine::wrap).
    pub async fn prerender(
        &self,
        parallel: usize,
        on_plan: impl FnOnce(usize),
        mut on_page: impl FnMut(&PageResult),
    ) -> Result<PrerenderReport, PrerenderError> {
        if let Some((path, why)) = &self.0.missing_store {
            return Err(Error::Store { path: path.clone(), source: (*why).into() }.into());
        }
        let started = Instant::now();
        let mut report = PrerenderReport::default();
        let mut planned = Vec::new();
        for route in self.0.routes.iter() {
            report.routes.push(RouteReport::new(route));
            if let Some(policy) = &route.policy {
                planned.extend(self.plan(route, policy).await?);
            }
        }
        on_plan(planned.len());
        let mut pages = stream::iter(planned)
            .map(|page| self.prerender_page(page))
            .buffer_unordered(parallel.max(1));
        while let Some(page) = pages.next().await {
            on_page(&page);
            report.add(page);
        }
        drop(pages);
        report.sort();
        self.keep_files().await;
        report.duration = started.elapsed();
        if report.failed().next().is_some() {
            return Err(PrerenderError::Pages(Box::new(report)));
        }
        if let Some(store) = self.0.tiers.store() {
            store.remove_old_builds().await;
        }
        Ok(report)
    }

    async fn plan(
        &self,
        route: &DeclaredRoute,
        policy: &Policy,
    ) -> Result<Vec<PlannedPage>, Error> {
        // Only the pages that ask for the data know its arguments.
        if policy.is_data {
            return Ok(Vec::new());
        }
        let list_failed = |cause: String| Error::List { route: route.path().to_owned(), cause };
        let paths = policy.paths(&route.pattern).await.map_err(list_failed)?;
        if let Some(store) = self.0.tiers.store() {
            let kept = store.put_listed(route.path(), &paths).await;
            kept.map_err(|source| Error::KeepList { route: route.path().to_owned(), source })?;
        }
        let places = policy.max_renders.map(|renders| Arc::new(Semaphore::new(renders)));
        let lifetime = self.lifetime_of(route);
        let plan = |path: String| {
            let canonical =
                CanonicalPath::parse(&path).map_err(|error| format!("`{path}`: {error}"))?;
            let key = Key::new(&canonical, None, &[]).map_err(|error| error.to_string())?;
            let target = Target::new(key, route, policy, lifetime, &canonical.segments);
            let own_handler = self.own_handler(route, &target);
            let places = places.clone();
            Ok(PlannedPage {
                target,
                path,
                may_fail: policy.is_optional_at_build,
                own_handler,
                places,
            })
        };
        paths.into_iter().map(plan).collect::<Result<_, String>>().map_err(list_failed)
    }

    async fn prerender_page(&self, page: PlannedPage) -> PageResult {
        let places = page.places.as_deref();
        let _place = OptionFuture::from(places.map(Semaphore::acquire)).await;
        let started = Instant::now();
        let mut result = match &page.own_handler {
            Some(handler) => Err(format!("the app has a handler of its own, `{handler}`")),
            None => self.render_at_build(&page.target).await,
        };
        for wait in RETRIES {
            if result.is_err() && page.own_handler.is_none() {
                sleep(wait).await;
                result = self.render_at_build(&page.target).await;
            }
        }
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(cause) if page.may_fail => PageOutcome::LeftForLater { cause },
            Err(cause) => PageOutcome::Failed { cause },
        };
        let (route, path) = (page.target.route.to_string(), page.path);
        PageResult { route, path, duration: started.elapsed(), outcome }
    }

    /// Renders and stores one page; returns what it is, or why it failed.
    async fn render_at_build(&self, target: &Target) -> Result<PageOutcome, String> {
        let (counted, started) = (self.begin_counting(target, RenderReason::Build), Instant::now());
        let span = counted.span.clone();
        let render =
            self.render(target, self.0.order.begin(), Version::default(), Handle::current());
        let mut rendered = match render.instrument(span).await {
            Ok(rendered) => rendered,
            Err(RenderFailure { error, .. }) => {
                counted.ended(failure_outcome(&error), started.elapsed());
                return Err(error.to_string());
            }
        };
        let entry = &rendered.entry;
        let outcome = match (&rendered.not_stored, entry.is_gone()) {
            (Some(_), _) => RenderOutcome::Unstored,
            (None, true) => RenderOutcome::Gone,
            (None, false) => RenderOutcome::New,
        };
        counted.ended(outcome, started.elapsed());
        if entry.is_gone() {
            return Err(format!("a listed page answered with status {}", entry.status));
        }
        if let Some(why) = rendered.not_stored {
            return Err(format!("the page may not be stored: it {why}"));
        }
        let outcome = stored(entry);
        // A build can take the time to make every encoding.
        entry.make_all().await;
        rendered.entry.is_listed = true;
        let entry = Arc::new(rendered.entry);
        match self.0.tiers.store() {
            Some(_) => {
                self.0.tiers.write(&entry);
                let written = self.0.tiers.written(&entry).await;
                written.map_err(|error| format!("the store could not keep the page: {error}"))?;
            }
            None => {
                if !self.0.tiers.put_in_memory(&entry) {
                    return Err("the page is too large for `Builder::memory`".to_owned());
                }
            }
        }
        Ok(outcome)
    }
}

fn stored(entry: &Entry) -> PageOutcome {
    if entry.status == StatusCode::OK {
        return PageOutcome::Stored { bytes: entry.body.len() };
    }
    let location = entry.headers.get(header::LOCATION).map(HeaderValue::as_bytes);
    PageOutcome::Redirected {
        status: entry.status.as_u16(),
        location: String::from_utf8_lossy(location.unwrap_or_default()).into_owned(),
    }
}
