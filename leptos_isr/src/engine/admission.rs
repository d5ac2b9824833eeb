//! Which paths of a route are its pages: those that it lists, if it admits only these, and none that
//! the app has a handler of its own for.
//!
//! A stored route may match the path of another handler: `/:page` matches `/health`. What that handler
//! stands for is told by its pattern:
//!
//! - If it matches every path of the declared route, it renders that route's pages.
//! - If it is that of another declared route, the engine's order of routes decides, as for all pages.
//! - Otherwise it is the app's own, and the engine leaves the path to it.
//!
//! The app's router is asked before a page is rendered, and only then: no such page is ever stored.

use std::{collections::HashSet, sync::Arc};

use tokio::time::timeout;

use crate::{
    engine::Engine,
    error::Error,
    route::{pattern::RoutePattern, routes::DeclaredRoute, target::Target},
    tasks::single_flight::{self, Role},
};

impl Engine {
    /// The pattern of the app's own handler for a page of `route`, if there is one.
    pub(crate) fn own_handler(&self, route: &DeclaredRoute, target: &Target) -> Option<String> {
        self.own_handler_at(route, &target.key.address(target.ends_in_slash))
    }

    /// The same for a path of `route` in any spelling.
    pub(crate) fn own_handler_at(&self, route: &DeclaredRoute, address: &str) -> Option<String> {
        if route.pattern.params().is_empty() {
            return None;
        }
        let found = self.app()?.pattern_at(address)?;
        let handler = RoutePattern::from_axum(found.as_str());
        let is_declared = || self.0.routes.iter().any(|other| other.pattern.is_alike(&handler));
        let renders_pages = handler.covers(&route.pattern) || is_declared();
        (!renders_pages).then(|| found.as_str().to_owned())
    }

    /// Whether `path` exists. A route that admits only listed paths takes them from the build, or
    /// else from its list function.
    pub(crate) async fn is_admitted(
        &self,
        route: &Arc<DeclaredRoute>,
        path: &str,
    ) -> Result<bool, Error> {
        if route.is_known_to_admit(path) {
            return Ok(true);
        }
        if let Some(paths) = route.admitted.get() {
            return Ok(paths.contains(path));
        }
        self.learn_paths(route)
            .await
            .map_err(|cause| Error::List { route: route.path().to_owned(), cause })?;
        Ok(route.admitted.get().is_some_and(|paths| paths.contains(path)))
    }

    /// Fetches the route's list: one fetch at a time, within the time limit of a render, and not
    /// again right after a failure.
    async fn learn_paths(&self, route: &Arc<DeclaredRoute>) -> Result<(), String> {
        if let Some(cause) = self.0.lists.failure(&route.name, self.now()) {
            return Err(cause);
        }
        let flight = match self.0.lists.flights.join(&route.name) {
            Role::Follower(flight) => flight,
            Role::Leader(leader, flight) => {
                let (engine, route) = (self.clone(), Arc::clone(route));
                self.0.tasks.spawn(async move {
                    let limit = engine.0.limits.time;
                    let listed = timeout(limit, engine.list(&route)).await;
                    let listed = listed.unwrap_or_else(|_| {
                        Err(format!("it took longer than {}", humantime::format_duration(limit)))
                    });
                    let result = listed.map(|paths| {
                        // An earlier flight may have set it already; its list is just as good.
                        let _ = route.admitted.set(paths);
                    });
                    if let Err(cause) = &result {
                        engine.0.lists.note(&route.name, cause, engine.now());
                    }
                    leader.finish(result);
                });
                flight
            }
        };
        let ended = single_flight::wait(flight).await;
        ended.unwrap_or_else(|| Err("the list function panicked".to_owned()))
    }

    async fn list(&self, route: &DeclaredRoute) -> Result<HashSet<String>, String> {
        if let Some(store) = self.0.tiers.store()
            && let Some(paths) = store.listed(route.path()).await
        {
            return Ok(paths);
        }
        let paths = match &route.policy {
            Some(policy) => policy.paths(&route.pattern).await?,
            None => Vec::new(),
        };
        Ok(paths.into_iter().collect())
    }
}
