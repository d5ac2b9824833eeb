//! The periods of routes: what is declared, and what is set while the engine runs.

use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use crate::{
    engine::{
        Engine, finished,
        inspect::{json::maybe_seconds, report::SetBy},
    },
    error::Error,
    route::{overrides::SetPeriod, policy::Lifetime, routes::DeclaredRoute},
};

/// The period of a route's pages; see [`Engine::periods`]. In JSON durations are seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RoutePeriod {
    /// The route, as declared.
    pub route: String,
    /// What it and its parents declare; `None` if its pages never become stale by time.
    #[serde(serialize_with = "maybe_seconds")]
    pub declared: Option<Duration>,
    /// What was set in its place while the engine ran.
    #[serde(serialize_with = "maybe_seconds")]
    pub set: Option<Duration>,
    /// What holds: the period that was set, or a parent's if that is shorter. Page code and reads may
    /// ask for a shorter one still.
    #[serde(serialize_with = "maybe_seconds")]
    pub period: Option<Duration>,
    /// Who set the one that holds.
    pub set_by: Option<SetBy>,
}

impl Engine {
    /// Sets the period of a route's pages, named as declared, in the place of what it declares. `None`
    /// takes that away again.
    ///
    /// It holds at once, for stored pages too, and is kept with the purges: each server that shares
    /// them hears of it within a second, and it is known after a restart, in a new build too. Without
    /// a store it holds until the process ends. A shorter period of a parent route, of page code or of a
    /// read still limits a page. Shared caches that have a page keep it for as long as they were told.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Override`] for an unknown or dynamic route, and for a period that is zero or
    /// not below the route's `expire`. Returns [`Error::PeriodNotKept`] if the store could not keep it:
    /// nothing has changed then. Returns [`Error::ShuttingDown`] if the runtime shuts down first.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, Isr, hours, minutes, route::RouteTable};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
    /// let routes = RouteTable::new().add("/articles/:slug", Isr::revalidate(minutes(5)))?;
    /// let isr = Engine::builder(routes).build()?;
    /// isr.set_period("/articles/:slug", Some(hours(1))).await?;
    /// assert_eq!(isr.periods()[0].period, Some(hours(1)));
    /// isr.set_period("/articles/:slug", None).await?;
    /// assert_eq!(isr.periods()[0].period, Some(minutes(5)));
    /// assert!(isr.set_period("/articles", None).await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn set_period(&self, route: &str, period: Option<Duration>) -> Result<(), Error> {
        self.set_periods(vec![SetPeriod { route: route.to_owned(), period }]).await
    }

    /// Sets several periods, or none of them if one is wrong.
    pub(crate) async fn set_periods(&self, periods: Vec<SetPeriod>) -> Result<(), Error> {
        for set in &periods {
            self.check_period(set)
                .map_err(|problem| Error::Override { given: set.route.clone(), problem })?;
        }
        if periods.is_empty() {
            return Ok(());
        }
        let engine = self.clone();
        // In a task: a caller who goes away must not stop it halfway.
        let keep = self.0.tasks.spawn(async move { engine.keep_periods(periods).await });
        finished(keep).await?
    }

    async fn keep_periods(&self, periods: Vec<SetPeriod>) -> Result<(), Error> {
        match (self.0.tiers.store(), &self.0.missing_store) {
            (Some(store), _) => {
                self.hear_purges_of_others();
                let on_heard = |heard| self.pass_on(&heard);
                let kept = self.0.purge_log.set_periods(store, periods, &self.0.order, on_heard);
                kept.await.map_err(Error::PeriodNotKept)
            }
            (None, Some((path, why))) => Err(Error::PeriodNotKept(
                format!("the store at `{}` could not be made: {why}", path.display()).into(),
            )),
            (None, None) => {
                self.apply_periods(&periods);
                Ok(())
            }
        }
    }

    /// Lets periods hold that were set here or elsewhere. What another build's routes declare may not
    /// fit to those of this one.
    pub(crate) fn apply_periods(&self, periods: &[SetPeriod]) {
        for set in periods {
            let SetPeriod { route, period } = set;
            match self.check_period(set) {
                Ok(declared) => {
                    self.0.overrides.set(declared.slot, *period);
                    info!(route, ?period, "a route's period was set");
                }
                // Nothing holds here that could be taken away.
                Err(_) if period.is_none() => {}
                Err(problem) => {
                    warn!(route, ?period, problem, "the period that was set does not hold here");
                }
            }
        }
    }

    fn check_period(&self, set: &SetPeriod) -> Result<&DeclaredRoute, String> {
        let (route, policy) = self.0.routes.stored(&set.route)?;
        set.period.map_or(Ok(()), |period| policy.check_period(period))?;
        Ok(route)
    }

    /// The periods of all routes whose pages are stored, most specific first.
    #[must_use]
    pub fn periods(&self) -> Vec<RoutePeriod> {
        let routes = self.0.routes.iter().filter_map(|route| {
            let policy = route.policy()?;
            let set = self.0.overrides.get(route.slot);
            let period = policy.lifetime_with(set).revalidate;
            Some(RoutePeriod {
                route: route.path().to_owned(),
                declared: policy.lifetime().revalidate,
                set,
                period,
                set_by: period.map(|_| SetBy::of_route(policy.period_source_with(set))),
            })
        });
        routes.collect()
    }

    /// How long the pages of a stored route live.
    pub(crate) fn lifetime_of(&self, route: &DeclaredRoute) -> Lifetime {
        route.lifetime_with(self.0.overrides.get(route.slot))
    }
}
