//! The `Cache-Status` response header, RFC 9211.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

/// `Cache-Status`, RFC 9211.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How one request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// From the store. `ttl` is what is left of the period in seconds, 0 or below once stale.
    Hit { ttl: Option<i64>, detail: Option<&'static str> },
    /// By a render that the request waited for.
    Forwarded { why: Forward, status: StatusCode, stored: bool },
    /// The old page, because the render failed.
    StaleIfError { ttl: i64 },
    /// Without the store.
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

/// The largest integer in a structured field: 15 digits, RFC 9651 section 3.3.1.
const MAX_INTEGER: i64 = 999_999_999_999_999;

impl CacheStatus {
    /// The same for a process that does not know what others have purged.
    pub(crate) fn cut_off(self) -> Self {
        match self {
            Self::Hit { ttl, detail: None } => Self::Hit { ttl, detail: Some("cut-off") },
            other => other,
        }
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        let text = match self {
            Self::Hit { ttl, detail } => {
                let ttl = ttl.map(ttl_param).unwrap_or_default();
                format!("isr; hit{ttl}{}", detail.map(detail_param).unwrap_or_default())
            }
            Self::Forwarded { why, status, stored } => {
                let why = match why {
                    Forward::Miss => "miss",
                    Forward::Stale => "stale",
                };
                let stored = if stored { "; stored" } else { "" };
                format!("isr; fwd={why}; fwd-status={}{stored}", status.as_u16())
            }
            Self::StaleIfError { ttl } => {
                format!("isr; hit{}; detail=stale-if-error", ttl_param(ttl))
            }
            Self::Bypass { detail } => format!("isr; fwd=bypass{}", detail_param(detail)),
        };
        HeaderValue::try_from(text).expect("the parts are visible ASCII")
    }
}

fn ttl_param(ttl: i64) -> String {
    format!("; ttl={}", ttl.clamp(-MAX_INTEGER, MAX_INTEGER))
}

/// Writes `detail` as a token if it is one, and as a string otherwise. RFC 9211 section 2.8 allows
/// both. A character that a string cannot hold becomes `?`.
fn detail_param(detail: &str) -> String {
    let is_token = detail.starts_with(|c: char| c.is_ascii_alphabetic())
        && detail.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_token {
        return format!("; detail={detail}");
    }
    let visible = detail.replace(|c: char| !matches!(c, ' '..='~'), "?");
    format!("; detail=\"{}\"", visible.replace('\\', r"\\").replace('"', "\\\""))
}

/// What is left of a period in whole seconds, rounded up. It is at least 1 while the page is fresh,
/// so that 0 and below mean stale.
pub(crate) fn ttl(left: Duration) -> i64 {
    let seconds = left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0));
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// How long a page has been stale, as a `ttl`: 0 or below.
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
            (
                CacheStatus::Bypass { detail: "on \"my\" caf\u{e9}'s PC" },
                r#"isr; fwd=bypass; detail="on \"my\" caf?'s PC""#,
            ),
            (
                CacheStatus::Hit { ttl: Some(i64::MAX), detail: None },
                "isr; hit; ttl=999999999999999",
            ),
        ] {
            assert_eq!(status.to_header(), text);
        }
    }

    #[test]
    fn ttl_is_above_zero_exactly_while_the_page_is_fresh() {
        let millis = Duration::from_millis;
        assert_eq!([1, 999, 1000, 1001].map(|left| ttl(millis(left))), [1, 1, 1, 2]);
        assert_eq!(ttl(Duration::MAX), i64::MAX);
        assert_eq!([0, 999, 1000, 1999].map(|by| past(millis(by))), [0, 0, -1, -1]);
    }
}
