//! One answer, and what a test asserts about it.

use std::fmt::Display;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::seen::Seen;
use crate::rules::cache_control::{cookies, may_be_shared};

/// How many characters of a body a failure message shows.
const SHOWN: usize = 300;

/// The answer to one request, read to its end.
///
/// Its assertions can be chained. An assertion that fails panics with what was asked, what was
/// expected, and the answer's status, whole `Cache-Status` and the beginning of its body.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// What was asked, such as `GET /a`.
    pub asked: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// The body as it came.
    pub bytes: Bytes,
}

impl Answer {
    pub(super) fn new(asked: String, status: StatusCode, headers: HeaderMap, bytes: Bytes) -> Self {
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Self { asked, status, headers, body, bytes }
    }

    /// Returns the header `name`: the first if there are several, and an empty text if there is
    /// none or it is not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the whole `Cache-Status`; empty if there is none.
    #[must_use]
    pub fn cache_status(&self) -> &str {
        self.header("cache-status")
    }

    /// Asserts that the status is `status`.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        self.check(self.status.as_u16() == status, format_args!("status {status}"))
    }

    /// Asserts that the whole `Cache-Status` reads `expected`.
    #[track_caller]
    pub fn assert_cache_status(&self, expected: &str) -> &Self {
        self.check(self.cache_status() == expected, format_args!("Cache-Status `{expected}`"))
    }

    /// Asserts that the answer came from the store: a fresh page, a stale one, or the old one
    /// because a new one could not be rendered.
    #[track_caller]
    pub fn assert_hit(&self) -> &Self {
        self.check(self.seen().hit, "a hit")
    }

    /// Asserts that the answer came from the store, and that its period is not over.
    #[track_caller]
    pub fn assert_fresh(&self) -> &Self {
        self.check(self.seen().is_fresh(), "a fresh hit")
    }

    /// Asserts that the answer came from the store, stale by time or by a purge. A regeneration
    /// runs or waits for its next try.
    #[track_caller]
    pub fn assert_stale(&self) -> &Self {
        let seen = self.seen();
        let is_stale = seen.is_past() && seen.detail != Some("stale-if-error");
        self.check(is_stale, "a stale hit")
    }

    /// Asserts that the answer came from the store, and that the page was purged softly.
    #[track_caller]
    pub fn assert_purged(&self) -> &Self {
        let seen = self.seen();
        self.check(seen.is_past() && seen.detail == Some("purged"), "a stale hit of a purged page")
    }

    /// Asserts that the answer is the old page, because the render that the visitor waited for
    /// failed.
    #[track_caller]
    pub fn assert_stale_if_error(&self) -> &Self {
        let seen = self.seen();
        self.check(
            seen.hit && seen.detail == Some("stale-if-error"),
            "the old page, because its render failed",
        )
    }

    /// Asserts that shared caches may keep the answer, and that it sets no cookie.
    ///
    /// A stored page has no cookie of its own: one that is sent with it comes from a layer around the
    /// router that [`Engine::wrap`](crate::Engine::wrap) returned. So give the outermost router to
    /// [`TestSite::new`](super::TestSite::new).
    #[track_caller]
    pub fn assert_public(&self) -> &Self {
        if let Some(names) = cookies(&self.headers) {
            let layer = format_args!("no cookie, but a layer around the engine sets {names}");
            self.check(false, layer);
        }
        self.check(may_be_shared(&self.headers), "an answer that shared caches may keep")
    }

    /// Asserts that no page was stored, and that this one was rendered and stored.
    #[track_caller]
    pub fn assert_miss_stored(&self) -> &Self {
        let seen = self.seen();
        self.check(seen.forward == Some("miss") && seen.stored, "a miss that was stored")
    }

    /// Asserts that the stored page was expired or purged hard, and that this one was rendered and
    /// took its place.
    #[track_caller]
    pub fn assert_replaced(&self) -> &Self {
        let seen = self.seen();
        self.check(
            seen.forward == Some("stale") && seen.stored,
            "a page rendered in the place of one that may not be served any more",
        )
    }

    /// Asserts that the store was not asked, for this reason: `dynamic`, `no-route`, `method`,
    /// `draft`, `not-listed`, `own-handler`, `unlisted-argument`, `endpoint`, `error`, or what
    /// [`Builder::bypass`](crate::Builder::bypass) was given.
    #[track_caller]
    pub fn assert_bypass(&self, detail: &str) -> &Self {
        let seen = self.seen();
        self.check(
            seen.forward == Some("bypass") && seen.detail == Some(detail),
            format_args!("a bypass with detail `{detail}`"),
        )
    }

    /// Asserts that the answer did not come from the store and was not stored.
    #[track_caller]
    pub fn assert_not_stored(&self) -> &Self {
        let seen = self.seen();
        let is_forwarded = seen.forward.is_some();
        self.check(is_forwarded && !seen.hit && !seen.stored, "an answer that is not stored")
    }

    /// Asserts that the header `name` was sent once, and reads `value`.
    #[track_caller]
    pub fn assert_header(&self, name: &str, value: &str) -> &Self {
        let found: Vec<_> = self.headers.get_all(name).iter().collect();
        self.check(
            matches!(found[..], [one] if one == value),
            format_args!("header `{name}: {value}`, not {found:?}"),
        )
    }

    /// Asserts that there is no header `name`.
    #[track_caller]
    pub fn assert_no_header(&self, name: &str) -> &Self {
        let found = self.headers.get(name);
        self.check(found.is_none(), format_args!("no header `{name}`, not {found:?}"))
    }

    /// Asserts that the body is `expected`.
    #[track_caller]
    pub fn assert_body(&self, expected: &str) -> &Self {
        self.check(self.body == expected, format_args!("the body {expected:?}"))
    }

    /// Asserts that the body contains `part`.
    #[track_caller]
    pub fn assert_body_contains(&self, part: &str) -> &Self {
        self.check(self.body.contains(part), format_args!("a body with {part:?}"))
    }

    /// Asserts that the body does not contain `part`.
    #[track_caller]
    pub fn assert_body_lacks(&self, part: &str) -> &Self {
        self.check(!self.body.contains(part), format_args!("a body without {part:?}"))
    }

    fn seen(&self) -> Seen<'_> {
        Seen::parse(self.cache_status())
    }

    #[track_caller]
    fn check(&self, holds: bool, expected: impl Display) -> &Self {
        assert!(
            holds,
            "{}: expected {expected}\n  status: {}\n  Cache-Status: {}\n  body: {:?}",
            self.asked,
            self.status,
            self.shown_cache_status(),
            self.body.chars().take(SHOWN).collect::<String>(),
        );
        self
    }

    fn shown_cache_status(&self) -> &str {
        match self.cache_status() {
            "" => "none: did the request reach the router that `Engine::wrap` returned?",
            status => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    type Assertion = (&'static str, fn(&Answer) -> &Answer);

    const ASSERTIONS: [Assertion; 9] = [
        ("hit", Answer::assert_hit),
        ("fresh", Answer::assert_fresh),
        ("stale", Answer::assert_stale),
        ("purged", Answer::assert_purged),
        ("if-error", Answer::assert_stale_if_error),
        ("miss-stored", Answer::assert_miss_stored),
        ("replaced", Answer::assert_replaced),
        ("dynamic", |answer| answer.assert_bypass("dynamic")),
        ("not-stored", Answer::assert_not_stored),
    ];

    fn answer(cache_status: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("cache-status", HeaderValue::try_from(cache_status).unwrap());
        headers.append("vary", HeaderValue::from_static("a"));
        headers.append("vary", HeaderValue::from_static("b"));
        let body = Bytes::from_static(b"<p>one</p>");
        Answer::new("GET /a".to_owned(), StatusCode::OK, headers, body)
    }

    fn failure(assertion: impl FnOnce()) -> Option<String> {
        let panic = catch_unwind(AssertUnwindSafe(assertion)).err()?;
        Some(*panic.downcast::<String>().unwrap())
    }

    #[test]
    fn each_cache_status_passes_its_assertions_and_no_other() {
        for (status, passing) in [
            ("isr; hit", &["hit", "fresh"][..]),
            ("isr; hit; ttl=1", &["hit", "fresh"]),
            ("isr; hit; ttl=0", &["hit", "stale"]),
            ("isr; hit; ttl=-3", &["hit", "stale"]),
            ("isr; hit; ttl=0; detail=purged", &["hit", "stale", "purged"]),
            ("isr; hit; ttl=0; detail=stale-if-error", &["hit", "if-error"]),
            ("isr; fwd=miss; fwd-status=200; stored", &["miss-stored"]),
            ("isr; fwd=miss; fwd-status=200", &["not-stored"]),
            ("isr; fwd=stale; fwd-status=200; stored", &["replaced"]),
            ("isr; fwd=stale; fwd-status=502", &["not-stored"]),
            ("isr; fwd=bypass; detail=dynamic", &["dynamic", "not-stored"]),
            ("isr; fwd=bypass; detail=watch", &["not-stored"]),
            ("isr; hit; ttl=60, cdn; fwd=miss; stored", &["hit", "fresh"]),
            ("cdn; hit; ttl=60", &[]),
            ("", &[]),
        ] {
            let answer = answer(status);
            let passed = ASSERTIONS.iter().filter(|(_, assertion)| {
                failure(|| {
                    assertion(&answer);
                })
                .is_none()
            });
            let passed: Vec<_> = passed.map(|(name, _)| *name).collect();
            assert_eq!(passed, passing, "{status}");
        }
    }

    #[test]
    fn failure_shows_what_was_asked_expected_and_answered() {
        let answer = answer("isr; hit; ttl=60");
        let message = failure(|| {
            answer.assert_stale();
        });
        assert_eq!(
            message.as_deref(),
            Some(
                "GET /a: expected a stale hit\n  status: 200 OK\n  Cache-Status: isr; hit; \
                 ttl=60\n  body: \"<p>one</p>\""
            )
        );
    }

    #[test]
    fn status_headers_and_body_are_compared() {
        let answer = answer("isr; hit; ttl=60");
        answer
            .assert_status(200)
            .assert_cache_status("isr; hit; ttl=60")
            .assert_header("cache-status", "isr; hit; ttl=60")
            .assert_no_header("age")
            .assert_body("<p>one</p>")
            .assert_body_contains("one")
            .assert_body_lacks("two");
        let wrong: [fn(&Answer) -> &Answer; 8] = [
            |answer| answer.assert_status(201),
            |answer| answer.assert_cache_status("isr; hit"),
            |answer| answer.assert_header("age", "0"),
            |answer| answer.assert_header("vary", "a"),
            |answer| answer.assert_no_header("vary"),
            |answer| answer.assert_body("<p>"),
            |answer| answer.assert_body_contains("two"),
            |answer| answer.assert_body_lacks("one"),
        ];
        for (number, assertion) in wrong.into_iter().enumerate() {
            let failed = failure(|| {
                assertion(&answer);
            });
            assert!(failed.is_some_and(|message| message.contains("GET /a")), "{number}");
        }
    }
}
