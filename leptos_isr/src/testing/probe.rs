//! Stands in front of the app's router: counts renders, holds them, makes them fail.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::scope::RenderScope;

/// How renders fail in a test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenderFault {
    /// The page answers with this status and a short text. 404, 410 and redirects are definite
    /// results, not failures, so they are stored.
    Status(StatusCode),
    /// The page calls [`failed`](crate::failed()) with this cause.
    Says(String),
    /// The page's code panics.
    Panic,
    /// The page is never finished: the engine gives it up after its
    /// [`render_timeout`](crate::Builder::render_timeout), in real time.
    Hang,
}

/// What a test observes of renders, and what it decides about them.
#[derive(Debug, Default)]
pub(super) struct Probe {
    renders: Mutex<BTreeMap<String, usize>>,
    begun: watch::Sender<usize>,
    dynamic: AtomicUsize,
    fault: Mutex<Option<RenderFault>>,
    hold: watch::Sender<Hold>,
}

/// Whether renders wait, and how many of them may pass nevertheless.
#[derive(Clone, Copy, Debug, Default)]
struct Hold {
    is_on: bool,
    passes: usize,
}

impl Hold {
    fn lets_pass(self) -> bool {
        !self.is_on || self.passes > 0
    }
}

impl Probe {
    /// Returns what `app` answers, or what the test made of it.
    pub(super) async fn answer(&self, app: Router, request: Request) -> Response {
        match request.extensions().get::<RenderScope>().cloned() {
            None => {
                self.dynamic.fetch_add(1, Ordering::SeqCst);
            }
            Some(scope) => {
                self.count(page_of(request.uri()));
                self.pass().await;
                let fault = lock(&self.fault).clone();
                if let Some(fault) = fault {
                    return fault.happen(&scope).await;
                }
            }
        }
        match app.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    fn count(&self, page: String) {
        *lock(&self.renders).entry(page).or_default() += 1;
        self.begun.send_modify(|begun| *begun += 1);
    }

    async fn pass(&self) {
        let mut hold = self.hold.subscribe();
        loop {
            // The sender is a field of `self`, so it is still there.
            let _ = hold.wait_for(|hold| hold.lets_pass()).await;
            let mut passes = false;
            self.hold.send_if_modified(|hold| {
                passes = hold.lets_pass();
                hold.passes = hold.passes.saturating_sub(usize::from(hold.is_on));
                false
            });
            if passes {
                return;
            }
        }
    }

    pub(super) fn renders(&self) -> usize {
        *self.begun.borrow()
    }

    pub(super) fn renders_of(&self, page: &str) -> usize {
        lock(&self.renders).get(page).copied().unwrap_or_default()
    }

    pub(super) async fn begun(&self, renders: usize) {
        // As above.
        let _ = self.begun.subscribe().wait_for(|begun| *begun >= renders).await;
    }

    pub(super) fn dynamic(&self) -> usize {
        self.dynamic.load(Ordering::SeqCst)
    }

    pub(super) fn set_fault(&self, fault: Option<RenderFault>) {
        *lock(&self.fault) = fault;
    }

    pub(super) fn hold(&self) {
        self.hold.send_replace(Hold { is_on: true, passes: 0 });
    }

    pub(super) fn release_one(&self) {
        self.hold.send_modify(|hold| hold.passes += 1);
    }

    pub(super) fn release_all(&self) {
        self.hold.send_replace(Hold::default());
    }
}

/// The text of the key of the page that a render asks for.
fn page_of(uri: &Uri) -> String {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(uri.path());
    uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

impl RenderFault {
    async fn happen(self, scope: &RenderScope) -> Response {
        let text = "This page fails, as the test wants it.\n";
        match self {
            Self::Status(status) => (status, text).into_response(),
            Self::Says(cause) => {
                scope.failed(cause);
                (StatusCode::BAD_GATEWAY, text).into_response()
            }
            Self::Panic => panic!("{text}"),
            Self::Hang => std::future::pending().await,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
