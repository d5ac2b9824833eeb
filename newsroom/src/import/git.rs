//! When the files of a folder were added to their git repository.

use crate::moment::moment;
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Oldest commits first, so that a renamed file keeps the date of the one that added it.
const LOG: [&str; 12] = [
    "--no-pager",
    "log",
    "--no-show-signature",
    "--reverse",
    "--topo-order",
    "--relative",
    "--diff-filter=AR",
    "--find-renames",
    "--name-status",
    "-z",
    "--format=%x01%aI",
    "--",
];

/// Dates by file, from the folder on.
pub(super) type Added = HashMap<PathBuf, String>;

/// The author's date of the commit that added each file below `dir`.
pub(super) fn added(dir: &Path) -> io::Result<Added> {
    let git =
        Command::new("git").arg("-C").arg(dir).args(LOG).arg(".").stdin(Stdio::null()).output()?;
    if git.status.success() {
        return Ok(dates(&String::from_utf8_lossy(&git.stdout)));
    }
    Err(io::Error::other(String::from_utf8_lossy(&git.stderr).trim().to_owned()))
}

fn dates(log: &str) -> Added {
    let mut added = Added::new();
    let mut date = None;
    let mut words = log.split('\0').map(|word| word.trim_start_matches('\n'));
    while let Some(word) = words.next() {
        if let Some(text) = word.strip_prefix('\u{1}') {
            date = moment(text);
        } else if word.starts_with(['A', 'R']) {
            let old = if word.starts_with('R') { words.next() } else { None };
            let known = old.and_then(|old| added.remove(Path::new(old)));
            if let (Some(path), Some(date)) = (words.next(), known.or_else(|| date.clone())) {
                added.insert(path.into(), date);
            }
        }
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_file_keeps_the_date_of_the_commit_that_added_it() {
        let log = "\u{1}2023-01-31T10:00:00+02:00\0\nA\0a.md\0A\0A/R 1.md\0\
                   \u{1}2024-01-31T10:00:00Z\0\nR096\0a.md\0deep/b.md\0A\0a.md\0";
        let expected = [
            ("a.md", "2024-01-31T10:00:00Z"),
            ("A/R 1.md", "2023-01-31T08:00:00Z"),
            ("deep/b.md", "2023-01-31T08:00:00Z"),
        ];
        assert_eq!(dates(log), expected.map(|(path, date)| (path.into(), date.to_owned())).into());
        assert_eq!(dates(""), Added::new());
    }
}
