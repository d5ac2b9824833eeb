//! Times as the store keeps them: RFC 3339 in UTC with whole seconds.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

/// The time now.
pub(crate) fn now() -> String {
    written(Utc::now())
}

/// Reads an RFC 3339 time, in any offset.
pub(crate) fn from_rfc3339(text: &str) -> Option<String> {
    in_range(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// Reads a time in any of the forms that front matter has.
///
/// A date without a time is midnight; a time without an offset is UTC.
pub(crate) fn from_front_matter(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let with_offset = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
        "%Y-%m-%d %H:%M%#z",
        "%Y-%m-%d %H:%M %#z",
    ];
    let without_offset =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let date_only = ["%Y-%m-%d", "%Y/%m/%d", "%B %d %Y", "%B %d, %Y", "%d %B %Y"];

    let offset = || first(&with_offset, |form| DateTime::parse_from_str(text, form));
    let local = || first(&without_offset, |form| NaiveDateTime::parse_from_str(text, form));
    let date = || first(&date_only, |form| NaiveDate::parse_from_str(text, form));
    from_rfc3339(text)
        .or_else(|| in_range(offset()?.to_utc()))
        .or_else(|| in_range(local()?.and_utc()))
        .or_else(|| in_range(date()?.and_time(chrono::NaiveTime::MIN).and_utc()))
}

/// Splits a Jekyll file name, `2024-01-31-title`, into its date and the rest.
pub(crate) fn split_file_name(name: &str) -> Option<(String, &str)> {
    let (date, rest) = (name.get(..10)?, name.get(10..)?);
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let rest = if rest.is_empty() { name } else { rest.strip_prefix('-')? };
    is_date.then(|| from_front_matter(date)).flatten().map(|date| (date, rest))
}

fn first<T, E>(forms: &[&str], parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
    forms.iter().find_map(|form| parse(form).ok())
}

/// RFC 3339 has four digits for the year; an offset can push a time past them.
fn in_range(time: DateTime<Utc>) -> Option<String> {
    (0..=9999).contains(&time.year()).then(|| written(time))
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_dates_are_read_in_their_usual_forms() {
        let cases = [
            ("2024-01-31T10:00:00Z", Some("2024-01-31T10:00:00Z")),
            ("2024-01-31T10:00:00.123+02:00", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31T10:00:00+0200", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31 10:00:00 +0200", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31 10:00:00+02:00", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31 10:00 -0530", Some("2024-01-31T15:30:00Z")),
            ("2024-01-31 10:00:00 UTC", Some("2024-01-31T10:00:00Z")),
            ("2024-01-31 10:00:00", Some("2024-01-31T10:00:00Z")),
            ("2024-01-31T10:00:00", Some("2024-01-31T10:00:00Z")),
            ("2024-01-31 10:00", Some("2024-01-31T10:00:00Z")),
            (" 2024-01-31 ", Some("2024-01-31T00:00:00Z")),
            ("2024-1-5", Some("2024-01-05T00:00:00Z")),
            ("2024/01/31", Some("2024-01-31T00:00:00Z")),
            ("Jul 08 2022", Some("2022-07-08T00:00:00Z")),
            ("July 8, 2022", Some("2022-07-08T00:00:00Z")),
            ("8 July 2022", Some("2022-07-08T00:00:00Z")),
            ("2024-02-30", None),
            ("2024", None),
            ("07:32:00", None),
            ("soon", None),
            ("", None),
        ];
        for (text, time) in cases {
            assert_eq!(from_front_matter(text).as_deref(), time, "{text}");
        }
    }

    #[test]
    fn the_api_takes_rfc_3339_only() {
        let cases = [
            ("2024-01-31T10:00:00+02:00", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31", None),
            ("2024-01-31T10:00:00", None),
            ("9999-12-31T23:59:59-01:00", None),
        ];
        for (text, time) in cases {
            assert_eq!(from_rfc3339(text).as_deref(), time, "{text}");
        }
    }

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
