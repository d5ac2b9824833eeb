//! Why a page is as it is, in one sentence.

use std::time::{Duration, SystemTime};

use super::report::{Failing, PageReport, PurgeReport, RegenerationState, SetBy, StoredPage};
use crate::{
    engine::lookup::NoPage,
    order::{origins::PurgeSource, purge::Scope},
    rules::freshness::{Freshness, StaleReason},
};

/// What the sentence says beside the report.
pub(super) enum Because<'a> {
    NotAPage(&'a NoPage),
    NothingStored {
        bypass: Option<&'static str>,
    },
    Stored {
        freshness: Freshness,
        /// Whether a later render gave a page that may not be stored.
        is_superseded: bool,
        is_of_the_future: bool,
        /// Whether the next visitor waits for a render.
        is_awaited: bool,
    },
}

/// The clauses that apply, in one sentence.
pub(super) fn sentence(report: &PageReport, because: &Because<'_>) -> String {
    let mut clauses = vec![state(report, because)];
    match because {
        Because::NotAPage(_) | Because::NothingStored { bypass: Some(_) } => {}
        Because::NothingStored { bypass: None } => clauses.push(work(report, true)),
        Because::Stored { freshness: Freshness::Fresh { .. }, .. } => {
            clauses.push(last_purge(report))
        }
        Because::Stored { is_awaited, .. } => clauses.push(work(report, *is_awaited)),
    }
    if let Some(since) = report.cut_off_since {
        let time = shown(past(report, since));
        clauses.push(format!(
            "this server has been cut off from the ledger for {time}, so what others have purged since \
             is not known to it"
        ));
    }
    clauses.join("; ")
}

fn state(report: &PageReport, because: &Because<'_>) -> String {
    match because {
        Because::NotAPage(no_page) => not_a_page(no_page),
        Because::NothingStored { bypass: Some(detail) } => {
            format!("missing: nothing is stored in this mode (`{detail}`)")
        }
        Because::NothingStored { bypass: None } => match &report.build {
            Some(build) => format!("missing: nothing is stored for it in the build `{build}`"),
            None => "missing: nothing is stored for it".to_owned(),
        },
        Because::Stored { is_superseded: true, .. } => {
            "expired: a later render gave a page that may not be stored, so this one is for failures \
             only"
                .to_owned()
        }
        Because::Stored { is_of_the_future: true, freshness: Freshness::Stale { .. }, .. } => {
            "stale: its render began in the future, so a clock was set back".to_owned()
        }
        Because::Stored { freshness, .. } => match &report.stored {
            Some(page) => stored(report, page, *freshness),
            None => String::new(),
        },
    }
}

fn not_a_page(no_page: &NoPage) -> String {
    match no_page {
        NoPage::Dynamic(route) => {
            format!(
                "not a page: `{route}` is rendered for each request, and nothing of it is stored"
            )
        }
        NoPage::NotListed(route) => format!(
            "not a page: `{route}` admits only the paths that it lists, and the list of this build \
             does not have this one"
        ),
        no_page => format!("not a page: {}", no_page.problem()),
    }
}

fn stored(report: &PageReport, page: &StoredPage, freshness: Freshness) -> String {
    let period = match (page.period, &page.period_set_by) {
        (Some(period), Some(by)) => {
            let longer = page.period_override.filter(|set| *set > period);
            let longer = longer.map(|set| format!(", less than the override of {}", shown(set)));
            format!(
                "its period of {} ({}{})",
                shown(period),
                set_by(by),
                longer.unwrap_or_default()
            )
        }
        _ => "its period".to_owned(),
    };
    let age = shown(page.age);
    match freshness {
        Freshness::Fresh { left: Some(left) } => {
            format!("fresh for another {}: {period} began {age} ago", shown(left))
        }
        Freshness::Fresh { left: None } => format!(
            "fresh until it is purged: nothing sets a period for it, and it was rendered {age} ago"
        ),
        Freshness::Stale { by, reason: StaleReason::Time } => {
            format!("stale: {period} was over {} ago", shown(by))
        }
        Freshness::Expired { by, reason: StaleReason::Time } => format!(
            "expired: {period} was over {} ago, and it may be served up to an age of {}",
            shown(by),
            shown(page.expire.unwrap_or_default()),
        ),
        Freshness::Stale { reason: StaleReason::Purge, .. }
        | Freshness::Expired { reason: StaleReason::Purge, .. } => {
            let Some(purge) = &report.last_purge else { return "purged".to_owned() };
            let overtaken = match has_overtaken(report, page, purge) {
                true => ", while it was being rendered",
                false => "",
            };
            format!("purged {}{overtaken}", purged(report, purge))
        }
    }
}

/// Whether the purge came while the stored page was being rendered.
fn has_overtaken(report: &PageReport, page: &StoredPage, purge: &PurgeReport) -> bool {
    let began = page.rendered_at;
    let render = report
        .renders
        .iter()
        .find(|render| render.began <= began && began <= render.began + render.duration);
    render
        .zip(purge.at)
        .is_some_and(|(render, at)| began <= at && at <= render.began + render.duration)
}

/// How and by whom the page was last purged.
fn purged(report: &PageReport, purge: &PurgeReport) -> String {
    let how = if purge.hard { "hard" } else { "softly" };
    let when = purge.at.map(|at| format!(" {} ago", shown(past(report, at))));
    let by = match &purge.by {
        Some(PurgeSource::Code) => " by the app's code".to_owned(),
        Some(PurgeSource::Api) => " by a call of `/_isr/purge`".to_owned(),
        Some(PurgeSource::Inspector) => " by the inspector".to_owned(),
        Some(PurgeSource::Webhook(name)) => format!(" by the webhook `{name}`"),
        Some(PurgeSource::Again) => " once more, as a purge before had asked for".to_owned(),
        Some(PurgeSource::LostPurges) => ", since the ledger had lost purges".to_owned(),
        Some(PurgeSource::NewBuild) => ", since a new build began to serve".to_owned(),
        Some(PurgeSource::Unknown) | None => String::new(),
    };
    let server = match &purge.replica {
        Some(replica) if *replica != report.replica => format!(" on the server {replica}"),
        _ => String::new(),
    };
    let through = match &purge.through {
        Scope::Path(_) => "its path".to_owned(),
        Scope::Prefix(prefix) => format!("the prefix `{prefix}`"),
        Scope::Tag(tag) => format!("the tag `{tag}`"),
    };
    format!("{how}{}{by}{server}, through {through}", when.unwrap_or_default())
}

/// What a purge has to do with a page that is fresh.
fn last_purge(report: &PageReport) -> String {
    match &report.last_purge {
        Some(purge) => format!("it was rendered after its last purge, {}", purged(report, purge)),
        None => "no purge of its path or of its tags is known".to_owned(),
    }
}

/// What is being done for a page that is not fresh, or when that will be.
fn work(report: &PageReport, is_awaited: bool) -> String {
    match (report.regeneration, &report.failing) {
        (Some(RegenerationState::Running), _) => "one regeneration is running".to_owned(),
        (Some(RegenerationState::Queued { place }), _) => {
            format!("its regeneration waits in the queue, at place {place}")
        }
        (None, Some(failing)) => waits(failing),
        (None, None) if is_awaited => "the next visitor waits for a render".to_owned(),
        (None, None) => "the next visitor gets it at once and starts a regeneration".to_owned(),
    }
}

fn waits(failing: &Failing) -> String {
    let Failing { failures, retry_in, error } = failing;
    let what = match (failures, error) {
        (1, Some(error)) => format!("its last render failed ({error})"),
        (_, Some(error)) => format!("its last {failures} renders failed (lastly: {error})"),
        (1, None) => "its last render left nothing to store".to_owned(),
        (_, None) => format!("its last {failures} renders left nothing to store"),
    };
    match retry_in.is_zero() {
        true => format!("{what}, and the next visitor starts another try"),
        false => format!("{what}, and the next try is in {} at the earliest", shown(*retry_in)),
    }
}

fn set_by(by: &SetBy) -> String {
    match by {
        SetBy::Route => "set by the route".to_owned(),
        SetBy::Parent => "set by a parent route".to_owned(),
        SetBy::Override => "set by an override".to_owned(),
        SetBy::Code => "set by the page's code".to_owned(),
        SetBy::Read(name) => format!("set by the read `{name}`"),
        SetBy::Unknown => "it is not known who set it".to_owned(),
    }
}

fn past(report: &PageReport, time: SystemTime) -> Duration {
    report.at.duration_since(time).unwrap_or_default()
}

/// A number with a comma after each thousand.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A duration as people say it: two units at most.
pub(crate) fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    if seconds == 0 && !time.is_zero() {
        return "less than a second".to_owned();
    }
    let unit = match seconds {
        0..3600 => 1,
        3600..86_400 => 60,
        _ => 3600,
    };
    humantime::format_duration(Duration::from_secs(seconds / unit * unit)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_two_units() {
        for (millis, text) in [
            (0, "0s"),
            (400, "less than a second"),
            (1_600, "2s"),
            (300_000, "5m"),
            (5_437_000, "1h 30m"),
            (180_000_000, "2days 2h"),
        ] {
            assert_eq!(shown(Duration::from_millis(millis)), text);
        }
    }
}
