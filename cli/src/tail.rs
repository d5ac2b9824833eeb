//! `isr tail`: what a server renders and what is purged, as it happens.

use std::{io, thread::sleep, time::Duration};

use serde_json::Value;

use crate::{
    args::Format,
    failure::Failure,
    server::Server,
    text::{plain, printable, time},
};

/// How often the server is asked.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// How many of those that were before are shown.
const BEFORE: usize = 10;

/// Gives a line to `show` for each event, until that fails. Returns why it did.
///
/// A server that cannot be reached for a while is waited for, unless it never could.
pub(crate) fn tail(
    server: &Server,
    format: Format,
    mut show: impl FnMut(&str) -> io::Result<()>,
) -> Result<io::Error, Failure> {
    let (mut replica, mut last, mut is_lost) = (None::<String>, 0, false);
    loop {
        let list = server.get("/_isr/events", &[("after", &last.to_string())]);
        let list = match list.and_then(|answer| answer.json()) {
            Ok(list) => list,
            Err(failure @ Failure::Unreachable { .. }) if replica.is_some() => {
                if !is_lost {
                    eprintln!("{}", printable(&failure.to_string()));
                }
                is_lost = true;
                sleep(ASKED_EVERY);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        is_lost = false;
        let answers = plain(&list["replica"]);
        if replica.as_ref().is_some_and(|before| *before != answers) {
            eprintln!("it was restarted, or another server answers: {}", printable(&answers));
            // Its numbers are others.
            (replica, last) = (Some(answers), 0);
            continue;
        }
        let events = list["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let old = if replica.is_none() { events.len().saturating_sub(BEFORE) } else { 0 };
        for event in &events[old..] {
            if let Err(error) = show(&line(event, format)) {
                return Ok(error);
            }
        }
        last = events.last().and_then(|event| event["number"].as_u64()).unwrap_or(last);
        replica = Some(answers);
        sleep(ASKED_EVERY);
    }
}

fn line(event: &Value, format: Format) -> String {
    let text = match format {
        Format::Json => event.to_string(),
        Format::Text => {
            let what = if event["kind"] == "render" { render(event) } else { purge(event) };
            format!("{}  {what}", plain(&event["at"]))
        }
    };
    // One event is one line.
    printable(&text.replace('\n', " ")) + "\n"
}

fn render(event: &Value) -> String {
    let error = event["error"].as_str().map(|error| format!("  ({error})")).unwrap_or_default();
    let of = |name| plain(&event[name]);
    let took = time(&event["duration"]);
    format!("render  {:<7} {:<8} {took:>6}  {}{error}", of("reason"), of("outcome"), of("page"))
}

fn purge(event: &Value) -> String {
    let names = event["names"].as_array().into_iter().flatten();
    let names = names.filter_map(Value::as_object).flatten();
    let names: Vec<_> = names.map(|(kind, name)| format!("{kind} {}", plain(name))).collect();
    let more = match event["more"].as_u64() {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    let kind = if event["hard"] == true { "hard" } else { "soft" };
    format!("purge   {kind}, by {}: {}{more}", plain(&event["by"]), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn event_is_a_line_as_text_and_as_json() {
        let render = json!({
            "number": 7, "at": "2027-01-15T08:00:00.000Z", "kind": "render", "page": "/a?page=2",
            "route": "/a", "reason": "time", "outcome": "failed", "duration": 0.012,
            "error": "the source\nis \u{1b}[31mdown",
        });
        let text = line(&render, Format::Text);
        let expected = "2027-01-15T08:00:00.000Z  render  time    failed     12ms  /a?page=2  \
                        (the source is \u{fffd}[31mdown)\n";
        assert_eq!(text, expected);
        let as_json = line(&render, Format::Json);
        assert_eq!(serde_json::from_str::<Value>(&as_json).unwrap(), render);
        assert_eq!(as_json.lines().count(), 1);
        let purge = json!({
            "at": "2027-01-15T08:00:01.000Z", "kind": "purge", "by": "webhook:cms", "hard": true,
            "names": [{ "tag": "a:1" }, { "prefix": "/b" }], "more": 3,
        });
        let expected = "2027-01-15T08:00:01.000Z  purge   hard, by webhook:cms: tag a:1, prefix /b \
                        and 3 more\n";
        assert_eq!(line(&purge, Format::Text), expected);
    }
}
