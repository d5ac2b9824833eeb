//! Random numbers that a seed decides.

use std::{ops::Range, time::Duration};

use xxhash_rust::xxh3::xxh3_64_with_seed;

#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(super) fn in_range(&mut self, range: Range<u64>) -> u64 {
        self.drawn += 1;
        let number = xxh3_64_with_seed(&self.drawn.to_le_bytes(), self.seed);
        range.start + number % (range.end - range.start)
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        self.in_range(0..len as u64) as usize
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.in_range(0..n) == 0
    }

    pub(super) fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.in_range(range))
    }
}
