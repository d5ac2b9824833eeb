//! Finds periods that are too short, or too long.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    advice::{Advice, AdviceReport, PageAdvice, RouteAdvice, Verdict},
    judge::{Part, Subject, judge},
};
use crate::{
    address::key::Key,
    engine::Engine,
    entry::ServedEntry,
    error::Error,
    period,
    route::{policy::Lifetime, routes::DeclaredRoute},
    rules::advice::{Observed, WANTED_OLD},
};

/// For how long advice is recent.
const RECENT: Duration = period::minutes(1);

/// How many pages are named.
const MOST: usize = 50;

/// After how many pages the thread that looks through them lets others run.
const CHUNK: usize = 500;

impl Engine {
    /// Says which periods are too short, because most renders give the same page, and which are too
    /// long, because many answers are old. Nothing is changed: see
    /// [`set_period`](Engine::set_period).
    ///
    /// It is estimated from what was kept with the pages that this process has in memory: how often
    /// they were regenerated, and how often they were another page then. How often they are asked
    /// for is what this process has seen. Changes come in bursts and visitors by day, so these are
    /// orders of magnitude.
    ///
    /// The pages are looked through on a thread of its own, by one caller at a time; others wait.
    ///
    /// # Errors
    ///
    /// Returns [`Error::ShuttingDown`] if the runtime shuts down first.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, Isr, minutes, route::RouteTable};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
    /// let isr = Engine::builder(RouteTable::new().add("/", Isr::revalidate(minutes(5)))?).build()?;
    /// for route in isr.advice().await?.routes {
    ///     println!("{}: {}", route.route, route.advice.sentence);
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn advice(&self) -> Result<AdviceReport, Error> {
        self.look_through(Self::advise).await
    }

    /// Advice that is a minute old at most, for who looks again and again.
    pub(crate) async fn recent_advice(&self) -> Result<Arc<AdviceReport>, Error> {
        let mut recent = self.0.recent_advice.lock().await;
        let age = |report: &AdviceReport| self.now().duration_since(report.at);
        if let Some(report) = &*recent
            && age(report).is_ok_and(|age| age < RECENT)
        {
            return Ok(Arc::clone(report));
        }
        let report = Arc::new(self.advice().await?);
        *recent = Some(Arc::clone(&report));
        Ok(report)
    }

    /// What is to be said of the period of a page in memory, if that is known by now.
    pub(crate) fn advice_of(&self, page: &str) -> Option<Advice> {
        let entry = self.0.tiers.in_memory(page)?;
        let (route, part) = self.part(&entry, self.now())?;
        let subject = Subject { period: part.period, below: self.lifetime_of(route).expire };
        let (advice, _) = judge(subject, &[part]);
        (advice.verdict != Verdict::TooEarly).then_some(advice)
    }

    fn advise(&self) -> AdviceReport {
        let now = self.now();
        let mut of_routes: BTreeMap<&str, (&DeclaredRoute, Vec<Part>)> = BTreeMap::new();
        let mut pages: Vec<(f64, PageAdvice)> = Vec::new();
        for (n, entry) in self.0.tiers.all_at_hand().iter().enumerate() {
            if n % CHUNK == CHUNK - 1 {
                std::thread::yield_now();
            }
            let Some((route, part)) = self.part(entry, now) else { continue };
            of_routes.entry(route.path()).or_insert((route, Vec::new())).1.push(part);
            let page = Subject { period: part.period, below: self.lifetime_of(route).expire };
            let (advice, weight) = judge(page, &[part]);
            if weight > 0.0 {
                pages.push((weight, self.page_advice(&entry.key, entry, route, advice)));
                keep_heaviest(&mut pages, 2 * MOST);
            }
        }
        keep_heaviest(&mut pages, MOST);
        AdviceReport {
            at: now,
            wanted_old_share: WANTED_OLD,
            routes: of_routes
                .values()
                .map(|(route, parts)| route_advice(route, self.lifetime_of(route), parts))
                .collect(),
            pages: pages.into_iter().map(|(_, page)| page).collect(),
        }
    }

    /// What a page in memory shows, if it has a period.
    fn part(&self, entry: &ServedEntry, now: SystemTime) -> Option<(&DeclaredRoute, Part)> {
        let route = self.route_of(&entry.key).filter(|_| !entry.key.is_shared_not_found())?;
        let lifetime = self.lifetime_of(route);
        let period = lifetime.within(entry.asked).revalidate?;
        let (by_time, by_purge) = (entry.facts.changes.by_time, entry.facts.changes.by_purge);
        let observed = Observed {
            regenerations: by_time.regenerations.into(),
            changed: by_time.changed.into(),
            interval: by_time.interval,
        };
        let part = Part {
            observed,
            purged: by_purge.regenerations.into(),
            requests: entry.demand(now).max(observed.regeneration_rate()),
            period,
            is_limited: lifetime.revalidate != Some(period),
        };
        Some((route, part))
    }

    fn page_advice(
        &self,
        key: &Key,
        entry: &ServedEntry,
        route: &DeclaredRoute,
        advice: Advice,
    ) -> PageAdvice {
        PageAdvice {
            page: key.as_str().to_owned(),
            route: route.path().to_owned(),
            set_by: self.period_set_by(route, entry),
            advice,
        }
    }
}

fn route_advice(route: &DeclaredRoute, lifetime: Lifetime, parts: &[Part]) -> RouteAdvice {
    let longest = parts.iter().map(|part| part.period).max().unwrap_or_default();
    let period = lifetime.revalidate.unwrap_or(longest);
    let (advice, _) = judge(Subject { period, below: lifetime.expire }, parts);
    RouteAdvice {
        route: route.path().to_owned(),
        pages: parts.len(),
        limited: parts.iter().filter(|part| part.is_limited).count(),
        differ_each_time: parts.iter().filter(|part| part.differs_each_time()).count(),
        advice,
    }
}

fn keep_heaviest(pages: &mut Vec<(f64, PageAdvice)>, most: usize) {
    if pages.len() > most || most == MOST {
        pages.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.page.cmp(&b.1.page)));
        pages.truncate(MOST);
    }
}
