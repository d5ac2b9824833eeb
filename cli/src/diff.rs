//! `isr diff`: how a stored page differs from a fresh render.

use std::{iter, time::Duration};

use reqwest::StatusCode;
use serde_json::{Value, json};
use similar::{DiffOp, TextDiff};

use crate::{
    failure::Failure,
    report::{Report, Verdict},
    server::{Server, page_of},
    text::plain,
};

/// How many differences are shown, and how many lines of each.
const DIFFERENCES: usize = 20;
const LINES: usize = 6;

/// How much of a line is shown before the first character that differs, and in all.
const BEFORE: usize = 40;
const WIDTH: usize = 160;

/// How long comparing may take; after that what differs is found less finely.
const COMPARING: Duration = Duration::from_secs(5);

/// Lines of the stored page that others take the place of, or the other way round.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    /// The line before, which both have.
    after: Option<String>,
    stored: Vec<String>,
    fresh: Vec<String>,
}

pub(crate) fn diff(server: &Server, page: &str) -> Result<Report, Failure> {
    let (_, path) = page_of(page)?;
    let mut json = render(server, &path)?;
    let (stored, fresh) = (json["stored"].take(), json["fresh"].take());
    json["differences"] = json!([]);
    let text = if stored.is_null() {
        "nothing is stored to compare a render with: `isr regenerate` stores it".to_owned()
    } else if json["same"] == true {
        "a fresh render is the same as the stored page".to_owned()
    } else {
        let mut found = differences(&lines(&stored), &lines(&fresh));
        json["more"] = found.len().saturating_sub(DIFFERENCES).into();
        found.truncate(DIFFERENCES);
        json["differences"] = found.iter().map(Difference::json).collect();
        // Content that has changed is the same in a second render. What is new each time is not.
        json["steady"] = (render(server, &path)?["fresh"] == fresh).into();
        told(&found, &json)
    };
    let text = format!("{}: {text}", plain(&json["page"]));
    Ok(Report { text, verdict: Verdict::of(json["same"] != true), json })
}

/// What differs, and of which kind that is.
fn told(found: &[Difference], json: &Value) -> String {
    let more = match json["more"].as_u64() {
        Some(more) if more > 0 => format!("… and in {more} more places\n\n"),
        _ => String::new(),
    };
    let kind = match json["steady"] == true {
        true => {
            "A second render gave the same as the first: the content has changed since the page was \
             stored."
        }
        false => {
            "A second render differs from the first too: the page shows what is new each time, such as \
             the time or a random id, so each regeneration counts as a change."
        }
    };
    let end = if json["may_store"] == false { "\nThe fresh render may not be stored." } else { "" };
    let shown = shown(found);
    format!(
        "a fresh render differs from the stored page (-stored, +fresh)\n\n{shown}{more}{kind}{end}"
    )
}

fn render(server: &Server, path: &str) -> Result<Value, Failure> {
    let answer = server.get("/_isr/fresh", &[("path", path)])?;
    if answer.status == StatusCode::BAD_GATEWAY && !answer.text.trim_start().starts_with('<') {
        let said = answer.text.trim().to_owned();
        return Err(Failure::Render { asked: answer.asked, said });
    }
    answer.json()
}

/// A page as lines: status, headers, then the body, which HTML has a line for each tag and text of.
fn lines(content: &Value) -> Vec<String> {
    let headers = content["headers"].as_array().into_iter().flatten();
    let headers: Vec<_> =
        headers.map(|header| format!("{}: {}", plain(&header[0]), plain(&header[1]))).collect();
    let is_html = headers.iter().any(|header| {
        header.starts_with("content-type: ") && (header.contains("html") || header.contains("xml"))
    });
    let body = match content["body"].as_str() {
        Some(body) if is_html => split_at_tags(body),
        Some(body) => body.lines().map(str::to_owned).collect(),
        None => vec![format!("{} bytes that are no text", content["bytes"])],
    };
    iter::once(format!("status: {}", content["status"])).chain(headers).chain(body).collect()
}

fn split_at_tags(html: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut end = |line: &mut String| match line.trim() {
        "" => line.clear(),
        _ => lines.push(std::mem::take(line)),
    };
    for c in html.chars() {
        match c {
            '\n' => end(&mut line),
            '<' => {
                end(&mut line);
                line.push(c);
            }
            '>' => {
                line.push(c);
                end(&mut line);
            }
            c => line.push(c),
        }
    }
    end(&mut line);
    lines
}

fn differences(stored: &[String], fresh: &[String]) -> Vec<Difference> {
    let [old, new] =
        [stored, fresh].map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
    let diff = TextDiff::configure().timeout(COMPARING).diff_slices(&old, &new);
    let different = diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    different
        .map(|op| {
            let (olds, news) = (&stored[op.old_range()], &fresh[op.new_range()]);
            let before = op.old_range().start.checked_sub(1);
            let (stored, fresh) = shortened(olds, news);
            Difference { after: before.map(|line| window(old[line], 0)), stored, fresh }
        })
        .collect()
}

/// Both sides, each line cut to what is around the first character in which it differs from the
/// other side's.
fn shortened(stored: &[String], fresh: &[String]) -> (Vec<String>, Vec<String>) {
    let side = |lines: &[String], others: &[String]| {
        let cut = lines.iter().enumerate().take(LINES).map(|(n, line)| {
            let other = others.get(n).map_or("", String::as_str);
            let same = line.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
            window(line, same)
        });
        let more = lines.len().checked_sub(LINES + 1);
        cut.chain(more.map(|more| format!("… {} more lines", more + 1))).collect()
    };
    (side(stored, fresh), side(fresh, stored))
}

/// What is around the character `at` of a line.
fn window(line: &str, at: usize) -> String {
    let skipped = if line.chars().count() <= WIDTH { 0 } else { at.saturating_sub(BEFORE) };
    let mut rest = line.chars().skip(skipped);
    let shown: String = rest.by_ref().take(WIDTH).collect();
    let [before, after] =
        [skipped > 0, rest.next().is_some()].map(|cut| if cut { "…" } else { "" });
    format!("{before}{shown}{after}")
}

fn shown(differences: &[Difference]) -> String {
    let mut text = String::new();
    for Difference { after, stored, fresh } in differences {
        let side = |sign: &str, lines: &[String]| -> String {
            lines.iter().map(|line| format!("{sign} {line}\n")).collect()
        };
        text += &side(" ", after.as_slice());
        text += &side("-", stored);
        text += &side("+", fresh);
        text.push('\n');
    }
    text
}

impl Difference {
    fn json(&self) -> Value {
        json!({ "after": self.after, "stored": self.stored, "fresh": self.fresh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(content_type: &str, body: &str) -> Vec<String> {
        let headers = [["content-type", content_type]];
        lines(&json!({ "status": 200, "headers": headers, "bytes": body.len(), "body": body }))
    }

    #[test]
    fn page_of_one_line_is_compared_tag_by_tag() {
        let html = |time: &str| format!("<p id=a>old</p><p id=b>{time}</p>\n  <p>c &gt; d</p>");
        let (stored, fresh) =
            (page("text/html", &html("12:00")), page("text/html", &html("12:01")));
        let found = differences(&stored, &fresh);
        let only = Difference {
            after: Some("<p id=b>".to_owned()),
            stored: vec!["12:00".to_owned()],
            fresh: vec!["12:01".to_owned()],
        };
        assert_eq!(found, [only]);
        assert_eq!(shown(&found), "  <p id=b>\n- 12:00\n+ 12:01\n\n");
        assert!(differences(&stored, &stored).is_empty());
    }

    #[test]
    fn status_headers_and_text_are_compared_by_line() {
        let found = differences(&page("text/plain", "a\nb < c"), &page("text/css", "a\nd < c"));
        let lines =
            |difference: &Difference| difference.stored.concat() + &difference.fresh.concat();
        let found: Vec<_> = found.iter().map(lines).collect();
        assert_eq!(found, ["content-type: text/plaincontent-type: text/css", "b < cd < c"]);
    }

    #[test]
    fn what_is_shown_of_long_lines_and_of_many_is_bounded() {
        let long = |end: &str| vec!["x".repeat(10_000) + end + &"y".repeat(10_000)];
        let found = differences(&long("é1"), &long("é2"));
        let line = &found[0].stored[0];
        assert!(
            line.starts_with("…xxx") && line.contains("xé1y") && line.ends_with("y…"),
            "{line}"
        );
        assert_eq!(line.chars().count(), WIDTH + 2);
        let many: Vec<_> = (0..50).map(|n| n.to_string()).collect();
        let found = differences(&[], &many);
        assert_eq!((found[0].fresh.len(), &*found[0].fresh[LINES]), (LINES + 1, "… 44 more lines"));
    }
}
