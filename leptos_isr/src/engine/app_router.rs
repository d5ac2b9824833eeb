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

/// The app's router, or two: one for visitors, and one that renders what is stored.
pub(crate) struct AppRouter {
    routers: RwLock<Routers>,
    /// The routes for visitors, each of which answers with its pattern.
    patterns: Router,
}

#[derive(Clone)]
struct Routers {
    visitors: Router,
    renders: Router,
}

impl AppRouter {
    pub(crate) fn new(visitors: Router, renders: Router) -> Self {
        let say_pattern = |request: Request| {
            let mut response = Response::new(Body::empty());
            if let Some(pattern) = request.extensions().get::<MatchedPath>() {
                response.extensions_mut().insert(pattern.clone());
            }
            ready(Ok::<_, Infallible>(response))
        };
        let patterns = visitors.clone().layer(layer_fn(move |_: Route| service_fn(say_pattern)));
        Self { routers: RwLock::new(Routers { visitors, renders }), patterns }
    }

    /// The router that answers visitors' own requests.
    pub(crate) fn visitors(&self) -> Router {
        self.routers.read().unwrap_or_else(PoisonError::into_inner).visitors.clone()
    }

    /// The router that renders what may be stored.
    pub(crate) fn renders(&self) -> Router {
        self.routers.read().unwrap_or_else(PoisonError::into_inner).renders.clone()
    }

    /// Puts the routers that `around` makes of these in their place.
    #[cfg(feature = "testing")]
    pub(crate) fn replace(&self, around: impl Fn(Router) -> Router) {
        let mut routers = self.routers.write().unwrap_or_else(PoisonError::into_inner);
        let Routers { visitors, renders } = routers.clone();
        *routers = Routers { visitors: around(visitors), renders: around(renders) };
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
