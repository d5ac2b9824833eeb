//! What the app and the tests that talk to it share: one exchange over HTTP.

pub mod wire;

/// Compiles the examples of the repository's README and of the guide, which are not in the
/// library's package.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../../docs/guide/getting-started.md")]
    struct GettingStarted;
    #[doc = include_str!("../../../../docs/guide/coming-from-nextjs.md")]
    struct ComingFromNextJs;
    #[doc = include_str!("../../../../docs/guide/routes.md")]
    struct Routes;
    #[doc = include_str!("../../../../docs/guide/data.md")]
    struct Data;
    #[doc = include_str!("../../../../docs/guide/purging.md")]
    struct Purging;
    #[doc = include_str!("../../../../docs/guide/webhooks.md")]
    struct Webhooks;
    #[doc = include_str!("../../../../docs/guide/cdns.md")]
    struct Cdns;
    #[doc = include_str!("../../../../docs/guide/behind-a-proxy.md")]
    struct BehindAProxy;
    #[doc = include_str!("../../../../docs/guide/auditing.md")]
    struct Auditing;
    #[doc = include_str!("../../../../docs/guide/drafts.md")]
    struct Drafts;
    #[doc = include_str!("../../../../docs/guide/live-pages.md")]
    struct LivePages;
    #[doc = include_str!("../../../../docs/guide/hydration.md")]
    struct Hydration;
    #[doc = include_str!("../../../../docs/guide/testing.md")]
    struct Testing;
    #[doc = include_str!("../../../../docs/guide/stores.md")]
    struct Stores;
    #[doc = include_str!("../../../../docs/guide/deploying.md")]
    struct Deploying;
    #[doc = include_str!("../../../../docs/guide/more-than-one-server.md")]
    struct MoreThanOneServer;
    #[doc = include_str!("../../../../docs/guide/why.md")]
    struct Why;
    #[doc = include_str!("../../../../docs/guide/periods.md")]
    struct Periods;
    #[doc = include_str!("../../../../docs/guide/operating.md")]
    struct Operating;
}
