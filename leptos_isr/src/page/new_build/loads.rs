//! Which addresses a browser tab has loaded because two builds differed.

/// How many are remembered; the oldest are forgotten first.
const MOST: usize = 100;

/// The loads of one tab, each a line of text in its `sessionStorage`.
#[derive(Debug, Default)]
pub(super) struct Loads(Vec<String>);

impl Loads {
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    pub(super) fn to_text(&self) -> String {
        self.0.join("\n")
    }

    /// Whether `address` was loaded because these builds differed, whichever drew the page.
    pub(super) fn contains(&self, builds: [&str; 2], address: &str) -> bool {
        self.0.contains(&line(builds, address))
    }

    pub(super) fn add(&mut self, builds: [&str; 2], address: &str) {
        self.0.push(line(builds, address));
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }
}

fn line([one, other]: [&str; 2], address: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("{first} {second} {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_loaded_once_for_two_builds() {
        let mut loads = Loads::default();
        loads.add(["a", "b"], "/x?page=2");
        let loads = Loads::parse(&loads.to_text());
        for (builds, address, is_known) in [
            (["a", "b"], "/x?page=2", true),
            (["b", "a"], "/x?page=2", true),
            (["a", "b"], "/x", false),
            (["a", "c"], "/x?page=2", false),
        ] {
            assert_eq!(loads.contains(builds, address), is_known, "{builds:?} {address}");
        }
    }

    #[test]
    fn oldest_loads_are_forgotten() {
        let mut loads = Loads::parse("");
        for n in 0..=MOST {
            loads.add(["a", "b"], &n.to_string());
        }
        assert!(!loads.contains(["a", "b"], "0"));
        assert!(loads.contains(["a", "b"], "1") && loads.contains(["a", "b"], &MOST.to_string()));
        assert_eq!(loads.to_text().lines().count(), MOST);
    }
}
