//! How moments are written for readers.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The day of an RFC 3339 moment, as "14 September 2026".
///
/// Text that is no date is given back as it is.
///
/// # Examples
///
/// ```
/// assert_eq!(app::data::date::day("2026-09-14T08:30:00Z"), "14 September 2026");
/// assert_eq!(app::data::date::day("soon"), "soon");
/// ```
#[must_use]
pub fn day(moment: &str) -> String {
    parse_day(moment).unwrap_or_else(|| moment.to_owned())
}

/// The day and time of an RFC 3339 moment in UTC, as "14 September 2026, 08:30:00 UTC".
///
/// Text that is no moment is given back as it is.
#[must_use]
pub fn day_and_time(moment: &str) -> String {
    let time = moment.get(11..19).filter(|time| time.split(':').count() == 3);
    match (parse_day(moment), time) {
        (Some(day), Some(time)) => format!("{day}, {time} UTC"),
        _ => moment.to_owned(),
    }
}

fn parse_day(moment: &str) -> Option<String> {
    let mut parts = moment.get(..10)?.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let all_digits = [year, month, day].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !all_digits || year.len() != 4 {
        return None;
    }
    let name = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.parse::<u8>().ok().filter(|day| (1..=31).contains(day))?;
    Some(format!("{day} {name} {year}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_for_readers() {
        for (moment, written) in [
            ("2026-09-14T08:30:00Z", "14 September 2026"),
            ("2024-01-01T00:00:00Z", "1 January 2024"),
            ("2024-12-31", "31 December 2024"),
            ("2024-13-01T00:00:00Z", "2024-13-01T00:00:00Z"),
            ("2024-00-01T00:00:00Z", "2024-00-01T00:00:00Z"),
            ("2024-01-40T00:00:00Z", "2024-01-40T00:00:00Z"),
            ("", ""),
            ("gestern, früh", "gestern, früh"),
        ] {
            assert_eq!(day(moment), written);
        }
    }

    #[test]
    fn times_are_written_with_their_day() {
        assert_eq!(day_and_time("2026-09-14T08:30:05Z"), "14 September 2026, 08:30:05 UTC");
        assert_eq!(day_and_time("2026-09-14"), "2026-09-14");
    }
}
