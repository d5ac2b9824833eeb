//! `isr advise` and `isr period`: which periods are too short or too long, and other ones.

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    report::{Report, Verdict},
    server::Server,
};

pub(crate) fn advise(server: &Server) -> Result<Report, Failure> {
    let json = server.get("/_isr/advice", &[])?.json()?;
    let of = |field: &str| json[field].as_array().into_iter().flatten();
    let sentences = of("routes").chain(of("pages")).filter_map(|one| one["sentence"].as_str());
    let text = sentences.collect::<Vec<_>>().join("\n");
    let text = if text.is_empty() { "nothing to advise yet".to_owned() } else { text };
    Ok(Report { text, json, verdict: Verdict::Fine })
}

/// Sets the period of a route, or goes back to the declared one.
pub(crate) fn set_period(
    server: &Server,
    route: &str,
    period: Option<&str>,
) -> Result<Report, Failure> {
    let body = json!({ "route": route, "revalidate": period });
    let answer = server.post("/_isr/periods", &body)?;
    if !answer.status.is_success() {
        return Err(answer.refusal());
    }
    let said = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    let sentence = said["sentence"].as_str().map(str::to_owned);
    let text = sentence.unwrap_or_else(|| match period {
        Some(period) => format!("`{route}`: {period} from now on"),
        None => format!("`{route}`: as declared from now on"),
    });
    let json = if said.is_null() { body } else { said };
    Ok(Report { text, json, verdict: Verdict::Fine })
}
