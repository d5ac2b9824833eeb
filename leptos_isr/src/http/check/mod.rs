//! An audit of an app: what would surprise whoever stores its pages.
//!
//! Each listed page is asked for through the outermost router, as visitors ask for it, and rendered
//! by the app's own router for several visitors, which shows what a stored page would have of one.

mod answer;
mod compare;
mod files;
mod links;
pub(crate) mod report;

use std::time::Duration;

use axum::{Router, body::Body, extract::Request};
use futures::{StreamExt, stream};
use http::{StatusCode, header};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};
use tower::ServiceExt;

use self::{
    answer::{Answer, influences},
    compare::has_title,
    files::{Files, files_of, not_served},
    links::{Link, Links},
    report::{CheckReport, Influence, Problem, RouteFindings, Unseen},
};
use super::classify::Bypass;
use crate::{
    address::key::Key,
    engine::Engine,
    period,
    render::{csp::is_html, in_own_task, spawned},
    route::{
        isr::{OnMissing, PathParams},
        policy::Policy,
        routes::DeclaredRoute,
    },
    rules::{cache_status::CACHE_STATUS, headers},
    stats::RouteSlot,
    wire::SENTINEL,
};

/// How many pages are looked at at once.
const PARALLEL: u32 = 16;

/// After this time a page that shows the time shows another.
const PAUSE: Duration = period::seconds(1);

/// A page with such a period, or a shorter one, may show when it was rendered: that is hardly ever
/// longer ago.
const SHORT: Duration = period::seconds(10);

/// Languages of which many sites have one that is not their first.
const LANGUAGES: &str = "fr, de, es, ja, pt, it, zh, ar, en;q=0.1";

/// What was found of a page.
#[derive(Default)]
struct PageFindings {
    problems: Vec<Problem>,
    unseen: Option<Unseen>,
    /// For the routes that they lead to.
    links: Vec<Link>,
    files: Vec<String>,
}

/// What pages name.
#[derive(Default)]
struct Named {
    links: Links,
    files: Files,
}

impl PageFindings {
    fn of(problem: Problem) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }
}

impl Engine {
    /// Looks at every listed page of every stored route, and at one unknown path of each route that
    /// renders what it does not list, for what would surprise.
    ///
    /// `app` is the outermost router, with all layers, as it is served. A page is asked for through
    /// it, and stored as for any visitor: use an engine without a store. It is also rendered as for
    /// a visitor of a dynamic page: twice, a second apart, with a query, a cookie and languages, and by
    /// the router for visitors of [`wrap_with`](Engine::wrap_with). Where the answers differ, a stored
    /// page would have what is of the first visitor, or lack what the layers for visitors bring, or
    /// have what is of the moment of its render: a page that is fresh for at most ten seconds may show
    /// that. Each difference is looked for twice, since a page may differ by chance. Pages that
    /// answer with a redirect or an error, that may not be stored, set a cookie, have no title, or
    /// whose head is larger than [`Builder::max_header_size`](crate::Builder::max_header_size) are
    /// found too. So are those for which code panics or hangs, for one of these visitors or for all, and
    /// files of the site, such as styles and scripts, that pages name and that are not served.
    ///
    /// What cannot be seen is said: dynamic routes, data, paths that are not listed, and what a page
    /// that differs each time has of its visitor. A cookie is seen only if its name does not
    /// matter, a query parameter only if it does not, or if a link in a checked page has it. What
    /// scripts do in the browser is not looked at.
    ///
    /// Returns what was found. [`CheckReport::is_clean`] says whether that is nothing.
    ///
    /// # Panics
    ///
    /// Panics when called before [`wrap`](Engine::wrap).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::ExitCode;
    ///
    /// use axum::Router;
    /// use leptos_isr::Engine;
    ///
    /// async fn check(isr: &Engine, app: &Router) -> ExitCode {
    ///     let report = isr.check(app).await;
    ///     eprint!("{report}");
    ///     if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    /// }
    /// # let _ = check;
    /// ```
    pub async fn check(&self, app: &Router) -> CheckReport {
        let (mut report, mut named) = (CheckReport { routes: Vec::new() }, Named::default());
        for route in self.0.routes.iter() {
            report.routes.push(self.check_route(app, route, &mut named).await);
        }
        self.check_links(named.links, &mut report).await;
        self.check_files(app, named.files, &mut report).await;
        report
    }

    async fn check_route(
        &self,
        app: &Router,
        route: &DeclaredRoute,
        named: &mut Named,
    ) -> RouteFindings {
        let mut found = RouteFindings::new(route.path());
        let policy = match route.policy() {
            None => return found.without_pages(Unseen::Dynamic),
            Some(policy) if policy.is_data => return found.without_pages(Unseen::Data),
            Some(policy) => policy,
        };
        let limit = self.0.limits.time;
        let paths = timeout(limit, policy.paths(&route.pattern)).await.unwrap_or_else(|_| {
            Err(format!("it took longer than {}", humantime::format_duration(limit)))
        });
        let paths = paths.unwrap_or_else(|cause| {
            found.add(route.path(), vec![Problem::ListFails { cause }]);
            Vec::new()
        });
        if !policy.is_listed(&route.pattern) {
            found.unseen.push(Unseen::Unlisted);
        }
        found.pages = paths.len();
        let is_short = policy.lifetime().revalidate.is_some_and(|period| period <= SHORT);
        let addresses = paths.into_iter().map(|path| {
            let ends_in_slash = route.pattern.ends_in_slash;
            Key::of_canonical(&path).address(ends_in_slash).into_owned()
        });
        let checked = stream::iter(addresses)
            .map(async |path| (self.check_page(app, &path, is_short).await, path));
        let mut checked = checked.buffered(PARALLEL as usize);
        while let Some((page, path)) = checked.next().await {
            found.add(&path, page.problems);
            found.unseen.extend(page.unseen);
            named.links.extend(page.links);
            named.files.extend(route.path(), &path, page.files);
        }
        drop(checked);
        if let Some(path) = unknown_path(route, policy) {
            found.add(&path, self.of_unknown_path(&path).await);
        }
        found
    }

    /// Asks for files, and adds those that are not served to the routes whose pages name them.
    async fn check_files(&self, app: &Router, Files(files): Files, report: &mut CheckReport) {
        let asked = stream::iter(files).map(async |(address, (route, page))| {
            let problem = match self.as_visitor(app, &address, None).await {
                Ok(answer) => not_served(&answer, page),
                Err(no_answer) => Some(no_answer),
            };
            (problem, address, route)
        });
        let mut asked = asked.buffered(PARALLEL as usize);
        while let Some((problem, address, route)) = asked.next().await {
            let found = report.routes.iter_mut().find(|found| found.route == route);
            if let (Some(problem), Some(found)) = (problem, found) {
                found.add(&address, vec![problem]);
            }
        }
    }

    async fn of_unknown_path(&self, path: &str) -> Vec<Problem> {
        match self.render_unstored(path).await {
            Ok(Ok(page)) if page.status() == StatusCode::OK => vec![Problem::UnknownPathIsPage],
            Ok(Err(error)) => vec![Problem::UnknownPathFails { cause: error.to_string() }],
            // The app's own 404, a redirect, or a handler of the app's own.
            Ok(Ok(_)) | Err(_) => Vec::new(),
        }
    }

    async fn check_page(&self, app: &Router, path: &str, is_short: bool) -> PageFindings {
        let answer = match self.as_visitor(app, path, None).await {
            Ok(answer) => answer,
            Err(no_answer) => return PageFindings::of(no_answer),
        };
        let status = answer.status.as_u16();
        if answer.status.is_redirection() {
            let location = answer.header(header::LOCATION);
            return PageFindings::of(Problem::Redirects { status, location });
        }
        if answer.status != StatusCode::OK {
            let cause = match answer.status.is_server_error() {
                true => self.cause(path).await,
                false => None,
            };
            return PageFindings::of(Problem::Fails { status, cause });
        }
        let mut problems = Vec::from_iter(self.of_store(path, &answer).await);
        problems.extend(of_answer(&answer));
        let (bytes, limit) = (headers::size(&answer.headers), self.0.max_header_size);
        if headers::room(limit, path, &answer.headers).is_none() {
            problems.push(Problem::LargeHead { bytes, limit });
        }
        problems.extend(self.of_layers(app, path, &answer).await);
        let (of_page_code, unseen) = self.of_page_code(path).await;
        problems.extend(of_page_code);
        problems.retain(|problem| !is_short || !problem.is_of_moment());
        let (links, files) = (self.unlisted_links(path, &answer), files_of(path, &answer));
        PageFindings { problems, unseen, links, files }
    }

    /// What layers outside of the engine make of a page for some visitors.
    async fn of_layers(&self, app: &Router, path: &str, answer: &Answer) -> Vec<Problem> {
        let ask = async |on| self.as_visitor(app, path, on).await;
        let problem = |on, (before, after)| Problem::LayerDependsOn { on, before, after };
        influences(answer, &Influence::OF_VISITORS, ask, problem).await
    }

    /// What the page's own code draws for some visitors, or at some moments.
    async fn of_page_code(&self, path: &str) -> (Vec<Problem>, Option<Unseen>) {
        let ask = async |on| self.as_dynamic(path, on).await;
        let looking = async {
            let first = ask(None).await?;
            sleep(PAUSE).await;
            Ok::<_, Problem>(match first.difference(&ask(None).await?) {
                Some(difference) => vec![Problem::depends_on(Influence::Moment, difference)],
                None => {
                    let problem = Problem::depends_on;
                    influences(&first, &Influence::OF_PAGE_CODE, ask, problem).await
                }
            })
        };
        let found = looking.await.unwrap_or_else(|no_answer| vec![no_answer]);
        let unseen = found.iter().any(Problem::is_of_moment);
        let unseen = unseen.then(|| Unseen::DiffersEachTime { page: path.to_owned() });
        (found, unseen)
    }

    /// What a visitor is answered by the outermost router, within the time that all pages may take that
    /// are looked at at once.
    async fn as_visitor(
        &self,
        app: &Router,
        path: &str,
        influence: Option<Influence>,
    ) -> Result<Answer, Problem> {
        let asking = app.clone().oneshot(request(path, influence));
        let answering = async move {
            match asking.await {
                Ok(response) => Answer::of(response).await,
                Err(never) => match never {},
            }
        };
        answer(answering, self.0.limits.time.saturating_mul(PARALLEL), influence).await
    }

    /// What the app answers if the page is not stored: by the router that renders what is, or by
    /// the one for visitors, to see what its layers do.
    async fn as_dynamic(
        &self,
        path: &str,
        influence: Option<Influence>,
    ) -> Result<Answer, Problem> {
        let app = self.app().expect("`check` is given the router that `wrap` returned");
        let router = match influence {
            Some(Influence::Layers) => app.visitors(),
            _ => app.renders(),
        };
        let (engine, request) = (self.clone(), request(path, influence));
        let answering = spawned::scope(async move {
            let bypass = Bypass { detail: "check", is_draft: false, slot: RouteSlot::NONE };
            Answer::of(engine.pass(router, request, bypass).await).await
        });
        answer(answering, self.0.limits.time, influence).await
    }

    /// Why the page that was served was not stored, if it was not.
    async fn of_store(&self, path: &str, answer: &Answer) -> Option<Problem> {
        let cache_status = answer.header(CACHE_STATUS);
        let cause = match &*cache_status {
            stored if stored.contains("hit") || stored.contains("stored") => return None,
            "" => Some("the request did not reach the router that `Engine::wrap` returned".into()),
            _ => self.cause(path).await,
        };
        Some(Problem::NotStored { cache_status, cause })
    }

    /// Why a render of the page fails, or may not be stored.
    async fn cause(&self, path: &str) -> Option<String> {
        match self.render_unstored(path).await {
            Ok(Ok(render)) => render.not_stored().map(|why| format!("it {why}")),
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// What is wrong with an answer by itself.
fn of_answer(answer: &Answer) -> Vec<Problem> {
    let mut problems = Vec::new();
    if answer.headers.contains_key(header::SET_COOKIE) {
        problems.push(Problem::SetsCookie);
    }
    if is_html(&answer.headers) && !has_title(&answer.body) {
        problems.push(Problem::NoTitle);
    }
    problems
}

/// Waits for an answer, whatever becomes of the code that gives it.
async fn answer(
    answering: impl Future<Output = Answer> + Send + 'static,
    limit: Duration,
    to: Option<Influence>,
) -> Result<Answer, Problem> {
    let answered = in_own_task(answering, limit, &Handle::current()).await;
    answered.map_err(|error| Problem::NoAnswer { to, cause: error.to_string() })
}

fn request(path: &str, influence: Option<Influence>) -> Request {
    let query = format!("{path}?{SENTINEL}=1");
    let request = Request::get(if influence == Some(Influence::Query) { &query } else { path });
    let request = request.header(header::ACCEPT, "text/html");
    let request = match influence {
        Some(Influence::Cookie) => request.header(header::COOKIE, format!("{SENTINEL}=1")),
        Some(Influence::Language) => request.header(header::ACCEPT_LANGUAGE, LANGUAGES),
        _ => request,
    };
    request.body(Body::empty()).expect("a listed path is one of a URL")
}

/// A path that the route's list has not, if it renders such.
fn unknown_path(route: &DeclaredRoute, policy: &Policy) -> Option<String> {
    let params = route.pattern.params();
    if params.is_empty() || policy.on_missing != OnMissing::Render {
        return None;
    }
    let params = params.into_iter().map(|name| (name.to_owned(), SENTINEL.to_owned()));
    route.pattern.fill(&PathParams::Named(params.collect())).ok()
}
