//! `isr regenerate`: pages rendered and stored while one waits.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    report::{Report, Verdict},
    server::{Server, page_of},
};

/// How many pages one call names: as many as the server has under way at once for one.
const AT_ONCE: usize = 16;

pub(crate) fn regenerate(server: &Server, pages: &[String]) -> Result<Report, Failure> {
    let paths = pages.iter().map(|page| Ok(page_of(page)?.1));
    let paths = paths.collect::<Result<Vec<_>, Failure>>()?;
    let mut done = Vec::new();
    for some in paths.chunks(AT_ONCE) {
        let answer = server.post("/_isr/regenerate", &json!({ "paths": some }))?;
        let said = serde_json::from_str::<Value>(&answer.text);
        let mut said = match (answer.status, said) {
            // A page failed, and the answer says which.
            (StatusCode::BAD_GATEWAY, Ok(said)) => said,
            _ => answer.json()?,
        };
        if let Value::Array(some) = said["pages"].take() {
            done.extend(some);
        }
    }
    let has_failed = done.iter().any(|page| !page["error"].is_null());
    Ok(Report {
        text: done.iter().map(line).collect::<Vec<_>>().join("\n"),
        json: json!({ "pages": done }),
        verdict: Verdict::of(has_failed),
    })
}

fn line(page: &Value) -> String {
    let path = page["path"].as_str().unwrap_or_default();
    match (&page["error"], &page["stored"]) {
        (Value::String(error), _) => format!("{path}: failed, and stays as it was: {error}"),
        (_, Value::Bool(true)) => format!("{path}: {}, stored", page["status"]),
        _ => format!("{path}: {}, not stored", page["status"]),
    }
}
