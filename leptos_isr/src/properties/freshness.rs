//! Fresh, then stale, then expired.

use std::time::Duration;

use proptest::{option, prelude::*, sample::select};

use crate::{
    route::policy::Lifetime,
    rules::freshness::{Freshness, PurgeKind, StaleReason, freshness},
};

const NANO: Duration = Duration::from_nanos(1);

/// Short and long periods, not zero.
pub(super) fn period() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..5_u64).prop_map(Duration::from_secs),
        (1..3_000_000_000_u64).prop_map(Duration::from_nanos),
        (1..10_000_000_u64).prop_map(Duration::from_secs),
        any::<u64>().prop_map(Duration::from_secs).prop_filter("not zero", |p| !p.is_zero()),
    ]
}

/// A lifetime that a declaration may have.
pub(super) fn lifetime() -> impl Strategy<Value = Lifetime> {
    option::of((period(), option::of(period()))).prop_map(|declared| match declared {
        None => Lifetime::default(),
        Some((period, window)) => Lifetime {
            revalidate: Some(period),
            expire: window.map(|window| period.saturating_add(window)),
        },
    })
}

pub(super) fn purged() -> impl Strategy<Value = Option<PurgeKind>> {
    select(vec![None, Some(PurgeKind::Soft), Some(PurgeKind::Hard)])
}

/// Ages around the ends of `lifetime`, and any other.
pub(super) fn age(lifetime: Lifetime) -> impl Strategy<Value = Duration> {
    let mut edges = vec![Duration::ZERO];
    for edge in [lifetime.revalidate, lifetime.expire].into_iter().flatten() {
        edges.extend([edge - NANO, edge, edge.saturating_add(NANO)]);
    }
    prop_oneof![select(edges), period(), Just(Duration::MAX)]
}

fn lifetime_and_ages() -> impl Strategy<Value = (Lifetime, Duration, Duration)> {
    lifetime().prop_flat_map(|lifetime| (Just(lifetime), age(lifetime), age(lifetime)))
}

fn rank(freshness: Freshness) -> u8 {
    match freshness {
        Freshness::Fresh { .. } => 0,
        Freshness::Stale { .. } => 1,
        Freshness::Expired { .. } => 2,
    }
}

proptest! {
    #[test]
    fn page_never_becomes_fresher_with_age((lifetime, a, b) in lifetime_and_ages(), purged in purged()) {
        let at = |age| rank(freshness(lifetime, Some(age), purged));
        prop_assert!(at(a.min(b)) <= at(a.max(b)));
    }

    #[test]
    fn purge_never_makes_a_page_fresher((lifetime, age, _) in lifetime_and_ages(), is_ahead: bool) {
        let age = (!is_ahead).then_some(age);
        let after = |purged| rank(freshness(lifetime, age, purged));
        let soft = after(Some(PurgeKind::Soft));
        prop_assert!(after(None) <= soft && soft >= 1);
        prop_assert_eq!(after(Some(PurgeKind::Hard)), 2);
    }

    #[test]
    fn periods_end_on_the_nanosecond((lifetime, age, _) in lifetime_and_ages()) {
        let found = freshness(lifetime, Some(age), None);
        let by = age.saturating_sub(lifetime.revalidate.unwrap_or(Duration::MAX));
        let reason = StaleReason::Time;
        let expected = match (lifetime.revalidate, lifetime.expire) {
            (None, _) => Freshness::Fresh { left: None },
            (Some(period), _) if age < period => Freshness::Fresh { left: Some(period - age) },
            (_, Some(limit)) if age >= limit => Freshness::Expired { by, reason },
            _ => Freshness::Stale { by, reason },
        };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn page_without_a_period_is_never_stale_by_time(age in age(Lifetime::default())) {
        prop_assert_eq!(
            freshness(Lifetime::default(), Some(age), None), Freshness::Fresh { left: None }
        );
    }

    #[test]
    fn page_of_the_future_is_never_fresh(lifetime in lifetime(), purged in purged()) {
        prop_assert!(rank(freshness(lifetime, None, purged)) >= 1);
    }

    #[test]
    fn what_a_render_asks_for_only_shortens(
        (lifetime, age, _) in lifetime_and_ages(), asked in option::of(period()), purged in purged(),
    ) {
        let within = lifetime.within(asked);
        prop_assert!(
            rank(freshness(within, Some(age), purged)) >= rank(freshness(lifetime, Some(age), purged))
        );
        if let Some(asked) = asked {
            prop_assert!(within.revalidate.is_some_and(|period| period <= asked));
        }
        prop_assert_eq!(within.expire, lifetime.expire);
    }
}
