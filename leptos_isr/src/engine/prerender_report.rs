//! What a build came to.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use crate::{
    error::Error,
    route::{
        policy::{Lifetime, Policy},
        routes::DeclaredRoute,
    },
};

/// How many causes the error of a build names.
const CAUSES: usize = 5;

/// One page of a build.
#[derive(Clone, Debug)]
pub struct PageResult {
    /// The route's path, as declared.
    pub route: String,
    /// The page's path, percent-encoded.
    pub path: String,
    /// How long its render took, including retries.
    pub duration: Duration,
    /// What became of it.
    pub outcome: PageOutcome,
}

/// What became of one page of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageOutcome {
    /// Rendered and stored, with this many bytes.
    Stored {
        /// The body's length.
        bytes: usize,
    },
    /// It is stored, but leads elsewhere, for everybody: an old name in the list, or a page that sends
    /// visitors without a session away.
    Redirected {
        /// The status.
        status: u16,
        /// Where to.
        location: String,
    },
    /// It failed, but its route allows it to be rendered on demand.
    LeftForLater {
        /// Why it failed.
        cause: String,
    },
    /// It failed, and fails the build.
    Failed {
        /// Why it failed.
        cause: String,
    },
}

/// One route's row in the table that a build ends with.
#[derive(Clone, Debug)]
pub struct RouteReport {
    /// The route's path, as declared.
    pub route: String,
    /// How long its pages live; `None` for a dynamic route.
    pub lifetime: Option<Lifetime>,
    /// Whether the route lists its paths, or has only one.
    pub is_listed: bool,
    /// How many pages were stored.
    pub pages: usize,
    /// The total length of their bodies, in bytes.
    pub bytes: usize,
    /// The total duration of their renders.
    pub duration: Duration,
}

/// The result of a build.
#[derive(Clone, Debug, Default)]
pub struct PrerenderReport {
    /// A row for each route.
    pub routes: Vec<RouteReport>,
    /// The pages that lead elsewhere.
    pub redirects: Vec<PageResult>,
    /// The pages that failed, including those left for later.
    pub failures: Vec<PageResult>,
    /// How long the build took.
    pub duration: Duration,
}

/// Why a build fails. `Debug`, which is what `unwrap` and `main` print, has the causes as `Display`
/// has.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PrerenderError {
    /// Pages failed. The text names the first of them, with their causes.
    #[error("{}", first_causes(.0))]
    Pages(Box<PrerenderReport>),
    /// It was not begun, or a route's paths could not be listed or kept.
    #[error(transparent)]
    Stopped(#[from] Error),
}

impl fmt::Debug for PrerenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages(report) => f.write_str(&first_causes(report)),
            Self::Stopped(error) => error.fmt(f),
        }
    }
}

impl RouteReport {
    pub(super) fn new(route: &DeclaredRoute) -> Self {
        let policy = route.policy.as_ref();
        Self {
            route: route.path().to_owned(),
            lifetime: policy.map(Policy::lifetime),
            is_listed: policy
                .is_some_and(|policy| policy.is_data || policy.is_listed(&route.pattern)),
            pages: 0,
            bytes: 0,
            duration: Duration::ZERO,
        }
    }
}

impl PrerenderReport {
    /// The pages that fail the build.
    pub(super) fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.failures.iter().filter_map(|page| match &page.outcome {
            PageOutcome::Failed { cause } => Some((page.path.as_str(), cause.as_str())),
            _ => None,
        })
    }

    pub(super) fn add(&mut self, page: PageResult) {
        let bytes = match page.outcome {
            PageOutcome::Stored { bytes } => bytes,
            PageOutcome::Redirected { .. } => 0,
            PageOutcome::LeftForLater { .. } | PageOutcome::Failed { .. } => {
                self.failures.push(page);
                return;
            }
        };
        if let Some(row) = self.routes.iter_mut().find(|row| row.route == page.route) {
            row.pages += 1;
            row.bytes += bytes;
            row.duration += page.duration;
        }
        if matches!(page.outcome, PageOutcome::Redirected { .. }) {
            self.redirects.push(page);
        }
    }

    pub(super) fn sort(&mut self) {
        for pages in [&mut self.redirects, &mut self.failures] {
            pages.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }
}

fn first_causes(report: &PrerenderReport) -> String {
    let count = report.failed().count();
    let all = report.routes.iter().map(|row| row.pages).sum::<usize>() + report.failures.len();
    let mut text = format!("{count} of {all} pages could not be rendered");
    for (path, cause) in report.failed().take(CAUSES) {
        write!(text, "\n  {path}: {cause}").expect("writing to a string cannot fail");
    }
    if count > CAUSES {
        write!(text, "\n  and {} more", count - CAUSES).expect("writing to a string cannot fail");
    }
    text
}
