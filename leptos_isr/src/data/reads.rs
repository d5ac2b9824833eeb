//! What all reads of one engine share.

use std::{fmt, sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

use crate::{
    data::{cache::DataCache, fetch::client::Client},
    order::Order,
    stats::Counters,
    watch::Hub,
};

/// What reads go through: the values that are kept, the client that fetches others, and the hub
/// that tells watchers of those that changed.
pub(crate) struct Reads {
    pub(crate) counters: Arc<Counters>,
    pub(crate) cache: DataCache,
    pub(crate) client: Client,
    pub(crate) order: Arc<Order>,
    pub(crate) tasks: TaskTracker,
    /// How long one read may take.
    pub(crate) limit: Duration,
    pub(crate) watch: Arc<Hub>,
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reads").field("limit", &self.limit).finish_non_exhaustive()
    }
}
