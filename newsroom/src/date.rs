//! The time now, and dates in the names of files.

use chrono::Utc;

use crate::moment::{moment, written};

/// The time now.
pub(crate) fn now() -> String {
    written(Utc::now())
}

/// Splits a Jekyll file name, `2024-01-31-title`, into its date and the rest.
pub(crate) fn split_file_name(name: &str) -> Option<(String, &str)> {
    let (date, rest) = (name.get(..10)?, name.get(10..)?);
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let rest = if rest.is_empty() { name } else { rest.strip_prefix('-')? };
    is_date.then(|| moment(date)).flatten().map(|date| (date, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jekyll_file_names_carry_a_date() {
        let date = || "2024-01-31T00:00:00Z".to_owned();
        let cases = [
            ("2024-01-31-a-title", Some((date(), "a-title"))),
            ("2024-01-31", Some((date(), "2024-01-31"))),
            ("2024-13-31-a-title", None),
            ("2024-01-31a", None),
            ("a-title", None),
            ("日本語日本語", None),
        ];
        for (name, parts) in cases {
            assert_eq!(split_file_name(name), parts, "{name}");
        }
    }
}
