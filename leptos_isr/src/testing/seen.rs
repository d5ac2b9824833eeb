//! A `Cache-Status` header, parsed; RFC 9211.

/// What the engine said about one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen<'a> {
    pub(super) hit: bool,
    pub(super) stored: bool,
    pub(super) forward: Option<&'a str>,
    pub(super) ttl: Option<i64>,
    pub(super) detail: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// Parses the engine's part of the header. Caches in front of the engine may have added theirs.
    pub(super) fn parse(header: &'a str) -> Self {
        let mut caches = header.split(',').map(|cache| cache.split(';').map(str::trim));
        let ours = caches.find_map(|mut parts| (parts.next() == Some("isr")).then_some(parts));
        let mut seen = Self::default();
        for part in ours.into_iter().flatten() {
            match part.split_once('=') {
                None if part == "hit" => seen.hit = true,
                None if part == "stored" => seen.stored = true,
                Some(("fwd", why)) => seen.forward = Some(why),
                Some(("ttl", ttl)) => seen.ttl = ttl.parse().ok(),
                Some(("detail", detail)) => seen.detail = Some(detail),
                _ => {}
            }
        }
        seen
    }

    pub(super) fn is_fresh(self) -> bool {
        self.hit && self.detail.is_none() && self.ttl.is_none_or(|ttl| ttl > 0)
    }

    /// Whether the page came from the store after its period or after a purge.
    pub(super) fn is_past(self) -> bool {
        self.hit && self.ttl.is_some_and(|ttl| ttl <= 0)
    }
}
