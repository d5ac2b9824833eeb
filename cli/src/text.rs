//! Numbers as people read them.

use std::time::Duration;

use serde_json::Value;

/// A number of seconds, in two units at most.
pub(crate) fn time(seconds: &Value) -> String {
    let Some(seconds) = seconds.as_f64() else { return "-".to_owned() };
    if seconds > 0.0 && seconds < 1.0 {
        return format!("{}ms", (seconds * 1000.0).round());
    }
    let whole = seconds.round() as u64;
    let unit = match whole {
        0..3600 => 1,
        3600..86_400 => 60,
        _ => 3600,
    };
    humantime::format_duration(Duration::from_secs(whole / unit * unit)).to_string()
}

/// A number of bytes.
pub(crate) fn size(bytes: &Value) -> String {
    match bytes.as_f64() {
        None => "-".to_owned(),
        Some(bytes) if bytes < 1000.0 => format!("{bytes} B"),
        Some(bytes) if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        Some(bytes) => format!("{:.1} MB", bytes / 1e6),
    }
}

/// A text as it is, and anything else as JSON; `-` for null.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `3 pages`, `1 page`
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Rows under headings, each column as wide as its widest cell. The last column may be of any width.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let widths = std::array::from_fn::<_, N, _>(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or_default()
    });
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(headings)).chain(rows).collect()
}

/// A text that does nothing to the terminal: what it says comes from pages and their data.
pub(crate) fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (seconds, text) in [
            (json!(null), "-"),
            (json!(0.0), "0s"),
            (json!(0.012), "12ms"),
            (json!(1.6), "2s"),
            (json!(300), "5m"),
            (json!(5437.0), "1h 30m"),
            (json!(180_000), "2days 2h"),
        ] {
            assert_eq!(time(&seconds), text);
        }
        let sizes = [json!(0), json!(999), json!(1200), json!(2_340_000)];
        assert_eq!(sizes.each_ref().map(size), ["0 B", "999 B", "1.2 kB", "2.3 MB"]);
        assert_eq!([counted(1, "page"), counted(0, "page")], ["1 page", "0 pages"]);
    }

    #[test]
    fn table_is_aligned_and_has_no_spaces_at_its_ends() {
        let rows = [["a".to_owned(), "/x".to_owned()], ["long".to_owned(), "/é".to_owned()]];
        assert_eq!(table(["B", "PAGE"], &rows), "B     PAGE\na     /x\nlong  /é\n");
    }

    #[test]
    fn what_a_page_says_does_nothing_to_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc"), "a\u{fffd}[31mb\u{fffd}\nc");
    }
}
