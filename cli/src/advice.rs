//! `isr advise` and `isr period`: which periods are too short or too long, and other ones.

use serde_json::json;

use crate::{
    failure::Failure,
    report::{Report, Verdict},
    server::Server,
};

pub(crate) fn advise(server: &Server) -> Result<Report, Failure> {
    let json = server.get("/_isr/advice", &[])?.json()?;
    let of = |list: &str, name: &'static str| {
        let all = json[list].as_array().into_iter().flatten();
        all.filter_map(move |one| {
            Some(format!("{}: {}", one[name].as_str()?, one["sentence"].as_str()?))
        })
    };
    let text = of("routes", "route").chain(of("pages", "page")).collect::<Vec<_>>().join("\n");
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
    let json = server.post("/_isr/periods", &body)?.json()?;
    let text = match period {
        Some(period) => format!("{route}: {period} from now on"),
        None => format!("{route}: as declared from now on"),
    };
    Ok(Report { text, json, verdict: Verdict::Fine })
}
