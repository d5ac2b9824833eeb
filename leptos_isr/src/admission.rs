//! Which paths exist, of routes that admit only those they list.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::timeout;

use crate::{
    engine::Engine,
    error::Error,
    period,
    policy::Policy,
    route::OnMissing,
    routes::Route,
    single_flight::{self, Role, SingleFlight},
};

/// How long after a failure a list is asked for again.
const RETRY: Duration = period::seconds(1);

/// The lists that are being asked for, and those that failed.
pub(crate) struct Lists {
    flights: SingleFlight<Arc<str>, Result<(), String>>,
    failed: Mutex<HashMap<Arc<str>, (String, SystemTime)>>,
}

impl Lists {
    pub(crate) fn new() -> Self {
        Self { flights: SingleFlight::new(), failed: Mutex::default() }
    }

    fn failure(&self, route: &Arc<str>, now: SystemTime) -> Option<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (cause, at) = failed.get(route)?;
        now.duration_since(*at).is_ok_and(|past| past < RETRY).then(|| cause.clone())
    }

    fn note(&self, route: &Arc<str>, cause: &str, now: SystemTime) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(Arc::clone(route), (cause.to_owned(), now));
    }
}

impl Engine {
    /// Whether `path` exists: of a route that admits only the paths it lists,
    /// those from the build, or else from its list.
    pub(crate) async fn is_admitted(
        &self,
        route: &Route,
        policy: &Policy,
        path: &str,
    ) -> Result<bool, Error> {
        if policy.on_missing == OnMissing::Render {
            return Ok(true);
        }
        if let Some(paths) = route.admitted.get() {
            return Ok(paths.contains(path));
        }
        self.learn_paths(route, policy)
            .await
            .map_err(|cause| Error::List { route: route.path().to_owned(), cause })?;
        Ok(route.admitted.get().is_some_and(|paths| paths.contains(path)))
    }

    /// Asks for the route's list: one at a time, within the time of a render,
    /// and not again right after a failure.
    async fn learn_paths(&self, route: &Route, policy: &Policy) -> Result<(), String> {
        if let Some(cause) = self.0.lists.failure(&route.name, self.now()) {
            return Err(cause);
        }
        let flight = match self.0.lists.flights.join(&route.name) {
            Role::Follower(flight) => flight,
            Role::Leader(leader, flight) => {
                let (engine, route, policy) = (self.clone(), route.clone(), policy.clone());
                self.0.tasks.spawn(async move {
                    let limit = engine.0.limits.time;
                    let listed = timeout(limit, engine.list(&route, &policy)).await;
                    let listed = listed.unwrap_or_else(|_| {
                        Err(format!("it took longer than {}", humantime::format_duration(limit)))
                    });
                    let result = listed.map(|paths| {
                        // Another flight's list is as good.
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

    async fn list(&self, route: &Route, policy: &Policy) -> Result<HashSet<String>, String> {
        if let Some(store) = &self.0.store
            && let Some(paths) = store.listed(route.path()).await
        {
            return Ok(paths);
        }
        Ok(policy.paths(&route.pattern).await?.into_iter().collect())
    }
}
