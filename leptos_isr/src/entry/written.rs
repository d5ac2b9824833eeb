//! Whether a page is in the store.

use std::{sync::Arc, time::Duration};

use tokio::{sync::SetOnce, time::timeout};

/// What became of writing one page to the store, once it is known. Clones are of the same page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<SetOnce<WriteResult>>);

/// `Ok` if the store has the page, or a newer one in its place; otherwise why not. Also `Ok` if
/// there is no store.
pub(crate) type WriteResult = Result<(), String>;

impl Written {
    /// Notes what became of it. What was noted first counts.
    pub(crate) fn set(&self, result: WriteResult) {
        let _ = self.0.set(result);
    }

    /// Waits until it is known, for at most `limit`.
    pub(crate) async fn wait(&self, limit: Duration) -> WriteResult {
        match timeout(limit, self.0.wait()).await {
            Ok(result) => result.clone(),
            Err(_) => Err("the store has not answered yet".to_owned()),
        }
    }
}
