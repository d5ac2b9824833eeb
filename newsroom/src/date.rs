//! The time now, and dates in the names of files and folders.

use chrono::Utc;
use std::{ffi::OsStr, ops::RangeInclusive, path::Path};

use crate::moment::{moment, written};

/// The time now.
pub(crate) fn now() -> String {
    written(Utc::now())
}

/// Splits a file name as Jekyll and Zola have them, `2024-01-31-title`, into its date and the rest.
pub(crate) fn split_file_name(name: &str) -> Option<(String, &str)> {
    let mut parts = name.splitn(3, '-');
    let (year, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (day, rest) = rest.split_at(end);
    let rest = if rest.is_empty() { name } else { rest.strip_prefix(['-', '_'])? };
    of_day([year, month, day]).map(|date| (date, rest))
}

/// The first date in the folders of `path`: `2024/01/31/title`.
pub(crate) fn in_folders(path: &Path) -> Option<String> {
    let parts: Vec<_> = path.iter().filter_map(OsStr::to_str).collect();
    let days = parts.windows(3).filter_map(<[&str]>::first_chunk);
    days.copied().find_map(of_day)
}

fn of_day([year, month, day]: [&str; 3]) -> Option<String> {
    let is_number = |text: &str, digits: RangeInclusive<usize>| {
        digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_date = is_number(year, 4..=4) && is_number(month, 1..=2) && is_number(day, 1..=2);
    is_date.then(|| moment(&format!("{year}-{month}-{day}"))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_carry_a_date() {
        let date = || "2024-01-31T00:00:00Z".to_owned();
        let cases = [
            ("2024-01-31-a-title", Some((date(), "a-title"))),
            ("2024-01-31", Some((date(), "2024-01-31"))),
            ("2024-01-31_a-title", Some((date(), "a-title"))),
            ("2024-1-31-a-title", Some((date(), "a-title"))),
            ("2024-13-31-a-title", None),
            ("24-01-31-a-title", None),
            ("2024-01-a-title", None),
            ("2024-01-31a", None),
            ("a-title", None),
            ("日本語日本語", None),
        ];
        for (name, parts) in cases {
            assert_eq!(split_file_name(name), parts, "{name}");
        }
    }

    #[test]
    fn folders_carry_a_date() {
        let cases = [
            ("2024/01/31/a-title", Some("2024-01-31T00:00:00Z")),
            ("/news/2024/1/31/a-title/", Some("2024-01-31T00:00:00Z")),
            ("2024/01/a-title", None),
            ("2024/13/31/a-title", None),
            ("1/2/3", None),
            ("", None),
        ];
        for (path, date) in cases {
            assert_eq!(in_folders(Path::new(path)).as_deref(), date, "{path}");
        }
    }
}
