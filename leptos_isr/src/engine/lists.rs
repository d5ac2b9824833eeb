//! The lists of paths that are being fetched, and those that failed just now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{period, tasks::single_flight::SingleFlight};

/// How long a list that failed is not fetched again.
const RETRY: Duration = period::seconds(1);

/// The lists that are being fetched, and those that failed.
pub(crate) struct Lists {
    pub(super) flights: SingleFlight<Arc<str>, Result<(), String>>,
    failed: Mutex<HashMap<Arc<str>, (String, SystemTime)>>,
}

impl Lists {
    pub(crate) fn new() -> Self {
        Self { flights: SingleFlight::new(), failed: Mutex::default() }
    }

    /// Why the route's list failed, if it did within the last [`RETRY`].
    pub(super) fn failure(&self, route: &Arc<str>, now: SystemTime) -> Option<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (cause, at) = failed.get(route)?;
        now.duration_since(*at).is_ok_and(|past| past < RETRY).then(|| cause.clone())
    }

    /// Notes that the route's list failed.
    pub(super) fn note(&self, route: &Arc<str>, cause: &str, now: SystemTime) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(Arc::clone(route), (cause.to_owned(), now));
    }
}
