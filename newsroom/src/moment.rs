//! Dates as people and other programs write them, read as moments.

use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Timelike, Utc,
};

/// Reads a date in the forms that content is written in, as RFC 3339 in UTC with whole seconds:
/// what this gives sorts as text.
///
/// A date without a time is midnight; a time without an offset is UTC. None for what is no date
/// (`soon`, `2024-02-30`).
///
/// # Examples
///
/// ```
/// use newsroom::moment;
///
/// assert_eq!(moment("2024-01-31T10:00:00.5+02:00").as_deref(), Some("2024-01-31T08:00:00Z"));
/// assert_eq!(moment("2024-01-31 10:00").as_deref(), Some("2024-01-31T10:00:00Z"));
/// assert_eq!(moment("2024-02-30"), None);
/// ```
#[must_use]
pub fn moment(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let with_offset = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
        "%Y-%m-%d %H:%M %#z",
    ];
    let without_offset =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let date_only = ["%Y-%m-%d", "%Y/%m/%d", "%B %d %Y", "%B %d, %Y", "%d %B %Y"];

    let offset = || first(&with_offset, |form| DateTime::parse_from_str(text, form));
    let local = || first(&without_offset, |form| NaiveDateTime::parse_from_str(text, form));
    let date = || first(&date_only, |form| NaiveDate::parse_from_str(text, form));
    in_utc(text)
        .or_else(|| in_range(offset()?.to_utc()))
        .or_else(|| in_range(local()?.and_utc()))
        .or_else(|| in_range(date()?.and_time(NaiveTime::MIN).and_utc()))
}

/// Reads an RFC 3339 time, in any offset.
pub(crate) fn in_utc(text: &str) -> Option<String> {
    in_range(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

fn first<T, E>(forms: &[&str], parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
    forms.iter().find_map(|form| parse(form).ok())
}

/// RFC 3339 has four digits for the year; an offset can push a time past them.
fn in_range(time: DateTime<Utc>) -> Option<String> {
    (0..=9999).contains(&time.year()).then(|| written(time))
}

pub(crate) fn written(time: DateTime<Utc>) -> String {
    // Without the part of a second goes a leap second, which is one too many for most readers.
    let whole = time.with_nanosecond(0).unwrap_or(time);
    whole.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_their_usual_forms() {
        let cases = [
            ("2024-01-31T10:00:00Z", Some("2024-01-31T10:00:00Z")),
            ("2024-01-31T10:00:00.123+02:00", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31T10:00:00+0200", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31 10:00:00 +0200", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31 10:00:00+02:00", Some("2024-01-31T08:00:00Z")),
            ("2024-01-31 10:00 -0530", Some("2024-01-31T15:30:00Z")),
            ("2024-01-31T10:00Z", Some("2024-01-31T10:00:00Z")),
            ("2024-01-31T10:00+02:00", Some("2024-01-31T08:00:00Z")),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59Z")),
            ("2024-01-31T10:00:60Z", Some("2024-01-31T10:00:59Z")),
            ("2024-01-31T24:30:00Z", None),
            ("2023-02-29T10:00:00", None),
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
            assert_eq!(moment(text).as_deref(), time, "{text}");
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
            assert_eq!(in_utc(text).as_deref(), time, "{text}");
        }
    }
}
