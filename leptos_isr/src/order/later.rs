//! Purges that are to be done once more, and when.
//!
//! A time is kept as the position of a purge that is made then: one of the same name counts as the
//! second one exactly if its own position is not before that. So whether it was done is found by
//! comparing, after a restart too. Ledgers give the time, or more, as a position.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{entry::Position, order::purge::Scope, rules::freshness::PurgeKind};

/// How many names wait at most; beyond that they become one purge of everything.
const MOST: usize = 100_000;

/// The names to purge once more. One that is noted again waits until the later time, and is purged
/// once.
#[derive(Debug, Default)]
pub(crate) struct Later(Mutex<HashMap<(Scope, PurgeKind), Position>>);

impl Later {
    /// Notes that these names are to be purged at a position not before `due`.
    pub(crate) fn note(&self, scopes: &[Scope], kind: PurgeKind, due: Position) {
        let mut waiting = self.lock();
        for scope in scopes {
            let latest = waiting.entry((scope.clone(), kind)).or_default();
            *latest = due.max(*latest);
        }
        if waiting.len() > MOST {
            let last = waiting.values().copied().max().unwrap_or(due);
            waiting.retain(|(_, other), _| *other != kind);
            waiting.insert((Scope::everything(), kind), last);
        }
    }

    /// Notes a purge: what was to be done by its position is done.
    pub(crate) fn purged(&self, scopes: &[Scope], kind: PurgeKind, position: Position) {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        for scope in scopes {
            let name = (scope.clone(), kind);
            if waiting.get(&name).is_some_and(|due| *due <= position) {
                waiting.remove(&name);
            }
        }
    }

    /// The names that a purge at the position `now` would do.
    pub(crate) fn due(&self, kind: PurgeKind, now: Position) -> Vec<Scope> {
        let waiting = self.lock();
        let due = waiting.iter().filter(|((_, other), due)| *other == kind && **due <= now);
        due.map(|((scope, _), _)| scope.clone()).collect()
    }

    /// When the next name is due.
    pub(crate) fn next(&self) -> Option<Position> {
        self.lock().values().copied().min()
    }

    /// Every name, and when it is due.
    pub(crate) fn all(&self) -> Vec<(Scope, PurgeKind, Position)> {
        let waiting = self.lock();
        waiting.iter().map(|((scope, kind), due)| (scope.clone(), *kind, *due)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Scope, PurgeKind), Position>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::tag::Tag;

    fn tag(text: &str) -> Scope {
        Scope::Tag(Tag::new(text))
    }

    #[test]
    fn name_waits_until_the_latest_time_and_is_done_once() {
        let later = Later::default();
        later.note(&[tag("a"), tag("b")], PurgeKind::Soft, 10);
        later.note(&[tag("a")], PurgeKind::Soft, 20);
        later.note(&[tag("a")], PurgeKind::Soft, 15);
        assert_eq!((later.next(), later.due(PurgeKind::Soft, 9)), (Some(10), vec![]));
        assert_eq!(later.due(PurgeKind::Soft, 19), [tag("b")]);
        later.purged(&[tag("a"), tag("b")], PurgeKind::Soft, 19);
        assert_eq!(later.due(PurgeKind::Hard, 20), []);
        assert_eq!(later.due(PurgeKind::Soft, 20), [tag("a")]);
        later.purged(&[tag("a")], PurgeKind::Hard, 20);
        assert_eq!(later.next(), Some(20), "a purge of another kind is not the same");
        later.purged(&[tag("a")], PurgeKind::Soft, 20);
        assert_eq!(later.next(), None);
    }

    #[test]
    fn too_many_names_become_everything() {
        let later = Later::default();
        for n in 0..=MOST as Position {
            later.note(&[tag(&n.to_string())], PurgeKind::Soft, 1 + n);
        }
        let last = 1 + MOST as Position;
        assert_eq!(later.all(), [(Scope::everything(), PurgeKind::Soft, last)]);
    }
}
