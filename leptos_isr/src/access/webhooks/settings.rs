//! The settings of one webhook: who sends it, and what it purges.

use std::{fmt, time::Duration};

use super::mapping::Mapping;
use crate::period;

/// A webhook that purges, at `POST /_isr/hooks/{name}`; see
/// [`Builder::webhook`](crate::Builder::webhook).
///
/// A delivery is answered 204 once its purge is in the store. A repeated delivery is answered 204
/// too, but purges nothing, so a sender that missed the first answer is satisfied. Each constructor
/// says how a repeated delivery is recognised. A wrong signature or bearer token, or a signed time
/// too far away, is answered 401, a body that is not JSON 400, and one longer than 1 MiB 413. A
/// failed purge is answered 500 and may be delivered again.
///
/// # Examples
///
/// ```
/// use leptos_isr::{Engine, purge::{Mapping, Webhook}, route::RouteTable};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
/// let mapping = Mapping::new()
///     .tag("article:{slug.current}")
///     .tag("section:{section}")
///     .path("/articles/{slug.current}");
/// let secret = std::env::var("SANITY_SECRET").unwrap_or("a secret for this example".into());
/// let isr = Engine::builder(RouteTable::new())
///     .webhook("cms", Webhook::sanity(secret, mapping))
///     .build()?;
/// # let _ = isr; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Webhook {
    pub(super) preset: Preset,
    pub(super) secret: String,
    pub(super) mapping: Mapping,
    pub(super) tolerance: Duration,
}

/// Who sends a webhook, which decides how it is checked and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    Generic,
    Sanity,
    GitHub { folder: String },
    Contentful,
    Strapi,
}

/// The longest tolerance, which no time that a clock gives overflows with.
const CENTURY: Duration = period::days(36_525);

/// How long Sanity's CDN may answer with what was before a change.
const SANITY_LAG: Duration = period::minutes(1);

impl Webhook {
    /// Takes deliveries of your own senders.
    ///
    /// They carry the header `X-Isr-Signature: t=<seconds since 1970>,v1=<hex>`, an HMAC-SHA256
    /// with `secret` over `<t>.<body>`.
    ///
    /// A delivery whose signature was seen before is not handled again.
    pub fn generic(secret: impl Into<String>, mapping: Mapping) -> Self {
        Self::new(Preset::Generic, secret.into(), mapping)
    }

    /// Takes deliveries of [Sanity](https://www.sanity.io/docs/webhooks).
    ///
    /// They carry the header `sanity-webhook-signature: t=<milliseconds>,v1=<base64url>`, an
    /// HMAC-SHA256 over `<t>.<body>`, which is checked as Sanity's webhook toolkit checks it.
    ///
    /// The webhook's projection in Sanity decides what the payload is. A delivery whose signature
    /// was seen before is not handled again.
    ///
    /// What a delivery maps to is purged once more after a minute, unless the mapping
    /// [says otherwise](Mapping::again_after): Sanity delivers at once, and its CDN may answer with
    /// what was before for up to a minute.
    pub fn sanity(secret: impl Into<String>, mut mapping: Mapping) -> Self {
        mapping.again_after.get_or_insert(SANITY_LAG);
        Self::new(Preset::Sanity, secret.into(), mapping)
    }

    /// Takes deliveries of [GitHub](https://docs.github.com/webhooks), for content that is kept as
    /// files in a repository.
    ///
    /// They carry the header `X-Hub-Signature-256: sha256=<hex>`, an HMAC-SHA256 over the body.
    /// Choose the content type `application/json` there.
    ///
    /// A push to the repository's default branch is mapped once for each file below `folder` (empty
    /// for all) that its commits add, modify or remove. For `content/news/foo.md` below `content`
    /// the mapping sees `{file.path}`: `content/news/foo.md`, `{file.folder}`: `news`,
    /// `{file.stem}`: `foo`. Other branches and events, `ping` among them, are answered 204 and
    /// purge nothing.
    ///
    /// GitHub signs no time. A delivery whose signature or `X-GitHub-Delivery` was seen within a
    /// day is not handled again.
    pub fn github(secret: impl Into<String>, folder: impl Into<String>, mapping: Mapping) -> Self {
        Self::new(Preset::GitHub { folder: folder.into() }, secret.into(), mapping)
    }

    /// Takes deliveries of [Contentful](https://www.contentful.com/developers/docs/webhooks/).
    ///
    /// Set a secret header `Authorization: Bearer <secret>` there.
    ///
    /// Fields have a value for each locale, so write `{fields.slug.en-US}`, or `{fields.slug.*}`
    /// for all. What is unpublished or deleted comes with `sys` only, so map `{sys.id}` too. Topics
    /// that end in `create`, `save` and `auto_save` change no published entry, so they are answered
    /// 204 and purge nothing.
    ///
    /// A repeated delivery cannot be recognised, so it purges again.
    pub fn contentful(secret: impl Into<String>, mapping: Mapping) -> Self {
        Self::new(Preset::Contentful, secret.into(), mapping)
    }

    /// Takes deliveries of [Strapi](https://docs.strapi.io/cms/backend-customization/webhooks).
    ///
    /// Set a header `Authorization: Bearer <secret>` there.
    ///
    /// A repeated delivery cannot be recognised, so it purges again.
    pub fn strapi(secret: impl Into<String>, mapping: Mapping) -> Self {
        Self::new(Preset::Strapi, secret.into(), mapping)
    }

    fn new(preset: Preset, secret: String, mapping: Mapping) -> Self {
        Self { preset, secret, mapping, tolerance: period::minutes(5) }
    }

    /// Sets how far the signed time may differ from the engine's clock, where a time is signed.
    /// Defaults to 5 minutes. More than a century counts as one.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance.min(CENTURY);
        self
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("preset", &self.preset)
            .field("mapping", &self.mapping)
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}
