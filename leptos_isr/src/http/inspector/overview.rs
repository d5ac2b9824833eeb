//! What the server does, and what became of each route.

use std::time::Duration;

use super::{
    html::{Html, fact, html},
    shown::{bytes, list_link, share, took},
};
use crate::{
    clock::stamp_of,
    engine::{
        Engine,
        inspect::{
            advice::{Advice, AdviceReport, Verdict},
            list::PageQuery,
            why::{number, shown},
        },
    },
    stats::{Eviction, LedgerMemory, RenderOutcome, RequestResult, RouteStats, Stats, Tier},
};

impl Engine {
    /// Begins the page's `<main>`.
    pub(super) fn overview_view(&self, out: &mut Html, advice: Option<&AdviceReport>) {
        let stats = self.stats();
        let asked = stats.routes.iter().map(|route| Answers::of(route).all()).sum::<u64>();
        html!(out; "<main data-follows data-requests=\"" (asked) "\"><h1>What this server does</h1>");
        let up = stamp_of(self.now()).saturating_sub(self.0.opened);
        let up = shown(Duration::from_micros(up));
        html!(out; "<p class=\"soft\">Counted since it began, " (up) " ago.</p>");
        requests(out, &stats);
        html!(out; "<dl>");
        self.now_and_next(out, &stats);
        html!(out; "</dl>");
        routes(out, &stats, advice, |route| {
            self.0.routes.iter().any(|one| one.path() == route && one.policy().is_some())
        });
    }

    fn now_and_next(&self, out: &mut Html, stats: &Stats) {
        let queue = &stats.queue;
        let running = queue.running_for_visitors + queue.running_in_background;
        fact(out, "Renders running", |out| {
            html!(out; (running));
            if queue.running_for_visitors > 0 {
                html!(out; " <span class=\"soft\">(" (queue.running_for_visitors) " for visitors)</span>");
            }
        });
        fact(out, "Pages waiting", |out| html!(out; (queue.waiting)));
        fact(out, "Visitors waiting", |out| html!(out; (queue.visitors)));
        fact(out, "Failing pages", |out| match stats.failing_pages {
            0 => html!(out; "0"),
            failing => {
                html!(out; "<a class=\"failed\" href=\"/_isr/?sort=errors\">" (failing) "</a>");
            }
        });
        fact(out, "Ledger of purges", |out| match stats.ledger {
            Some(ledger) if ledger.is_connected => html!(out; "connected"),
            Some(_) => html!(out; "<span class=\"failed\">cut off</span>"),
            None => html!(out; "none: a restart forgets purges"),
        });
        if let Some(memory) = stats.ledger.and_then(|ledger| ledger.memory) {
            fact(out, "Memory of the ledger’s server", |out| shared_memory(out, &memory));
        }
        if stats.store_works == Some(false) {
            fact(out, "Store", |out| html!(out; "<span class=\"failed\">keeps nothing new</span>"));
        }
        for cdn in &stats.cdns {
            fact(out, "CDN to be told", |out| {
                html!(out; (cdn.cdn) ": ");
                match cdn.waiting {
                    0 => html!(out; "nothing"),
                    waiting => {
                        html!(out; "<span class=\"failed\">" (waiting) " purges, the oldest "
                            (shown(cdn.oldest)) " old</span>");
                    }
                }
            });
        }
        for tier in &stats.tiers {
            let name = match tier.tier {
                Tier::Memory => "Pages in memory",
                Tier::Disk => "Pages on the disk",
                Tier::Data => "Data in memory",
            };
            fact(out, name, |out| {
                html!(out; (number(tier.entries)) " <span class=\"soft\">" (bytes(tier.bytes)) " of "
                    (bytes(tier.limit)) "</span>");
            });
        }
        fact(out, "Build", |out| html!(out; (stats.build.as_deref().unwrap_or("none"))));
        fact(out, "Server", |out| html!(out; "<code>" (self.0.order.replica()) "</code>"));
    }
}

/// The requests of one route, or of all, by what they got.
#[derive(Clone, Copy, Default)]
struct Answers([u64; RequestResult::ALL.len()]);

impl Answers {
    fn of(route: &RouteStats) -> Self {
        let mut answers = Self::default();
        for (count, result) in answers.0.iter_mut().zip(RequestResult::ALL) {
            let of_result = route.requests.iter().filter(|requests| requests.result == *result);
            *count = of_result.map(|requests| requests.count).sum();
        }
        answers
    }

    fn got(&self, results: &[RequestResult]) -> u64 {
        let all = self.0.iter().zip(RequestResult::ALL);
        all.filter(|(_, result)| results.contains(result)).map(|(count, _)| count).sum()
    }

    /// Those for stored pages.
    fn all(&self) -> u64 {
        self.0.iter().sum::<u64>() - self.got(&[RequestResult::Bypass])
    }

    /// Those that nobody waited for.
    fn answered_at_once(&self) -> u64 {
        self.got(&[RequestResult::Hit, RequestResult::Stale, RequestResult::StaleError])
    }
}

/// What a request got, in words.
fn in_words(result: RequestResult) -> &'static str {
    match result {
        RequestResult::Hit => "Fresh",
        RequestResult::Stale => "Stale, then regenerated",
        RequestResult::StaleError => "Old, since renders fail",
        RequestResult::Miss => "Waited, nothing stored",
        RequestResult::Expired => "Waited, expired",
        RequestResult::Refused => "503, too many wait",
        RequestResult::Failed => "Errors",
        RequestResult::NotPrefetched => "503 for a prefetch",
        RequestResult::Bypass => "The app’s own answers",
    }
}

fn shared_memory(out: &mut Html, memory: &LedgerMemory) {
    html!(out; (bytes(memory.bytes)));
    let Some(limit) = memory.limit else {
        html!(out; " <span class=\"soft\">without a limit</span>");
        return;
    };
    html!(out; " <span class=\"soft\">of " (bytes(limit)) "</span>");
    match memory.eviction {
        Eviction::Pages => {}
        Eviction::Anything => {
            html!(out; " <span class=\"failed\">once it is full it evicts purges</span>");
        }
        Eviction::Nothing => {
            html!(out; " <span class=\"failed\">once it is full it refuses purges</span>");
        }
    }
}

fn requests(out: &mut Html, stats: &Stats) {
    let mut all = Answers::default();
    for route in &stats.routes {
        all.0.iter_mut().zip(Answers::of(route).0).for_each(|(sum, count)| *sum += count);
    }
    html!(out; "<h2>Requests</h2><dl>");
    fact(out, "For stored pages", |out| html!(out; (number(all.all()))));
    fact(out, "From the store", |out| {
        html!(out; "<strong>" (share(all.answered_at_once(), all.all())) "</strong>");
    });
    for (count, result) in all.0.iter().zip(RequestResult::ALL) {
        fact(out, in_words(*result), |out| html!(out; (number(*count))));
    }
    html!(out; "</dl><h2>Now</h2>");
}

fn routes(
    out: &mut Html,
    stats: &Stats,
    advice: Option<&AdviceReport>,
    is_stored: impl Fn(&str) -> bool,
) {
    html!(out; "<h2 id=\"routes\">Routes</h2><table class=\"stacks\"><thead><tr><th scope=\"col\">Route</th>\
        <th scope=\"col\" class=\"n\">Requests</th><th scope=\"col\" class=\"n\">From the store</th>\
        <th scope=\"col\" class=\"n\">Renders</th><th scope=\"col\" class=\"n\">Changed</th>\
        <th scope=\"col\" class=\"n\">Same</th><th scope=\"col\" class=\"n\">Failed</th>\
        <th scope=\"col\" class=\"n\">A render takes</th></tr></thead><tbody>");
    for route in &stats.routes {
        if let Some(name) = route.route.as_deref().filter(|name| is_stored(name)) {
            let advice = advice.and_then(|all| all.routes.iter().find(|of| of.route == name));
            row(out, name, route, advice.map(|of| &of.advice));
        }
    }
    html!(out; "</tbody></table>");
}

fn row(out: &mut Html, name: &str, route: &RouteStats, advice: Option<&Advice>) {
    let answers = Answers::of(route);
    let rendered = |outcomes: &[RenderOutcome]| {
        let renders = route.renders.iter().filter(|renders| outcomes.contains(&renders.outcome));
        renders.map(|renders| renders.count).sum::<u64>()
    };
    let failed = rendered(&[RenderOutcome::Failed, RenderOutcome::Timeout]);
    let times = &route.render_times;
    let link = list_link(&PageQuery { route: Some(name.to_owned()), ..PageQuery::default() });
    html!(out; "<tr data-key=\"route " (name) "\"><th scope=\"row\"><a class=\"path\" href=\"" (link) "#pages\">"
        (name) "</a>");
    if let Some(advice) = advice.filter(|advice| advice.verdict != Verdict::TooEarly) {
        html!(out; "<div class=\"soft\">" (advice.sentence) "</div>");
    }
    html!(out; "</th>");
    for (label, value) in [
        ("requests", number(answers.all())),
        ("from the store", share(answers.answered_at_once(), answers.all())),
        ("renders", number(rendered(RenderOutcome::ALL))),
        ("changed", number(rendered(&[RenderOutcome::Changed]))),
        ("same", number(rendered(&[RenderOutcome::Same]))),
    ] {
        html!(out; "<td class=\"n\" data-is=\"" (label) "\">" (value) "</td>");
    }
    let class = if failed > 0 { "n failed" } else { "n" };
    let mean = match times.count() {
        0 => "–".to_owned(),
        renders => took(Duration::from_secs_f64(times.sum.as_secs_f64() / renders as f64)),
    };
    html!(out; "<td class=\"" (class) "\" data-is=\"failed\">" (number(failed))
        "</td><td class=\"n\" data-is=\"a render takes\">" (mean) "</td></tr>");
}
