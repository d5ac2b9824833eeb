//! The last renders of each page, as this process saw them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use cached::{Cached, CachedPeek, LruCache};

use crate::{
    address::key::Key,
    entry::Seen,
    stats::{RenderOutcome, RenderReason, RouteSlot},
    tasks::backoff::UnstoredReason,
};

/// How many renders of a page are remembered.
const RENDERS: usize = 16;

/// Of how many pages; the least recently rendered is forgotten first.
const PAGES: usize = 10_000;

/// How many bytes of an error are kept.
const LONGEST_ERROR: usize = 300;

/// The last renders of the pages that were rendered most recently.
pub(crate) struct History(Mutex<LruCache<Key, PageHistory>>);

/// The renders of one page since the process began, or since it was forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageHistory {
    /// The last ones, the newest first.
    pub(crate) last: VecDeque<PastRender>,
    pub(crate) totals: Totals,
}

/// All renders of one page together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) renders: u64,
    /// How long they took.
    pub(crate) time: Duration,
}

/// A render that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastRender {
    pub(crate) reason: RenderReason,
    pub(crate) began: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) outcome: RenderOutcome,
    /// Why it failed, if it did.
    pub(crate) error: Option<Arc<str>>,
}

/// The last try of a page that left nothing in the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastTry {
    pub(crate) why: UnstoredReason,
    /// When it began.
    pub(crate) began: Seen,
    /// Since when each try has come to the same.
    pub(crate) since: SystemTime,
    pub(crate) route: RouteSlot,
}

/// As much of the text of an error as is kept.
pub(crate) fn short(error: &str) -> Arc<str> {
    error[..error.floor_char_boundary(LONGEST_ERROR)].into()
}

impl History {
    pub(crate) fn new() -> Self {
        let pages = LruCache::builder().max_size(PAGES).build().expect("the size is above zero");
        Self(Mutex::new(pages))
    }

    pub(crate) fn note(&self, key: &Key, mut render: PastRender) {
        let mut pages = self.lock();
        let history = pages.cache_get_or_set_with_mut(key.clone(), PageHistory::default);
        history.totals.renders += 1;
        history.totals.time = history.totals.time.saturating_add(render.duration);
        // A source that is down gives the same text again and again.
        if let Some(last) = history.last.front().filter(|last| last.error == render.error) {
            render.error.clone_from(&last.error);
        }
        history.last.truncate(RENDERS - 1);
        history.last.push_front(render);
    }

    /// What is remembered of a page; asking does not count as a use.
    pub(crate) fn of(&self, key: &Key) -> Option<PageHistory> {
        self.lock().cache_peek(key).cloned()
    }

    /// All renders of a page together, as far as they are remembered.
    pub(crate) fn totals(&self, key: &Key) -> Totals {
        self.lock().cache_peek(key).map(|history| history.totals).unwrap_or_default()
    }

    /// Why the last render of a page failed, if it did.
    pub(crate) fn last_error(&self, key: &Key) -> Option<String> {
        let error = self.lock().cache_peek(key)?.last.front()?.error.clone();
        error.map(|error| error.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Key, PageHistory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn render(nth: u64, error: Option<&str>) -> PastRender {
        PastRender {
            reason: RenderReason::Time,
            began: UNIX_EPOCH + Duration::from_secs(nth),
            duration: Duration::from_millis(2),
            outcome: if error.is_some() { RenderOutcome::Failed } else { RenderOutcome::Same },
            error: error.map(short),
        }
    }

    #[test]
    fn last_sixteen_renders_of_ten_thousand_pages_are_remembered() {
        let history = History::new();
        let key = |n: usize| Key::of_canonical(&format!("/{n}"));
        for nth in 0..20 {
            history.note(&key(0), render(nth, None));
        }
        let page = history.of(&key(0)).unwrap();
        let all = Totals { renders: 20, time: Duration::from_millis(40) };
        assert_eq!((page.totals, history.totals(&key(0))), (all, all));
        let last: Vec<_> = page.last.iter().map(|render| render.began).collect();
        let seconds = (4..20).rev().map(|nth| UNIX_EPOCH + Duration::from_secs(nth));
        assert_eq!(last, seconds.collect::<Vec<_>>());
        for n in 1..=PAGES {
            history.note(&key(n), render(0, None));
        }
        assert!(history.of(&key(0)).is_none() && history.of(&key(PAGES)).is_some());
    }

    #[test]
    fn error_is_cut_and_kept_once_while_it_repeats() {
        let (history, key) = (History::new(), Key::of_canonical("/a"));
        let error = "\u{e9}".repeat(400);
        for nth in 0..2 {
            history.note(&key, render(nth, Some(&error)));
        }
        let page = history.of(&key).unwrap();
        let texts: Vec<_> = page.last.iter().map(|render| render.error.clone().unwrap()).collect();
        assert_eq!((texts[0].len(), texts.len()), (300, 2));
        assert!(Arc::ptr_eq(&texts[0], &texts[1]));
    }
}
