//! Resident memory after so many renders, and whether it grows.

use std::fmt::Write;

use crate::{Report, machine::mib};

/// The widest bar of the plot.
const WIDTH: u64 = 50;

#[derive(Debug)]
pub(super) struct Curve {
    name: &'static str,
    step: usize,
    rows: Vec<(usize, u64)>,
}

impl Curve {
    pub(super) fn new(name: &'static str, step: usize) -> Self {
        Self { name, step: step.max(1), rows: Vec::new() }
    }

    /// Takes a row if it is time for one.
    pub(super) fn rendered(&mut self, renders: usize, resident: impl FnOnce() -> u64) {
        if renders >= (self.rows.len() + 1) * self.step {
            self.rows.push((renders, resident()));
        }
    }

    /// By how much the last quarter is above the second, if it is.
    fn growth(&self) -> u64 {
        let quarter = self.rows.len() / 4;
        let median = |rows: &[(usize, u64)]| {
            let mut bytes: Vec<_> = rows.iter().map(|row| row.1).collect();
            bytes.sort_unstable();
            bytes.get(bytes.len() / 2).copied().unwrap_or(0)
        };
        let second = median(&self.rows[quarter..2 * quarter]);
        median(&self.rows[self.rows.len() - quarter..]).saturating_sub(second)
    }

    /// Fails the report if the median of the last quarter is more than `allowed`
    /// bytes above that of the second.
    pub(super) fn judge(&self, report: &mut Report, allowed: u64) {
        let growth = self.growth();
        report.row(&format!("growth, {}", self.name), mib(growth));
        report.row("allowed", mib(allowed));
        report.expect(growth <= allowed, || format!("{}: memory grows", self.name));
        report.note(self.plot());
    }

    fn plot(&self) -> String {
        let most = self.rows.iter().map(|row| row.1).max().unwrap_or(1).max(1);
        let mut text = format!("resident memory, {}:", self.name);
        for (renders, bytes) in &self.rows {
            let bar = "#".repeat((bytes * WIDTH / most) as usize);
            write!(text, "\n{renders:>8}  {:>10}  {bar}", mib(*bytes))
                .expect("writing to a string cannot fail");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_and_warming_up_does_not() {
        let grown = |bytes: fn(u64) -> u64| {
            let mut curve = Curve::new("test", 10);
            (1..=200_usize).for_each(|n| curve.rendered(n, || bytes(n as u64 / 10) << 20));
            assert_eq!(curve.rows.len(), 20);
            let mut report = Report::default();
            curve.judge(&mut report, 4 << 20);
            report.violations() > 0
        };
        assert!(!grown(|_| 50));
        assert!(!grown(|row| if row < 5 { row } else { 50 + row % 3 }));
        assert!(grown(|row| 50 + row));
    }
}
