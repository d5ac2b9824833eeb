//! A purge that meets a render, as models: the steps of the engine on one page.

use crate::{
    flights::wait,
    single_flight::{Role, SingleFlight},
};
use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// How many flights a visitor waits for: `WAITS` of the engine.
const TRIES: usize = 3;

/// One page, and the content that it shows.
struct Page {
    content: AtomicU64,
    /// The position of the last purge that was applied.
    applied: AtomicU64,
    purged_at: Mutex<u64>,
    stored: Mutex<Option<Entry>>,
    flights: SingleFlight<&'static str, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    content: u64,
    seen: u64,
}

impl Page {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            content: AtomicU64::new(0),
            applied: AtomicU64::new(0),
            purged_at: Mutex::new(0),
            stored: Mutex::new(None),
            flights: SingleFlight::new(),
        })
    }

    /// What was applied is noted before anything is read.
    fn render(&self) -> Entry {
        let seen = self.applied.load(Ordering::Acquire);
        Entry { content: self.content.load(Ordering::SeqCst), seen }
    }

    fn render_and_store(&self) -> Entry {
        let entry = self.render();
        *self.stored.lock().expect("no panic under this lock") = Some(entry);
        entry
    }

    /// Returns when the purge counts.
    fn purge(&self) {
        let mut purged_at = self.purged_at.lock().expect("no panic under this lock");
        *purged_at = self.applied.load(Ordering::Acquire) + 1;
        self.applied.store(*purged_at, Ordering::Release);
    }

    fn is_purged(&self, entry: Entry) -> bool {
        *self.purged_at.lock().expect("no panic under this lock") > entry.seen
    }

    /// The stored page if it is fresh.
    fn fresh(&self) -> Option<Entry> {
        let stored = *self.stored.lock().expect("no panic under this lock");
        stored.filter(|entry| !self.is_purged(*entry))
    }

    /// What a flight does.
    fn regenerate_now(&self) -> Entry {
        self.fresh().unwrap_or_else(|| self.render_and_store())
    }

    /// What happens behind a visitor: a flight, unless one is under way, and another
    /// if a purge overtook it.
    fn regenerate_behind(&self) {
        while let Role::Leader(leader, _) = self.flights.join_for(&"/", false) {
            let entry = self.regenerate_now();
            leader.finish(entry);
            if !self.is_purged(entry) {
                break;
            }
        }
    }

    /// What a visitor who must wait gets: the flight's page, unless a purge
    /// overtook that flight; then the next one's.
    fn visit(&self) -> Entry {
        for _ in 0..TRIES {
            let result = match self.flights.join(&"/") {
                Role::Leader(leader, _) => {
                    let entry = self.regenerate_now();
                    leader.finish(entry);
                    Some(entry)
                }
                Role::Follower(flight) => wait(flight),
            };
            if let Some(entry) = result.filter(|entry| !self.is_purged(*entry)) {
                return entry;
            }
        }
        unreachable!("the model has fewer purges than tries")
    }
}

/// Content changes and the page is purged while a render is under way: once
/// the purge is answered, no page with the old content is fresh, whatever was
/// stored meanwhile.
pub fn purge_wins_over_a_render_that_began_before_it() {
    let page = Page::new();
    let renderer = thread::spawn({
        let page = Arc::clone(&page);
        move || page.render_and_store()
    });
    page.content.store(1, Ordering::SeqCst);
    page.purge();
    let assert_new = || {
        if let Some(entry) = page.fresh() {
            assert_eq!(entry.content, 1, "the old page is fresh after its purge");
        }
    };
    assert_new();
    renderer.join().expect("rendering does not panic");
    assert_new();
}

/// A visitor who comes after a purge was answered and has to wait never gets
/// the content from before it, also as the follower of a flight that began
/// earlier.
pub fn visitor_after_a_purge_waits_for_a_later_render() {
    let page = Page::new();
    let earlier = thread::spawn({
        let page = Arc::clone(&page);
        move || page.visit()
    });
    page.content.store(1, Ordering::SeqCst);
    page.purge();
    assert_eq!(page.visit().content, 1, "the visitor got the page from before the purge");
    earlier.join().expect("the earlier visitor gets a page");
}

/// A page that is watched is purged while it is regenerated behind a visitor:
/// whoever of the two leads, the page is fresh with the new content in the end.
pub fn purge_during_a_flight_is_followed_by_another() {
    let page = Page::new();
    let earlier = thread::spawn({
        let page = Arc::clone(&page);
        move || page.regenerate_behind()
    });
    page.content.store(1, Ordering::SeqCst);
    page.purge();
    page.regenerate_behind();
    earlier.join().expect("rendering does not panic");
    assert_eq!(page.fresh().map(|entry| entry.content), Some(1), "the purge was forgotten");
}
