//! Whether a stored page may be served.

use std::time::Duration;

use crate::route::policy::Lifetime;

/// What a stored page is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Younger than its period, of which `left` remains; `None` if it has no period.
    Fresh { left: Option<Duration> },
    /// Past its period or purged softly. `by` is how long it is past its period, or zero. A page is
    /// served while it is regenerated; `decide` treats data and purged 404s differently.
    Stale { by: Duration, reason: StaleReason },
    /// Past its stale window or purged hard. It is served only if a render fails.
    Expired { by: Duration, reason: StaleReason },
}

impl Freshness {
    /// The same page, if it must not be served but for failures.
    pub(crate) fn expired(self) -> Self {
        match self {
            Self::Fresh { .. } => Self::Expired { by: Duration::ZERO, reason: StaleReason::Time },
            Self::Stale { by, reason } | Self::Expired { by, reason } => {
                Self::Expired { by, reason }
            }
        }
    }
}

/// Why a page is no longer fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StaleReason {
    /// Its period is over.
    Time,
    /// A purge came after its render began.
    Purge,
}

/// How a page was purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PurgeKind {
    Soft,
    Hard,
}

/// Decides from the page's age and the purges since its render began.
///
/// An `age` of `None` means that the render began in the future: the clock was set back. Such a
/// page is stale, so that it cannot stay fresh for longer than its period.
pub(crate) fn freshness(
    lifetime: Lifetime,
    age: Option<Duration>,
    purged: Option<PurgeKind>,
) -> Freshness {
    let by = match (age, lifetime.revalidate) {
        (Some(age), Some(period)) => age.saturating_sub(period),
        _ => Duration::ZERO,
    };
    if purged == Some(PurgeKind::Hard) {
        return Freshness::Expired { by, reason: StaleReason::Purge };
    }
    if let (Some(age), Some(limit)) = (age, lifetime.expire)
        && age >= limit
    {
        return Freshness::Expired { by, reason: StaleReason::Time };
    }
    if purged == Some(PurgeKind::Soft) {
        return Freshness::Stale { by, reason: StaleReason::Purge };
    }
    match (age, lifetime.revalidate) {
        (None, _) => Freshness::Stale { by, reason: StaleReason::Time },
        (Some(_), None) => Freshness::Fresh { left: None },
        (Some(age), Some(period)) if age < period => Freshness::Fresh { left: Some(period - age) },
        (Some(_), Some(_)) => Freshness::Stale { by, reason: StaleReason::Time },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::seconds;
    use Freshness::{Expired, Fresh, Stale};
    use PurgeKind::{Hard, Soft};
    use StaleReason::{Purge, Time};

    #[test]
    fn age_and_purges_decide() {
        let limited = Lifetime { revalidate: Some(seconds(60)), expire: Some(seconds(600)) };
        let unlimited = Lifetime { revalidate: Some(seconds(60)), expire: None };
        let forever = Lifetime::default();
        let s = |n| Some(seconds(n));
        let zero = Duration::ZERO;
        for (lifetime, age, purged, expected) in [
            (limited, s(0), None, Fresh { left: s(60) }),
            (limited, s(59), None, Fresh { left: s(1) }),
            (limited, s(60), None, Stale { by: zero, reason: Time }),
            (limited, s(599), None, Stale { by: seconds(539), reason: Time }),
            (limited, s(600), None, Expired { by: seconds(540), reason: Time }),
            (limited, s(1), Some(Soft), Stale { by: zero, reason: Purge }),
            (limited, s(600), Some(Soft), Expired { by: seconds(540), reason: Time }),
            (limited, s(1), Some(Hard), Expired { by: zero, reason: Purge }),
            (unlimited, s(1_000_000), None, Stale { by: seconds(999_940), reason: Time }),
            (forever, s(1_000_000), None, Fresh { left: None }),
            (forever, s(1), Some(Soft), Stale { by: zero, reason: Purge }),
            (forever, s(1), Some(Hard), Expired { by: zero, reason: Purge }),
            (limited, None, None, Stale { by: zero, reason: Time }),
            (forever, None, None, Stale { by: zero, reason: Time }),
        ] {
            assert_eq!(
                freshness(lifetime, age, purged),
                expected,
                "{lifetime:?} at {age:?}, purged {purged:?}"
            );
        }
    }
}
