//! Numbers as a person reads them.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    engine::inspect::{list::PageQuery, report::SetBy, why::number},
    wire,
};

/// What stands in a query's value as it is.
const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// One page, several pages.
pub(super) fn pages(count: usize) -> String {
    let noun = if count == 1 { "page" } else { "pages" };
    format!("{} {noun}", number(count as u64))
}

/// What share of `all` is `part`; a dash of nothing.
pub(super) fn share(part: u64, all: u64) -> String {
    match all {
        0 => "–".to_owned(),
        // 100 is all of them.
        all => format!("{:.1} %", (part as f64 / all as f64 * 1000.0).floor() / 10.0),
    }
}

pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// How long something took.
pub(super) fn took(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.01 => format!("{:.1} ms", seconds * 1e3),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        seconds => format!("{} s", number(seconds as u64)),
    }
}

pub(super) fn moment(time: SystemTime) -> impl Display {
    humantime::format_rfc3339_seconds(time)
}

pub(super) fn set_by(by: &SetBy) -> String {
    match by {
        SetBy::Route => "the route".to_owned(),
        SetBy::Parent => "a parent route".to_owned(),
        SetBy::Override => "an override".to_owned(),
        SetBy::Code => "the page’s code".to_owned(),
        SetBy::Read(name) => format!("the read {name}"),
        SetBy::Unknown => "not known".to_owned(),
    }
}

/// Where the story of a page is told.
pub(super) fn page_link(page: &str) -> String {
    format!("{}?path={}", wire::INSPECTOR, utf8_percent_encode(page, VALUE))
}

/// Where the pages of a query are listed.
pub(super) fn list_link(query: &PageQuery) -> String {
    let after = query.after.as_ref().map(ToString::to_string);
    let sort = Some(query.sort.as_str().to_owned());
    let given = [
        ("sort", sort),
        ("search", query.search.clone()),
        ("route", query.route.clone()),
        ("read", query.read.clone()),
        ("after", after),
    ];
    let given = given.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(format!("{name}={}", utf8_percent_encode(&value, VALUE)))
    });
    format!("{}?{}", wire::INSPECTOR, given.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::inspect::list::PageOrder;

    #[test]
    fn numbers_are_as_a_person_reads_them() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(count), text);
        }
        for (part, all, text) in
            [(0, 0, "–"), (1, 3, "33.3 %"), (99_999, 100_000, "99.9 %"), (7, 7, "100.0 %")]
        {
            assert_eq!(share(part, all), text);
        }
        for (number, text) in [(999, "999 B"), (1234, "1.2 kB"), (5_000_000, "5.0 MB")] {
            assert_eq!(bytes(number), text);
        }
        for (micros, text) in
            [(1234, "1.2 ms"), (12_345, "12 ms"), (1_234_567, "1.2 s"), (3_600_000_000, "3,600 s")]
        {
            assert_eq!(took(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn links_say_everything_of_a_query_encoded() {
        assert_eq!(page_link("/a%20b?page=2&x"), "/_isr/?path=/a%2520b%3Fpage%3D2%26x");
        let query = PageQuery {
            sort: PageOrder::Waste,
            search: Some("a b&c".to_owned()),
            after: Some("12/a%20b".parse().unwrap()),
            ..PageQuery::default()
        };
        assert_eq!(list_link(&query), "/_isr/?sort=waste&search=a%20b%26c&after=12/a%2520b");
    }
}
