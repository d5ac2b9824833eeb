//! One delivery of a webhook.

use std::time::SystemTime;

/// A delivery whose sender is trusted, and until when it could come again.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// What tells it from other deliveries; empty if nothing does.
    pub(super) ids: Vec<Vec<u8>>,
    pub(super) until: SystemTime,
}
