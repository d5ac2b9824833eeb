//! The purges that one CDN is still to be told of, oldest first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    api::Cdn,
    ids::{self, PurgeId, Seen},
    log::Record,
};
use crate::{clock::Stamp, order::purge::Purge};

/// How many purges may wait; beyond that they become one purge of everything.
const MOST: usize = 10_000;

/// How many tags and addresses are told together, so that a CDN which was away is not asked once
/// for each purge.
const AT_ONCE: usize = 1000;

pub(super) struct Queue {
    pub(super) cdn: Cdn,
    pub(super) name: String,
    waiting: Mutex<VecDeque<QueuedPurge>>,
    seen: Arc<Seen>,
    pub(super) changed: Notify,
}

/// One purge, or several that were merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueuedPurge {
    pub(super) stamps: Vec<Stamp>,
    /// What names it to other servers.
    pub(super) ids: Vec<PurgeId>,
    pub(super) purge: Purge,
}

impl QueuedPurge {
    /// The records that the log must keep for the CDN of this name.
    pub(super) fn records(&self, cdn: &str) -> impl Iterator<Item = Record> {
        self.stamps.iter().map(move |stamp| Record::Wanted {
            cdn: cdn.to_owned(),
            stamp: *stamp,
            purge: self.purge.clone(),
            ids: self.ids.clone(),
        })
    }
}

impl Queue {
    pub(super) fn new(cdn: Cdn, seen: Arc<Seen>) -> Self {
        let name = cdn.name();
        Self { cdn, name, waiting: Mutex::default(), seen, changed: Notify::new() }
    }

    pub(super) fn push(&self, purge: QueuedPurge) {
        let mut waiting = self.lock();
        waiting.push_back(purge);
        if waiting.len() > MOST {
            let stamps = waiting.drain(..).flat_map(|waiting| waiting.stamps).collect();
            let purge = Purge { prefixes: vec!["/".to_owned()], hard: true, ..Purge::default() };
            waiting.push_back(QueuedPurge { stamps, ids: vec![self.seen.next()], purge });
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The oldest purge, merged with those after it that can be told in the same request.
    pub(super) fn next(&self) -> Option<QueuedPurge> {
        let waiting = self.lock();
        let mut all = waiting.iter();
        let mut next = all.next()?.clone();
        for other in all {
            let size = |purge: &Purge| purge.paths.len() + purge.prefixes.len() + purge.tags.len();
            if other.purge.hard != next.purge.hard
                || size(&next.purge) + size(&other.purge) > AT_ONCE
                || next.ids.len() + other.ids.len() > ids::AT_ONCE
            {
                break;
            }
            next.stamps.extend(&other.stamps);
            next.ids.extend(&other.ids);
            next.purge.paths.extend_from_slice(&other.purge.paths);
            next.purge.prefixes.extend_from_slice(&other.purge.prefixes);
            next.purge.tags.extend_from_slice(&other.purge.tags);
        }
        Some(next)
    }

    /// Forgets what was told.
    pub(super) fn told(&self, stamps: &[Stamp]) {
        self.lock().retain_mut(|waiting| {
            waiting.stamps.retain(|stamp| !stamps.contains(stamp));
            !waiting.stamps.is_empty()
        });
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The records that the log must keep.
    pub(super) fn records(&self) -> Vec<Record> {
        self.lock().iter().flat_map(|waiting| waiting.records(&self.name)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<QueuedPurge>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
