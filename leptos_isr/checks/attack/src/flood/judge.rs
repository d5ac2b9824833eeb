//! Whether an answer is the right one, and how many there were of each kind.

use std::sync::{Mutex, PoisonError};

use fastrand::Rng;

use super::HOT;
use crate::{Report, sealed::unseal};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// The random path of this number and seed.
    Unknown(usize, u64),
    Known(usize),
    /// A known page that is asked for all along.
    Hot(usize),
}

impl Asked {
    /// The same page, not as one of those that are asked for all along.
    pub(super) fn once(self) -> Self {
        match self {
            Self::Hot(page) => Self::Known(page),
            other => other,
        }
    }

    /// The path, if there are `known` pages: the first half of them is listed.
    pub(super) fn path(self, known: usize) -> String {
        match self {
            Self::Unknown(number, seed) => {
                let route = if number.is_multiple_of(2) { "listed" } else { "open" };
                let name = Rng::with_seed(seed ^ ((number as u64) << 20)).u64(..);
                format!("/{route}/x{name:016x}")
            }
            Self::Known(page) | Self::Hot(page) if page < known / 2 => format!("/listed/{page}"),
            Self::Known(page) | Self::Hot(page) => format!("/open/{page}"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Judge {
    known: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hits: usize,
    misses: usize,
    hot: usize,
    not_found: usize,
    not_listed: usize,
    report: Report,
}

impl Judge {
    pub(super) fn new(known: usize) -> Self {
        Self { known, state: Mutex::default() }
    }

    /// The hot page of this number, one in each part of the known pages.
    pub(super) fn hot(&self, number: usize) -> Asked {
        Asked::Hot(number * (self.known / HOT))
    }

    pub(super) fn path(&self, asked: Asked) -> String {
        asked.path(self.known)
    }

    pub(super) fn judge(&self, asked: Asked, status: u16, cache_status: &str, body: &[u8]) {
        let path = self.path(asked);
        let is_hit = cache_status.starts_with("isr; hit");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_right = match asked {
            Asked::Unknown(..) if path.starts_with("/listed") => {
                state.not_listed += 1;
                status == 404 && cache_status.ends_with("detail=not-listed")
            }
            Asked::Unknown(..) => {
                state.not_found += 1;
                status == 404
            }
            Asked::Known(_) | Asked::Hot(_) => {
                state.hits += usize::from(is_hit);
                state.misses += usize::from(!is_hit);
                status == 200 && unseal(body) == Some(&*path)
            }
        };
        if matches!(asked, Asked::Hot(_)) {
            state.hot += 1;
            state.report.expect(is_hit, || format!("hot page {path} was no hit: {cache_status}"));
        }
        state.report.expect(is_right, || {
            format!("{path}: status {status}, {cache_status}, {} bytes", body.len())
        });
    }

    pub(super) fn hits(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).hits
    }

    pub(super) fn report(&self) -> Report {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report = state.report.clone();
        report.row("unknown paths, listed route", state.not_listed);
        report.row("unknown paths, open route", state.not_found);
        report.row("known pages", state.hits + state.misses);
        report.row("of these hot", state.hot);
        report.row("hits", state.hits);
        report.row("misses", state.misses);
        report
    }
}
