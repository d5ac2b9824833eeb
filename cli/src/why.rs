//! `isr why`: why a page is as old as it is, and whether visitors get just that one.

use reqwest::Url;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    public::{self, Seen},
    report::{Finding, Report, Verdict, json_of},
    server::{Server, page_of},
    text::{counted, plain, size, time},
};

/// How many of the last renders are shown.
const RENDERS: usize = 5;

pub(crate) fn why(server: &Server, page: &str) -> Result<Report, Failure> {
    let (url, path) = page_of(page)?;
    let Some(url) = url else {
        let report = report_of(server, &path)?;
        let verdict = Verdict::of(is_wrong(&report));
        return Ok(Report { text: told(&report), json: json!({ "page": report }), verdict });
    };
    let (report, seen) = visited(server, &url, &path)?;
    let found = public::compared(&report, &seen);
    let public = format!("\nthrough {url}\n{}{}", seen.text(), compared(&report, &found));
    Ok(Report {
        text: told(&report) + &public,
        verdict: Verdict::of(is_wrong(&report) || !found.is_empty()),
        json: json!({ "page": report, "public": seen.json(), "findings": json_of(&found) }),
    })
}

/// The sentence, then the facts.
fn told(report: &Value) -> String {
    format!("{}: {}\n\n{}", plain(&report["page"]), plain(&report["why"]), facts(report))
}

fn is_wrong(report: &Value) -> bool {
    report["state"] == "not_a_page" || !report["failing"].is_null()
}

fn report_of(server: &Server, path: &str) -> Result<Value, Failure> {
    server.get("/_isr/page", &[("path", path)])?.json()
}

/// What the server says of a page, and what a visitor gets. If that is another page, the server is
/// asked once more: the page may have been regenerated in between.
pub(crate) fn visited(server: &Server, url: &Url, path: &str) -> Result<(Value, Seen), Failure> {
    let report = report_of(server, path)?;
    let seen = Seen::of(&server.visit(url)?);
    let report = match public::is_same_page(&report, &seen) {
        true => report,
        false => report_of(server, path)?,
    };
    Ok((report, seen))
}

fn compared(report: &Value, found: &[Finding]) -> String {
    if !found.is_empty() {
        return found.iter().map(|finding| format!("\n{}\n", finding.line())).collect();
    }
    match report["stored"] {
        Value::Null => "\nnothing is stored to compare it with\n".to_owned(),
        _ => "\nvisitors get the page that the server has\n".to_owned(),
    }
}

/// What is known of the page, one fact a line.
fn facts(report: &Value) -> String {
    let mut facts = vec![
        ("route", plain(&report["route"])),
        (
            "answered by",
            format!("build {}, server {}", plain(&report["build"]), plain(&report["replica"])),
        ),
    ];
    let stored = &report["stored"];
    if !stored.is_null() {
        facts.extend(stored_facts(stored));
    }
    let purge = &report["last_purge"];
    if !purge.is_null() {
        let how = if purge["hard"] == true { "hard" } else { "soft" };
        let reached =
            if purge["has_reached"] == true { "has reached it" } else { "before its render" };
        facts.push((
            "last purge",
            format!(
                "{}, {how}, by {}, {}, {reached}",
                plain(&purge["at"]),
                plain(&purge["by"]),
                purge["through"]
            ),
        ));
    }
    match &report["regeneration"] {
        Value::Null => {}
        Value::String(running) => facts.push(("regeneration", running.clone())),
        queued => facts
            .push(("regeneration", format!("place {} in the queue", queued["queued"]["place"]))),
    }
    let failing = &report["failing"];
    if !failing.is_null() {
        let next = time(&failing["retry_in"]);
        let what = failing["error"].as_str().unwrap_or("nothing to store");
        facts.push((
            "failing",
            format!("{} in a row: {what}; next try in {next}", failing["failures"]),
        ));
    }
    for render in report["renders"].as_array().into_iter().flatten().take(RENDERS) {
        let error = render["error"].as_str().map(|error| format!(": {error}")).unwrap_or_default();
        let took = time(&render["duration"]);
        let [began, reason, outcome] =
            ["began", "reason", "outcome"].map(|field| plain(&render[field]));
        facts.push(("render", format!("{began}, {reason}, {took}, {outcome}{error}")));
    }
    facts.iter().map(|(name, fact)| format!("  {name:<13} {fact}\n")).collect()
}

fn stored_facts(stored: &Value) -> Vec<(&'static str, String)> {
    let forms = stored["forms"].as_array().into_iter().flatten();
    let forms: Vec<_> = forms
        .map(|form| format!("{} {}", plain(&form["encoding"]), size(&form["bytes"])))
        .collect();
    let period = match &stored["period"] {
        Value::Null => "none".to_owned(),
        period => format!("{}, set by {}", time(period), set_by(&stored["period_set_by"])),
    };
    let expire = match &stored["expire"] {
        Value::Null => String::new(),
        expire => format!("; may be served up to {}", time(expire)),
    };
    let mut facts = vec![
        (
            "stored",
            format!(
                "{}, rendered {}, {} ago",
                stored["status"],
                plain(&stored["rendered_at"]),
                time(&stored["age"])
            ),
        ),
        ("ETag", plain(&stored["etag"])),
        ("encodings", forms.join(", ")),
        ("period", period + &expire),
        ("asked for", counted(stored["requests"].as_u64().unwrap_or_default(), "time")),
    ];
    for (name, field) in [("by time", "by_time"), ("by purge", "by_purge")] {
        let of = &stored[field];
        facts.push((
            name,
            format!("regenerated {} ×, {} × another page", of["count"], of["changed"]),
        ));
    }
    for tag in stored["tags"].as_array().into_iter().flatten() {
        facts.push(("tag", format!("{} ({})", plain(&tag["tag"]), set_by(&tag["set_by"]))));
    }
    for read in stored["reads"].as_array().into_iter().flatten() {
        facts.push(("read", format!("{}, {} old", plain(&read["name"]), time(&read["age"]))));
    }
    if let Some(more) = stored["more_reads"].as_u64().filter(|more| *more > 0) {
        facts.push(("read", format!("and {more} more")));
    }
    facts
}

/// Who set something: a word, or the read of this name.
fn set_by(by: &Value) -> String {
    match by["read"].as_str() {
        Some(read) => format!("the read `{read}`"),
        None => plain(by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_one_a_line_and_those_that_are_none_are_left_out() {
        let missing = json!({ "page": "/a", "route": "/:id", "build": null, "replica": "ab", "stored": null });
        assert_eq!(facts(&missing), "  route         /:id\n  answered by   build -, server ab\n");
        let stored = json!({
            "route": "/:id", "build": "one", "replica": "ab",
            "stored": {
                "status": 200, "etag": "\"11\"", "rendered_at": "2027-01-15T08:00:00.000Z", "age": 100.0,
                "period": 60.0, "period_set_by": { "read": "titles" }, "expire": 600.0,
                "tags": [{ "tag": "all", "set_by": "route" }],
                "reads": [{ "name": "titles", "age": 3.0 }], "more_reads": 2,
                "forms": [{ "encoding": "identity", "bytes": 1200 }, { "encoding": "br", "bytes": 400 }],
                "requests": 1, "by_time": { "count": 3, "changed": 1 },
                "by_purge": { "count": 0, "changed": 0 },
            },
            "last_purge": {
                "at": "2027-01-15T08:01:00.000Z", "by": "api", "hard": true, "has_reached": true,
                "through": { "tag": "all" },
            },
            "regeneration": { "queued": { "place": 3 } },
            "failing": { "failures": 2, "retry_in": 4.0, "error": "the source is down" },
            "renders": [{
                "began": "2027-01-15T08:01:30.000Z", "reason": "time", "duration": 0.012,
                "outcome": "failed", "error": "the source is down",
            }],
        });
        let facts = facts(&stored);
        for line in [
            "  stored        200, rendered 2027-01-15T08:00:00.000Z, 1m 40s ago\n",
            "  encodings     identity 1.2 kB, br 400 B\n",
            "  period        1m, set by the read `titles`; may be served up to 10m\n",
            "  asked for     1 time\n",
            "  by time       regenerated 3 ×, 1 × another page\n",
            "  tag           all (route)\n",
            "  read          titles, 3s old\n  read          and 2 more\n",
            "  last purge    2027-01-15T08:01:00.000Z, hard, by api, {\"tag\":\"all\"}, has reached it\n",
            "  regeneration  place 3 in the queue\n",
            "  failing       2 in a row: the source is down; next try in 4s\n",
            "  render        2027-01-15T08:01:30.000Z, time, 12ms, failed: the source is down\n",
        ] {
            assert!(facts.contains(line), "{line}{facts}");
        }
    }
}
