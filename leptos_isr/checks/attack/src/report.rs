//! What an attack found.

use std::fmt;

/// How many broken promises are told in full.
const TOLD: usize = 20;

/// What an attack did, as a table, and which promises it found broken.
#[derive(Clone, Debug, Default)]
pub struct Report {
    rows: Vec<(String, String)>,
    /// Text after the table.
    notes: Vec<String>,
    broken: Vec<String>,
    count: usize,
}

impl Report {
    /// How many promises were broken.
    #[must_use]
    pub fn violations(&self) -> usize {
        self.count
    }

    pub(crate) fn row(&mut self, name: &str, value: impl fmt::Display) {
        self.rows.push((name.to_owned(), value.to_string()));
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    pub(crate) fn broken(&mut self, what: String) {
        self.count += 1;
        if self.broken.len() < TOLD {
            self.broken.push(what);
        }
    }

    /// Counts broken promises that are not told.
    pub(crate) fn more_broken(&mut self, count: usize) {
        self.count += count;
    }

    /// Counts it as broken unless `holds`.
    pub(crate) fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(what());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = ("violations".to_owned(), self.count.to_string());
        let rows = || self.rows.iter().chain([&last]);
        let width = |text: fn(&(String, String)) -> &String| {
            rows().map(|row| text(row).chars().count()).max().unwrap_or(0)
        };
        let (names, values) = (width(|row| &row.0), width(|row| &row.1));
        for (name, value) in rows() {
            writeln!(f, "{name:<names$}  {value:>values$}")?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        for broken in &self.broken {
            writeln!(f, "broken: {broken}")?;
        }
        if self.count > self.broken.len() {
            writeln!(f, "broken: and {} more", self.count - self.broken.len())?;
        }
        Ok(())
    }
}
