//! What the declarations of a route and its parents add up to.

use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::freshness::period;
use crate::route::{
    isr::Isr,
    pattern::RoutePattern,
    policy::{Lifetime, Policy},
};

fn declaration() -> impl Strategy<Value = Isr> {
    let period = || prop_oneof![period(), Just(Duration::ZERO), Just(Duration::MAX)];
    let names = vec(select(vec!["page", "q", "sort"]), 0..3);
    (option::of(period()), option::of(period()), names).prop_map(|(revalidate, expire, names)| {
        let isr = revalidate.map_or_else(Isr::forever, Isr::revalidate).query(names);
        match expire {
            Some(age) => isr.expire(age),
            None => isr,
        }
    })
}

fn combine(declarations: &[Isr]) -> Result<(Lifetime, Vec<String>), String> {
    let declarations: Vec<_> = declarations.iter().cloned().map(Arc::new).collect();
    let policy = Policy::combine(&RoutePattern::parse("/a").unwrap(), &declarations)?;
    Ok((policy.lifetime, policy.query))
}

proptest! {
    #[test]
    fn least_period_counts_in_any_order(
        (declarations, shuffled) in vec(declaration(), 1..5)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let combined = combine(&declarations);
        prop_assert_eq!(&combined, &combine(&shuffled));
        let revalidate = declarations.iter().filter_map(|isr| isr.revalidate).min();
        let expire = declarations.iter().filter_map(|isr| isr.expire).min();
        let is_right = revalidate != Some(Duration::ZERO)
            && expire.is_none_or(|expire| revalidate.is_some_and(|period| period < expire));
        match combined {
            Ok((lifetime, _)) => {
                prop_assert!(is_right);
                prop_assert_eq!(lifetime, Lifetime { revalidate, expire });
            }
            Err(problem) => prop_assert!(!is_right, "{}", problem),
        }
    }

    #[test]
    fn declaration_more_never_lengthens_a_period(
        declarations in vec(declaration(), 1..4), more in declaration(),
    ) {
        let before = combine(&declarations);
        let after = combine(&[declarations, vec![more]].concat());
        if let (Ok((before, query)), Ok((after, more_query))) = (before, after) {
            let at_most = |after: Option<Duration>, before: Option<Duration>| {
                before.is_none_or(|before| after.is_some_and(|after| after <= before))
            };
            prop_assert!(at_most(after.revalidate, before.revalidate));
            prop_assert!(at_most(after.expire, before.expire));
            prop_assert!(query.iter().all(|name| more_query.contains(name)));
        }
    }
}
