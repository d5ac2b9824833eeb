//! What the server acknowledged, and so what it must serve.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    Report,
    versions::{PAGES, Scope, Table, Versions},
};

/// What is known of one page. The numbers are moments, in order.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    /// When a regeneration that was acknowledged began, and the least versions it had.
    kept: Option<(u64, Versions)>,
    /// When the last purge that may have reached the page was sent or ended.
    last_purge: u64,
    last_hard_purge: u64,
    is_damaged: bool,
}

/// The least versions that one answer may be of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    pub(super) fresh: Versions,
    pub(super) stale: Versions,
}

/// What the first answer after a start must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Anything,
    /// The page was damaged.
    Miss,
    /// It was purged hard since it was acknowledged, but it is not lost.
    NoMiss,
    /// It was purged since.
    Hit,
    FreshHit,
}

#[derive(Debug, Default)]
pub(super) struct Model(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    data: Table,
    /// The versions of the last acknowledged purges.
    purged: Table,
    purged_hard: Table,
    pages: Vec<Page>,
    moment: u64,
    /// A purge record is damaged: any page may count as purged.
    is_log_damaged: bool,
    counts: Counts,
    report: Report,
}

#[derive(Debug, Default)]
struct Counts {
    soft: usize,
    hard: usize,
    regenerated: usize,
    checked: usize,
    checked_first: usize,
}

impl Model {
    /// What a render is made of now.
    pub(super) fn data(&self, page: usize) -> Versions {
        self.state().data.of(page)
    }

    /// The content changes and a purge is about to be sent.
    pub(super) fn purge_begins(&self, scope: Scope, is_hard: bool) -> u64 {
        let mut state = self.state();
        let version = state.data.raise(scope);
        state.note_purge(scope, is_hard);
        version
    }

    /// The purge was acknowledged, or its fate is not known.
    pub(super) fn purge_ended(
        &self,
        scope: Scope,
        is_hard: bool,
        version: u64,
        acknowledged: bool,
    ) {
        let mut state = self.state();
        state.note_purge(scope, is_hard);
        if !acknowledged {
            return;
        }
        state.purged.raise_to(scope, version);
        if is_hard {
            state.counts.hard += 1;
            state.purged_hard.raise_to(scope, version);
        } else {
            state.counts.soft += 1;
        }
    }

    /// A call that regenerates `page` is about to be sent.
    pub(super) fn regenerate_begins(&self, page: usize) -> (u64, Versions) {
        let mut state = self.state();
        (state.next_moment(), state.data.of(page))
    }

    /// The call was acknowledged: the page is stored. Of a page that a visitor waited for this is
    /// not known: a kill may lose it.
    pub(super) fn regenerated(&self, page: usize, began: (u64, Versions)) {
        let mut state = self.state();
        state.counts.regenerated += 1;
        let kept = &mut state.page(page).kept;
        let versions = kept.map_or(began.1, |(_, versions)| versions.most(began.1));
        *kept = Some((kept.map_or(began.0, |(moment, _)| moment.max(began.0)), versions));
    }

    /// What a request that is sent now may get.
    pub(super) fn least(&self, page: usize) -> Least {
        let mut state = self.state();
        let kept = state.page(page).kept.map_or_else(Versions::default, |(_, versions)| versions);
        Least {
            fresh: state.purged.of(page).most(kept),
            stale: state.purged_hard.of(page).most(kept),
        }
    }

    /// What the first request after a start must get.
    pub(super) fn first(&self, page: usize) -> First {
        let mut state = self.state();
        state.counts.checked_first += 1;
        let is_log_damaged = state.is_log_damaged;
        let known = state.page(page);
        if std::mem::take(&mut known.is_damaged) {
            return First::Miss;
        }
        match known.kept {
            None => First::Anything,
            Some((moment, _)) if moment < known.last_hard_purge => First::NoMiss,
            Some((moment, _)) if moment < known.last_purge || is_log_damaged => First::Hit,
            Some(_) => First::FreshHit,
        }
    }

    /// The stored page was damaged: it must not be served, and nothing is left of it.
    pub(super) fn damaged(&self, page: usize) {
        let mut state = self.state();
        let known = state.page(page);
        known.is_damaged = true;
        known.kept = None;
    }

    pub(super) fn log_damaged(&self) {
        self.state().is_log_damaged = true;
    }

    pub(super) fn checked(&self, result: Result<(), String>) {
        let mut state = self.state();
        state.counts.checked += 1;
        if let Err(what) = result {
            state.report.broken(what);
        }
    }

    pub(super) fn broken(&self, what: String) {
        self.state().report.broken(what);
    }

    pub(super) fn report(&self) -> Report {
        let state = self.state();
        let mut report = state.report.clone();
        report.row("soft purges acknowledged", state.counts.soft);
        report.row("hard purges acknowledged", state.counts.hard);
        report.row("regenerations acknowledged", state.counts.regenerated);
        report.row("pages checked right after a start", state.counts.checked_first);
        report.row("answers checked in all", state.counts.checked);
        report
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    fn page(&mut self, page: usize) -> &mut Page {
        self.pages.resize(PAGES, Page::default());
        &mut self.pages[page]
    }

    fn note_purge(&mut self, scope: Scope, is_hard: bool) {
        let moment = self.next_moment();
        for page in (0..PAGES).filter(|page| scope.reaches(*page)) {
            let known = self.page(page);
            known.last_purge = moment;
            if is_hard {
                known.last_hard_purge = moment;
            }
        }
    }
}
