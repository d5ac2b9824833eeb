//! The table that a build ends with.

use std::{fmt::Write, time::Duration};

use leptos_isr::{
    prerender::{PrerenderReport, RouteReport},
    route::Lifetime,
};

/// One row a route, then what is worth knowing; `left_out` has a line for each entry of a list that
/// cannot be read.
pub(crate) fn table(report: &PrerenderReport, left_out: &[String]) -> String {
    let head = ["Route", "Mode", "Revalidate", "Expire", "Pages", "Size", "Time"].map(String::from);
    let mut rows = vec![head];
    rows.extend(report.routes.iter().map(row));
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            // Numbers stand at the right.
            if column >= 4 { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        line(&mut text, cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    let (pages, size) = report
        .routes
        .iter()
        .fold((0, 0), |(pages, size), row| (pages + row.pages, size + row.bytes));
    line(&mut text, "");
    line(&mut text, &format!("{pages} pages, {}, in {}", bytes(size), time(report.duration)));
    for row in report.routes.iter().filter(|row| row.lifetime.is_some() && !row.is_listed) {
        line(
            &mut text,
            &format!(
                "note: {} lists no paths, so its pages are rendered when they are first asked for; \
                 add `.prerender(…)` to render them here",
                row.route
            ),
        );
    }
    for entry in left_out {
        line(&mut text, &format!("note: {entry}"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

fn row(route: &RouteReport) -> [String; 7] {
    let (mode, revalidate, expire) = match route.lifetime {
        None => ("dynamic", String::new(), String::new()),
        Some(Lifetime { revalidate: None, .. }) => ("static", "never".to_owned(), String::new()),
        Some(Lifetime { revalidate: Some(period), expire }) => {
            let expire = expire.map_or_else(|| "never".to_owned(), time);
            ("ISR", time(period), expire)
        }
    };
    let counted = |text: String| {
        if route.pages == 0 { String::new() } else { text }
    };
    [
        route.route.clone(),
        mode.to_owned(),
        revalidate,
        expire,
        counted(route.pages.to_string()),
        counted(bytes(route.bytes)),
        counted(time(route.duration)),
    ]
}

/// Whole milliseconds below ten seconds, whole seconds above.
fn time(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let rounded = match millis {
        0..10_000 => Duration::from_millis(millis),
        _ => Duration::from_secs(millis / 1000),
    };
    humantime::format_duration(rounded).to_string()
}

/// Thousands of bytes from one thousand on.
pub(crate) fn bytes(size: usize) -> String {
    match size {
        0..1000 => format!("{size} B"),
        1000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(
        route: &str,
        lifetime: Option<Lifetime>,
        is_listed: bool,
        pages: usize,
    ) -> RouteReport {
        let (bytes, duration) = (pages * 1500, Duration::from_millis(pages as u64 * 7));
        RouteReport { route: route.to_owned(), lifetime, is_listed, pages, bytes, duration }
    }

    #[test]
    fn table_has_a_row_for_each_route_and_points_out_what_is_not_listed() {
        let lifetime = |revalidate, expire| {
            let seconds = |n: Option<u64>| n.map(Duration::from_secs);
            Some(Lifetime { revalidate: seconds(revalidate), expire: seconds(expire) })
        };
        let report = PrerenderReport {
            routes: vec![
                route("/", lifetime(Some(60), None), true, 1),
                route("/a/:slug", lifetime(Some(300), Some(604_800)), true, 100),
                route("/b/:slug", lifetime(Some(300), None), false, 0),
                route("/about", lifetime(None, None), true, 1),
                route("/search", None, false, 0),
            ],
            redirects: Vec::new(),
            failures: Vec::new(),
            duration: Duration::from_millis(1234),
        };
        let expected = "\
Route     Mode     Revalidate  Expire  Pages      Size   Time
/         ISR      1m          never       1    1.5 kB    7ms
/a/:slug  ISR      5m          7days     100  150.0 kB  700ms
/b/:slug  ISR      5m          never
/about    static   never                   1    1.5 kB    7ms
/search   dynamic

102 pages, 153.0 kB, in 1s 234ms
note: /b/:slug lists no paths, so its pages are rendered when they are first asked for; add \
`.prerender(…)` to render them here
note: `a` cannot be read
";
        assert_eq!(table(&report, &["`a` cannot be read".to_owned()]), expected);
    }
}
