//! The last renders and purges, in the order in which they happened in this process.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{
    history::PastRender,
    inspect::json::{moment, seconds},
};
use crate::{
    order::{
        origins::{PurgeOrigin, PurgeSource},
        purge::Scope,
    },
    route::target::Target,
    rules::freshness::PurgeKind,
    stats::{RenderOutcome, RenderReason},
    store::purge_log::NewPurge,
};

/// How many are remembered.
const REMEMBERED: usize = 1000;

/// How much of what a purge names is remembered.
const SCOPES: usize = 5;

/// Events for whoever asks again and again. Requests are none.
#[derive(Default)]
pub(crate) struct Events(Mutex<VecDeque<Event>>);

/// Something that has happened.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Those of one process are counted from 1.
    number: u64,
    #[serde(serialize_with = "moment")]
    at: SystemTime,
    #[serde(flatten)]
    what: What,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum What {
    Render {
        page: String,
        route: String,
        reason: RenderReason,
        outcome: RenderOutcome,
        #[serde(serialize_with = "seconds")]
        duration: Duration,
        error: Option<String>,
    },
    Purge {
        by: Option<PurgeSource>,
        /// The process that made it.
        replica: Option<String>,
        hard: bool,
        names: Vec<Scope>,
        /// How much more it names.
        more: usize,
    },
}

impl Events {
    /// Those after the one of this number.
    pub(crate) fn after(&self, number: u64) -> Vec<Event> {
        self.lock().iter().filter(|event| event.number > number).cloned().collect()
    }

    /// Notes a render that has ended.
    pub(crate) fn rendered(&self, target: &Target, render: &PastRender, at: SystemTime) {
        let PastRender { reason, outcome, duration, .. } = *render;
        let error = render.error.as_deref().map(str::to_owned);
        let (page, route) = (target.key.as_str().to_owned(), target.route.to_string());
        self.note(at, What::Render { page, route, reason, outcome, duration, error });
    }

    /// Notes a purge that holds from now on.
    pub(crate) fn purged(&self, purge: &NewPurge, at: SystemTime) {
        let origin = purge.origin.as_ref();
        let names: Vec<_> = purge.scopes.iter().take(SCOPES).cloned().collect();
        self.note(
            at,
            What::Purge {
                by: origin.map(|origin| origin.by.clone()),
                replica: origin.map(|PurgeOrigin { replica, .. }| replica.to_string()),
                hard: purge.kind == PurgeKind::Hard,
                more: purge.scopes.len() - names.len(),
                names,
            },
        );
    }

    fn note(&self, at: SystemTime, what: What) {
        let mut events = self.lock();
        let number = events.back().map_or(0, |last| last.number) + 1;
        if events.len() == REMEMBERED {
            events.pop_front();
        }
        events.push_back(Event { number, at, what });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn last_thousand_are_remembered_and_of_a_purge_the_first_names() {
        let events = Events::default();
        let scopes = (0..8).map(|n| Scope::Path(format!("/{n}"))).collect();
        let purge = NewPurge::of(scopes, PurgeKind::Hard);
        for _ in 0..1500 {
            events.purged(&purge, UNIX_EPOCH);
        }
        assert_eq!(events.after(0).len(), REMEMBERED);
        let last: Vec<_> = events.after(1498).iter().map(|event| event.number).collect();
        assert_eq!(last, [1499, 1500]);
        let json = serde_json::to_value(&events.after(1499)[0]).unwrap();
        assert_eq!((&json["kind"], &json["more"]), (&"purge".into(), &3.into()));
        assert_eq!((&json["names"][4]["path"], &json["hard"]), (&"/4".into(), &true.into()));
    }
}
