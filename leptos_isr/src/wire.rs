//! The names that the library's two halves and its clients share: the paths of the engine's
//! endpoints, and the header that names a build.

/// The header that names the build of the app that answers.
pub(crate) const BUILD: &str = "x-isr-build";

/// Where an open page learns that it was regenerated.
pub(crate) const LIVE: &str = "/_isr/live";

#[cfg(feature = "ssr")]
pub(crate) use self::server::*;

#[cfg(feature = "ssr")]
mod server {
    /// What the paths of all endpoints begin with.
    pub(crate) const ENDPOINTS: &str = "/_isr/";

    /// The page for a person.
    pub(crate) const INSPECTOR: &str = ENDPOINTS;

    /// Answers while the process does.
    pub(crate) const ALIVE: &str = "/_isr/alive";

    /// Answers 200 while visitors should be sent here.
    pub(crate) const READY: &str = "/_isr/ready";

    /// Which links browsers may prefetch.
    pub(crate) const SPECULATION_RULES: &str = "/_isr/speculation-rules.json";

    /// Where metrics are collected.
    #[cfg(feature = "metrics")]
    pub(crate) const METRICS: &str = "/_isr/metrics";

    pub(crate) const PURGE: &str = "/_isr/purge";

    /// The header that names the purges in a call that another server passes on.
    pub(crate) const PURGE_IDS: &str = "x-isr-purge-ids";

    pub(crate) const REGENERATE: &str = "/_isr/regenerate";

    /// All that is known of one page.
    pub(crate) const PAGE: &str = "/_isr/page";

    /// The pages in memory.
    pub(crate) const PAGES: &str = "/_isr/pages";

    /// Which periods are too short, or too long.
    pub(crate) const ADVICE: &str = "/_isr/advice";

    /// A stored page beside a fresh render of it.
    pub(crate) const FRESH: &str = "/_isr/fresh";

    /// The last renders and purges.
    pub(crate) const EVENTS: &str = "/_isr/events";

    /// The periods of routes.
    pub(crate) const PERIODS: &str = "/_isr/periods";

    /// Followed by the name of the webhook.
    pub(crate) const WEBHOOKS: &str = "/_isr/hooks/";

    /// Where draft mode begins and ends.
    pub(crate) const DRAFT: &str = "/_isr/draft";
}

/// What no page has, in the requests of a check: the name of a query parameter and of a cookie, and the
/// value of a path's parameter.
#[cfg(feature = "ssr")]
pub(crate) const SENTINEL: &str = "isr-check-sentinel";
