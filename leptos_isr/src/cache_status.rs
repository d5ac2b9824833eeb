//! The `Cache-Status` response header, RFC 9211.

use std::{fmt::Write, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};

/// `Cache-Status`, RFC 9211.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How one request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// From the store. `ttl` is what is left of the period, 0 or below once stale.
    Hit { ttl: Option<i64>, detail: Option<&'static str> },
    /// By a render that the request waited for.
    Forwarded { why: Forward, status: StatusCode, stored: bool },
    /// The old page, because the render failed.
    StaleIfError { ttl: i64 },
    /// Past the store.
    Bypass { detail: &'static str },
}

/// Why a request waited for a render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// No page was stored.
    Miss,
    /// The stored page was expired or purged.
    Stale,
}

impl CacheStatus {
    pub(crate) fn to_header(self) -> HeaderValue {
        let mut text = String::from("isr");
        match self {
            Self::Hit { ttl, detail } => {
                text.push_str("; hit");
                if let Some(ttl) = ttl {
                    write!(text, "; ttl={ttl}").expect("writing to a string cannot fail");
                }
                if let Some(detail) = detail {
                    write!(text, "; detail={detail}").expect("writing to a string cannot fail");
                }
            }
            Self::Forwarded { why, status, stored } => {
                let why = match why {
                    Forward::Miss => "miss",
                    Forward::Stale => "stale",
                };
                write!(text, "; fwd={why}; fwd-status={}", status.as_u16())
                    .expect("writing to a string cannot fail");
                if stored {
                    text.push_str("; stored");
                }
            }
            Self::StaleIfError { ttl } => {
                write!(text, "; hit; ttl={ttl}; detail=stale-if-error")
                    .expect("writing to a string cannot fail");
            }
            Self::Bypass { detail } => {
                write!(text, "; fwd=bypass; detail={detail}")
                    .expect("writing to a string cannot fail");
            }
        }
        HeaderValue::try_from(text).expect("the parts are visible ASCII")
    }
}

/// What is left of a period in whole seconds, rounded up: at least 1 while the
/// page is fresh, so that 0 and below mean stale.
pub(crate) fn ttl(left: Duration) -> i64 {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// For how long a page has been stale, as a `ttl`: 0 or below.
pub(crate) fn past(by: Duration) -> i64 {
    i64::try_from(by.as_secs()).map_or(i64::MIN, |seconds| -seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_what_happened() {
        for (status, text) in [
            (CacheStatus::Hit { ttl: Some(42), detail: None }, "isr; hit; ttl=42"),
            (CacheStatus::Hit { ttl: None, detail: None }, "isr; hit"),
            (
                CacheStatus::Hit { ttl: Some(-3), detail: Some("purged") },
                "isr; hit; ttl=-3; detail=purged",
            ),
            (
                CacheStatus::Forwarded { why: Forward::Miss, status: StatusCode::OK, stored: true },
                "isr; fwd=miss; fwd-status=200; stored",
            ),
            (
                CacheStatus::Forwarded {
                    why: Forward::Stale,
                    status: StatusCode::BAD_GATEWAY,
                    stored: false,
                },
                "isr; fwd=stale; fwd-status=502",
            ),
            (CacheStatus::StaleIfError { ttl: -9 }, "isr; hit; ttl=-9; detail=stale-if-error"),
            (CacheStatus::Bypass { detail: "watch" }, "isr; fwd=bypass; detail=watch"),
        ] {
            assert_eq!(status.to_header(), text);
        }
    }

    #[test]
    fn ttl_is_above_zero_exactly_while_the_page_is_fresh() {
        let millis = Duration::from_millis;
        assert_eq!([1, 999, 1000, 1001].map(|left| ttl(millis(left))), [1, 1, 1, 2]);
        assert_eq!([0, 999, 1000, 1999].map(|by| past(millis(by))), [0, 0, -1, -1]);
    }
}
