//! `isr purge`: pages to be regenerated before their period is over.

use serde_json::{Value, json};

use crate::{
    args::Purge,
    failure::Failure,
    report::{Report, Verdict},
    server::Server,
    text::counted,
};

pub(crate) fn purge(server: &Server, purge: &Purge) -> Result<Report, Failure> {
    let Purge { paths, prefixes, tags, hard, dry_run } = purge;
    let body = json!({ "paths": paths, "prefixes": prefixes, "tags": tags, "hard": hard });
    if *dry_run {
        let reached = server.post("/_isr/purge?dry_run=true", &body)?.json()?;
        return Ok(Report { text: reach(&reached), json: reached, verdict: Verdict::Fine });
    }
    let answer = server.post("/_isr/purge", &body)?;
    if answer.status != reqwest::StatusCode::NO_CONTENT {
        return Err(answer.refusal());
    }
    let how = if *hard { "hard" } else { "softly" };
    Ok(Report {
        text: format!("purged {how}"),
        json: json!({ "purged": body }),
        verdict: Verdict::Fine,
    })
}

/// What a dry run found.
fn reach(reached: &Value) -> String {
    let count = |field: &str| reached[field].as_u64().unwrap_or_default();
    let least = if reached["complete"] == false { "at least " } else { "" };
    let mut text = format!("would reach {least}{}", counted(count("pages"), "page"));
    for (field, what) in [("data", "stored answer"), ("unreadable", "page that cannot be read")] {
        match count(field) {
            0 => {}
            1 => text += &format!(", 1 {what}"),
            more => text += &format!(", {more} × {what}"),
        }
    }
    let sample = reached["sample"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let sample: Vec<_> = sample.collect();
    for page in &sample {
        text += &format!("\n  {page}");
    }
    if count("pages") > sample.len() as u64 {
        text += &format!("\n  … and {} more", count("pages") - sample.len() as u64);
    }
    text + "\nnothing was purged"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dry_run_says_how_much_it_would_reach_and_names_some() {
        let whole =
            json!({ "pages": 1, "sample": ["/a"], "data": 0, "unreadable": 0, "complete": true });
        assert_eq!(reach(&whole), "would reach 1 page\n  /a\nnothing was purged");
        let part =
            json!({ "pages": 3, "sample": ["/a"], "data": 2, "unreadable": 1, "complete": false });
        assert_eq!(
            reach(&part),
            "would reach at least 3 pages, 2 × stored answer, 1 page that cannot be read\n  /a\n  \
             … and 2 more\nnothing was purged"
        );
    }
}
