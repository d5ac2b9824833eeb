//! Judges a period by what it has come to.

use std::time::Duration;

use super::{
    advice::{Advice, PeriodCost, Verdict},
    why::{number, shown},
};
use crate::{
    period::days,
    rules::advice::{
        LEAST_PERIODS, LEAST_REGENERATIONS, Observed, Rates, WANTED_OLD, longest_period,
        shortest_period,
    },
};

/// How many times as many old answers are hardly more.
const HARDLY_MORE: f64 = 1.5;

/// Whose period is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) period: Duration,
    /// Where its pages expire: a period must be shorter.
    pub(super) below: Option<Duration>,
}

/// What one page shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Of regenerations by time.
    pub(super) observed: Observed,
    /// How often it was regenerated after a purge.
    pub(super) purged: u64,
    /// How often it is asked for, per second.
    pub(super) requests: f64,
    /// The period that holds for it.
    pub(super) period: Duration,
    /// Whether its code or a read has made that shorter than its route's.
    pub(super) is_limited: bool,
}

/// What is known of one page.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    rates: Rates,
    /// With as many changes as there may be.
    at_most: Rates,
    period: Duration,
    /// For how long it was seen, in seconds.
    time: f64,
}

impl Part {
    /// Whether it was seen often enough by itself, and was different each time.
    pub(super) fn differs_each_time(&self) -> bool {
        self.observed.is_enough(self.period) && self.observed.differs_each_time()
    }
}

/// Judges the period of one page, or of several together. Returns also how much another period would
/// matter: how many renders, or old answers, it would save in a day.
pub(super) fn judge(subject: Subject, parts: &[Part]) -> (Advice, f64) {
    let all_differ = parts.iter().all(Part::differs_each_time);
    let parts = parts.iter().filter(|part| all_differ || !part.differs_each_time());
    let parts: Vec<Part> = parts.copied().collect();
    let add = |sum: Observed, part: &Part| sum.and(part.observed);
    let observed = parts.iter().fold(Observed::default(), add);
    let requests: f64 = parts.iter().map(|part| part.requests).sum();
    let mut advice = Advice {
        verdict: Verdict::TooEarly,
        sentence: String::new(),
        regenerations: observed.regenerations,
        changed: observed.changed,
        interval: observed.interval,
        purged: parts.iter().map(|part| part.purged).sum(),
        requests_per_day: requests * in_a_day(),
        changes_per_day: None,
        period: Some(subject.period),
        now: None,
        advised: None,
        renders_when_purged: None,
    };
    let mut weight = 0.0;
    if observed.is_enough(subject.period) {
        weight = match observed.differs_each_time() {
            true => {
                advice.verdict = Verdict::DiffersEachTime;
                observed.regenerations as f64 / observed.interval.as_secs_f64() * in_a_day()
            }
            false => weigh(subject, &estimates(&parts), &mut advice),
        };
    }
    advice.sentence = sentence(&advice);
    (advice, weight)
}

/// Finds the verdict and its numbers, and returns how much it matters.
fn weigh(subject: Subject, pages: &[Estimate], advice: &mut Advice) -> f64 {
    let now = cost(subject.period, pages, |page| page.period);
    let of = |period| cost(period, pages, |_| period);
    let shortest = of(shortest_period());
    let is_rare = shortest.old_share > WANTED_OLD;
    let aim = WANTED_OLD.max(HARDLY_MORE * shortest.old_share);
    let best = longest_period(pages.iter().map(|page| page.rates), aim, subject.below);
    let (verdict, advised) = match best {
        Some(best)
            if best >= subject.period.saturating_mul(2) && now.wasted_share >= 0.5 && !is_rare =>
        {
            (Verdict::TooShort, Some(of(best)))
        }
        Some(best) if best < subject.period && now.old_share > HARDLY_MORE * aim => {
            (Verdict::TooLong, Some(of(best)))
        }
        _ if is_rare => (Verdict::NoneHelps, Some(shortest)),
        _ => (Verdict::Fits, None),
    };
    advice.verdict = verdict;
    advice.now = Some(now);
    advice.advised = advised;
    let changes: f64 = pages.iter().map(|page| page.rates.changes).sum();
    advice.changes_per_day = Some(changes * in_a_day());
    let when_purged = pages.iter().map(|page| page.rates.renders_when_purged() * page.time);
    advice.renders_when_purged = Some(when_purged.sum());
    let answers = |cost: PeriodCost| cost.old_share * advice.requests_per_day;
    match (verdict, advised) {
        (Verdict::TooShort, Some(advised)) => {
            let saved = pages
                .iter()
                .map(|page| page.rates.renders(page.period) - page.rates.renders(advised.period));
            saved.sum::<f64>() * in_a_day()
        }
        (Verdict::TooLong, Some(advised)) => answers(now) - answers(advised),
        (Verdict::NoneHelps, _) => answers(now),
        _ => 0.0,
    }
}

/// How often each page changes. Those that were seen too seldom are taken together.
fn estimates(parts: &[Part]) -> Vec<Estimate> {
    let is_seldom = |part: &&Part| part.observed.regenerations < LEAST_REGENERATIONS;
    let seldom = parts.iter().filter(is_seldom);
    let add = |sum: Observed, part: &Part| sum.and(part.observed);
    let together = seldom.clone().fold(Observed::default(), add);
    let period = seldom.map(|part| part.period).max().unwrap_or_default();
    let seen = parts.iter().filter(|part| part.observed.regenerations > 0);
    let estimates = seen.map(|part| {
        let (observed, of) = match is_seldom(&part) {
            true => (together, period),
            false => (part.observed, part.period),
        };
        let rates = |changes| Rates { changes, requests: part.requests };
        Estimate {
            rates: rates(observed.change_rate(of)),
            at_most: rates(observed.change_rate_at_most(of)),
            period: part.period,
            time: part.observed.interval.as_secs_f64(),
        }
    });
    estimates.collect()
}

fn cost(
    period: Duration,
    pages: &[Estimate],
    period_of: impl Fn(&Estimate) -> Duration,
) -> PeriodCost {
    let (mut renders, mut wasted) = (0.0, 0.0);
    let (mut requests, mut old, mut old_at_most) = (0.0, 0.0, 0.0);
    for page in pages {
        let (rates, period) = (page.rates, period_of(page));
        renders += rates.renders(period) * page.time;
        wasted += rates.renders(period) * page.time * rates.wasted_share(period);
        requests += rates.requests;
        old += rates.requests * rates.old_share(period);
        old_at_most += rates.requests * page.at_most.old_share(period);
    }
    let share = |part: f64, all: f64| if all == 0.0 { 0.0 } else { part / all };
    PeriodCost {
        period,
        renders,
        wasted_share: share(wasted, renders),
        old_share: share(old, requests),
        old_share_at_most: share(old_at_most, requests),
    }
}

fn sentence(advice: &Advice) -> String {
    let period = advice.period.map(shown).unwrap_or_default();
    let seen =
        format!("rendered {} in {}", times(advice.regenerations as f64), shown(advice.interval));
    let changed = match advice.changed {
        0 => "none was different".to_owned(),
        1 => "1 was different".to_owned(),
        changed => format!("{} were different", number(changed)),
    };
    let old = advice.now.map(|now| share(now.old_share)).unwrap_or_default();
    let clauses = match (advice.verdict, &advice.advised) {
        (Verdict::TooEarly, _) => {
            return format!(
                "{seen} without a purge: nothing is said below {LEAST_REGENERATIONS} times and \
                 {LEAST_PERIODS} periods of {period}"
            );
        }
        (Verdict::DiffersEachTime, _) => {
            return format!(
                "{seen}, different each time: nothing can be advised; either it changes more often \
                 than its period of {period} lets see, or its bytes differ each time, as with a \
                 clock or a random id"
            );
        }
        (Verdict::TooShort, Some(other)) => {
            format!("the period of {period} is too short: {seen}, {changed}; {}", with(other))
        }
        (Verdict::TooLong, Some(other)) => format!(
            "the period of {period} is too long: {seen}, {changed}, and about {old} of answers are \
             old; {}",
            with(other)
        ),
        (Verdict::NoneHelps, Some(other)) => format!(
            "no period helps: {seen}, {changed}, and about {old} of answers are old; with {} \
             it were {}, since whoever is the first to ask after a change gets what was before",
            shown(other.period),
            share(other.old_share),
        ),
        _ => format!(
            "the period of {period} fits: {seen}, {changed}, and about {old} of answers are old"
        ),
    };
    format!("{clauses}; {}", purges(advice))
}

/// What purges do, or would do.
fn purges(advice: &Advice) -> String {
    match (advice.purged, advice.changed) {
        (0, _) => {
            let renders = count(advice.renders_when_purged.unwrap_or_default());
            format!("with a webhook: {renders} and none")
        }
        (purged, 0) => {
            format!("purges told of changes {}, and missed none", times(purged as f64))
        }
        (purged, changed) => format!(
            "purges told of changes {}, and missed {}",
            times(purged as f64),
            match changed {
                1 => "this one".to_owned(),
                changed => format!("these {}", number(changed)),
            }
        ),
    }
}

fn with(cost: &PeriodCost) -> String {
    let (renders, old) = (count(cost.renders), share(cost.old_share.max(WANTED_OLD)));
    format!("with {}: {renders} and at most {old} old answers", shown(cost.period))
}

fn count(renders: f64) -> String {
    match renders.round() {
        1.0 => "1 render".to_owned(),
        renders => format!("{} renders", number(renders as u64)),
    }
}

fn times(times: f64) -> String {
    match times.round() {
        1.0 => "once".to_owned(),
        times => format!("{} times", number(times as u64)),
    }
}

fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.1..9.95 if (percent - percent.round()).abs() < 0.05 => format!("{percent:.0} %"),
        0.1..9.95 => format!("{percent:.1} %"),
        ..0.1 => "less than 0.1 %".to_owned(),
        _ => format!("{percent:.0} %"),
    }
}

fn in_a_day() -> f64 {
    days(1).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::{hours, minutes};

    fn part(regenerations: u64, changed: u64, period: Duration, requests: f64) -> Part {
        let interval = period * u32::try_from(regenerations).unwrap();
        let observed = Observed { regenerations, changed, interval };
        Part { observed, purged: 0, requests, period, is_limited: false }
    }

    fn of(parts: &[Part]) -> Advice {
        judge(Subject { period: parts[0].period, below: None }, parts).0
    }

    #[test]
    fn each_verdict_says_its_numbers() {
        let purged = |purged, part| Part { purged, ..part };
        let ten = minutes(10);
        for (part, verdict, sentence) in [
            (
                part(4320, 3, ten, 1.0),
                Verdict::TooShort,
                "the period of 10m is too short: rendered 4,320 times in 30days, 3 were different; \
                 with 1day: 30 renders and at most 5 % old answers; with a webhook: 3 renders and none",
            ),
            (
                part(4320, 0, ten, 1.0),
                Verdict::TooShort,
                "the period of 10m is too short: rendered 4,320 times in 30days, none was different; \
                 with 2days: 15 renders and at most 5 % old answers; with a webhook: 1 render and none",
            ),
            (
                purged(12, part(4320, 1, ten, 1.0)),
                Verdict::TooShort,
                "the period of 10m is too short: rendered 4,320 times in 30days, 1 was different; \
                 with 2days: 15 renders and at most 5 % old answers; purges told of changes 12 \
                 times, and missed this one",
            ),
            (
                part(30, 20, days(1), 1.0),
                Verdict::TooLong,
                "the period of 1day is too long: rendered 30 times in 30days, 20 were different, and \
                 about 39 % of answers are old; with 2h: 360 renders and at most 5 % old answers; \
                 with a webhook: 32 renders and none",
            ),
            (
                part(300, 30, ten, 1.0),
                Verdict::Fits,
                "the period of 10m fits: rendered 300 times in 2days 2h, 30 were different, and \
                 about 5.1 % of answers are old; with a webhook: 32 renders and none",
            ),
            (
                part(40, 40, ten, 1.0),
                Verdict::DiffersEachTime,
                "rendered 40 times in 6h 40m, different each time: nothing can be advised; either it \
                 changes more often than its period of 10m lets see, or its bytes differ each time, \
                 as with a clock or a random id",
            ),
            (
                part(19, 1, ten, 1.0),
                Verdict::TooEarly,
                "rendered 19 times in 3h 10m without a purge: nothing is said below 20 times and 3 \
                 periods of 10m",
            ),
        ] {
            let advice = of(&[part]);
            assert_eq!((advice.verdict, &*advice.sentence), (verdict, sentence));
        }
    }

    #[test]
    fn page_that_changes_as_often_as_it_is_asked_for_is_helped_by_no_period() {
        let mut rare = part(40, 25, minutes(10), 1.0 / 7200.0);
        rare.observed.interval = 40 * (minutes(10) + hours(2));
        let advice = of(&[rare]);
        assert_eq!(advice.verdict, Verdict::NoneHelps);
        assert!(advice.sentence.starts_with("no period helps: rendered 40 times in 3days 14h, 25"));
    }

    /// Ten thousand pages that never change, and ten that most visitors ask for.
    #[test]
    fn period_of_a_route_is_judged_by_what_visitors_get() {
        let quiet = part(2, 0, hours(1), 0.001);
        let busy = part(100, 90, hours(1), 1.0);
        let parts = [vec![quiet; 1000], vec![busy; 10]].concat();
        let advice = judge(Subject { period: hours(1), below: None }, &parts).0;
        assert_eq!(advice.verdict, Verdict::TooLong, "{advice:?}");
        assert!(advice.advised.unwrap().period <= minutes(10), "{advice:?}");
        let quiet = judge(Subject { period: hours(1), below: None }, &parts[..1000]).0;
        assert_eq!(quiet.verdict, Verdict::TooShort, "few renders of each, and many of all");
    }

    #[test]
    fn pages_that_differ_each_time_are_left_out_of_their_route() {
        let parts = [part(100, 100, minutes(1), 1.0), part(100, 1, minutes(1), 1.0)];
        let advice = of(&parts);
        assert_eq!((advice.verdict, advice.regenerations), (Verdict::TooShort, 100));
        assert_eq!(of(&parts[..1]).verdict, Verdict::DiffersEachTime);
    }

    #[test]
    fn advised_period_is_shorter_than_the_age_at_which_pages_expire() {
        let part = part(4320, 3, minutes(10), 1.0);
        let subject = Subject { period: minutes(10), below: Some(hours(8)) };
        assert_eq!(judge(subject, &[part]).0.advised.unwrap().period, hours(4));
        let subject = Subject { below: Some(minutes(11)), ..subject };
        assert_eq!(judge(subject, &[part]).0.verdict, Verdict::Fits);
    }

    #[test]
    fn page_matters_more_the_more_renders_and_old_answers_it_costs() {
        let weight = |part: Part| judge(Subject { period: part.period, below: None }, &[part]).1;
        let (often, seldom) = (part(500, 1, minutes(1), 1.0), part(500, 1, hours(1), 1.0));
        assert!(weight(often) > weight(seldom) && weight(seldom) > 0.0);
        assert_eq!(weight(part(300, 30, minutes(10), 1.0)), 0.0);
        let of_many = part(30, 20, days(1), 100.0);
        assert!(weight(of_many) > weight(Part { requests: 1.0, ..of_many }));
    }

    #[test]
    fn numbers_are_said_as_people_write_them() {
        for (given, text) in
            [(0.0005, "less than 0.1 %"), (0.05, "5 %"), (0.0123, "1.2 %"), (0.5, "50 %")]
        {
            assert_eq!(share(given), text);
        }
    }
}
