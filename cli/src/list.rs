//! `isr ls` and `isr top`: the pages by what they cost, or how much they are asked for.

use serde_json::{Value, json};

use crate::{
    args::{List, Order},
    failure::Failure,
    report::{Report, Verdict},
    server::Server,
    text::{plain, size, table, time},
};

/// The most that the server lists at once.
const MOST: u32 = 200;

pub(crate) fn ls(server: &Server, list: &List) -> Result<Report, Failure> {
    let limit = if list.all { u32::MAX } else { list.limit };
    let filters = [("search", &list.search), ("route", &list.route), ("read", &list.read)];
    let filters = filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    listed(server, list.sort, limit, &filters.collect::<Vec<_>>())
}

pub(crate) fn top(server: &Server, by: Order, limit: u32) -> Result<Report, Failure> {
    listed(server, by, limit, &[])
}

fn listed(
    server: &Server,
    order: Order,
    limit: u32,
    filters: &[(&str, &str)],
) -> Result<Report, Failure> {
    let (mut pages, mut after) = (Vec::new(), None::<String>);
    let list = loop {
        let left = limit - u32::try_from(pages.len()).unwrap_or(limit);
        let at_once = left.min(MOST).to_string();
        let mut query = vec![("sort", order.name()), ("limit", &at_once)];
        query.extend(filters);
        query.extend(after.as_deref().map(|after| ("after", after)));
        let mut list = server.get("/_isr/pages", &query)?.json()?;
        if let Value::Array(part) = list["pages"].take() {
            pages.extend(part);
        }
        after = list["next"].as_str().map(str::to_owned);
        if after.is_none() || pages.len() >= limit as usize {
            break list;
        }
    };
    let (matching, next) = (&list["matching"], &list["next"]);
    let rest = match next {
        Value::Null => String::new(),
        _ => format!("… {} of {matching}\n", pages.len()),
    };
    Ok(Report {
        text: shown(&pages) + &rest,
        json: json!({ "at": list["at"], "matching": matching, "pages": pages, "next": next }),
        verdict: Verdict::Fine,
    })
}

fn shown(pages: &[Value]) -> String {
    if pages.is_empty() {
        return "no such pages in the server's memory\n".to_owned();
    }
    let rows: Vec<_> = pages.iter().map(row).collect();
    let headings =
        ["STATE", "AGE", "STALE FOR", "ASKED", "RENDERS", "TOOK", "SAME", "FAILED", "SIZE", "PAGE"];
    table(headings, &rows)
}

fn row(page: &Value) -> [String; 10] {
    let error = page["error"].as_str().map(|error| format!("  ({error})")).unwrap_or_default();
    [
        plain(&page["state"]),
        time(&page["age"]),
        time(&page["stale_for"]),
        plain(&page["requests"]),
        plain(&page["renders"]),
        time(&page["render_time"]),
        format!("{} of {}", page["unchanged"], page["regenerations"]),
        plain(&page["failures"]),
        size(&page["bytes"]),
        plain(&page["page"]) + &error,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_a_row_that_ends_with_its_path_and_why_it_fails() {
        let pages = [json!({
            "page": "/a?page=2", "state": null, "age": null, "stale_for": 0.0, "requests": 3,
            "bytes": 0, "renders": 2, "render_time": 0.25, "regenerations": 4, "unchanged": 1,
            "failures": 2, "error": "the source is down",
        })];
        let text = shown(&pages);
        let (heading, row) = text.split_once('\n').unwrap();
        assert!(heading.starts_with("STATE  AGE  STALE FOR"), "{heading}");
        let cells: Vec<_> =
            row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let page = ["/a?page=2", "(the source is down)"];
        assert_eq!(cells[..9], ["-", "-", "0s", "3", "2", "250ms", "1 of 4", "2", "0 B"]);
        assert_eq!(cells[9..], page);
        assert_eq!(shown(&[]), "no such pages in the server's memory\n");
    }
}
