//! What is done when this build begins to serve.

use crate::engine::Engine;

impl Engine {
    /// Says that this build is in service from now on. Call this when a server starts to serve.
    ///
    /// The stored pages of other builds are removed. Those of the build that was in service before
    /// stay until its grace period, a day, is over, and those of a build that a process has open
    /// as long as it does. Failures are logged.
    pub async fn begin_service(&self) {
        if let Some(store) = self.0.tiers.store() {
            store.begin_service().await;
            store.remove_old_builds().await;
        }
    }
}
