//! The app's router, which can say where a path leads in it.
//!
//! Axum does not list its routes. So in a copy of the router each route answers with its own pattern,
//! and nothing of the app runs. What a fallback or a nested service answers has no pattern.

use std::{
    convert::Infallible,
    fmt,
    future::ready,
    sync::{PoisonError, RwLock},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    response::Response,
    routing::Route,
};
use futures::FutureExt;
use tower::{ServiceExt, layer::layer_fn, service_fn};

/// The app's router.
pub(crate) struct AppRouter {
    router: RwLock<Router>,
    /// Its routes, each of which answers with its pattern.
    patterns: Router,
}

impl AppRouter {
    pub(crate) fn new(router: Router) -> Self {
        let say_pattern = |request: Request| {
            let mut response = Response::new(Body::empty());
            if let Some(pattern) = request.extensions().get::<MatchedPath>() {
                response.extensions_mut().insert(pattern.clone());
            }
            ready(Ok::<_, Infallible>(response))
        };
        let patterns = router.clone().layer(layer_fn(move |_: Route| service_fn(say_pattern)));
        Self { router: RwLock::new(router), patterns }
    }

    pub(crate) fn router(&self) -> Router {
        self.router.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the router that `around` makes of this one in its place.
    #[cfg(feature = "testing")]
    pub(crate) fn replace(&self, around: impl FnOnce(Router) -> Router) {
        let mut router = self.router.write().unwrap_or_else(PoisonError::into_inner);
        *router = around(router.clone());
    }

    /// The pattern of the route that answers at `address`, as axum writes it.
    pub(crate) fn pattern_at(&self, address: &str) -> Option<MatchedPath> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = address.parse().ok()?;
        // Nothing in it waits.
        let mut response = match self.patterns.clone().oneshot(request).now_or_never()? {
            Ok(response) => response,
            Err(never) => match never {},
        };
        response.extensions_mut().remove()
    }
}

impl fmt::Debug for AppRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppRouter").finish_non_exhaustive()
    }
}
