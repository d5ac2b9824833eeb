//! The purges that one CDN is still to be told of, oldest first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::{api::Cdn, ids::Seen};
use crate::{
    clock::Stamp,
    entry::Position,
    order::{
        purge::Purge,
        purge_id::{self, PurgeId},
    },
};

/// How many purges may wait; beyond that they become one purge of everything.
const MOST: usize = 10_000;

/// How many tags and addresses are told together, so that a CDN which was away is not asked once
/// for each purge.
const AT_ONCE: usize = 1000;

pub(crate) struct Queue {
    pub(super) cdn: Cdn,
    pub(crate) name: String,
    state: Mutex<State>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<QueuedPurge>,
    /// How many have been queued.
    count: u64,
    /// The CDN has been told of the ledger's purges up to here.
    told: Position,
}

/// One purge, or several that were merged.
#[derive(Clone)]
struct QueuedPurge {
    /// The number of the last one.
    number: u64,
    /// The position of the last one that the ledger keeps, if it keeps any.
    position: Option<Position>,
    /// When the first one was made.
    made: Stamp,
    /// When the last one was queued.
    queued: Instant,
    ids: Vec<PurgeId>,
    purge: Purge,
}

/// What a CDN is told at once.
pub(crate) struct Batch {
    /// The number of the last of its purges.
    last: u64,
    /// The CDN has then been told of all purges of the ledger up to here.
    pub(crate) until: Option<Position>,
    /// When the last of its purges was queued.
    pub(crate) queued: Instant,
    /// What names the purges to other servers.
    pub(super) ids: Vec<PurgeId>,
    pub(crate) purge: Purge,
}

impl Queue {
    pub(super) fn new(cdn: Cdn, name: String, seen: Arc<Seen>) -> Self {
        Self { cdn, name, state: Mutex::default(), seen }
    }

    /// Queues a purge that was made at `made`, unless the CDN has been told of it. `position` is where
    /// the ledger keeps it.
    pub(super) fn push(
        &self,
        position: Option<Position>,
        made: Stamp,
        ids: Vec<PurgeId>,
        purge: Purge,
    ) {
        let mut state = self.lock();
        if position.is_some_and(|position| position <= state.told) {
            return;
        }
        state.count += 1;
        let (number, queued) = (state.count, Instant::now());
        state.waiting.push_back(QueuedPurge { number, position, made, queued, ids, purge });
        if state.waiting.len() > MOST {
            let made = state.waiting.front().map_or(made, |oldest| oldest.made);
            let hard = state.waiting.iter().any(|waiting| waiting.purge.hard);
            // With one that no ledger keeps, no other process can tell it all.
            let positions: Option<Vec<_>> =
                state.waiting.drain(..).map(|waiting| waiting.position).collect();
            let position = positions.and_then(|positions| positions.into_iter().max());
            let purge = Purge { prefixes: vec!["/".to_owned()], hard, ..Purge::default() };
            let ids = vec![self.seen.next()];
            state.waiting.push_back(QueuedPurge { number, position, made, queued, ids, purge });
        }
    }

    /// The oldest purge, merged with those after it that can be told in the same request.
    pub(crate) fn next(&self) -> Option<Batch> {
        let state = self.lock();
        let mut all = state.waiting.iter();
        let QueuedPurge { number, position, queued, ids, purge, .. } = all.next()?.clone();
        let mut next = Batch { last: number, until: None, queued, ids, purge };
        let mut positions: Vec<_> = position.into_iter().collect();
        for other in all {
            let size = |purge: &Purge| purge.paths.len() + purge.prefixes.len() + purge.tags.len();
            if other.purge.hard != next.purge.hard
                || size(&next.purge) + size(&other.purge) > AT_ONCE
                || next.ids.len() + other.ids.len() > purge_id::AT_ONCE
            {
                break;
            }
            next.last = other.number;
            next.queued = other.queued;
            positions.extend(other.position);
            next.ids.extend(&other.ids);
            next.purge.paths.extend_from_slice(&other.purge.paths);
            next.purge.prefixes.extend_from_slice(&other.purge.prefixes);
            next.purge.tags.extend_from_slice(&other.purge.tags);
        }
        let left = state.waiting.iter().filter(|waiting| waiting.number > next.last);
        // In a log that was rewritten several purges have one position.
        let first_left = left.filter_map(|waiting| waiting.position).min();
        let is_whole = |at: &Position| first_left.is_none_or(|left| *at < left);
        next.until = positions.into_iter().filter(is_whole).max();
        Some(next)
    }

    /// Forgets what this process has told.
    pub(crate) fn told(&self, batch: &Batch) {
        let mut state = self.lock();
        state.waiting.retain(|waiting| waiting.number > batch.last);
        state.told = state.told.max(batch.until.unwrap_or_default());
    }

    /// Forgets the ledger's purges up to `position`, of which some process has told.
    pub(super) fn told_until(&self, position: Position) {
        let mut state = self.lock();
        state.waiting.retain(|waiting| waiting.position.is_none_or(|at| at > position));
        state.told = state.told.max(position);
    }

    /// Forgets the ledger's purges, and up to where they have been told: they come anew.
    pub(super) fn begin_anew(&self) {
        let mut state = self.lock();
        state.waiting.retain(|waiting| waiting.position.is_none());
        state.told = 0;
    }

    /// How many purges wait, and when the oldest was made.
    pub(super) fn waiting(&self) -> (usize, Option<Stamp>) {
        let state = self.lock();
        (state.waiting.len(), state.waiting.front().map(|oldest| oldest.made))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        let cdn = Cdn::url("http://a.example", "t");
        Queue::new(cdn, "a".to_owned(), Arc::new(Seen::new()))
    }

    fn tags(tags: &[&str]) -> Purge {
        Purge { tags: tags.iter().map(ToString::to_string).collect(), ..Purge::default() }
    }

    fn next(queue: &Queue) -> (Vec<String>, Option<Position>) {
        let next = queue.next().unwrap();
        (next.purge.tags, next.until)
    }

    #[test]
    fn purges_of_one_kind_are_told_together() {
        let queue = queue();
        queue.push(Some(10), 0, Vec::new(), tags(&["a"]));
        queue.push(None, 0, Vec::new(), tags(&["b"]));
        queue.push(Some(30), 0, Vec::new(), Purge { hard: true, ..tags(&["c"]) });
        let batch = queue.next().unwrap();
        assert_eq!((&batch.purge, batch.until), (&tags(&["a", "b"]), Some(10)));
        queue.push(Some(40), 0, Vec::new(), tags(&["d"]));
        queue.told(&batch);
        let hard = queue.next().unwrap();
        assert_eq!((&hard.purge.tags, hard.until), (&vec!["c".to_owned()], Some(30)));
        let large: Vec<_> = (0..999).map(|i| i.to_string()).collect();
        queue.told(&hard);
        queue.push(Some(50), 0, Vec::new(), Purge { tags: large, ..Purge::default() });
        queue.push(Some(60), 0, Vec::new(), tags(&["e"]));
        assert_eq!((next(&queue).0.len(), next(&queue).1), (1000, Some(50)));
    }

    #[test]
    fn purges_at_one_position_are_told_when_the_last_of_them_is() {
        let queue = queue();
        queue.push(Some(10), 0, Vec::new(), tags(&["before"]));
        for _ in 0..150 {
            queue.push(Some(20), 0, vec![queue.seen.next()], tags(&["a"]));
        }
        for until in [10, 20] {
            let batch = queue.next().unwrap();
            assert_eq!(batch.until, Some(until));
            queue.told(&batch);
            queue.told_until(until);
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn too_many_purges_become_one_of_everything() {
        let queue = queue();
        queue.push(Some(1), 0, Vec::new(), tags(&["told"]));
        let batch = queue.next().unwrap();
        for position in 2..=10_001 {
            queue.push(Some(position), 0, Vec::new(), tags(&["a"]));
        }
        queue.told(&batch);
        let all = queue.next().unwrap();
        assert_eq!((all.until, all.ids.len(), all.purge.tags.len()), (Some(10_001), 1, 0));
        assert_eq!((&all.purge.prefixes, all.purge.hard), (&vec!["/".to_owned()], false));
        queue.push(None, 0, Vec::new(), Purge { hard: true, ..tags(&["kept by no ledger"]) });
        queue.told(&all);
        for position in 20_000..=30_000 {
            queue.push(Some(position), 0, Vec::new(), tags(&["a"]));
        }
        queue.told_until(30_000);
        let all = queue.next().unwrap();
        assert_eq!((all.until, all.purge.hard), (None, true), "that one is not told");
    }

    #[test]
    fn what_another_process_has_told_is_forgotten_whenever_it_is_heard() {
        let queue = queue();
        queue.push(Some(10), 0, Vec::new(), tags(&["a"]));
        queue.push(Some(20), 0, Vec::new(), tags(&["b"]));
        queue.push(None, 0, Vec::new(), tags(&["kept by no ledger"]));
        queue.told_until(15);
        assert_eq!(next(&queue).0, ["b", "kept by no ledger"]);
        queue.push(Some(12), 0, Vec::new(), tags(&["late"]));
        queue.told_until(20);
        assert_eq!(next(&queue).0, ["kept by no ledger"]);
        queue.begin_anew();
        queue.push(Some(5), 0, Vec::new(), tags(&["of a ledger that has lost some"]));
        assert_eq!(next(&queue).0, ["kept by no ledger", "of a ledger that has lost some"]);
    }
}
